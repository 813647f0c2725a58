"""Products of features over the rows themselves, whatever their weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Statistic


@dataclass(frozen=True, eq=False)
class Second(Statistic):
    """Σ xᵢxᵢ' over the rows."""

    xx: Array  # packed width(width+1)/2


@dataclass(frozen=True)
class Moments(Measure[Second]):
    """X'X of a design, every row counting once: what orthogonal polynomials, means and spreads are made from.

    Its few columns are multiplied pair by pair, and added as plain sums are, pairwise: columns that are made to be orthogonal to a
    constant are held against responses far from zero, which tell every digit that a sum has lost.

    Cost: one pass; width(width + 1)/2 numbers up.
    Fails: as the rows do.
    Source: Björck 1996, §2.2.
    """

    learns_design: ClassVar[bool] = True
    design: Design

    def __call__(self, rows: Rows) -> Second:
        columns = [rows.project(one) for one in np.eye(self.design.width)]
        return Second(np.array([rows.moment(0, left * right) for place, left in enumerate(columns) for right in columns[place:]]))
