"""Sums over the rows nearest each of some centres, in one reading of the rows where they lie: scores, choice and sums of a tile in cache."""

from __future__ import annotations

from typing import Any

import numpy as np

from summable.core.rows import Columns
from summable.core.statistic import Array
from summable.maths.compiled import compiled
from summable.maths.tiles import ROWS, column, load, place, predict, room


@compiled
def _score_two(tile: Any, p: Any, m: Any, one: Any, other: Any, left: Any, right: Any) -> None:
    """left and right (m,) gain the rows of a tile (p, m) times coefficients (p,) of two centres, so that every number is fetched once for both."""
    for j in range(0, p - p % 4, 4):
        x0, x1, x2, x3 = tile[j], tile[j + 1], tile[j + 2], tile[j + 3]
        a0, a1, a2, a3 = one[j], one[j + 1], one[j + 2], one[j + 3]
        b0, b1, b2, b3 = other[j], other[j + 1], other[j + 2], other[j + 3]
        for i in range(m):
            y0, y1, y2, y3 = x0[i], x1[i], x2[i], x3[i]
            left[i] += (a0 * y0 + a1 * y1) + (a2 * y2 + a3 * y3)
            right[i] += (b0 * y0 + b1 * y1) + (b2 * y2 + b3 * y3)
    for j in range(p - p % 4, p):
        x, a, b = tile[j], one[j], other[j]
        for i in range(m):
            left[i] += a * x[i]
            right[i] += b * x[i]


@compiled
def _claim_two(left: Any, right: Any, near: Any, m: Any, centre: Any, held: Any, chosen: Any) -> None:
    """A centre, and then the next, has those rows of m whose score is less than the held one by more than `near`."""
    for i in range(m):
        least, at = held[i], chosen[i]
        nearer = left[i] < least - near
        least = left[i] if nearer else least
        at = centre if nearer else at
        nearer = right[i] < least - near
        held[i] = right[i] if nearer else least
        chosen[i] = centre + 1 if nearer else at


@compiled
def _choose(tile: Any, p: Any, m: Any, away: Any, near: Any, left: Any, right: Any, held: Any, chosen: Any) -> None:
    """Of the rows of a tile (p, m), the first centre that no later one is nearer than."""
    k = len(away)
    held[:m] = np.inf
    chosen[:m] = 0
    for c in range(0, k - 1, 2):
        left[:m] = away[c, 0]
        right[:m] = away[c + 1, 0]
        _score_two(tile, p, m, away[c, 1:], away[c + 1, 1:], left, right)
        _claim_two(left, right, near, m, c, held, chosen)
    if k % 2:
        left[:m] = away[k - 1, 0]
        right[:m] = np.inf
        predict(tile, p, m, away[k - 1, 1:], left)
        _claim_two(left, right, near, m, k - 1, held, chosen)


@compiled
def _put_rows(x: Any, stride: Any, shifts: Any, m: Any, chosen: Any, w: Any, firsts: Any) -> None:
    """firsts (k, p) gain rows that lie one after another, each at its centre."""
    p = len(shifts)
    for i in range(m):
        to, at, heavy = firsts[chosen[i]], i * stride, w[i]
        for j in range(p):
            to[j] += heavy * (x[at + j] - shifts[j])


@compiled
def _put_columns(tile: Any, p: Any, m: Any, chosen: Any, w: Any, firsts: Any) -> None:
    """The same of a tile (p, m)."""
    for j in range(p):
        x = tile[j]
        for i in range(m):
            firsts[chosen[i], j] += w[i] * x[i]


@compiled
def _nearest(at: Any, rows: Any, away: Any, centres: Any, near: Any, weight: Any, weights: Any, firsts: Any, costs: Any) -> None:
    """weights (k,) gain those of the rows nearest each centre, firsts (k, p) their sums, costs (k,), if there are any, their squared distances."""
    p = len(at.addresses)
    tile, left, right, held = room(p), np.zeros(ROWS), np.zeros(ROWS), np.zeros(ROWS)
    chosen, w, square = np.zeros(ROWS, np.int64), np.full(ROWS, weight[0]), np.zeros(ROWS)
    for start in range(0, rows, ROWS):
        m = min(ROWS, rows - start)
        load(at, start, m, tile)
        if len(weight) > 1:
            w[:m] = weight[start : start + m]
        _choose(tile, p, m, away, near, left, right, held, chosen)
        for i in range(m):
            weights[chosen[i]] += w[i]
        if at.stride > 1:
            _put_rows(column(at, 0, start), at.stride, at.shifts, m, chosen, w, firsts)
        else:
            _put_columns(tile, p, m, chosen, w, firsts)
        if len(costs):
            square[:m] = 0.0
            for j in range(p):
                x, centre = tile[j], centres[j]
                for i in range(m):
                    square[i] += (x[i] - centre[chosen[i]]) ** 2
            for i in range(m):
                costs[chosen[i]] += w[i] * square[i]


def nearest(columns: Columns, centres: Array, near: float, weight: Array | float, with_costs: bool) -> tuple[Array, Array, Array]:
    """Σ w, (k,), and Σ w [1, x], (k, p + 1), over the rows nearest each centre, (k, p + 1); and Σ w d², (k,) or (0,).

    A later centre has a row only if its squared distance is less by more than `near`.
    """
    k, p = len(centres), len(columns.shifts)
    away = np.ascontiguousarray(np.column_stack([np.square(centres).sum(axis=1), -2 * centres[:, 1:]]))
    weights, firsts, costs = np.zeros(k), np.zeros((k, p)), np.zeros(k if with_costs else 0)
    one = np.ascontiguousarray(np.atleast_1d(weight), np.float64)
    _nearest(place(columns), columns.rows, away, np.ascontiguousarray(centres[:, 1:].T), near, one, weights, firsts, costs)
    return weights, np.column_stack([weights, firsts]), costs
