"""Compiled sums over columns where they lie, at the speed of memory.

The general formulae in `linalg` are the reference; these give the same sums in another order. What uses a number once reads it where it
lies (`thin`); products are taken of tiles in cache (`tiles`), or of panels by BLAS where columns are many (`panels`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from summable.core.rows import Columns
from summable.core.statistic import Array
from summable.maths import panels, thin, tiles
from summable.maths.compiled import compiled
from summable.maths.linalg import packed_size
from summable.maths.tiles import place, tile_rows


@compiled
def _project(addresses: Any, stride: Any, single: Any, shifts: Any, rows: Any, coef: Any, eta: Any) -> None:
    """eta (q, rows) gains the columns times coefficients, (q, p)."""
    step = tile_rows(len(addresses))
    for start in range(0, rows, step):
        m = min(step, rows - start)
        for t in range(len(coef)):
            thin.predict(addresses, stride, single, shifts, start, m, coef[t], eta[t, start : start + m])


@compiled
def _dotted(addresses: Any, stride: Any, single: Any, shifts: Any, rows: Any, by: Any, first: Any) -> None:
    """first (q, p) gains the inner products with `by`, (q, rows); few rows are added in one row."""
    step, part = tile_rows(len(addresses)), np.empty(len(addresses))
    for start in range(0, rows, step):
        m = min(step, rows - start)
        for t in range(len(by)):
            part[:] = 0.0
            thin.dot(addresses, stride, single, shifts, start, m, by[t, start : start + m], part)
            first[t] += part


def beside(values: Array) -> Array:
    """One or several numbers a row, (rows,) or (rows, q), each contiguous: (q, rows)."""
    return np.ascontiguousarray(values[None] if values.ndim == 1 else values.T, np.float64)


def gram(columns: Columns, weight: Array | float, by: Array) -> tuple[Array, Array]:
    """Inner products of [1, columns less their shifts] with each of `by` (q, rows), (q, p + 1); and with each other by weight, packed."""
    p, of_rows = len(columns.shifts), np.ndim(weight) > 0
    weights = np.ascontiguousarray(weight, np.float64) if of_rows else np.zeros(0)
    if panels.pays(columns, of_rows):
        first, second = panels.gram(columns, weights, np.vstack([by, weights if of_rows else np.ones(columns.rows)]))
    else:
        first, second = np.zeros((len(by) + 1, p + 2)), np.zeros((p + 2, p + 2))
        tiles.gram(*place(columns), weights, by, first, second)
    total = weights.sum() if of_rows else float(columns.rows)
    packed = bordered(np.append(total, first[-1, :p]), second)
    return np.column_stack([by.sum(axis=1), first[:-1, :p]]), packed if of_rows or float(weight) == 1.0 else packed * float(weight)


def bordered(first: Array, second: Array) -> Array:
    """Packed products of [1, columns], (p + 1,) with the constant and the others in the lower triangle of (p or more, p or more)."""
    packed = np.empty(packed_size(len(first)))
    tiles.border(np.ascontiguousarray(first), second, packed)
    return packed


def dotted(columns: Columns, by: Array) -> Array:
    """Inner products of [1, columns less their shifts] with each of `by` (q, rows), (q, p + 1)."""
    first = np.zeros((len(by), len(columns.shifts)))
    _dotted(*place(columns), by, first)
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
    _project(*place(columns), np.ascontiguousarray(by[:, 1:]), eta)
    return eta.T.reshape(columns.rows, *coef.shape[1:])
