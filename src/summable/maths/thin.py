"""Predictors and inner products, each in one reading of the columns where they lie: no tile is filled, for no number is used twice."""

from __future__ import annotations

from typing import Any

import numpy as np

from summable.maths.compiled import compiled, doubles, floats


@compiled
def _rows_predicted(x: Any, stride: Any, shifts: Any, coef: Any, m: Any, eta: Any) -> None:
    """Row after row, four at a time."""
    p = len(shifts)
    for i in range(0, m - m % 4, 4):
        a, b, c, d = i * stride, (i + 1) * stride, (i + 2) * stride, (i + 3) * stride
        e0 = e1 = e2 = e3 = 0.0
        for j in range(p):
            s, t = shifts[j], coef[j]
            e0 += (x[a + j] - s) * t
            e1 += (x[b + j] - s) * t
            e2 += (x[c + j] - s) * t
            e3 += (x[d + j] - s) * t
        eta[i] += e0
        eta[i + 1] += e1
        eta[i + 2] += e2
        eta[i + 3] += e3
    for i in range(m - m % 4, m):
        a, e0 = i * stride, 0.0
        for j in range(p):
            e0 += (x[a + j] - shifts[j]) * coef[j]
        eta[i] += e0


@compiled
def _rows_dotted(x: Any, stride: Any, shifts: Any, v: Any, m: Any, to: Any) -> None:
    """Row after row, four at a time."""
    p = len(shifts)
    for i in range(0, m - m % 4, 4):
        a, b, c, d = i * stride, (i + 1) * stride, (i + 2) * stride, (i + 3) * stride
        v0, v1, v2, v3 = v[i], v[i + 1], v[i + 2], v[i + 3]
        for j in range(p):
            s = shifts[j]
            to[j] += (v0 * (x[a + j] - s) + v1 * (x[b + j] - s)) + (v2 * (x[c + j] - s) + v3 * (x[d + j] - s))
    for i in range(m - m % 4, m):
        a = i * stride
        for j in range(p):
            to[j] += v[i] * (x[a + j] - shifts[j])


@compiled
def _columns_predicted(x0: Any, x1: Any, x2: Any, x3: Any, shifts: Any, coef: Any, m: Any, eta: Any) -> None:
    """Four columns at a time."""
    s0, s1, s2, s3 = shifts[0], shifts[1], shifts[2], shifts[3]
    c0, c1, c2, c3 = coef[0], coef[1], coef[2], coef[3]
    for i in range(m):
        eta[i] += (c0 * (x0[i] - s0) + c1 * (x1[i] - s1)) + (c2 * (x2[i] - s2) + c3 * (x3[i] - s3))


@compiled
def _column_predicted(x: Any, shift: Any, coef: Any, m: Any, eta: Any) -> None:
    for i in range(m):
        eta[i] += coef * (x[i] - shift)


@compiled
def _columns_dotted(x0: Any, x1: Any, x2: Any, x3: Any, shifts: Any, v: Any, m: Any, to: Any) -> None:
    """Four columns at a time."""
    s0, s1, s2, s3 = shifts[0], shifts[1], shifts[2], shifts[3]
    c0 = c1 = c2 = c3 = 0.0
    for i in range(m):
        t = v[i]
        c0 += (x0[i] - s0) * t
        c1 += (x1[i] - s1) * t
        c2 += (x2[i] - s2) * t
        c3 += (x3[i] - s3) * t
    to[0] += c0
    to[1] += c1
    to[2] += c2
    to[3] += c3


@compiled
def _column_dotted(x: Any, shift: Any, v: Any, m: Any) -> Any:
    total = 0.0
    for i in range(m):
        total += (x[i] - shift) * v[i]
    return total


