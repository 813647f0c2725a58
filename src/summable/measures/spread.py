"""Where the features of each class lie, and how far they spread, each on its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Groups, Rows
from summable.core.statistic import Array
from summable.measures.class_sums import Centred, ClassSums, members


@dataclass(frozen=True, eq=False)
class Spreads(ClassSums):
    """Sums of each class's features, about its own point."""

    rows: Array  # (2,) kept; dropped for a missing value
    weights: Array  # (classes,) Σ w
    firsts: Array  # (classes, width) Σ w (x − about)
    seconds: Array  # (classes, width) Σ w (x − about)²

    def places(self) -> tuple[Array, Array, Array]:
        return self.weights, self.firsts, self.seconds

    def centred(self, about: Array) -> Centred:
        """The same about the means, of all features but the first, which is the constant."""
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.nan_to_num(self.firsts / self.weights[:, None])
        squares = np.maximum(self.seconds - means * self.firsts, 0.0)
        return Centred(self.weights, np.where(self.weights[:, None] > 0, about + means, 0.0)[:, 1:], squares[:, 1:])


@dataclass(frozen=True)
class Spread(Measure[Spreads]):
    """Σ w, Σ w (x − about) and Σ w (x − about)² of each feature in each class: what naive Bayes needs, and no product of two features.

    Cost: one pass; classes · width numbers down, classes (2 width + 1) + 2 up.
    Fails: DataError where a weight is negative, a value infinite or, if so asked, missing.
    Source: Hastie, Tibshirani & Friedman 2009, §6.6.3, with the shifts of Chan, Golub & LeVeque 1983.
    """

    design: Design
    about: Array  # (classes, width)

    def __call__(self, rows: Rows) -> Spreads:
        weight, by = rows.column("weight"), Groups(members(rows), self.about, crossed=False)
        return Spreads(rows.count(), rows.moment(0, weight, by), rows.moment(1, weight, by), rows.moment(2, weight, by))
