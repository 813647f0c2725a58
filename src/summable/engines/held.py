"""Rows that a rank of a mesh keeps in memory: all of its rows, and of their features only its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from summable.core.design import Block, Category, Constant, Design, Numeric, Product
from summable.core.rows import Shard
from summable.core.sample import Keys, Sample, Sampled, chosen, uniform, unsampled
from summable.core.statistic import Array
from summable.engines.features import Dense, Features
from summable.engines.part import named
from summable.maths import expressions

SHELVES = 2**16


@runtime_checkable
class Narrowing(Shard, Protocol):
    """A shard of a matrix, whose columns can be left out before they are read."""

    def narrow(self, features: slice) -> Shard:
        """The same rows of some columns, in blocks that are small enough to be written out."""


@dataclass(frozen=True, eq=False)
class Held:
    """Rows in memory."""

    x: Features  # the rank's own
    roles: Mapping[str, NDArray[Any]]  # (rows,) or (rows, targets) each; those that the design lacks are not there
    keys: Keys | None  # (rows,), if a sample was asked for
    dropped: float
    least: Array  # (own features,) of their numbers, where these were rounded
    greatest: Array
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
        return Held(self.x.taken(rows), {role: values[rows] for role, values in self.roles.items()}, None, self.dropped, self.least, self.greatest)


def _shelved(share: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows by the first sixteen bits of their shares, which are sorted by counting, and where each shelf of them begins: (rows,), (shelves + 1,)."""
    shelf = (share * SHELVES).astype(np.uint16)
    return np.argsort(shelf, kind="stable"), np.append(0, np.cumsum(np.bincount(shelf, minlength=SHELVES)))


class Pile:
    """Blocks of rows below each other, in room that is made beforehand, so that there is no second copy of all; what it did not foresee is added."""

    def __init__(self, width: int, room: int, dtype: type = np.float64) -> None:
        self.room: NDArray[Any] = np.empty((room, width), dtype)
        self.filled, self.others = 0, list[Array]()
        self.least, self.greatest = np.full(width, np.inf), np.full(width, -np.inf)  # of each column, where numbers are rounded

    def add(self, block: Array) -> None:
        """Copy a block, (rows, width)."""
        if self.room.dtype != np.float64:
            self.least = np.minimum(self.least, block.min(axis=0, initial=np.inf))
            self.greatest = np.maximum(self.greatest, block.max(axis=0, initial=-np.inf))
        if self.others or self.filled + len(block) > len(self.room):
            self.others.append(np.array(block, self.room.dtype))
        else:
            self.room[self.filled : self.filled + len(block)] = block
            self.filled += len(block)

    def whole(self) -> Array:
        """All that was added. Every block is given up as it is copied."""
        if not self.others:
            return self.room[: self.filled]
        grown, end = np.empty((self.filled + sum(map(len, self.others)), self.room.shape[1]), self.room.dtype), self.filled
        grown[:end] = self.room[:end]
        while self.others:
            block = self.others.pop(0)
            grown[end : end + len(block)] = block
            end += len(block)
        return grown


def held(
    shards: Sequence[Shard],
    design: Design,
    features: slice,
    targets: slice | None,
    attempt: int = 1,
    keep: Callable[[Array], Features] = Dense,
    dtype: type = np.float64,
) -> Held:
    """Read shards once, keeping some features, and some targets if so asked. What is left out is not read, if it can be told apart."""
    roles, keys, dropped = {role: [_none(design, role)] for role in _present(design)}, [], 0.0
    x = Pile(len(range(design.width)[features]), sum(map(_rows_known, shards)), dtype)
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
                del rows  # and what it has written out, before the next are read
        except Exception as error:
            raise named(error, attempt).at(f"in shard {index} ({shard.name})") from error
    found = {role: np.concatenate(parts) for role, parts in roles.items()}
    if targets is not None and "y" in found:
        found["y"] = np.ascontiguousarray(found["y"].reshape(len(found["y"]), -1)[:, targets])
    every = np.concatenate([np.zeros(0, np.uint64), *keys]) if isinstance(design, Sampled) else None
    return Held(keep(x.whole()), found, every, dropped, x.least, x.greatest)


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
