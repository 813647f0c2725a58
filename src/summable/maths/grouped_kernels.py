"""Compiled sums over rows that are in groups."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from summable.core.statistic import Array
from summable.maths.compiled import literal


@literal
def _add(x: Any, about: Any, weight: Any, codes: Any, total: Any) -> None:
    """Each row, less its group's point and times its weight, is added to its group's row of the total; a weight for all, if there is one."""
    rows, width = x.shape
    alone = len(weight) == 1
    for i in range(rows):
        group = codes[i]
        factor = weight[0] if alone else weight[i]
        for j in range(width):
            total[group, j] += factor * (x[i, j] - about[group, j])


@literal
def _add_squares(x: Any, about: Any, weight: Any, codes: Any, total: Any) -> None:
    """The same of the squares."""
    rows, width = x.shape
    alone = len(weight) == 1
    for i in range(rows):
        group = codes[i]
        factor = weight[0] if alone else weight[i]
        for j in range(width):
            away = x[i, j] - about[group, j]
            total[group, j] += factor * away * away


def squares(x: Any, about: Array, weight: Any, codes: Any) -> Array:
    """Σ weightᵢ (xᵢ − about)² of each feature in each group, (groups, width)."""
    total = np.zeros(about.shape)
    _add_squares(x, np.ascontiguousarray(about), np.atleast_1d(np.asarray(weight, np.float64)), codes, total)
    return total


@literal
def _smallest(scores: Any, near: float, found: Any) -> None:
    """The position of the least number in each row; a later one must be less by more than `near`."""
    rows, width = scores.shape
    for i in range(rows):
        at = 0
        for j in range(1, width):
            if scores[i, j] < scores[i, at] - near:
                at = j
        found[i] = at


def smallest(scores: Array, near: float) -> NDArray[np.int64]:
    """The position of the least number in each row, (rows,); a later one must be less by more than `near`."""
    found = np.empty(len(scores), np.int64)
    _smallest(scores, near, found)
    return found


def sums(x: Any, about: Array, weight: Any, codes: Any) -> Array:
    """Σ weightᵢ (xᵢ − about) of each group, (groups, width)."""
    total = np.zeros(about.shape)
    _add(x, np.ascontiguousarray(about), np.atleast_1d(np.asarray(weight, np.float64)), codes, total)
    return total
