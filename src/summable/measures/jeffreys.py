"""What Jeffreys' prior adds to a likelihood: the information, and how it changes with the coefficients."""

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
class Prior(Statistic):
    """A loss and its information at some coefficients, with the information's derivatives."""

    value: Array  # () Σ w · loss
    gradient: Array  # (width,)
    observed: Array  # packed, the observed information; (0,) where it is the expected
    expected: Array  # packed, the expected information
    third: Array  # packed thrice, Σ w curve' x⊗x⊗x: the derivatives of the expected information
    bent: Array  # packed, Σ w curve'' q x x' with q = |whiten'x|²: what leverages make of its second derivatives


@dataclass(frozen=True)
class Jeffreys(Measure[Prior]):
    """The sums from which Σ w loss − ½ log det I(b) follows at b, with its gradient and nearly its Hessian, I being the expected information.

    With I⁻¹ = A: ∂ⱼ log det I = tr(A Tⱼ), T the third-order sum; ∂ⱼ∂ₖ = Σ w curve'' (x'Ax) xⱼxₖ − tr(A Tⱼ A Tₖ), where the first term
    takes its leverages x'Ax from an earlier information, as rows know no other.

    Cost: one pass of width³/6 products a row; 2 width (rank + 1) numbers down at most, about width³/6 + 3/2 width² up.
    Fails: as the rows do.
    Source: Firth 1993, §2; Kosmidis & Firth 2009, §4.
    """

    design: Design
    loss: Loss
    at: Array  # (width,)
    whiten: Array  # (width, rank), whiten·whiten' = A of an earlier round; or (0, 0)

    def __call__(self, rows: Rows) -> Prior:
        xp, (y, weight), loss = rows.xp, responses(rows), self.loss
        eta = rows.project(self.at) + rows.column("offset")
        slope, observed, expected = loss.derivatives(eta, y, xp)
        first, second = loss.bends(eta, y, xp)
        leverage = np.square(rows.project(self.whiten)).sum(axis=1) if self.whiten.size else 0.0
        return Prior(
            rows.moment(0, weight * loss.value(eta, y, xp)),
            rows.moment(1, weight * slope),
            np.zeros(0) if loss.is_canonical else rows.moment(2, weight * observed),
            rows.moment(2, weight * expected),
            rows.moment(3, weight * first),
            rows.moment(2, weight * second * leverage),
        )
