"""Features of rows that stay in memory, and the sums that are taken of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from summable.core.rows import Columns
from summable.core.statistic import Array
from summable.maths import linalg

CHUNK = 2**16  # rows of which products are taken at once, so that no second copy of all is made


def chunks(rows: int) -> Iterator[slice]:
    """Rows that are at hand at once."""
    return (slice(start, start + CHUNK) for start in range(0, rows, CHUNK))


class Features(Protocol):
    """Columns of rows, wherever they lie and in however many digits; what is asked of them is in float64, and here."""

    def __len__(self) -> int:
        """The rows."""

    def taken(self, rows: NDArray[np.int64]) -> Features:
        """Some rows, by their positions."""

    def project(self, coef: Array) -> Array:
        """x·coef, (rows,) or (rows, q)."""

    def summed(self, weights: Array) -> Array:
        """Σ weightᵢ xᵢ, (width,) or (width, q)."""

    def squares(self, weights: Array) -> Array:
        """Σ weightᵢ xᵢ xᵢ', packed."""

    def part(self, rows: slice) -> Array:
        """Those of some rows, (rows, width)."""

    def columns(self) -> Columns | None:
        """Where all but the first lie, if in this process's memory."""


@dataclass(frozen=True, eq=False)
class Dense:
    """Features in an array, (rows, width)."""

    x: Array

    def __len__(self) -> int:
        return len(self.x)

    def taken(self, rows: NDArray[np.int64]) -> Dense:
        """Some rows, by their positions."""
        return Dense(self.x[rows])

    def project(self, coef: Array) -> Array:
        """x·coef, (rows,) or (rows, q)."""
        return np.asarray(self.x @ coef)

    def summed(self, weights: Array) -> Array:
        """Σ weightᵢ xᵢ, (width,) or (width, q)."""
        return np.asarray(self.x.T @ weights)

    def squares(self, weights: Array) -> Array:
        """Σ weightᵢ xᵢ xᵢ', packed."""
        none: Any = np.zeros(linalg.packed_size(self.x.shape[1]))
        return none + sum(linalg.gram(self.x[rows].T, weights[rows]) for rows in chunks(len(self.x)))  # type: ignore[no-any-return]

    def part(self, rows: slice) -> Array:
        """Those of some rows, (rows, width)."""
        return self.x[rows]

    def columns(self) -> Columns | None:
        """Where all but the first lie."""
        return Columns.of(self.x[:, 1:], np.zeros(self.x.shape[1] - 1))
