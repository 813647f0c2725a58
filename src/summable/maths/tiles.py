"""Products of columns, tile by tile: rows in cache, less their shifts, as contiguous float64 columns.

What Arrow decoded is read where it lies, a matrix by rows is turned on the way. A tile's products are taken in square blocks of as many columns
as there are registers for the sums, five by five with AVX-512 and three by three with AVX2; on the diagonal, in triangles. BLAS would want rows
less their shifts, and times their weights, written out. While products are taken, rows of later tiles are fetched.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from summable.core.rows import Columns
from summable.core.statistic import Array
from summable.maths.compiled import compiled, numbers
from summable.maths.vectors import LANES, SIDE, block, corner, turn

ROWS = 256  # of a tile: enough for a register sum, few enough for a block's columns in two thirds of a first-level cache
AHEAD = 3 * ROWS  # rows by which memory is asked before a tile: with less, where columns lie far apart, their pages are not looked up in time
SPARE = 8  # numbers between columns, which would else all begin on the same lines of a cache
LEFT = 24 // SIDE * SIDE  # columns that are met by all others one after another, while they stay in the second-level cache


class Place(NamedTuple):
    """Where columns lie, as kernels are told; they are compiled anew for each type of number."""

    addresses: Any  # (p,) of each column's first number
    stride: int  # numbers from one row to the next
    like: Any  # zero, of the type that the numbers have
    shifts: Array  # (p,)


def place(columns: Columns) -> Place:
    """Where columns lie."""
    return Place(columns.addresses, columns.stride, np.float32(0) if columns.single else 0.0, columns.shifts)


@compiled
def column(at: Any, j: Any, start: Any) -> Any:
    """A column's numbers, a stride apart, from a row on."""
    return numbers(at.addresses[j], at.stride * start, at.like)


@compiled
def _copied(x: Any, shift: Any, m: Any, to: Any) -> None:
    """A contiguous column, less its shift."""
    for i in range(m):
        to[i] = x[i] - shift


@compiled
def _gathered(x: Any, stride: Any, shift: Any, m: Any, to: Any) -> None:
    """A column of rows that lie apart."""
    for i in range(m):
        to[i] = x[i * stride] - shift


@compiled
def _turned(at: Any, start: Any, m: Any, tile: Any) -> None:
    """Four columns at a time, and LANES of their rows; the last ones of either may be met twice."""
    p, wide, most = len(at.addresses), tile.shape[1], m - m % LANES
    for j in range(0, p, 4):
        first = min(j, p - 4)
        shifts = numbers(at.shifts.ctypes.data, first, 0.0)
        turn(column(at, first, start), at.stride, most, shifts, numbers(tile.ctypes.data, wide * first, 0.0), wide)
        if most < m:
            turn(column(at, first, start + m - LANES), at.stride, LANES, shifts, numbers(tile.ctypes.data, wide * first + m - LANES, 0.0), wide)


@compiled
def load(at: Any, start: Any, m: Any, tile: Any) -> None:
    """tile (p, m) holds rows from `start` on, less their shifts, and after the last of few rows zeros."""
    p = len(at.addresses)
    if m < ROWS:
        tile[:, m:] = 0.0
    if at.stride > 1 and p >= 4 and m >= LANES:
        _turned(at, start, m, tile)
    elif at.stride > 1:
        for j in range(p):
            _gathered(column(at, j, start), at.stride, at.shifts[j], m, tile[j])
    else:
        for j in range(p):
            _copied(column(at, j, start), at.shifts[j], m, tile[j])


@compiled
def room(columns: Any) -> Any:
    """An empty tile: zeros after the last row and column, as many as a block may read on."""
    return np.zeros((columns + SIDE - 1, ROWS + SPARE))


@compiled
def sums(columns: Any, others: Any) -> Any:
    """Room for the products of so many columns with others, as many of these as blocks may add on."""
    return np.zeros((columns, others + LANES - 1))


@compiled
def _soon(at: Any, start: Any, share: Any, tile: Any) -> Any:
    """Where a share of a later tile's rows lies, of as many as there are columns; if there is none, what is in cache already: a tile's address."""
    if share >= len(at.addresses):
        return numbers(tile, 0, at.like)
    return numbers(at.addresses[0], at.stride * start + ROWS * share, at.like) if at.stride > 1 else column(at, share, start)


