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
    held = np.ascontiguousarray(by, np.float64)
    addresses = held.__array_interface__["data"][0] + np.arange(len(by), dtype=np.int64) * held.strides[0]
    return _gram(columns, weight, Columns(addresses, 1, False, np.zeros(len(by)), columns.rows, (held,)), np.zeros(0))


def normal(columns: Columns, weight: Array | float, targets: Columns) -> tuple[Array, Array, Array]:
    """By weight, the inner products of [1, columns less their shifts] with targets, (q, p + 1); with each other, packed; and the targets' squares."""
    squares = np.zeros(len(targets.shifts))
    first, packed = _gram(columns, weight, targets, squares)
    return (first, packed, squares) if np.ndim(weight) else (first * float(weight), packed, squares * float(weight))


def _gram(columns: Columns, weight: Array | float, others: Columns, squares: Array) -> tuple[Array, Array]:
    """Inner products with others, and by weight with each other."""
    p, q, of_rows = len(columns.shifts), len(others.shifts), np.ndim(weight) > 0
    weights = np.ascontiguousarray(weight, np.float64) if of_rows else np.zeros(0)
    ends, first, second = np.zeros(q + 1), tiles.sums(q + 1, p), tiles.sums(p, p)
    tiles.gram(place(columns), columns.rows, weights, place(others), squares, ends, first, second)
    found = np.column_stack([ends, first[:, :p]])
    packed = bordered(found[-1], second)
    return found[:-1], packed if of_rows or float(weight) == 1.0 else packed * float(weight)


def bordered(first: Array, second: Array) -> Array:
    """Packed products of [1, columns], (p + 1,) with the constant and the others in the lower triangle of (p or more, p or more)."""
    packed = np.empty(packed_size(len(first)))
    tiles.border(np.ascontiguousarray(first), second, packed)
    return packed


def dotted(columns: Columns, by: Array) -> Array:
    """Inner products of [1, columns less their shifts] with each of `by` (q, rows), (q, p + 1)."""
    first = np.zeros((len(by), len(columns.shifts)))
    thin.dots(place(columns), columns.rows, np.ascontiguousarray(by, np.float64), first)
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
