"""What a fit leaves of y, summed from the residuals themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from summable.core.design import Design
from summable.core.errors import Unsupported
from summable.core.measure import Measure
from summable.core.rows import Rows, each, less
from summable.core.statistic import Array, Statistic
from summable.maths import accurate

WIDEST = 1000  # features whose rows are written out for residuals in twice the digits, as for an R factor


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
    corrects the coefficients by one step of refinement, to as many digits as e has. So e is summed in twice the digits, where rows
    can be read, are not sparse, and are of a thousand features at most.

    Cost: one pass, of some thirty times the arithmetic of x·at; width + 1 numbers down, width + 2 up.
    Fails: as the rows do, which see the same columns as the Gram did.
    Source: Björck 1987, §3 (corrected semi-normal equations); Ogita, Rump & Oishi 2005 (e).
    """

    design: Design
    at: Array  # (width,) or (width, targets)
    centre: Array  # () or (targets,)

    def __call__(self, rows: Rows) -> Remainder:
        weight = rows.column("weight")
        y = less(rows.column("y"), rows.column("offset"))
        left, about = self._left(rows), y - self.centre
        weighted = each(weight, left)
        return Remainder(rows.moment(0, weighted * left), rows.moment(0, each(weight, about) * about), rows.moment(1, weighted))

    def _left(self, rows: Rows) -> Any:
        y, offset, x = rows.column("y"), rows.column("offset"), self._written(rows)
        return less(y, offset) - rows.project(self.at) if x is None else accurate.left(y, offset, x, self.at)

    def _written(self, rows: Rows) -> Any:
        """The rows written out, (rows, width), if they can be."""
        if self.design.is_sparse or self.design.width > WIDEST:
            return None
        try:
            return rows.matrix()
        except Unsupported:
            return None
