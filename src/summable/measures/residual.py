"""What a fit leaves of y, summed from the residuals themselves."""

from __future__ import annotations

from dataclasses import dataclass

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows, each, less
from summable.core.statistic import Array, Statistic


@dataclass(frozen=True, eq=False)
class Remainder(Statistic):
    """Squared residuals, their products with the features, and the squares they are held against."""

    square: Array  # () or (targets,) Σ w e²
    total: Array  # () or (targets,) Σ w (y − offset − centre)²
    slope: Array  # (width,) or (width, targets) X'We


@dataclass(frozen=True)
class Residual(Measure[Remainder]):
    """Σ w e² and X'We at given coefficients, e = y − offset − x·at, and y's own squares about a centre.

    A Gram gives squares by subtraction, which has no digits left when the fit is nearly perfect or y far from zero; X'We
    corrects the coefficients by one step of refinement.

    Cost: one pass; width + 1 numbers down, width + 2 up.
    Fails: as the rows do, which see the same columns as the Gram did.
    Source: Björck 1987, §3 (corrected semi-normal equations).
    """

    design: Design
    at: Array  # (width,) or (width, targets)
    centre: Array  # () or (targets,)

    def __call__(self, rows: Rows) -> Remainder:
        weight = rows.column("weight")
        y = less(rows.column("y"), rows.column("offset"))
        left, about = y - rows.project(self.at), y - self.centre
        weighted = each(weight, left)
        return Remainder(rows.moment(0, weighted * left), rows.moment(0, each(weight, about) * about), rows.moment(1, weighted))
