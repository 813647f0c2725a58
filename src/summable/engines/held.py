"""Rows that a rank of a mesh keeps in memory: all of its rows, and of their features only its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from summable.core.design import NEUTRAL, Block, Category, Constant, Design, Numeric, Product
from summable.core.errors import Unsupported
from summable.core.rows import Groups, Shard
from summable.core.sample import Keys, Sample, Sampled, chosen, uniform, unsampled
from summable.core.statistic import Array
from summable.engines.part import named
from summable.maths import expressions, grouped, linalg

WIDEST = 2**14  # features whose squares are still summed: 1 GiB of them
CHUNK = 2**16  # rows whose squares are taken at once, so that no second copy of all is made
SHELVES = 2**16
NOT_HERE = "is asked of a rank that holds some features only"


class Ring(Protocol):
    """Those who hold the other features of the same rows."""

    @property
    def bounds(self) -> Sequence[int]:
        """(ranks + 1,): where each one's features begin, and the last one's end."""

    @property
    def rank(self) -> int:
        """Which of them this is."""

    def sum(self, array: Array) -> Array:
        """The sum over them, on all of them."""

    def each(self, own: Array) -> Iterator[Array]:
        """Everyone's columns in turn, (rows, own), this rank's among them."""


@runtime_checkable
class Narrowing(Shard, Protocol):
    """A shard of a matrix, whose columns can be left out before they are read."""

    def narrow(self, features: slice) -> Shard:
        """The same rows of some columns."""


@dataclass(frozen=True, eq=False)
class Held:
    """Rows in memory."""

    x: Array  # (rows, own features)
    roles: Mapping[str, NDArray[Any]]  # (rows,) or (rows, targets) each; those that the design lacks are not there
    keys: Keys | None  # (rows,), if a sample was asked for
    dropped: float
    orders: dict[int, tuple[Array, NDArray[np.int64], NDArray[np.int64]]] = field(default_factory=dict)  # of the last seed: shares, and rows by them

    def looked_at(self, sample: Sample) -> Held:
        """The rows of a sample, in their order."""
        if sample.seed not in self.orders:
            share = uniform(self.keys, sample.seed)  # type: ignore[arg-type]
            self.orders.clear()
            self.orders[sample.seed] = share, *_shelved(share)
        share, order, ends = self.orders[sample.seed]
        near = order[slice(ends[int(sample.low * SHELVES)], ends[min(int(sample.high * SHELVES), SHELVES - 1) + 1])]
        rows = np.sort(near[(share[near] >= sample.low) & (share[near] < sample.high)])
        if sample.within:
            rows = rows[chosen(self.keys[rows], sample.within)]  # type: ignore[index]  # without keys, there is no sample
        return Held(self.x[rows], {role: values[rows] for role, values in self.roles.items()}, None, self.dropped)


def _shelved(share: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows by the first sixteen bits of their shares, which are sorted by counting, and where each shelf of them begins: (rows,), (shelves + 1,)."""
    shelf = (share * SHELVES).astype(np.uint16)
    return np.argsort(shelf, kind="stable"), np.append(0, np.cumsum(np.bincount(shelf, minlength=SHELVES)))


class Pile:
    """Blocks of rows below each other, in room that is made beforehand, so that there is no second copy of all; what it did not foresee is added."""

    def __init__(self, width: int, room: int) -> None:
        self.room, self.filled, self.others = np.empty((room, width)), 0, list[Array]()

    def add(self, block: Array) -> None:
        """Copy a block, (rows, width)."""
        if self.others or self.filled + len(block) > len(self.room):
            self.others.append(np.array(block))
        else:
            self.room[self.filled : self.filled + len(block)] = block
            self.filled += len(block)

    def whole(self) -> Array:
        """All that was added. Every block is given up as it is copied."""
        if not self.others:
            return self.room[: self.filled]
        grown = Pile(self.room.shape[1], self.filled + sum(map(len, self.others)))
        grown.add(self.room[: self.filled])
        while self.others:
            grown.add(self.others.pop(0))
        return grown.room


def held(shards: Sequence[Shard], design: Design, features: slice, targets: slice | None, attempt: int = 1) -> Held:
    """Read shards once, keeping some features, and some targets if so asked. What is left out is not read, if it can be told apart."""
    roles, keys, dropped = {role: [_none(design, role)] for role in _present(design)}, [], 0.0
    x = Pile(len(range(design.width)[features]), sum(map(_rows_known, shards)))
    for index, shard in enumerate(shards):
        lesser, narrower, mine = narrowed(shard, design, features)
        try:
            for rows in lesser.rows(narrower):
                x.add(rows.matrix()[:, mine])
                dropped += float(rows.count()[1])
                for role, parts in roles.items():
                    parts.append(rows.column(role))
                if isinstance(design, Sampled):
                    keys.append(rows.column("key"))
        except Exception as error:
            raise named(error, attempt).at(f"in shard {index} ({shard.name})") from error
    found = {role: np.concatenate(parts) for role, parts in roles.items()}
    if targets is not None and "y" in found:
        found["y"] = np.ascontiguousarray(found["y"].reshape(len(found["y"]), -1)[:, targets])
    every = np.concatenate([np.zeros(0, np.uint64), *keys]) if isinstance(design, Sampled) else None
    return Held(x.whole(), found, every, dropped)


