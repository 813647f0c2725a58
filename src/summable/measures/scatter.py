"""How the features of each class scatter together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Groups, Rows
from summable.core.statistic import Array
from summable.maths.linalg import symmetric
from summable.measures.class_sums import Centred, ClassSums, members


@dataclass(frozen=True, eq=False)
class Scatters(ClassSums):
    """Products of each class's features, about its own point; the first feature is the constant, which holds weights and sums."""

    rows: Array  # (2,) kept; dropped for a missing value
    xx: Array  # (classes, packed width(width+1)/2)

    def places(self) -> tuple[Array, Array, Array]:
        squares = np.array([symmetric(one) for one in self.xx])
        return squares[:, 0, 0], squares[:, 0], np.diagonal(squares, axis1=1, axis2=2)

    def centred(self, about: Array) -> Centred:
        """The same about the means, of all features but the constant."""
        squares = np.array([symmetric(one) for one in self.xx])
        weight, first = squares[:, 0, 0], squares[:, 0, 1:]
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.nan_to_num(first / weight[:, None])
        between = means[:, :, None] * first[:, None, :]
        return Centred(weight, np.where(weight[:, None] > 0, about[:, 1:] + means, 0.0), squares[:, 1:, 1:] - between)


@dataclass(frozen=True)
class Scatter(Measure[Scatters]):
    """Σ w (x − about)(x − about)' of each class: its covariance, for discriminants; or of all rows, if there are no classes, for components.

    Cost: one pass; classes · width numbers down, classes width (width + 1)/2 + 2 up.
    Fails: DataError where a weight is negative, a value infinite or, if so asked, missing.
    Source: Hastie, Tibshirani & Friedman 2009, §4.3, with the shifts of Chan, Golub & LeVeque 1983.
    """

    design: Design
    about: Array  # (classes, width)

    def __call__(self, rows: Rows) -> Scatters:
        weight = rows.column("weight")
        if self.design.label("class") is None and not self.about.any():
            return Scatters(rows.count(), rows.moment(2, weight)[None])
        return Scatters(rows.count(), rows.moment(2, weight, Groups(members(rows), self.about)))
