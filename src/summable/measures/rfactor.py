"""The R factor of the rows, for designs too near to collinear for a Gram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows, each, less, pieces_of
from summable.core.statistic import Array, Statistic, pairwise
from summable.maths.linalg import pack, stack, triangle, unpack


@dataclass(frozen=True, eq=False)
class Triangle(Statistic):
    """R of QR of √W [X, y], with a non-negative diagonal; two are added by a QR of one above the other."""

    r: Array  # packed triangle of width + targets columns, in the units of each column

    def __add__(self, other: Self) -> Self:
        return type(self)(pack(stack(unpack(self.r), unpack(other.r))))


@dataclass(frozen=True)
class RFactor(Measure[Triangle]):
    """R with R'R = [X, y]'W[X, y], without forming the squares: half the digits of the condition number are saved.

    Cost: one pass, about four times the arithmetic of a Gram; (width + 1)(width + 2)/2 numbers up for one target.
    Fails: Unsupported where rows may be summed but not factored (a database).
    Source: Demmel, Grigori, Hoemmen & Langou 2012, §2 (TSQR), by LAPACK's tpqrt.
    """

    design: Design

    def __call__(self, rows: Rows) -> Triangle:
        return pairwise(self._of(piece) for piece in pieces_of(rows))

    def _of(self, rows: Rows) -> Triangle:
        root = rows.xp.sqrt(rows.column("weight"))
        y = less(rows.column("y"), rows.column("offset"))
        return Triangle(pack(triangle(np.column_stack([each(root, rows.matrix()), each(root, y)]))))
