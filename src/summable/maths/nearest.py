"""Sums over the rows nearest each of some centres, in one reading of the rows where they lie: scores, choice and sums of a tile in cache."""

from __future__ import annotations

from typing import Any

import numpy as np

from summable.core.rows import Columns
from summable.core.statistic import Array
from summable.maths.compiled import compiled
from summable.maths.tiles import load, place, predict, tile_rows


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
def _choose(scores: Any, near: Any, m: Any, least: Any, chosen: Any) -> None:
    """The first centre of each row whose score is hardly more than the least."""
    centres = len(scores)
    for i in range(m):
        least[i] = scores[0, i]
    for c in range(1, centres):
        one = scores[c]
        for i in range(m):
            least[i] = min(least[i], one[i])
    for i in range(m):
        least[i] += near
    for c in range(centres - 1, -1, -1):
        one = scores[c]
        for i in range(m):
            chosen[i] = c if one[i] <= least[i] else chosen[i]


@compiled
def _nearest(
    addresses: Any, stride: Any, single: Any, shifts: Any, rows: Any, away: Any, centres: Any, near: Any, weight: Any,
    weights: Any, firsts: Any, costs: Any,
) -> None:  # fmt: skip
    """weights (k,) gain those of the rows nearest each centre, firsts (p, k) their sums, costs (k,), if there are any, their squared distances."""
    p, k = len(addresses), len(away)
    step = tile_rows(p + k)
    tile, scores, least = np.zeros((p, step + 8)), np.zeros((k, step + 8)), np.zeros(step + 8)
    chosen, w, square = np.zeros(step + 8, np.int64), np.full(step + 8, weight[0]), np.zeros(step + 8)
    for start in range(0, rows, step):
        m = min(step, rows - start)
        load(addresses, stride, single, shifts, start, m, tile)
        if len(weight) > 1:
            w[:m] = weight[start : start + m]
        for c in range(k):
            scores[c, :m] = away[c, 0]
        for c in range(0, k - 1, 2):
            _score_two(tile, p, m, away[c, 1:], away[c + 1, 1:], scores[c], scores[c + 1])
        if k % 2:
            predict(tile, p, m, away[k - 1, 1:], scores[k - 1])
        _choose(scores, near, m, least, chosen)
        for i in range(m):
            weights[chosen[i]] += w[i]
        for j in range(p):
            x, to = tile[j], firsts[j]
            for i in range(m):
                to[chosen[i]] += w[i] * x[i]
        if len(costs):
            square[:m] = 0.0
            for j in range(p):
                x, at = tile[j], centres[j]
                for i in range(m):
                    square[i] += (x[i] - at[chosen[i]]) ** 2
            for i in range(m):
                costs[chosen[i]] += w[i] * square[i]


def nearest(columns: Columns, centres: Array, near: float, weight: Array | float, with_costs: bool) -> tuple[Array, Array, Array]:
    """Σ w, (k,), and Σ w [1, x], (k, p + 1), over the rows nearest each centre, (k, p + 1); and Σ w d², (k,) or (0,).

    Squared distances that differ by no more than `near` are equal, and the first centre has the row.
    """
    k, p = len(centres), len(columns.shifts)
    away = np.ascontiguousarray(np.column_stack([np.square(centres).sum(axis=1), -2 * centres[:, 1:]]))
    weights, firsts, costs = np.zeros(k), np.zeros((p, k)), np.zeros(k if with_costs else 0)
    one = np.ascontiguousarray(np.atleast_1d(weight), np.float64)
    _nearest(*place(columns), away, np.ascontiguousarray(centres[:, 1:].T), near, one, weights, firsts, costs)
    return weights, np.column_stack([weights, firsts.T]), costs
