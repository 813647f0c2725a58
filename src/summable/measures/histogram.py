"""Counts of numbers in bins that are narrow where most numbers are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Extent, Statistic


@dataclass(frozen=True, eq=False)
class Binned(Statistic):
    """How many numbers fall into each bin, the least and greatest of them, and powers about a centre."""

    count: Array  # (numbers, bins)
    extent: Extent  # (numbers, bins); (inf, -inf) where there are none
    powers: Array  # (numbers, 5) Σ (x − centre)⁰ … (x − centre)⁴


@dataclass(frozen=True)
class Histogram(Measure[Binned]):
    """Counts and extents of numbers in bins that are equal in asinh((x − middle)/spread), linear near the middle and logarithmic far off.

    A quantile is known to within the extent of its bin, which is stated.

    Cost: one pass; 3 bins + 5 numbers up for each column.
    Fails: as the rows do.
    Source: Munro & Paterson 1980, §3; Johnson 1949 (the transform).
    """

    design: Design  # roles are the numbers, "0", "1", …, and missing values are kept
    roles: tuple[str, ...]
    middle: tuple[float, ...]
    spread: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    centre: tuple[float, ...]
    bins: int

    def __call__(self, rows: Rows) -> Binned:
        shape = (len(self.roles), self.bins)
        count, least, most, powers = np.zeros(shape), np.full(shape, np.inf), np.full(shape, -np.inf), np.zeros((len(self.roles), 5))
        for i, role in enumerate(self.roles):
            values = np.asarray(rows.column(role))
            values = values[np.isfinite(values)]
            place = self._places(values, i)
            count[i] = np.bincount(place, minlength=self.bins)
            np.minimum.at(least[i], place, values)
            np.maximum.at(most[i], place, values)
            away = values - self.centre[i]
            square = away * away
            powers[i] = len(values), away.sum(), square.sum(), square @ away, square @ square
        return Binned(count, Extent(least, most), powers)

    def _places(self, values: Array, i: int) -> NDArray[np.int64]:
        first, value, last = (np.arcsinh((one - self.middle[i]) / self.spread[i]) for one in (self.low[i], values, self.high[i]))
        return np.asarray(np.clip((value - first) * (self.bins / (last - first)), 0, self.bins - 1), np.int64)
