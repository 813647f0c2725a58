"""Roughly where the features of each class lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from summable.core.design import Design
from summable.core.measure import PartMeasure
from summable.core.rows import Shard
from summable.core.statistic import Array, Statistic
from summable.maths.quartiles import quartiles
from summable.measures.class_sums import count, members
from summable.measures.glance import SAMPLE, refuse_absent

EACH = 256  # rows for every class: their median is within a tenth of a deviation of the middle


@dataclass(frozen=True, eq=False)
class ClassMiddles(Statistic):
    """Sums over parts, to be divided by the parts that could tell; the last row is of all classes together."""

    seen: Array  # (classes + 1,) parts with rows of the class
    centre: Array  # (classes + 1, width) medians, in the units of the feature
    spread: Array  # (classes + 1, width) interquartile ranges, likewise


@dataclass(frozen=True)
class ClassMiddle(PartMeasure[ClassMiddles]):
    """Medians and quartiles of a design's features in each class, over a few rows of each part, about which to take the sums that follow.

    Cost: no pass (the first rows of each part); (classes + 1)(2 width + 1) numbers up.
    Fails: DataError when a column is missing.
    Source: Chan, Golub & LeVeque 1983, §3 (shifted data algorithms).
    """

    learns_design: ClassVar[bool] = True
    design: Design
    looks: bool = True  # at rows, and not at schemas alone

    def brief(self) -> ClassMiddle:
        return replace(self, looks=False)

    def __call__(self, part: Shard) -> ClassMiddles:
        refuse_absent(self.design.names, part.kinds())
        groups = count(self.design)
        if not self.looks:
            return ClassMiddles(np.zeros(groups + 1), *np.zeros((2, groups + 1, self.design.width)))
        rows = next(iter(part.rows(self.design, limit=min(SAMPLE, EACH * groups))))
        x = rows.matrix()
        codes = members(rows)
        seen, centre, spread = np.zeros(groups + 1), *np.zeros((2, groups + 1, self.design.width))
        classes = [(group, x[codes == group]) for group in range(groups)] if groups > 1 else []
        for where, own in [*classes, (groups if classes else slice(None), x)]:
            if len(own):
                low, centre[where], high = quartiles(own)
                seen[where], spread[where] = 1.0, high - low
        return ClassMiddles(seen, centre, spread)
