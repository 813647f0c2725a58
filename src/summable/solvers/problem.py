"""What Newton's method minimises, and what is known of it at a point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from summable.core.design import Design
from summable.core.statistic import Array
from summable.maths.linalg import inverse_root, part_of, root_of, symmetric_cube
from summable.maths.losses import Loss
from summable.measures.curvature import Quadratic


@dataclass(frozen=True, eq=False)
class Problem:
    """What is minimised: Σ w loss(x·b + offset) + ½ (b'Pb) over the independent columns of a design."""

    design: Design
    loss: Loss
    columns: NDArray[np.int64]  # (rank,) positions in the design
    penalty: Array  # (rank, rank), zero without one
    rows: float
    square: Array  # (rank, rank) squares of the columns, about one a row, by which directions are scaled
    metric: Array  # (rank, rank) a Hessian somewhere near, by which rows are measured for the bound; or (0, 0)
    rough: float = 0.0  # share of a step by which Hessians of rounded products may miss

    @property
    def whiten(self) -> Array:
        """(width, rank): its square root's inverse; (0, 0) where there is no metric or no bound to gain."""
        if not self.metric.size or not self.loss.concordance:
            return np.zeros((0, 0))
        return self.full(inverse_root(root_of(self.metric)[0]))

    def full(self, part: Array) -> Array:
        """Coefficients of all features, (width,) or (width, q), from those of the independent columns."""
        whole = np.zeros((self.design.width, *part.shape[1:]))
        whole[self.columns] = part
        return whole

    def penalised(self, at: Array) -> float:
        """½ b'Pb."""
        return float(0.5 * at[self.columns] @ self.penalty @ at[self.columns])


@dataclass(frozen=True, eq=False)
class Point:
    """The sums at one point, of the independent columns, the penalty included."""

    at: Array  # (width,)
    value: float
    gradient: Array  # (rank,)
    observed: Array  # (rank, rank)
    expected: Array  # (rank, rank)
    cubes: tuple[Array, ...]  # (rank, rank, rank) third derivatives, and those of the expected information where it is another; or none
    pearson: float
    pearson_slope: Array  # (rank,)


def best(problem: Problem, total: Quadratic, at: Array) -> Point:
    """The point of least value among those summed; their sums."""
    values = np.array([value + problem.penalised(b) for value, b in zip(total.value, at.T, strict=True)])
    usable = np.isfinite(values) & np.isfinite(total.gradient).all(axis=0) & np.isfinite(total.hessian).all(axis=0)
    which = int(np.argmin(np.where(usable, values, np.inf)))
    columns = problem.columns
    observed = expected = part_of(total.hessian[:, which], columns)
    observed += problem.penalty
    if total.expected.size:
        expected = part_of(total.expected[:, which], columns)
        expected += problem.penalty
    cubes: tuple[Array, ...] = ()
    if which == 0 and np.isfinite(total.third).all():
        corner = np.ix_(columns, columns, columns)
        cubes = tuple(symmetric_cube(packed, problem.design.width)[corner] for packed in total.third.T)
    gradient = total.gradient[columns, which] + problem.penalty @ at[columns, which]
    value = float(values[which]) if usable[which] else np.inf
    return Point(at[:, which], value, gradient, observed, expected, cubes, float(total.pearson[which]), total.pearson_slope[columns, which])


def unit_of(problem: Problem, point: Point) -> float:
    """The length of a standard error in the metric of the Hessian: one, or the square root of the scale where that is estimated."""
    return 1.0 if problem.loss.family.scale_known else max(float(np.sqrt(2 * max(point.value, 0.0) / problem.rows)), 1e-150)
