"""Sums over panels of rows by BLAS, for designs so wide that products of matrices rule.

A panel is some thousand rows, less their shifts. The rows of a matrix by rows are read where they lie if there is nothing to take off;
columns that lie apart are brought together first.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from summable.core.rows import Columns
from summable.core.statistic import Array
from summable.maths import tiles

ROWS = 1024  # of a panel: from there on, products took no less time
WIDE_ROWS, WIDE_COLUMNS = 64, 160  # columns from which BLAS was faster than our tiles, of a matrix by rows (which they turn) and of columns


def pays(columns: Columns) -> bool:
    """Whether products are best left to BLAS."""
    return len(columns.shifts) >= (WIDE_COLUMNS if columns.stride == 1 else WIDE_ROWS)


def panels(columns: Columns) -> Iterator[tuple[slice, Array]]:
    """Ranges of rows, and their features less the shifts, (rows, p): good until the next are asked for, and not to be written to."""
    p, held, (*where, rows) = len(columns.shifts), matrix(columns), tiles.place(columns)
    ends = np.linspace(0, rows, -(-rows // ROWS) + 1).astype(np.int64).tolist()
    untouched = held is not None and not columns.single and not columns.shifts.any()
    room = np.empty((0 if untouched else ROWS, p), order="C" if held is not None else "F")
    for start, stop in pairwise(ends):
        part, panel = slice(start, stop), room[: stop - start]
        if held is None:
            tiles.fill(*where, start, stop - start, room.T)
        elif untouched:
            panel = held[part]
        else:
            np.subtract(held[part], columns.shifts, out=panel)
        yield part, panel


def matrix(columns: Columns) -> Any:
    """The matrix by rows that the columns are, if they are one."""
    (first, *others) = columns.held
    return first if columns.stride > 1 and not others and first.shape == (columns.rows, len(columns.shifts)) else None


def gram(columns: Columns, weight: Array, by: Array) -> tuple[Array, Array]:
    """Inner products of the columns with each of `by` (q, rows), (q, p), and with each other by weights (rows,), or none (0,), (p, p)."""
    first, second = np.zeros((len(by), len(columns.shifts))), Squares(len(columns.shifts))
    for part, panel in panels(columns):
        first += by[:, part] @ panel
        second.add(panel, weight[part] if len(weight) else weight)
    return first, second.total


class Squares:
    """Σ panel' diag(weight) panel, (p, p)."""

    def __init__(self, p: int) -> None:
        self.total, self._product, self._scaled = np.zeros((p, p)), np.empty((p, p)), np.empty((ROWS, p))

    def add(self, panel: Array, weight: Array) -> None:
        """Add a panel, (rows, p), by weights (rows,) or none (0,): in half the time if none is negative."""
        left = right = panel
        if len(weight):
            left = self._scaled[: len(panel)]
            right = left if (weight >= 0).all() else panel
            np.multiply(panel, (np.sqrt(weight) if right is left else weight)[:, None], out=left)
        self.total += np.matmul(left.T, right, out=self._product)
