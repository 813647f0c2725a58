"""How heavy the tails of each class are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Groups, Rows
from summable.core.statistic import Array, Statistic
from summable.measures.class_sums import members


@dataclass(frozen=True, eq=False)
class Fourths(Statistic):
    """Squares of the squared lengths of each class's rows."""

    total: Array  # (classes,) Σ w |z|⁴


@dataclass(frozen=True)
class Tails(Measure[Fourths]):
    """Σ w |z|⁴ of the rows of each class, z = (x − mean) / scale: what the shrinkage of Ledoit and Wolf needs beside a covariance.

    Cost: one pass; 2 classes · width numbers down, classes up.
    Fails: as the rows do, which see the same columns as `Scatter` did.
    Source: Ledoit & Wolf 2004, §3.
    """

    design: Design
    mean: Array  # (classes, width) in the units of the design, zero for the constant
    scale: Array  # (classes, width) infinite where a feature does not count

    def __call__(self, rows: Rows) -> Fourths:
        codes = members(rows)
        z = (rows.project(np.eye(self.design.width)) - self.mean[codes]) / self.scale[codes]
        return Fourths(rows.moment(0, rows.column("weight") * np.square(z).sum(axis=1) ** 2, Groups(codes, self.mean)))