def narrowed(shard: Shard, design: Design, features: slice) -> tuple[Shard, Design, slice]:
    """What of a shard must be read for some features, by which design, and which of its features they are.

    All of it, where other columns tell which rows are kept, or which are in a sample.
    """
    plain = unsampled(design)
    first, last, _ = features.indices(design.width)
    if isinstance(design, Sampled) or design.missing != "raise" or last - first == design.width:
        return shard, plain, features
    if len(design.singles) + 1 == len(design.terms) and design.terms[0] == Constant() and not design.bases:
        terms = design.terms[features]
        read = {name for term in terms if isinstance(term, Product) for name in _read_by(term.numerics[0])}
        read.update(name for _, one in design.roles for name in _read_by(one))
        columns = tuple(column for column in design.columns if column.name in read) or design.columns[:1]  # or nobody could count the rows
        return shard, replace(plain, columns=columns, terms=terms), slice(None)
    if isinstance(shard, Narrowing) and len(design.terms) == 2 and isinstance(block := design.terms[1], Block):
        own = slice(max(first - 1, 0), max(last - 1, 0))
        of_them = slice(int(first > 0), int(first > 0) + last - first)
        return shard.narrow(own), replace(plain, terms=(Constant(), Block(block.column, block.shifts[own]))), of_them
    return shard, plain, features


def _read_by(one: Numeric | Category) -> Sequence[str]:
    return expressions.columns(one.expression) if isinstance(one, Numeric) else [one.column]


def _rows_known(shard: Shard) -> int:
    """How many rows a shard, or what it wraps, says that there are; none if it cannot."""
    return getattr(getattr(shard, "table", shard), "rows_known", None) or 0


def _present(design: Design) -> list[str]:
    return list(dict.fromkeys(role for role, _ in design.roles if role != "key"))


def _none(design: Design, role: str) -> NDArray[Any]:
    several = len(design.role(role))
    return np.zeros((0, several) if several > 1 else 0, np.float64 if several else np.int64)


@dataclass(frozen=True, eq=False)
class HeldRows:
    """Held rows as `Rows`. Projections are added up over the ring; so are moments, each rank knowing those of its features.

    Where coefficients are `sliced`, ranks give and take those of their own features alone; where targets are, no one waits for another.
    """

    held: Held
    ring: Ring
    width: int
    sliced: str  # "features", "outputs" or ""
    xp = np

    def column(self, role: str) -> Any:
        """The values of a role; of labels, positions among their levels."""
        return self.held.roles[role] if role in self.held.roles else np.float64(NEUTRAL[role])

    def project(self, coef: Array) -> Array:
        """x·coef, of all features."""
        if self.sliced == "outputs":
            return np.asarray(self.held.x @ coef)
        return self.ring.sum(self.held.x @ (coef if self.sliced else coef[self._own]))

    def count(self) -> Array:
        """(2,): rows kept, rows dropped."""
        return np.array([len(self.held.x), self.held.dropped])

    def moment(self, order: int, weight: Any, by: Groups | str | None = None) -> Array:
        """Σ weightᵢ xᵢ^⊗order, by groups if so asked."""
        if isinstance(by, str):
            self.labels(by)
        if isinstance(by, Groups):
            return self._grouped(order, weight, by)
        weights = np.broadcast_to(weight, (len(self.held.x), *np.shape(weight)[1:]))
        if order == 0:
            return np.asarray(weights.sum(axis=0))
        if order == 1:
            return self._first(self.held.x.T @ weights)
        self._refuse_slices(f"a moment of order {order}")
        if self.width > WIDEST:
            what = f"the squares of {self.width:,} features weigh {self.width**2 * 4 / 2**30:,.0f} GiB"
            raise Unsupported(what, "Train with steps or conjugate gradients, which need none: summable.train.")
        return self._second(weights) if order == 2 else linalg.cubic(np.ascontiguousarray(self.matrix().T), weights)

    def extent(self, column: str) -> Array:
        """Not known of columns here."""
        raise Unsupported(f"the extent of the column {column!r} {NOT_HERE}", "Ask with a measure that learns the design.")

    def labels(self, column: str) -> Any:
        """Not known of columns here."""
        raise Unsupported(f"the labels of the column {column!r} {NOT_HERE}", "Ask with a measure that learns the design.")

    def matrix(self) -> Array:
        """The features, (rows, width), of which the others' come from them."""
        self._refuse_slices("the matrix")
        return np.concatenate(list(self.ring.each(self.held.x)), axis=1)

    @property
    def _own(self) -> slice:
        return slice(*self.ring.bounds[self.ring.rank : self.ring.rank + 2])

    def _first(self, part: Array) -> Array:
        if self.sliced or len(self.ring.bounds) == 2:
            return part
        whole = np.zeros((self.width, *part.shape[1:]))
        whole[self._own] = part
        return self.ring.sum(whole)

    def _grouped(self, order: int, weight: Any, by: Groups) -> Array:
        """By groups; where no products of two features are asked, each rank knows those of its own."""
        if order == 0 or (order == 2 and by.crossed):
            return grouped.moment(order, self.matrix() if order else None, weight, by)
        own = by if self.sliced else replace(by, about=np.ascontiguousarray(by.about[:, self._own]))
        return self._first(grouped.moment(order, self.held.x, weight, own).T).T

    def _second(self, weights: Array) -> Array:
        """Packed squares: every rank multiplies its columns by everyone's."""
        x, chunks = self.held.x, range(0, len(self.held.x), CHUNK)
        if len(self.ring.bounds) == 2:
            none = np.zeros(linalg.packed_size(self.width))
            return none + sum(linalg.gram(x[i : i + CHUNK].T, weights[i : i + CHUNK]) for i in chunks)
        weighted, square = x * weights[:, None], np.zeros((self.width, self.width))
        square[self._own] = np.concatenate([weighted.T @ other for other in self.ring.each(x)], axis=1)
        return self.ring.sum(linalg.pack(square))

    def _refuse_slices(self, what: str) -> None:
        if self.sliced:
            raise Unsupported(f"{what} is asked where every rank has a slice of the coefficients", "Use the mesh without sliced=….")


__all__ = ["Held", "HeldRows", "Ring", "held"]
