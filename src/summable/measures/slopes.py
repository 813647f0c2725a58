"""Value and gradient of the losses of several targets: what training by steps asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows, each
from summable.core.statistic import Array, Statistic
from summable.maths.losses import Loss
from summable.measures.working import responses


@dataclass(frozen=True, eq=False)
class Tangents(Statistic):
    """The losses of several targets and their gradients at some coefficients."""

    rows: Array  # (2,) looked at; dropped for a missing value
    weight: Array  # () Σ w
    value: Array  # (targets,) Σ w · loss
    gradient: Array  # (width, targets)


@dataclass(frozen=True)
class Slopes(Measure[Tangents]):
    """Σ w loss(x·B + offset) and its gradient Σ w x slope at coefficients B, for each target by itself.

    Of a `Sampled` design, over the rows of its sample: a mini-batch.

    Cost: one pass; width · targets numbers down and (width + 1) · targets + 3 up.
    Fails: DataError where y is none that the family can have, by its value.
    Source: Robbins & Monro 1951; McCullagh & Nelder 1989, §2.5.
    """

    again: ClassVar[bool] = True
    design: Design
    loss: Loss
    at: Array  # (width, targets)

    def __call__(self, rows: Rows) -> Tangents:
        xp, (y, weight) = rows.xp, responses(rows)
        self.loss.refuse(y.ravel(), " or ".join(target.expression for target in self.design.role("y")), xp)
        eta = rows.project(self.at)
        y = y.reshape(eta.shape)
        eta = (eta.T + rows.column("offset")).T
        slope = self.loss.derivatives(eta, y, xp).slope
        value = self.loss.value(eta, y, xp)
        return Tangents(rows.count(), np.asarray(rows.moment(0, weight)), rows.moment(0, each(weight, value)), rows.moment(1, each(weight, slope)))
