"""The rows that lie nearest each of some centres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Groups, Rows, columns_of
from summable.core.statistic import Array, Statistic
from summable.maths.grouped import smallest

EQUAL = 1e-12  # of the greatest |c|²: squared distances that differ by less are equal but for rounding


@dataclass(frozen=True, eq=False)
class Clustered(Statistic):
    """Sums over the rows nearest each centre."""

    weights: Array  # (centres,) Σ w
    firsts: Array  # (centres, width) Σ w x, of the constant too
    costs: Array  # (centres,) Σ w d², d the distance from the centre; (0,) where they were not asked for


@dataclass(frozen=True)
class Nearest(Measure[Clustered]):
    """Σ w and Σ w x of the rows nearest each centre, whose ratio is where Lloyd's step puts it; and Σ w d² if `costs`.

    A later centre has a row only if it is nearer by more than rounding, so that no sharding decides.

    Cost: one pass, of k width multiplications for each row; k width numbers down, k (width + 1) up, and k more for costs.
    Fails: as the rows do.
    Source: Lloyd 1982; Bahmani et al. 2012, §3.4.
    """

    again: ClassVar[bool] = True
    design: Design
    centres: Array  # (centres, width) about the design's shifts; zero for the constant
    costs: bool = False

    def __call__(self, rows: Rows) -> Clustered:
        weight, centres = rows.column("weight"), self.centres
        constant = np.square(centres).sum(axis=1)
        away = np.column_stack([constant, -2 * centres[:, 1:]])  # |c|² − 2 x·c, which is least where |x − c|² is
        near = EQUAL * float(constant.max(initial=0.0))
        if columns := columns_of(rows):
            from summable.maths.nearest import nearest

            return Clustered(*nearest(columns, centres, near, weight, self.costs))
        by = Groups(smallest(rows.project(away.T), near), np.zeros_like(centres), crossed=False)
        costs = rows.moment(2, weight, Groups(by.codes, centres, crossed=False))[:, 1:].sum(axis=1) if self.costs else np.zeros(0)
        return Clustered(rows.moment(0, weight, by), rows.moment(1, weight, by), costs)
