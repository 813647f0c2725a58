"""What was measured on some rows: fixed-size quantities that add."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from summable.core.data import Data

Array = NDArray[np.float64]
Label = str | int | float | bool | None  # None where a missing value is a level of its own

LARGE = 2**20  # bytes from which new memory for a sum takes longer than the sum


@dataclass(frozen=True, eq=False)
class Statistic(Data):
    """The answer to a measure. Adds field by field, so that `sum(parts)` is the statistic of the union.

    Those of ordered rows (a time series) say that they do not commute: they may be added in the order of the parts alone.
    """

    commutes: ClassVar[bool] = True

    def __add__(self, other: Self) -> Self:
        if type(self) is not type(other):
            return NotImplemented
        return type(self)(*map(_plus, self.values(), other.values()))

    def __radd__(self, zero: int) -> Self:
        return self if zero == 0 else NotImplemented

    def values(self) -> list[Any]:
        """The fields, in order."""
        return [getattr(self, field.name) for field in fields(self)]

    @property
    def numbers(self) -> int:
        """How many numbers (or labels) the answer holds."""
        return sum(value.size for value in self.values())

    @property
    def nbytes(self) -> int:
        """What the fields weigh, in bytes."""
        return sum(value.nbytes for value in self.values())

    @property
    def rows_read(self) -> int | None:
        """How many rows it was taken of, kept or dropped, if it has a field `rows` that tells."""
        rows = getattr(self, "rows", None)
        return int(np.sum(rows)) if isinstance(rows, np.ndarray) and np.isfinite(rows).all() else None

    @property
    def additive(self) -> bool:
        """Whether every field is a plain array, so that an all-reduce, SQL's SUM or a secure sum can add it."""
        return all(isinstance(value, np.ndarray) for value in self.values())


def _plus(mine: Any, theirs: Any) -> Any:
    total = mine + theirs
    return np.asarray(total) if isinstance(mine, np.ndarray) else total  # NumPy would make a scalar of two 0-d arrays


@dataclass(frozen=True)
class Labels(Data):
    """For each of several columns, the set of its distinct values. Adds by union."""

    sets: tuple[frozenset[Label], ...] = ()

    def __add__(self, other: Labels) -> Labels:
        return Labels(tuple(mine | theirs for mine, theirs in zip(self.sets, other.sets, strict=True)))

    @property
    def size(self) -> int:
        return sum(map(len, self.sets))

    @property
    def nbytes(self) -> int:
        return sum(len(label.encode()) if isinstance(label, str) else 8 for labels in self.sets for label in labels)


@dataclass(frozen=True, eq=False)
class Extent(Data):
    """Least and greatest value of several columns. Adds by minimum and maximum; no rows span (inf, -inf)."""

    low: Array  # (columns,)
    high: Array  # (columns,)

    def __add__(self, other: Extent) -> Extent:
        return Extent(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    @property
    def size(self) -> int:
        return self.low.size + self.high.size

    @property
    def nbytes(self) -> int:
        return self.low.nbytes + self.high.nbytes


S = TypeVar("S", bound=Statistic)


def pairwise(statistics: Iterable[S]) -> S:
    """The sum by halves, in order: the same bits whoever finishes first, O(log n) rounding, O(log n) held at once."""
    return joined((0, statistic) for statistic in statistics)


def joined(sums: Iterable[tuple[int, S]]) -> S:
    """The same sum where some of it has been taken: (height, sum of 2**height statistics that begin at a multiple of it)."""
    heights: list[tuple[int, S, bool]] = []  # and whether it was made here, so that it may be added to in place
    for begun, statistic in sums:
        height, total, ours = begun, statistic, False
        while heights and heights[-1][0] == height:
            _, before, made = heights.pop()
            total, height, ours = _added(before, total, made), height + 1, True
        heights.append((height, total, ours))
    _, total, _ = heights.pop()
    while heights:
        _, before, made = heights.pop()
        total = _added(before, total, made)
    return total


def _added(before: S, after: S, ours: bool) -> S:
    """The sum of two statistics, in the memory of the first where that is ours and large enough for it to matter."""
    if not ours or type(before).__add__ is not Statistic.__add__ or before.nbytes < LARGE:
        return before + after
    return type(before)(*map(_onto, before.values(), after.values()))


def _onto(mine: Any, theirs: Any) -> Any:
    return np.add(mine, theirs, out=mine) if isinstance(mine, np.ndarray) and mine.shape == theirs.shape else _plus(mine, theirs)
