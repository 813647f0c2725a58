"""The distinct values of numeric expressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from summable.core.design import Design
from summable.core.errors import DataError
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Labels, Statistic

MOST = 2**17  # values: a megabyte from each part


@dataclass(frozen=True, eq=False)
class Values(Statistic):
    """The distinct values of several roles."""

    found: Labels  # a set for each role


@dataclass(frozen=True)
class Distinct(Measure[Values]):
    """The distinct values of roles, between bounds: quantiles of *distinct* values need them all, for their counts do not add.

    Cost: one pass; the distinct values up.
    Fails: DataError where there are more than `most`.
    Source: Gray et al. 1997, §5 (holistic aggregates).
    """

    learns_design: ClassVar[bool] = True
    design: Design
    roles: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    most: int = MOST

    def __call__(self, rows: Rows) -> Values:
        sets = []
        for role, low, high in zip(self.roles, self.low, self.high, strict=True):
            values = np.asarray(rows.column(role)) + 0.0
            found = np.unique(values[(values >= low) & (values <= high)])
            refuse_too_many(self.design.role(role)[0].expression, len(found), self.most)
            sets.append(frozenset(found.tolist()))
        return Values(Labels(tuple(sets)))


def refuse_too_many(expression: str, found: int, most: int = MOST) -> None:
    """Refuse to gather a column."""
    if found > most:
        raise DataError(
            f"{expression} has more than {most:,} distinct values, and the knots of cr and cc are quantiles of the distinct ones",
            "Give knots=[…], or use bs(…), whose knots are quantiles of the rows.",
        )
