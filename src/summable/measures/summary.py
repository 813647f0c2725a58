"""What the columns of a table hold, each by itself and two by two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from summable.core.data import Data
from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Extent, Statistic
from summable.measures.sketch import Levels, of_labels, of_numbers


@dataclass(frozen=True, eq=False)
class Sketches(Data):
    """The levels of each column. Adds column by column."""

    of: tuple[Levels, ...]

    def __add__(self, other: Sketches) -> Sketches:
        return Sketches(tuple(mine + theirs for mine, theirs in zip(self.of, other.of, strict=True)))

    @property
    def size(self) -> int:
        return sum(levels.size for levels in self.of)

    @property
    def nbytes(self) -> int:
        return sum(levels.nbytes for levels in self.of)


@dataclass(frozen=True, eq=False)
class Held(Statistic):
    """Counts, sums of powers, extents, pairs and levels; numbers first, in the order of the roles, then labels."""

    rows: Array  # () all of them
    missing: Array  # (columns,) in each column of the design
    infinite: Array  # (numbers,)
    powers: Array  # (numbers, 5) Σ (x − shift)⁰ … (x − shift)⁴ over the finite
    extent: Extent  # (numbers,) of the finite
    pairs: Array  # (4, numbers, numbers) over rows in which both are finite: counts, Σ xᵢ, Σ xᵢ², Σ xᵢ xⱼ, less their shifts
    levels: Sketches  # (numbers + labels,)


@dataclass(frozen=True)
class Summary(Measure[Held]):
    """Counts, missing values, sums of four powers, extents, pairwise products and distinct values of columns, whatever is missing elsewhere.

    Cost: one pass; numbers (4 numbers + 9) and up to 3 `most` for each column up.
    Fails: Unsupported where labels cannot be counted (a matrix); as the rows do.
    Source: Gray et al. 1997, §5 (distributive and algebraic aggregates).
    """

    design: Design  # roles are the numbers, "0", "1", …, and missing values are kept
    shifts: tuple[float, ...]  # about which each number is summed
    labels: tuple[str, ...]  # columns of labels
    most: int
    paired: bool = True  # whether pairs are wanted

    def __call__(self, rows: Rows) -> Held:
        count = len(self.design.roles)
        missing = np.array([rows.extent(name)[2] for name in self.design.names]).reshape(-1)
        columns = [np.asarray(rows.column(role)) for role, _ in self.design.roles]
        finite = [column[np.isfinite(column)] for column in columns]
        powers = np.array([_powers(one - shift) for one, shift in zip(finite, self.shifts, strict=True)]).reshape(count, 5)
        low, high = np.array([one.min(initial=np.inf) for one in finite]), np.array([one.max(initial=-np.inf) for one in finite])
        numbers = [of_numbers(one, self.most) for one in finite]
        words = [of_labels(_texts(rows.moment(0, 1.0, name)), self.most) for name in self.labels]
        infinite = np.array([np.isinf(column).sum() for column in columns], np.float64)
        pairs = _pairs(np.array(columns).reshape(count, -1) - np.array(self.shifts)[:, None]) if self.paired else np.zeros((4, 0, 0))
        return Held(np.asarray(rows.count()[0]), missing, infinite, powers, Extent(low, high), pairs, Sketches((*numbers, *words)))


def _powers(values: Array) -> Array:
    square = values * values
    return np.array([len(values), values.sum(), square.sum(), square @ values, square @ square], np.float64)


def _pairs(columns: Array) -> Array:
    """Counts, sums, squares and products over the rows in which both of two columns are finite."""
    there = np.isfinite(columns)
    values, mask = np.where(there, columns, 0.0), there.astype(np.float64)
    return np.array([mask @ mask.T, values @ mask.T, (values * values) @ mask.T, values @ values.T])


def _texts(counts: dict[Any, float]) -> dict[str, float]:
    return {str(label): count for label, count in counts.items()}
