"""Moments of rows by the group that each is in.

Small blocks are counted column by column; of large ones, compiled loops read the rows once, whatever the number of groups.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from summable.core.rows import Groups
from summable.core.statistic import Array
from summable.maths import linalg

PIECE = 2**18  # numbers that are subtracted from at once, in a cache
COMPILED = 2**13  # rows from which a compiled loop is worth its start


def moment(order: int, x: Any, weight: Any, by: Groups) -> Array:
    """Σ weightᵢ (xᵢ − about)^⊗order of each group: (groups,) or (groups, q), (groups, width), or packed (groups, width(width+1)/2); x is (rows, width).

    Where features are not crossed, order 2 is (groups, width).
    """
    if order == 0:
        return _zeroth(weight, by)
    if order == 1:
        return _sums(x, by.about, weight, by.codes)
    return _second(x, weight, by) if by.crossed else _sums(x, by.about, weight, by.codes, squared=True)


def smallest(scores: Array, near: float = 0.0) -> NDArray[np.int64]:
    """The position of the least number in each row, (rows,); a later one must be less by more than `near`."""
    if len(scores) >= COMPILED:
        from summable.maths import grouped_kernels

        return grouped_kernels.smallest(scores, near)
    held, found = scores[:, 0].copy(), np.zeros(len(scores), np.int64)
    for position, one in enumerate(scores.T[1:], 1):
        less = one < held - near
        held, found = np.where(less, one, held), np.where(less, position, found)
    return found


def _zeroth(weight: Any, by: Groups) -> Array:
    groups = len(by.about)
    if np.ndim(weight) == 0:
        return np.asarray(float(weight) * np.bincount(by.codes, minlength=groups))
    if np.ndim(weight) == 1:
        return np.asarray(np.bincount(by.codes, weight, minlength=groups), np.float64)
    return _sums(weight, np.zeros((groups, weight.shape[1])), np.float64(1.0), by.codes)


def _sums(x: Any, about: Array, weight: Any, codes: Any, *, squared: bool = False) -> Array:
    """Σ weightᵢ (xᵢ − about) of each group, or of the squares, (groups, width)."""
    by_rows = x.strides[-1] == x.itemsize
    if len(about) == 1 and (len(x) < COMPILED or not by_rows):
        return _alone(x, about[0], np.broadcast_to(weight, len(x)), squared)[None]
    if len(x) < COMPILED:
        away = x - about[codes]
        scaled = ((away * away if squared else away).T * weight).T
        return np.array([np.bincount(codes, column, len(about)) for column in scaled.T], np.float64).reshape(-1, len(about)).T
    from summable.maths import grouped_kernels

    return (grouped_kernels.squares if squared else grouped_kernels.sums)(x, about, weight, codes)


def _alone(x: Any, about: Array, weights: Array, squared: bool) -> Array:
    """The same where all rows are in one group: piece by piece, so that there is never a copy of all."""
    total, rows = np.zeros(x.shape[1]), max(1, PIECE // max(1, x.shape[1]))
    for start in range(0, len(x), rows):
        away = x[start : start + rows] - about
        total += weights[start : start + rows] @ (away * away if squared else away)
    return total


def _second(x: Any, weight: Any, by: Groups) -> Array:
    """The rows are put in the order of their groups, each of which is then a matrix of its own."""
    groups = len(by.about)
    if groups == 1:
        return linalg.gram((x - by.about[0]).T, weight)[None]
    order = np.argsort(by.codes.astype(np.min_scalar_type(groups)), kind="stable")  # by counting, where the codes are short
    ends = np.cumsum(np.bincount(by.codes, minlength=groups)).tolist()
    weights = weight if np.ndim(weight) == 0 else weight[order]
    found = np.empty((groups, linalg.packed_size(x.shape[1])))
    for group, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        away = np.ascontiguousarray(x[order[start:end]] - by.about[group])
        found[group] = linalg.gram(away.T, weights if np.ndim(weight) == 0 else weights[start:end])
    return found
