"""Moments of rows of few numbers each: some features as columns, and of each term of categories the one feature in which a row's number lies.

The products of a category's features are group sums, those of two categories' a table of counts: the work grows with the rows and not
with the levels. Small blocks are summed by NumPy; of large ones, compiled loops read the rows once for every pair of terms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from summable.core.statistic import Array
from summable.maths import linalg
from summable.maths.grouped import COMPILED


@dataclass(frozen=True, eq=False)
class Cells:
    """The features of some rows, most of which are zero."""

    width: int
    columns: Array  # (dense, rows) features that are written out
    positions: NDArray[np.int64]  # (dense,) theirs among the features
    places: NDArray[np.int32]  # (terms, rows) the feature of each term that is not zero
    values: tuple[Array | None, ...]  # of each term, (rows,) its number there; None for ones

    @property
    def rows(self) -> int:
        """How many."""
        return int(self.places.shape[1])


def project(cells: Cells, coef: Array) -> Array:
    """x·coef for coef (width,) or (width, q): (rows,) or (rows, q)."""
    eta = np.asarray(coef[cells.positions].T @ cells.columns).T
    for place, value in _terms(cells):
        eta = eta + (coef[place].T if value is None else coef[place].T * value).T
    return eta


def moment(cells: Cells, order: int, weight: Array | float) -> Array:
    """Σ weightᵢ xᵢ^⊗order, order 1 or 2: (width,), or (width, q) of q weights; or packed (width(width+1)/2,)."""
    weights = np.broadcast_to(weight, (cells.rows, *np.shape(weight)[1:]))
    return _second(cells, weights) if order == 2 else _first(cells, weights)


def _first(cells: Cells, weight: Array) -> Array:
    if weight.ndim == 2:
        return np.stack([_first(cells, each) for each in weight.T], axis=1) if weight.shape[1] else np.zeros((cells.width, 0))
    found = np.zeros(cells.width)
    found[cells.positions] = cells.columns @ weight
    for place, value in _terms(cells):
        found += _totals(place, _times(weight, value), cells.width)
    return found


def _second(cells: Cells, weight: Array) -> Array:
    packed, starts = np.zeros(linalg.packed_size(cells.width)), _starts(cells.width)
    low, high = (cells.positions[among] for among in np.triu_indices(len(cells.positions)))
    packed[starts[low] + high] = linalg.gram(cells.columns, weight)
    every = np.arange(cells.width)
    for place, value in _terms(cells):
        weighed = _times(weight, value)
        packed[starts + every] += _totals(place, _times(weighed, value), cells.width)
        for position, column in zip(cells.positions, cells.columns, strict=True):
            packed[starts[np.minimum(position, every)] + np.maximum(position, every)] += _totals(place, weighed * column, cells.width)
    for (left, one), (right, other) in combinations(_terms(cells), 2):
        _count(starts, left, right, _times(_times(weight, one), other), packed)
    return packed


def _terms(cells: Cells) -> Iterator[tuple[NDArray[np.int32], Array | None]]:
    return zip(cells.places, cells.values, strict=True)


def _times(weight: Array, value: Array | None) -> Array:
    return weight if value is None else weight * value


def _starts(width: int) -> NDArray[np.int64]:
    """What is added to the greater of two features, to find their product in a packed matrix, by the lesser."""
    lesser = np.arange(width, dtype=np.int64)
    return lesser * width - lesser * (lesser + 1) // 2


def _totals(place: NDArray[np.int32], weight: Array, width: int) -> Array:
    """The sum of the weights at each feature, (width,)."""
    if len(place) < COMPILED:
        return np.asarray(np.bincount(place, weight, minlength=width), np.float64)
    from summable.maths import cell_kernels

    return cell_kernels.totals(place, weight, width)


def _count(starts: NDArray[np.int64], left: Any, right: Any, weight: Array, packed: Array) -> None:
    """The products of two features, the first of which is never after the second, gain the weights of the rows in both."""
    if len(left) < COMPILED:
        np.add.at(packed, starts[left] + right, weight)
        return
    from summable.maths import cell_kernels

    cell_kernels.count(starts, left, right, np.ascontiguousarray(weight), packed)
