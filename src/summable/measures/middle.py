"""Roughly where plain features and targets lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from summable.core.design import Design
from summable.core.measure import PartMeasure
from summable.core.rows import Shard
from summable.core.statistic import Array, Statistic
from summable.maths.quartiles import quartiles
from summable.measures.glance import SAMPLE, refuse_absent

ENOUGH, FEWEST = 2**15, 64  # numbers of a part that are sorted; rows, however wide


@dataclass(frozen=True, eq=False)
class Middles(Statistic):
    """Sums over parts, to be divided by the parts that had rows to tell; features first, then targets, (width + targets,)."""

    seen: Array  # () parts with rows
    centre: Array  # medians, in the units of the column
    spread: Array  # interquartile ranges, likewise


@dataclass(frozen=True)
class Middle(PartMeasure[Middles]):
    """Medians and quartiles of a design's features and targets over a few rows of each part, to shift the sums that follow.

    Cost: no pass (the first rows of each part); 2 (width + targets) + 1 numbers up.
    Fails: DataError when a column is missing.
    Source: Chan, Golub & LeVeque 1983, §3 (shifted data algorithms).
    """

    learns_design: ClassVar[bool] = True
    enough: ClassVar[int] = 8  # as for a glance: of an array in memory, more would take a tenth of the time that its sums take
    design: Design
    looks: bool = True  # at rows, and not at schemas alone

    def brief(self) -> Middle:
        return replace(self, looks=False)

    def __call__(self, part: Shard) -> Middles:
        refuse_absent(self.design.names, part.kinds())
        if not self.looks:
            return Middles(np.zeros(()), *np.zeros((2, self.design.width + len(self.design.role("y")))))
        rows = next(iter(part.rows(self.design, limit=max(FEWEST, min(SAMPLE, ENOUGH // self.design.width)))))
        values = np.column_stack([rows.matrix(), rows.column("y")])
        if not len(values):
            return Middles(np.zeros(()), *np.zeros((2, values.shape[1])))
        with np.errstate(invalid="ignore"):  # what is not finite has no middle; the sums will tell
            low, centre, high = quartiles(values)
        return Middles(np.ones(()), centre, high - low)
