"""Value and gradient of a loss: what first-order methods ask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Statistic
from summable.maths.losses import Loss
from summable.measures.working import responses


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

    design: Design
    loss: Loss
    at: Array  # (width,)
    line: Array  # (width, steps)

    def __call__(self, rows: Rows) -> Tangent:
        xp, (y, weight) = rows.xp, responses(rows)
        offset, loss = rows.column("offset"), self.loss
        eta = rows.project(self.at) + offset
        tried = [rows.moment(0, weight * loss.value(beside + offset, y, xp)) for beside in rows.project(self.line).T]
        slope = loss.derivatives(eta, y, xp).slope
        return Tangent(rows.moment(0, weight * loss.value(eta, y, xp)), rows.moment(1, weight * slope), np.array(tried))
