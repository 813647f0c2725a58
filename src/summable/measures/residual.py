"""What a fit leaves of y, summed from the residuals themselves."""

from __future__ import annotations

from dataclasses import dataclass

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Statistic


@dataclass(frozen=True, eq=False)
class Remainder(Statistic):
    """Squared residuals and their products with the features."""

    square: Array  # () Σ w e²
    slope: Array  # (width,) X'We


@dataclass(frozen=True)
class Residual(Measure[Remainder]):
    """Σ w e² and X'We at given coefficients, e = y − offset − x·at.

    A Gram gives the first by subtraction, which has no digits left when the fit is nearly perfect; the second corrects
    the coefficients by one step of refinement.

    Cost: one pass; width numbers down, width + 1 up.
    Source: Björck 1987, §3 (corrected semi-normal equations).
    """

    design: Design
    at: Array  # (width,)

    def __call__(self, rows: Rows) -> Remainder:
        weight = rows.column("weight")
        left = rows.column("y") - rows.column("offset") - rows.project(self.at)
        return Remainder(rows.moment(0, weight * left * left), rows.moment(1, weight * left))
