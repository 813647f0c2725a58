"""Rows that a rank of a mesh holds, as those that answer questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from summable.core.design import NEUTRAL
from summable.core.errors import Unsupported
from summable.core.rows import Columns, Groups
from summable.core.statistic import Array
from summable.engines.features import chunks
from summable.engines.held import Held
from summable.maths import grouped, linalg

WIDEST = 2**14  # features whose squares are still summed: 1 GiB of them
COMPILED = 2**16  # numbers from which compiled kernels are worth their start
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


@dataclass(frozen=True, eq=False)
class HeldRows:
    """Held rows as `Rows`. Projections are added up over the ring; so are moments, each rank knowing those of its features.

    Where coefficients are `sliced`, ranks give and take those of their own features alone; where targets are, no one waits for another.
    """

    held: Held
    ring: Ring
    width: int
    sliced: str  # "features", "outputs" or ""
    constant: bool = False  # whether it comes first
    xp = np

    @cached_property
    def columns(self) -> Columns | None:
        """Where the features lie, if all of them do here, and enough for compiled kernels."""
        few = len(self.held.x) * self.width < COMPILED
        others = bool(self.sliced) or len(self.ring.bounds) > 2 or self.width > WIDEST  # for which moments answer, or refuse to
        return None if few or others or not self.constant else self.held.x.columns()

    def column(self, role: str) -> Any:
        """The values of a role; of labels, positions among their levels."""
        return self.held.roles[role] if role in self.held.roles else np.float64(NEUTRAL[role])

    def project(self, coef: Array) -> Array:
        """x·coef, of all features."""
        if self.sliced == "outputs":
            return self.held.x.project(coef)
        return self.ring.sum(self.held.x.project(coef if self.sliced else coef[self._own]))

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
            return self._first(self.held.x.summed(weights))
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
        return np.concatenate(list(self.ring.each(self.held.x.part(slice(None)))), axis=1)

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
        found = np.zeros_like(own.about)
        for rows in chunks(len(self.held.x)):
            some = weight if np.ndim(weight) == 0 else weight[rows]
            found += grouped.moment(order, self.held.x.part(rows), some, replace(own, codes=own.codes[rows]))
        return self._first(found.T).T

    def _second(self, weights: Array) -> Array:
        """Packed squares: every rank multiplies its columns by everyone's."""
        x = self.held.x
        if len(self.ring.bounds) == 2:
            return x.squares(weights)
        square = np.zeros((self.width, self.width))
        for rows in chunks(len(x)):  # as many for all, who have the same rows
            part = x.part(rows)
            weighted = (part * weights[rows, None]).T
            square[self._own] += np.concatenate([weighted @ other for other in self.ring.each(part)], axis=1)
        return self.ring.sum(linalg.pack(square))

    def _refuse_slices(self, what: str) -> None:
        if self.sliced:
            raise Unsupported(f"{what} is asked where every rank has a slice of the coefficients", "Use the mesh without sliced=….")
