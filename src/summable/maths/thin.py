"""Predictors and inner products, each in one reading of the columns where they lie: no tile is filled, for no number is used twice."""

from __future__ import annotations

from typing import Any

import numpy as np

from summable.maths.compiled import compiled, numbers
from summable.maths.tiles import column
from summable.maths.vectors import LANES, dotted, fetch, predicted

HELD = 2**15  # numbers of the rows that are met twice, for their predictors and for their products: half of a second-level cache


@compiled
def rows_at_once(p: Any) -> Any:
    """Rows at a time, of so many columns: few are added in one row."""
    return max(128, min(512, HELD // max(p, 1)))


@compiled
def _first(values: Any, start: Any) -> Any:
    """The numbers of a contiguous array of float64 from one on."""
    return numbers(values.ctypes.data, start, 0.0)


@compiled
def _rows_predicted(at: Any, start: Any, m: Any, coef: Any, eta: Any) -> None:
    """LANES rows at a time, while half of the rows after these m are fetched."""
    p = len(at.addresses)
    most, last = m - m % LANES if p >= LANES else 0, np.zeros(LANES)
    for j in range(p - p % LANES, p if most else 0):
        last[j - p] = coef[j]
    for i in range(0, most, LANES):
        x, soon = column(at, 0, start + i), column(at, 0, start + m + i)
        predicted(x, at.stride, _first(at.shifts, 0), _first(coef, 0), _first(last, 0), p, _first(eta, i), soon)
    for i in range(most, m):
        x, found = column(at, 0, start + i), 0.0
        for j in range(p):
            found += (x[j] - at.shifts[j]) * coef[j]
        eta[i] += found


@compiled
def _rows_dotted(at: Any, start: Any, m: Any, v: Any, to: Any) -> None:
    """LANES rows at a time, while the other half of the rows after these m are fetched."""
    p = len(at.addresses)
    most, last = m - m % LANES if p >= LANES else 0, np.zeros(LANES)
    for i in range(0, most, LANES):
        x, soon = column(at, 0, start + i), column(at, 0, start + m + i + LANES // 2)
        dotted(x, at.stride, _first(at.shifts, 0), _first(v, i), p, _first(to, 0), _first(last, 0), soon)
    for j in range(p - p % LANES, p if most else 0):
        to[j] += last[j - p]
    for i in range(most, m):
        x = column(at, 0, start + i)
        for j in range(p):
            to[j] += v[i] * (x[j] - at.shifts[j])


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
def predict(at: Any, start: Any, m: Any, coef: Any, eta: Any) -> None:
    """eta (m,) gains rows from `start` on, less their shifts, times coefficients (p,); as many after them are fetched meanwhile."""
    p, shifts = len(at.addresses), at.shifts
    if p > 0 and at.stride > 1:
        _rows_predicted(at, start, m, coef, eta)
        return
    for j in range(0, p - p % 4, 4):
        for k in range(j, j + 4):
            fetch(column(at, k, start + m), m)
        x0, x1, x2, x3 = column(at, j, start), column(at, j + 1, start), column(at, j + 2, start), column(at, j + 3, start)
        _columns_predicted(x0, x1, x2, x3, shifts[j:], coef[j:], m, eta)
    for j in range(p - p % 4, p):
        _column_predicted(column(at, j, start), shifts[j], coef[j], m, eta)


@compiled
def dot(at: Any, start: Any, m: Any, v: Any, to: Any) -> None:
    """to (p,) gains the inner products of rows from `start` on, less their shifts, with v (m,)."""
    p, shifts = len(at.addresses), at.shifts
    if p > 0 and at.stride > 1:
        _rows_dotted(at, start, m, v, to)
        return
    for j in range(0, p - p % 4, 4):
        x0, x1, x2, x3 = column(at, j, start), column(at, j + 1, start), column(at, j + 2, start), column(at, j + 3, start)
        _columns_dotted(x0, x1, x2, x3, shifts[j:], v, m, to[j:])
    for j in range(p - p % 4, p):
        to[j] += _column_dotted(column(at, j, start), shifts[j], v, m)


@compiled
def predictors(at: Any, rows: Any, coef: Any, eta: Any) -> None:
    """eta (q, rows) gains the columns times coefficients, (q, p); both contiguous."""
    step = rows_at_once(len(at.addresses))
    for start in range(0, rows, step):
        m = min(step, rows - start)
        for t in range(len(coef)):
            predict(at, start, m, coef[t], eta[t, start : start + m])


@compiled
def dots(at: Any, rows: Any, by: Any, first: Any) -> None:
    """first (q, p) gains the columns' inner products with `by`, (q, rows), contiguous."""
    step, part = rows_at_once(len(at.addresses)), np.empty(len(at.addresses))
    for start in range(0, rows, step):
        m = min(step, rows - start)
        for t in range(len(by)):
            part[:] = 0.0
            dot(at, start, m, by[t, start : start + m], part)
            first[t] += part
