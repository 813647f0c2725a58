"""A matrix of numbers, dense or sparse, with targets and weights beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from summable.core.design import NEUTRAL, Block, Constant, Design
from summable.core.errors import Unsupported
from summable.core.rows import Columns, Groups, Rows
from summable.core.sample import Keys, Sampled, chosen, keys
from summable.core.statistic import Array, Label
from summable.maths import grouped, linalg
from summable.sources import encode
from summable.sources.encode import BLOCK

SHARD = 2**23  # numbers in a shard: enough work to keep a core busy for milliseconds, few enough to share out evenly
DENSE = 2**22  # numbers in a block whose features kernels cut to the cache themselves: Python's share of its time is then small
MANY = 16  # rows of a block for every feature, at least: packing the sums of a block is then little beside taking them
COPIED = 2**19  # numbers of a block that is written out by whoever keeps it: a few percent of what a wide design weighs
PIECE = 2**13  # rows that are projected at once, so that what they give is still in the cache when the constant is added


@dataclass(frozen=True, eq=False)
class Matrix:
    """A range of rows of a matrix X, (rows, p), with its targets or classes, (rows, targets), and weights, (rows,), or neither."""

    x: Any
    y: Any
    weight: Array | None
    start: int
    stop: int
    copied: bool = False  # whether blocks are to be written out, and nothing is summed of them

    @property
    def name(self) -> str:
        return f"rows {self.start}–{self.stop}"

    @property
    def rows_known(self) -> int:
        """How many rows there are, those of weight 0 included."""
        return self.stop - self.start

    def kinds(self) -> Mapping[str, str]:
        return {"X": "matrix"}

    def narrow(self, features: slice) -> Matrix:
        """The same rows of some columns for whoever keeps them; they are not copied here if they are dense."""
        return replace(self, x=self.x[:, features], copied=True)

    def rows(self, design: Design, limit: int | None = None) -> Iterator[Rows]:
        stop = self.stop if limit is None else min(self.stop, self.start + limit)
        step = max((BLOCK if sp.issparse(self.x) else DENSE) // (design.width + 1), MANY * design.width)
        if self.copied:
            step = max(1, COPIED // design.width)
        for start in range(self.start, max(stop, self.start + 1), step):
            part = slice(start, min(start + step, stop))
            yield MatrixRows(design, self.x[part], None if self.y is None else self.y[part], None if self.weight is None else self.weight[part])


def shards(x: Any, y: Any = None, weight: Array | None = None) -> list[Matrix]:
    """Ranges of rows of a matrix. Numbers must be finite and weights not negative: who calls has made sure."""
    step = max(1, SHARD // (x.shape[1] + 1))
    return [Matrix(x, y, weight, start, min(start + step, x.shape[0])) for start in range(0, max(x.shape[0], 1), step)]


class MatrixRows:
    """A block of a matrix, as float64 once it is read. Rows of weight 0, and those that are not in the sample, are left out at once."""

    xp = np

    def __init__(self, design: Design, x: Any, y: Any, weight: Array | None) -> None:
        blocks = [term for term in design.terms if isinstance(term, Block)]
        if design.terms != (Constant(), *blocks) or len(blocks) > 1:
            raise Unsupported("a matrix has no columns by name", "Give a data frame, or a mapping of names to arrays.")
        if weight is not None and not weight.all():
            x, y, weight = x[weight != 0], None if y is None else y[weight != 0], weight[weight != 0]
        self.design, self.shifts = design, np.array(blocks[0].shifts if blocks else ())
        x = x[:, : len(self.shifts)]
        self._x, self._y, self._weight = x, y, weight
        if isinstance(design, Sampled):
            kept = chosen(self._keys(), design.sample)
            self._x, self._y, self._weight = x[kept], None if y is None else y[kept], None if weight is None else weight[kept]

    @cached_property
    def x(self) -> Any:
        """The features, (rows, p + 1), the constant first: dense, or sparse where no shift would fill it."""
        if sp.issparse(self._x) and not self.shifts.any():
            return sp.hstack([np.ones((self._x.shape[0], 1)), self._x], format="csr", dtype=np.float64)
        dense = self._x.toarray() if sp.issparse(self._x) else self._x
        x = np.ones((dense.shape[0], len(self.shifts) + 1))
        np.subtract(dense, self.shifts, out=x[:, 1:])
        return x

    @cached_property
    def columns(self) -> Columns | None:
        """Where the features lie, if they are dense and enough of them for compiled kernels."""
        x = self._x
        if sp.issparse(x) or x.shape[0] * self.design.width < encode.COMPILED:
            return None
        by_rows, by_columns = x.strides[0] >= x.strides[1] == x.itemsize, x.strides[0] == x.itemsize
        if not (by_rows or by_columns) or x.strides[0] % x.itemsize or not x.dtype.isnative:
            x = np.array(x, order="C")
        return Columns.of(x, self.shifts, self._targets())

    def _targets(self) -> Columns | None:
        """Where the targets lie, if they are float64."""
        y, wanted = self._y, self.design.role("y")
        if y is None or y.dtype != np.float64 or not y.dtype.isnative or y.strides[0] % y.itemsize or len(wanted) != y.shape[1]:
            return None
        return Columns.of(y, np.array([target.shift for target in wanted]))

    def column(self, role: str) -> Any:
        """The targets less their shifts, (rows,) or (rows, targets); or the classes, as positions among their levels; or the weights."""
        if self.design.label(role):
            return self._y[:, 0]
        if role == "weight" and self._weight is not None:
            return self._weight
        if role == "key":
            return self._keys()
        if role == "y" and self._y is not None:
            y = self._y - np.array([target.shift for target in self.design.role("y")])
            return y[:, 0] if y.shape[1] == 1 else y
        return np.float64(NEUTRAL[role])

    def project(self, coef: Array) -> Array:
        """x·coef, (rows,) or (rows, q): several of dense numbers as they lie, if no shift is to be taken off them."""
        if not sp.issparse(self._x) and not self.shifts.any() and coef.ndim == 2:
            found = np.empty((self._x.shape[0], *coef.shape[1:]))
            for start in range(0, len(found), PIECE):
                piece = slice(start, start + PIECE)
                np.matmul(self._x[piece], coef[1:], out=found[piece])
                found[piece] += coef[0]
            return found
        if columns := self.columns:
            from summable.maths import kernels

            return kernels.project(columns, coef)
        return np.asarray(self.x @ coef)

    def count(self) -> Array:
        """(2,): rows kept, rows dropped."""
        return np.array([self._x.shape[0], 0.0])

    def moment(self, order: int, weight: Any, by: Groups | str | None = None) -> Array:
        """Σ weightᵢ xᵢ^⊗order, by groups if so asked."""
        if isinstance(by, str):
            raise Unsupported("a matrix of numbers has no labels", "Give a data frame, or a mapping of names to arrays.")
        if by is not None:
            return self._grouped(order, weight, by)
        if order in (1, 2) and (columns := self.columns):
            from summable.maths import kernels

            return kernels.moment(columns, order, weight)
        if order == 2 and not sp.issparse(self.x):
            return linalg.gram(self.x.T, weight)
        rows = self._x.shape[0]
        if order == 3:
            return linalg.cubic(np.ascontiguousarray(self.matrix().T), np.broadcast_to(weight, rows))
        weights = np.broadcast_to(weight, (rows, *np.shape(weight)[1:]))
        if order == 2:
            return linalg.pack((self.x.T.multiply(weights) @ self.x).toarray())
        return np.asarray(weights.sum(axis=0) if order == 0 else self.x.T @ weights)

    def _grouped(self, order: int, weight: Any, by: Groups) -> Array:
        """The same by groups; of dense numbers as they lie, if no products are wanted and one subtraction is all."""
        twice = self.shifts.any() and by.about.any()
        if order == 0 or sp.issparse(self._x) or twice or (order == 2 and by.crossed):
            return grouped.moment(order, self.matrix() if order else None, weight, by)
        found = np.empty(by.about.shape)
        found[:, 0] = grouped.moment(0, None, weight, by)
        found[:, 1:] = grouped.moment(order, self._x, weight, replace(by, about=by.about[:, 1:] + self.shifts))
        return found

    def _keys(self) -> Keys:
        """What tells rows from others: their features as they are, and their targets."""
        x = self._x.toarray() if sp.issparse(self._x) else self._x
        return keys([*x.T, *([] if self._y is None else self._y.T)], len(x))

    def extent(self, column: str) -> Array:
        """Columns of a matrix have no names to ask by."""
        raise Unsupported("a matrix has no columns by name", "Give a data frame, or a mapping of names to arrays.")

    def labels(self, column: str) -> frozenset[Label]:
        """A matrix has no labels."""
        raise Unsupported("a matrix of numbers has no labels", "Give a data frame, or a mapping of names to arrays.")

    def matrix(self) -> Array:
        """The features, (rows, p + 1)."""
        return np.asarray(self.x.toarray() if sp.issparse(self.x) else self.x)
