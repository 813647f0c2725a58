"""Steps by gradients alone where a Hessian is known from nearby: the chord method, bent by what it learns, where Hessians cost many gradients."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.linalg import length, solve_root
from summable.measures.slope import Slope
from summable.solvers.lbfgs import two_loops
from summable.solvers.problem import Point, Problem, unit_of
from summable.solvers.step import CLOSE, EXACT, Step

CHEAP = 40  # features from which it pays: a Hessian costs three gradients at 50 features and seven or eight at 200, but 1.3 at 12
NEAR = 0.05  # of the coefficients: from a step as short, the next ones shrink twentyfold or so
STEPS = 5  # at most: more gradients than a Hessian costs
SHRINKING = 0.3  # what a step must be of the one before it, or a Hessian does more


def pays(problem: Problem, step: Step) -> bool:
    """Whether the next steps are worth their gradients, and no Hessian."""
    return problem.design.width >= CHEAP and not problem.loss.is_quadratic and step.decrement <= NEAR * step.length


def along_chords(problem: Problem, point: Point, step: Step, most: int = STEPS, near: float = CLOSE) -> Rounds[tuple[Point, Step]]:
    """Steps from a point, with a Hessian from nearby, what the gradients tell of how it has changed, and the gradient where each leads; until what
    is left is so little of the coefficients, or rounding, or shrinks no more.

    Cost: so many rounds at most, of a gradient each.
    Fails: nothing: where the steps do not shrink, the point is the last from which they did.
    Source: Ortega & Rheinboldt 1970, §7.1 (the simplified Newton method); Nocedal & Wright 2006, §7.2 (the changes).
    """
    pairs = list[tuple[Array, Array]]()
    for _ in range(most):
        tried = yield from sloped(problem, point, point.at + problem.full(step.move))
        if not np.isfinite(tried.gradient).all():
            break
        pairs.append((step.move, tried.gradient - point.gradient))
        usable = [pair for pair in pairs if pair[0] @ pair[1] > 0]
        move = -two_loops(usable, partial(solve_root, step.root), tried.gradient)
        unit = unit_of(problem, point)
        size = length(step.root, move) / unit
        if not size < SHRINKING * step.decrement:
            break
        reached = length(step.root, tried.at[problem.columns] + move) / unit
        point, step = tried, Step(move, step.root, size, size * size / max(step.decrement, 1e-300), reached, False)
        if step.error <= max(near * step.length, EXACT):
            break
    return point, step


def sloped(problem: Problem, point: Point, at: Array) -> Rounds[Point]:
    """What is known of a place, (width,), by value and gradient there and all else from a point nearby."""
    total = yield from Slope(problem.design, problem.loss, at, np.zeros((problem.design.width, 0)))
    gradient = total.gradient[problem.columns] + problem.penalty @ at[problem.columns]
    pearson = point.pearson + float(point.pearson_slope @ (at - point.at)[problem.columns])
    return replace(point, at=at, value=float(total.value) + problem.penalised(at), gradient=gradient, pearson=pearson, cubes=())
