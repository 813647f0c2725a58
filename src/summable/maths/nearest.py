"""Sums over the rows nearest each of some centres, in one reading of the rows where they lie: scores, choice and sums of a tile in cache."""

from __future__ import annotations

from typing import Any

import numpy as np

from summable.core.rows import Columns
from summable.core.statistic import Array
from summable.maths.compiled import compiled, numbers
from summable.maths.tiles import ROWS, column, load, place, room
from summable.maths.vectors import CENTRES, claim


@compiled
def _choose(tile: Any, p: Any, m: Any, away: Any, near: Any, held: Any, chosen: Any, soon: Any) -> None:
    """Of the rows of a tile (p, m), the first centre that no later one is nearer than; meanwhile the next are fetched from `soon` on."""
    held[:m] = np.inf
    chosen[:m] = 0
    rows = numbers(tile.ctypes.data, 0, 0.0)
    for c in range(0, len(away), CENTRES):
        few = numbers(away.ctypes.data, c * (p + 1), 0.0)
        claim(rows, tile.shape[1], p, m, few, near, c, numbers(held.ctypes.data, 0, 0.0), numbers(chosen.ctypes.data, 0, 0), soon)


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
    tile, held = room(p), np.zeros(ROWS)
    chosen, w, square = np.zeros(ROWS, np.int64), np.full(ROWS, weight[0]), np.zeros(ROWS)
    for start in range(0, rows, ROWS):
        m = min(ROWS, rows - start)
        load(at, start, m, tile)
        if len(weight) > 1:
            w[:m] = weight[start : start + m]
        soon = column(at, 0, start + ROWS) if at.stride > 1 else numbers(tile.ctypes.data, 0, at.like)
        _choose(tile, p, m, away, near, held, chosen, soon)
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
    away = np.zeros((-(-k // CENTRES) * CENTRES, p + 1))
    away[:, 0] = np.inf  # of what is no centre: nothing is nearer to it
    away[:k] = np.column_stack([np.square(centres).sum(axis=1), -2 * centres[:, 1:]])
    weights, firsts, costs = np.zeros(k), np.zeros((k, p)), np.zeros(k if with_costs else 0)
    one = np.ascontiguousarray(np.atleast_1d(weight), np.float64)
    _nearest(place(columns), columns.rows, away, np.ascontiguousarray(centres[:, 1:].T), near, one, weights, firsts, costs)
    return weights, np.column_stack([weights, firsts]), costs