@compiled
def dots(tile: Any, p: Any, m: Any, by: Any, q: Any, first: Any, at: Any, after: Any) -> Any:
    """first, `sums` of q by p, gains the inner products of q others, a tile too, with a tile; rows from `after` on are fetched meanwhile.

    Gives the share of these that has been.
    """
    wide, apart, share = tile.shape[1], first.shape[1], 0
    columns, others, found = tile.ctypes.data, by.ctypes.data, first.ctypes.data
    for t in range(0, q, SIDE):
        left, tall = numbers(others, t * wide, 0.0), min(SIDE, q - t)
        for j in range(0, p, SIDE):
            soon, later = _soon(at, after, share, columns), _soon(at, after, share + 1, columns)
            block(left, tall, numbers(columns, j * wide, 0.0), wide, m, numbers(found, t * apart + j, 0.0), apart, soon, later)
            share += 2
    return share


@compiled
def products(tile: Any, p: Any, m: Any, weight: Any, scaled: Any, second: Any, at: Any, after: Any, share: Any) -> None:
    """The lower triangle of second, `sums` of p by p, gains the products of a tile, times the weights (m,) if there are any; `scaled` is room for
    LEFT. Rows from `after` on are fetched from the share on that has not been yet.
    """
    wide, apart = tile.shape[1], second.shape[1]
    columns, lefts, found = tile.ctypes.data, scaled.ctypes.data, second.ctypes.data  # addresses: arrays would be counted at every block
    for start in range(0, p, LEFT):
        end = min(start + LEFT, p)
        if len(weight):
            for j in range(start, end):
                x, to = tile[j], scaled[j - start]
                for i in range(m):
                    to[i] = x[i] * weight[i]
        for k in range(0, end, SIDE):
            right = numbers(columns, k * wide, 0.0)
            for j in range(max(start, k), end, SIDE):
                soon, later = _soon(at, after, share, columns), _soon(at, after, share + 1, columns)
                left = numbers(lefts, (j - start) * wide, 0.0) if len(weight) else numbers(columns, j * wide, 0.0)
                tall, to = min(SIDE, p - j), numbers(found, j * apart + k, 0.0)
                if j > k:
                    block(left, tall, right, wide, m, to, apart, soon, later)
                else:
                    corner(left, tall, right, wide, m, to, apart, soon, later)
                share += 2


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
def _besides(others: Any, start: Any, m: Any, weight: Any, squares: Any, values: Any) -> None:
    """values (q + 1, m) are the others less their shifts, times the weights if their squares (q,) are to gain; and the weights."""
    q = len(others.addresses)
    if len(weight):
        values[q, :m] = weight[start : start + m]
    for t in range(q):
        to = values[t]
        _gathered(column(others, t, start), others.stride, others.shifts[t], m, to)
        if len(squares):
            total = 0.0
            for i in range(m):
                left = to[i]
                to[i] = left * values[q, i]
                total += left * to[i]
            squares[t] += total


@compiled
def gram(at: Any, rows: Any, weight: Any, others: Any, squares: Any, ends: Any, first: Any, second: Any) -> None:
    """ends (q + 1,) and first, `sums` of q + 1 by p, gain the products of the constant and of the columns with q others and with the weights (ones, if
    there are none), second the columns' own; squares (q,) the others' own. Where squares are (0,), others are not to be weighed.
    """
    p, q = len(at.addresses), len(others.addresses)
    tile, scaled, values = room(p), room(LEFT), room(q + 1)
    values[q] = 1.0
    for start in range(0, rows, ROWS):
        m = min(ROWS, rows - start)
        load(at, start, m, tile)
        _besides(others, start, m, weight, squares, values)
        for t in range(q + 1):
            ends[t] += values[t, :m].sum()
        share = dots(tile, p, m, values, q + 1, first, at, start + AHEAD)
        products(tile, p, m, weight[start : start + m], scaled, second, at, start + AHEAD, share)


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
