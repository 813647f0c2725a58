"""How residuals follow one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Statistic


@dataclass(frozen=True, eq=False)
class Series(Statistic):
    """Squares of residuals in a row and of the steps between them. Adds by placing one series after the other, so in order only."""

    commutes: ClassVar[bool] = False
    rows: Array  # () how many
    ends: Array  # (2,) the first and the last residual; zero where there are none
    square: Array  # () Σ eₜ²
    steps: Array  # () Σ (eₜ − eₜ₋₁)²

    def __add__(self, other: Self) -> Self:
        if not self.rows or not other.rows:
            return self if self.rows else other
        ends, step = np.array([self.ends[0], other.ends[1]]), other.ends[0] - self.ends[1]
        sums = self.rows + other.rows, self.square + other.square, self.steps + other.steps + step * step
        rows, square, steps = map(np.asarray, sums)  # NumPy would make scalars of them, which are no arrays at the other end of a wire
        return type(self)(rows, ends, square, steps)


@dataclass(frozen=True)
class Serial(Measure[Series]):
    """Σ eₜ² and Σ (eₜ − eₜ₋₁)² of the residuals eₜ = √w (y − offset − x·at), over kept rows in the order in which they lie.

    Cost: one pass; width numbers down, 5 up.
    Fails: as the Gram did; Unsupported where rows have no order.
    Source: Durbin & Watson 1950, §2.
    """

    design: Design
    at: Array  # (width,)

    def __call__(self, rows: Rows) -> Series:
        left = rows.column("y") - rows.column("offset") - rows.project(self.at)
        residual = np.asarray(rows.xp.sqrt(rows.column("weight")) * left)
        ends = residual[[0, -1]] if residual.size else np.zeros(2)
        count = np.asarray(float(residual.size))
        return Series(count, ends, np.asarray(residual @ residual), np.asarray(np.square(np.diff(residual)).sum()))
