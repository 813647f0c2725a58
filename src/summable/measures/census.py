"""How many rows there are."""

from __future__ import annotations

from dataclasses import dataclass

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Statistic


@dataclass(frozen=True, eq=False)
class Counted(Statistic):
    """A count of rows."""

    rows: Array  # (2,) kept; dropped for a missing value


@dataclass(frozen=True)
class Census(Measure[Counted]):
    """The rows of a design, counted.

    Cost: one pass; 2 numbers up.
    Fails: as the rows do.
    Source: Gray et al. 1997, §5 (distributive aggregates).
    """

    design: Design

    def __call__(self, rows: Rows) -> Counted:
        return Counted(rows.count())
