"""What is known of the distance to an optimum, over all rows, without another round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from summable.core.data import Data
from summable.core.statistic import Array
from summable.maths.linalg import length, root_of
from summable.solvers.problem import Point, Problem, unit_of


@dataclass(frozen=True, eq=False)
class Certificate(Data):
    """What is known, over all rows, of the last summed point and of the step from there to the answer."""

    gradient: float  # the greatest |entry| of the gradient over the square root of its curvature: zero at the optimum
    decrement: float  # Newton's: the length of the step to the optimum of the quadratic, in standard errors of scale one
    error: float  # what is estimated to be left after the last step, in the same unit
    relative: float  # the same over the length of the coefficients
    bound: float  # what is proved to be left, in the same unit; NaN where nothing is


def bound(problem: Problem, point: Point, move: Array, reach: float) -> float:
    """How far the point a step leads to can lie from the optimum, in standard errors; NaN where nothing is known.

    Where |third| ≤ m · curve, a step of length l in the metric of H changes the Hessian by no more than a factor e^±r, r = m R l, R the
    greatest length of a row in the metric of H⁻¹. So the gradient there is no longer than ν = |g + H s| + (e^r − 1 − r)/r · l, and the
    optimum no further than −log(1 − R'ν')/R' (Bach 2010; Marteau-Ferey, Bach & Rudi 2019), ν' and R' being taken in the Hessian there.
    """
    m, (root, positive) = problem.loss.concordance, root_of(point.observed)
    if m is None or not positive or (m and not reach):
        return float("nan")
    if m:
        inner = solve_triangular(root, problem.metric, trans="T")
        m *= reach * float(np.sqrt(np.linalg.eigvalsh(solve_triangular(root, inner.T, trans="T")).max()))
    far = length(root, move)
    r = m * far
    if r > 1:
        return float("nan")
    beyond = 0.5 * r * (1 + r) * far  # no less than (e^r − 1 − r)/r · length, for r up to 1
    left = (float(np.linalg.norm(solve_triangular(root, point.gradient + point.observed @ move, trans="T"))) + beyond) * np.exp(r / 2)
    share = m * np.exp(r / 2) * left
    if share >= 1:
        return float("nan")
    return float(left if share < 1e-8 else -np.log1p(-share) / (m * np.exp(r / 2))) / unit_of(problem, point)
