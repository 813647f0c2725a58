"""Whether a direction separates the rows by their y."""

from __future__ import annotations

from dataclasses import dataclass

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Statistic
from summable.measures.working import responses


@dataclass(frozen=True, eq=False)
class Sides(Statistic):
    """On which side of a hyperplane the rows lie."""

    right: Array  # () rows strictly on the side of their y
    wrong: Array  # () rows strictly on the other


@dataclass(frozen=True)
class Violations(Measure[Sides]):
    """How many rows lie on the side of x·direction that their y contradicts: if none does, and some on the other, the data are separated.

    Along such a direction the likelihood rises for ever, so that no finite coefficients maximise it.

    Cost: one pass; width numbers down, two up.
    Fails: as the rows do.
    Source: Albert & Anderson 1984, §3.
    """

    design: Design
    direction: Array  # (width,)
    near: float  # |x·direction| up to which a row counts as lying on the hyperplane
    upper: bool  # whether y has a greatest value, 1, as it has a least, 0

    def __call__(self, rows: Rows) -> Sides:
        (y, weight), side = responses(rows), rows.project(self.direction)
        up, down = (side > self.near) & (weight > 0), (side < -self.near) & (weight > 0)
        wrong = (up & (y < 1) | down & (y > 0)) if self.upper else (up | down & (y > 0))
        right = (up & (y == 1) | down & (y == 0)) if self.upper else down & (y == 0)
        return Sides(rows.moment(0, 1.0 * right), rows.moment(0, 1.0 * wrong))
