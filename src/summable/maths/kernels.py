"""Compiled sums over columns where they lie, at the speed of memory.

The general formulae in `linalg` are the reference; these give the same sums in another order. What uses a number once reads it where it
lies (`thin`); products are taken of tiles in cache (`tiles`).
"""

from __future__ import annotations

import numpy as np

from summable.core.rows import Columns
from summable.core.statistic import Array
from summable.maths import thin, tiles
from summable.maths.linalg import packed_size
from summable.maths.tiles import place

MANY, PANEL = 6, 1024  # predictors from which a product of matrices is faster than a reading for each; rows of such a product


def beside(values: Array) -> Array:
    """One or several numbers a row, (rows,) or (rows, q), each contiguous: (q, rows)."""
    return np.ascontiguousarray(values[None] if values.ndim == 1 else values.T, np.float64)


def gram(columns: Columns, weight: Array | float, by: Array) -> tuple[Array, Array]:
    """Inner products of [1, columns less their shifts] with each of `by` (q, rows), (q, p + 1); and with each other by weight, packed."""
    p, of_rows = len(columns.shifts), np.ndim(weight) > 0
    weights = np.ascontiguousarray(weight, np.float64) if of_rows else np.zeros(0)
    first, second = tiles.sums(p, len(by) + 1), tiles.sums(p, p)
    tiles.gram(place(columns), columns.rows, weights, by, first, second)
    found = first[:p, : len(by) + 1].T
    total = weights.sum() if of_rows else float(columns.rows)
    packed = bordered(np.append(total, found[-1]), second)
    return np.column_stack([by.sum(axis=1), found[:-1]]), packed if of_rows or float(weight) == 1.0 else packed * float(weight)


def bordered(first: Array, second: Array) -> Array:
    """Packed products of [1, columns], (p + 1,) with the constant and the others in the lower triangle of (p or more, p or more)."""
    packed = np.empty(packed_size(len(first)))
    tiles.border(np.ascontiguousarray(first), second, packed)
    return packed


def dotted(columns: Columns, by: Array) -> Array:
    """Inner products of [1, columns less their shifts] with each of `by` (q, rows), (q, p + 1)."""
    first = np.zeros((len(by), len(columns.shifts)))
    thin.dots(place(columns), columns.rows, by, first)
    return np.column_stack([by.sum(axis=1), first])


def moment(columns: Columns, order: int, weight: Array | float) -> Array:
    """Σ weightᵢ xᵢ^⊗order of [1, columns less their shifts], order 1 or 2."""
    if order == 2:
        return gram(columns, weight, np.zeros((0, columns.rows)))[1]
    weights = np.broadcast_to(weight, (columns.rows, *np.shape(weight)[1:]))
    sums = dotted(columns, beside(weights))
    return sums.T.reshape(len(columns.shifts) + 1, *weights.shape[1:])


def project(columns: Columns, coef: Array) -> Array:
    """[1, columns less their shifts] times coefficients (p + 1,) or (p + 1, q): (rows,) or (rows, q)."""
    by = beside(coef)
    eta = np.repeat(by[:, :1], columns.rows, axis=1)
    slopes = np.ascontiguousarray(by[:, 1:])
    if len(by) < MANY:
        thin.predictors(place(columns), columns.rows, slopes, eta)
    else:
        _predictors(columns, slopes, eta)
    return eta.T.reshape(columns.rows, *coef.shape[1:])


def _predictors(columns: Columns, coef: Array, eta: Array) -> None:
    """eta (q, rows) gains the columns times coefficients, (q, p), by BLAS."""
    tile = np.empty((coef.shape[1], PANEL + tiles.SPARE))
    for start in range(0, columns.rows, PANEL):
        m = min(PANEL, columns.rows - start)
        tiles.load(place(columns), start, m, tile)
        eta[:, start : start + m] += coef @ tile[:, :m]
