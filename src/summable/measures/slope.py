"""Value and gradient of a loss: what first-order methods ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Statistic
from summable.maths.losses import Loss
from summable.measures.working import compiled_each, responses, swept


@dataclass(frozen=True, eq=False)
class Tangent(Statistic):
    """A loss and its gradient at some coefficients, and its values elsewhere."""

    value: Array  # () Σ w · loss
    gradient: Array  # (width,)
    line: Array  # (steps,) values along a line


@dataclass(frozen=True)
class Slope(Measure[Tangent]):
    """Σ w loss(x·b + offset) and its gradient Σ w slope x at coefficients b, and its value alone at others.

    Cost: one pass; width numbers down and width + 1 up, and for each other point as many down and one up.
    Fails: as the rows do.
    Source: McCullagh & Nelder 1989, §2.5.
    """

    again: ClassVar[bool] = True
    design: Design
    loss: Loss
    at: Array  # (width,)
    line: Array  # (width, steps)

    def __call__(self, rows: Rows) -> Tangent:
        y, weight = responses(rows)
        tried = np.array([self._value(rows, beside, y, weight) for beside in self.line.T])
        if sums := swept(rows, self.loss, self.at, y, weight, 1):
            return Tangent(np.asarray(sums.value), sums.gradient, tried)
        eta = rows.project(self.at) + rows.column("offset")
        if one := compiled_each(rows, self.loss, eta, y, weight):
            return Tangent(np.asarray(one.value), rows.moment(1, one.slope), tried)
        slope = self.loss.derivatives(eta, y, rows.xp).slope
        return Tangent(np.asarray(rows.moment(0, weight * self.loss.value(eta, y, rows.xp))), rows.moment(1, weight * slope), tried)

    def _value(self, rows: Rows, at: Array, y: Array, weight: Array) -> Array | float:
        if sums := swept(rows, self.loss, at, y, weight, 0):
            return sums.value
        return np.asarray(rows.moment(0, weight * self.loss.value(rows.project(at) + rows.column("offset"), y, rows.xp)))
