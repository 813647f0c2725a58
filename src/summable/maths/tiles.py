"""Products of columns, tile by tile: rows that fit the second-level cache, less their shifts, as contiguous float64 columns.

What Arrow decoded is read where it lies, a matrix by rows is turned on the way, eight rows at a time. A tile's products are taken three
columns by three, whose nine sums stay in registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from summable.core.rows import Columns
from summable.maths.compiled import compiled, doubles, floats

TILE = 2**15  # numbers of a tile: 256 kB, half of a second-level cache
SHORTEST, LONGEST = 128, 512  # rows of a tile: enough for a register sum, few enough for six columns in the first-level cache


@compiled
def tile_rows(width: Any) -> Any:
    """Rows of a tile of so many columns."""
    return max(SHORTEST, min(LONGEST, TILE // max(width, 1) // 8 * 8))


@compiled
def _copied(column: Any, shift: Any, m: Any, to: Any) -> None:
    """A contiguous column, less its shift."""
    for i in range(m):
        to[i] = column[i] - shift


@compiled
def _eight(column: Any, stride: Any, shift: Any, to: Any) -> None:
    """Eight numbers of a column, a row apart, less its shift: one line of the cache is written while eight are read on."""
    to[0] = column[0] - shift
    to[1] = column[stride] - shift
    to[2] = column[2 * stride] - shift
    to[3] = column[3 * stride] - shift
    to[4] = column[4 * stride] - shift
    to[5] = column[5 * stride] - shift
    to[6] = column[6 * stride] - shift
    to[7] = column[7 * stride] - shift


@compiled
def load(addresses: Any, stride: Any, single: Any, shifts: Any, start: Any, m: Any, tile: Any) -> None:
    """tile (p, m) holds rows from `start` on, less their shifts."""
    p = len(addresses)
    if stride == 1:
        for j in range(p):
            if single:
                _copied(floats(addresses[j] + 4 * start), shifts[j], m, tile[j])
            else:
                _copied(doubles(addresses[j] + 8 * start), shifts[j], m, tile[j])
        return
    for i in range(0, m - m % 8, 8):
        for j in range(p):
            if single:
                _eight(floats(addresses[j] + 4 * stride * (start + i)), stride, shifts[j], tile[j, i : i + 8])
            else:
                _eight(doubles(addresses[j] + 8 * stride * (start + i)), stride, shifts[j], tile[j, i : i + 8])
    for i in range(m - m % 8, m):
        for j in range(p):
            at = stride * (start + i)
            tile[j, i] = (floats(addresses[j])[at] if single else doubles(addresses[j])[at]) - shifts[j]


@compiled
def _three_by_three(a: Any, b: Any, m: Any, j: Any, k: Any, out: Any) -> None:
    """out[j:, k:] gains nine inner products: of the first three columns of one tile, and three of another from k on."""
    a0, a1, a2 = a[0, :m], a[1, :m], a[2, :m]
    b0, b1, b2 = b[k, :m], b[k + 1, :m], b[k + 2, :m]
    c00 = c01 = c02 = c10 = c11 = c12 = c20 = c21 = c22 = 0.0
    for i in range(m):
        x0, x1, x2 = a0[i], a1[i], a2[i]
        z = b0[i]
        c00 += x0 * z
        c10 += x1 * z
        c20 += x2 * z
        z = b1[i]
        c01 += x0 * z
        c11 += x1 * z
        c21 += x2 * z
        z = b2[i]
        c02 += x0 * z
        c12 += x1 * z
        c22 += x2 * z
    out[j, k] += c00
    out[j, k + 1] += c01
    out[j, k + 2] += c02
    out[j + 1, k] += c10
    out[j + 1, k + 1] += c11
    out[j + 1, k + 2] += c12
    out[j + 2, k] += c20
    out[j + 2, k + 1] += c21
    out[j + 2, k + 2] += c22


@compiled
def products(tile: Any, p: Any, m: Any, weight: Any, scaled: Any, second: Any) -> None:
    """The lower triangle of second (p + 2, p + 2) gains the products of a tile (p + 2, m), times the weights (m,) if there are any."""
    for j in range(0, p, 3):
        left = tile[j : j + 3]
        if len(weight):
            for u in range(3):
                x, to = tile[j + u], scaled[u]
                for i in range(m):
                    to[i] = x[i] * weight[i]
            left = scaled
        for k in range(0, j + 1, 3):
            _three_by_three(left, tile, m, j, k, second)


@compiled
def dots(tile: Any, p: Any, m: Any, by: Any, first: Any) -> None:
    """first (q, p + 2) gains the inner products of a tile (p + 2, m) with `by`, (q, m)."""
    for t in range(len(by)):
        v = by[t]
        for j in range(0, p, 3):
            x0, x1, x2 = tile[j], tile[j + 1], tile[j + 2]
            c0 = c1 = c2 = 0.0
            for i in range(m):
                c0 += x0[i] * v[i]
                c1 += x1[i] * v[i]
                c2 += x2[i] * v[i]
            first[t, j] += c0
            first[t, j + 1] += c1
            first[t, j + 2] += c2


@compiled
def predict(tile: Any, p: Any, m: Any, coef: Any, eta: Any) -> None:
    """eta (m,) gains the rows of a tile (p, m) times coefficients (p,)."""
    for j in range(0, p - p % 4, 4):
        x0, x1, x2, x3 = tile[j], tile[j + 1], tile[j + 2], tile[j + 3]
        c0, c1, c2, c3 = coef[j], coef[j + 1], coef[j + 2], coef[j + 3]
        for i in range(m):
            eta[i] += (c0 * x0[i] + c1 * x1[i]) + (c2 * x2[i] + c3 * x3[i])
    for j in range(p - p % 4, p):
        x, c = tile[j], coef[j]
        for i in range(m):
            eta[i] += c * x[i]


@compiled
def gram(addresses: Any, stride: Any, single: Any, shifts: Any, rows: Any, weight: Any, by: Any, first: Any, second: Any) -> None:
    """first (q + 1, p + 2) gains the columns' inner products with `by`, (q, rows), and the weights (ones, if there are none), and second their own."""
    p, q = len(addresses), len(by)
    step = tile_rows(p)
    tile, scaled, values = np.zeros((p + 2, step + 8)), np.zeros((3, step + 8)), np.ones((q + 1, step + 8))
    for start in range(0, rows, step):
        m = min(step, rows - start)
        load(addresses, stride, single, shifts, start, m, tile)
        for t in range(q):
            values[t, :m] = by[t, start : start + m]
        if len(weight):
            values[q, :m] = weight[start : start + m]
        dots(tile, p, m, values, first)
        products(tile, p, m, weight[start : start + m], scaled, second)


@compiled
def fill(addresses: Any, stride: Any, single: Any, shifts: Any, start: Any, m: Any, tile: Any) -> None:
    """tile (p, m) holds rows from `start` on: for who is not compiled."""
    load(addresses, stride, single, shifts, start, m, tile)


def place(columns: Columns) -> tuple[Any, ...]:
    """Where columns lie, as kernels are told."""
    return columns.addresses, columns.stride, columns.single, columns.shifts, columns.rows


@compiled
def border(first: Any, second: Any, packed: Any) -> None:
    """packed holds the products of [1, columns]: (p + 1,) with the constant, the others from the lower triangle of (p or more, p or more)."""
    p = len(first) - 1
    packed[: p + 1] = first
    at = p + 1
    for j in range(p):
        for k in range(j, p):
            packed[at] = second[k, j]
            at += 1
