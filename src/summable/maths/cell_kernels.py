"""Compiled sums over rows that lie in cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from summable.core.statistic import Array
from summable.maths.compiled import literal


@literal
def count(starts: Any, left: Any, right: Any, weight: Any, packed: Any) -> None:
    """Each row's weight is added where the products of its two features are packed."""
    for i in range(len(left)):
        packed[starts[left[i]] + right[i]] += weight[i]


@literal
def _total(place: Any, weight: Any, sums: Any) -> None:
    """Each row's weight is added to its feature."""
    for i in range(len(place)):
        sums[place[i]] += weight[i]


def totals(place: Any, weight: Array, width: int) -> Array:
    """The sum of the weights at each feature, (width,)."""
    sums = np.zeros(width)
    _total(place, np.ascontiguousarray(weight), sums)
    return sums