@compiled
def predict(addresses: Any, stride: Any, single: Any, shifts: Any, start: Any, m: Any, coef: Any, eta: Any) -> None:
    """eta (m,) gains rows from `start` on, less their shifts, times coefficients (p,)."""
    p = len(addresses)
    if p == 0:
        return
    if stride > 1 and single:
        _rows_predicted(floats(addresses[0] + 4 * stride * start), stride, shifts, coef, m, eta)
    elif stride > 1:
        _rows_predicted(doubles(addresses[0] + 8 * stride * start), stride, shifts, coef, m, eta)
    elif single:
        at = addresses + 4 * start
        for j in range(0, p - p % 4, 4):
            _columns_predicted(floats(at[j]), floats(at[j + 1]), floats(at[j + 2]), floats(at[j + 3]), shifts[j:], coef[j:], m, eta)
        for j in range(p - p % 4, p):
            _column_predicted(floats(at[j]), shifts[j], coef[j], m, eta)
    else:
        at = addresses + 8 * start
        for j in range(0, p - p % 4, 4):
            _columns_predicted(doubles(at[j]), doubles(at[j + 1]), doubles(at[j + 2]), doubles(at[j + 3]), shifts[j:], coef[j:], m, eta)
        for j in range(p - p % 4, p):
            _column_predicted(doubles(at[j]), shifts[j], coef[j], m, eta)


@compiled
def dot(addresses: Any, stride: Any, single: Any, shifts: Any, start: Any, m: Any, v: Any, to: Any) -> None:
    """to (p,) gains the inner products of rows from `start` on, less their shifts, with v (m,)."""
    p = len(addresses)
    if p == 0:
        return
    if stride > 1 and single:
        _rows_dotted(floats(addresses[0] + 4 * stride * start), stride, shifts, v, m, to)
    elif stride > 1:
        _rows_dotted(doubles(addresses[0] + 8 * stride * start), stride, shifts, v, m, to)
    elif single:
        at = addresses + 4 * start
        for j in range(0, p - p % 4, 4):
            _columns_dotted(floats(at[j]), floats(at[j + 1]), floats(at[j + 2]), floats(at[j + 3]), shifts[j:], v, m, to[j:])
        for j in range(p - p % 4, p):
            to[j] += _column_dotted(floats(at[j]), shifts[j], v, m)
    else:
        at = addresses + 8 * start
        for j in range(0, p - p % 4, 4):
            _columns_dotted(doubles(at[j]), doubles(at[j + 1]), doubles(at[j + 2]), doubles(at[j + 3]), shifts[j:], v, m, to[j:])
        for j in range(p - p % 4, p):
            to[j] += _column_dotted(doubles(at[j]), shifts[j], v, m)


@compiled
def by_rows(panel: Any, by: Any, first: Any) -> None:
    """first (q, p) gains the inner products of the columns of a panel (m, p) with `by`, (q, m)."""
    m, p = panel.shape
    part = np.empty(p)
    for t in range(len(by)):
        part[:] = 0.0
        for i in range(0, m - m % 4, 4):
            x0, x1, x2, x3 = panel[i], panel[i + 1], panel[i + 2], panel[i + 3]
            v0, v1, v2, v3 = by[t, i], by[t, i + 1], by[t, i + 2], by[t, i + 3]
            for j in range(p):
                part[j] += (v0 * x0[j] + v1 * x1[j]) + (v2 * x2[j] + v3 * x3[j])
        for i in range(m - m % 4, m):
            for j in range(p):
                part[j] += by[t, i] * panel[i, j]
        first[t] += part


@compiled
def by_columns(tile: Any, by: Any, first: Any) -> None:
    """The same of a tile (p, m)."""
    p, m = tile.shape
    for t in range(len(by)):
        v = by[t]
        for j in range(0, p - p % 4, 4):
            x0, x1, x2, x3 = tile[j], tile[j + 1], tile[j + 2], tile[j + 3]
            c0 = c1 = c2 = c3 = 0.0
            for i in range(m):
                c0 += x0[i] * v[i]
                c1 += x1[i] * v[i]
                c2 += x2[i] * v[i]
                c3 += x3[i] * v[i]
            first[t, j] += c0
            first[t, j + 1] += c1
            first[t, j + 2] += c2
            first[t, j + 3] += c3
        for j in range(p - p % 4, p):
            x0, c0 = tile[j], 0.0
            for i in range(m):
                c0 += x0[i] * v[i]
            first[t, j] += c0
