"""Sums over panels of rows by BLAS, for designs so wide that products of matrices rule.

A panel is some thousand rows, less their shifts. The rows of a matrix by rows are read where they lie if there is nothing to take off;
columns that lie apart are brought together first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from summable.core.rows import Columns
from summable.core.statistic import Array
from summable.maths import thin, tiles

ROWS = 1024  # of a panel, up to twice as many: from there on, products took no less time
WIDE, WIDE_WEIGHED = 160, 300  # columns from which BLAS was faster than our tiles: of bare products, and of those by weights, with sums beside


def pays(columns: Columns, weighed: bool) -> bool:
    """Whether products are best left to BLAS."""
    return len(columns.shifts) >= (WIDE_WEIGHED if weighed else WIDE)


class _Rooms(threading.local):
    """Room that a thread uses again: fresh memory costs as much to touch as a product costs to take."""

    def __init__(self) -> None:
        self.held: dict[str, Array] = {}

    def __call__(self, name: str, rows: int, columns: int) -> Array:
        """(rows, columns), whatever is in it."""
        if name not in self.held or self.held[name].size < rows * columns:
            self.held[name] = np.empty(rows * columns)
        return self.held[name][: rows * columns].reshape(rows, columns)


room = _Rooms()


def panels(columns: Columns) -> Iterator[tuple[slice, Array]]:
    """Ranges of rows, and their features less the shifts, (rows, p): good until the next are asked for, and not to be written to."""
    p, held, (*where, rows) = len(columns.shifts), matrix(columns), tiles.place(columns)
    untouched = held is not None and not columns.single and not columns.shifts.any()
    ends = np.linspace(0, rows, max(1, rows // ROWS) + 1).astype(np.int64).tolist()
    for start, stop in pairwise(ends):
        part = slice(start, stop)
        if held is None:
            tile = room("panel", p, stop - start)
            tiles.fill(*where, start, stop - start, tile)
            yield part, tile.T
        elif untouched:
            yield part, held[part]
        else:
            yield part, np.subtract(held[part], columns.shifts, out=room("panel", stop - start, p))


def matrix(columns: Columns) -> Any:
    """The matrix by rows that the columns are, if they are one."""
    (first, *others) = columns.held
    return first if columns.stride > 1 and not others and first.shape == (columns.rows, len(columns.shifts)) else None


def gram(columns: Columns, weight: Array, by: Array) -> tuple[Array, Array]:
    """Inner products of the columns with each of `by` (q, rows), (q, p), and with each other by weights (rows,), or none (0,), (p, p)."""
    first, second = np.zeros((len(by), len(columns.shifts))), Squares(len(columns.shifts))
    for part, panel in panels(columns):
        dots(panel, by[:, part], first)
        second.add(panel, weight[part] if len(weight) else weight)
    return first, second.total


def dots(panel: Array, by: Array, first: Array) -> None:
    """first (q, p) gains the inner products of a panel's columns, (rows, p), with `by`, (q, rows): no matter for BLAS, which is slow at few."""
    if panel.flags.c_contiguous:
        thin.by_rows(panel, by, first)
    else:
        thin.by_columns(panel.T, by, first)


class Squares:
    """Σ panel' diag(weight) panel, (p, p)."""

    def __init__(self, p: int) -> None:
        self.total = np.zeros((p, p))

    def add(self, panel: Array, weight: Array) -> None:
        """Add a panel, (rows, p), by weights (rows,) or none (0,): in half the time if none is negative."""
        left = right = panel
        if len(weight):
            shape = panel.shape if panel.flags.c_contiguous else panel.shape[::-1]
            left = room("scaled", *shape) if panel.flags.c_contiguous else room("scaled", *shape).T
            right = left if (weight >= 0).all() else panel
            np.multiply(panel, (np.sqrt(weight) if right is left else weight)[:, None], out=left)
        self.total += np.matmul(left.T, right, out=room("product", *self.total.shape))
