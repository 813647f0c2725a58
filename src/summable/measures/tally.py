"""Where numbers lie, to the last bit: counts in intervals, which a few rounds narrow down to an order statistic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Extent, Statistic

SIGN = np.uint64(1 << 63)


@dataclass(frozen=True, eq=False)
class Tallied(Statistic):
    """How many values fall into each bin of each interval, and the least and greatest of them."""

    count: Array  # (intervals, bins)
    extent: Extent  # (intervals, bins) each; (inf, -inf) where there are none


@dataclass(frozen=True)
class Tally(Measure[Tallied]):
    """Counts and extents of roles' values in equal bins of intervals, all as ranks among the 64-bit numbers.

    A number's key is its rank among all float64s, so that an interval can be narrowed to one value whatever the scale.

    Cost: one pass; 3 bins numbers up for each interval.
    Fails: as the rows do, where a value is infinite or, if so asked, missing.
    Source: Munro & Paterson 1980, §3 (selection in few passes), by radix.
    """

    learns_design: ClassVar[bool] = True
    design: Design
    roles: tuple[str, ...]  # (intervals,)
    low: tuple[int, ...]  # (intervals,) least key
    high: tuple[int, ...]  # (intervals,) greatest key, itself included
    bins: int

    def __call__(self, rows: Rows) -> Tallied:
        shape = (len(self.roles), self.bins)
        count, least, most = np.zeros(shape), np.full(shape, np.inf), np.full(shape, -np.inf)
        for i, role in enumerate(self.roles):
            values, place = self._placed(np.asarray(rows.column(role)) + 0.0, i)  # minus zero is zero
            count[i] = np.bincount(place, minlength=self.bins)
            np.minimum.at(least[i], place, values)
            np.maximum.at(most[i], place, values)
        return Tallied(count, Extent(least, most))

    def _placed(self, values: Array, i: int) -> tuple[Array, NDArray[np.int64]]:
        """The values within an interval, and their bins."""
        low, high = np.uint64(self.low[i]), np.uint64(self.high[i])
        ranks = keys(values)
        inside = (ranks >= low) & (ranks <= high)
        width = np.uint64(-(-(self.high[i] - self.low[i] + 1) // self.bins))
        return values[inside], ((ranks[inside] - low) // width).astype(np.int64)


def keys(values: Any) -> NDArray[np.uint64]:
    """The rank of each float64 among all of them: unsigned integers in the order of the numbers."""
    bits = np.asarray(values, np.float64).view(np.uint64)
    return np.asarray(np.where(bits & SIGN, ~bits, bits | SIGN))


def key(value: float) -> int:
    """The rank of one number."""
    return int(keys(np.array([value + 0.0]))[0])
