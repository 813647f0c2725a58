"""Least squares in one sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Statistic
from summable.maths.linalg import symmetric


@dataclass(frozen=True, eq=False)
class Products(Statistic):
    """The Gram of [1, X, y] in three blocks, each entry in the units of its two columns, times the weight's."""

    rows: Array  # (2,) kept; dropped for a missing value
    log_weight: Array  # () Σ log wᵢ, which the likelihood needs
    yy: Array  # ()
    xy: Array  # (width,)
    xx: Array  # packed width(width+1)/2

    def augmented(self) -> Array:
        """The symmetric (width + 1, width + 1) Gram, y last."""
        square = np.zeros((len(self.xy) + 1,) * 2)
        square[:-1, :-1] = symmetric(self.xx)
        square[:-1, -1] = square[-1, :-1] = self.xy
        square[-1, -1] = self.yy
        return square


@dataclass(frozen=True)
class Gram(Measure[Products]):
    """X'WX, X'Wy and y'Wy of a design, which determine weighted least squares: one round, whatever the rows.

    With an offset, y is what the offset leaves of it. Features and y are taken less their shifts.

    Cost: one pass; (width + 1)(width + 2)/2 + 3 numbers up.
    Fails: DataError where a weight is negative, a value infinite or, if so asked, missing.
    Source: Björck 1996, §2.2 (normal equations), with the shifts of Chan, Golub & LeVeque 1983.
    """

    design: Design

    def __call__(self, rows: Rows) -> Products:
        weight, y = rows.column("weight"), rows.column("y") - rows.column("offset")
        return Products(
            rows.count(),
            rows.moment(0, rows.xp.log(weight)),
            rows.moment(0, weight * y * y),
            rows.moment(1, weight * y),
            rows.moment(2, weight),
        )
