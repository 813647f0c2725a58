"""Least squares in one sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Columns, Rows, columns_of, each, less
from summable.core.statistic import Array, Statistic
from summable.maths.linalg import symmetric


@dataclass(frozen=True, eq=False)
class Products(Statistic):
    """The Gram of [1, X, y] in three blocks, each entry in the units of its two columns, times the weight's.

    With several targets, of which only the squares are taken and not the cross products, they are the last axis.
    """

    rows: Array  # (2,) kept; dropped for a missing value
    log_weight: Array  # () Σ log wᵢ, which the likelihood needs
    yy: Array  # () or (targets,)
    xy: Array  # (width,) or (width, targets)
    xx: Array  # packed width(width+1)/2

    def target(self, number: int) -> Products:
        """The same of one of several targets."""
        return Products(self.rows, self.log_weight, np.asarray(self.yy[number]), self.xy[:, number], self.xx)

    @property
    def square(self) -> Array:
        """X'WX, (width, width)."""
        return symmetric(self.xx)

    @property
    def weight(self) -> float:
        """Σ w, the square of the constant."""
        return float(self.xx[0])


@dataclass(frozen=True)
class Gram(Measure[Products]):
    """X'WX, X'Wy and y'Wy of a design, which determine weighted least squares: one round, whatever the rows.

    With an offset, y is what the offset leaves of it. Features and y are taken less their shifts.

    Cost: one pass; (width + 1)(width + 2)/2 + 3 numbers up, and width + 1 more for every other target.
    Fails: DataError where a weight is negative, a value infinite or, if so asked, missing.
    Source: Björck 1996, §2.2 (normal equations), with the shifts of Chan, Golub & LeVeque 1983.
    """

    design: Design

    def __call__(self, rows: Rows) -> Products:
        weight, columns = rows.column("weight"), columns_of(rows)
        if columns and columns.targets:
            return self._at_once(rows, columns, weight, columns.targets)
        y = less(rows.column("y"), rows.column("offset"))
        weighted = each(weight, y)
        if columns:
            return self._beside(rows, columns, weight, y, weighted)
        return Products(
            rows.count(),
            rows.moment(0, rows.xp.log(weight)),
            rows.moment(0, weighted * y),
            rows.moment(1, weighted),
            rows.moment(2, weight),
        )

    def _at_once(self, rows: Rows, columns: Columns, weight: Array, targets: Columns) -> Products:
        """The same in one reading of the rows and the targets where they lie."""
        from summable.maths import kernels

        first, second, squares = kernels.normal(columns, weight, targets)
        one = len(squares) == 1
        return Products(rows.count(), rows.moment(0, rows.xp.log(weight)), squares[0] if one else squares, first[0] if one else first.T, second)

    def _beside(self, rows: Rows, columns: Columns, weight: Array, y: Array, weighted: Array) -> Products:
        """The same in one reading of the rows where they lie."""
        from summable.maths import kernels

        first, second = kernels.gram(columns, weight, kernels.beside(weighted))
        squares = np.asarray(np.einsum("i...,i...->...", weighted, y))
        return Products(rows.count(), rows.moment(0, rows.xp.log(weight)), squares, first.T.reshape(self.design.width, *y.shape[1:]), second)
