"""Steps by gradients alone where a Hessian is known from nearby: the chord method, for designs whose Hessians cost many gradients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from summable.core.measure import Rounds
from summable.maths.linalg import length, solve_root
from summable.measures.slope import Slope
from summable.solvers.problem import Point, Problem, unit_of
from summable.solvers.step import CLOSE, EXACT, Step

CHEAP = 40  # features from which it pays: a Hessian costs three gradients at 50 features and seven at 200, but hardly more than one at 12
NEAR = 0.05  # of the coefficients: from a step as short, the next ones shrink twentyfold or so
STEPS = 5  # at most: more gradients than a Hessian costs
SHRINKING = 0.3  # what a step must be of the one before it, or a Hessian does more


def pays(problem: Problem, step: Step) -> bool:
    """Whether the next steps are worth their gradients, and no Hessian."""
    return problem.design.width >= CHEAP and not problem.loss.is_quadratic and step.decrement <= NEAR * step.length


def along_chords(problem: Problem, point: Point, step: Step) -> Rounds[tuple[Point, Step]]:
    """Steps from a point, with the Hessian there and gradients where each leads, until what is left is rounding or shrinks no more.

    Cost: up to five rounds, of a gradient each.
    Fails: nothing: where the steps do not shrink, the point is the last from which they did.
    Source: Ortega & Rheinboldt 1970, §7.1 (the simplified Newton method).
    """
    nothing = np.zeros((problem.design.width, 0))
    for _ in range(STEPS):
        at = point.at + problem.full(step.move)
        total = yield from Slope(problem.design, problem.loss, at, nothing)
        gradient = total.gradient[problem.columns] + problem.penalty @ at[problem.columns]
        move = -solve_root(step.root, gradient) if np.isfinite(gradient).all() else np.full_like(gradient, np.inf)
        unit = unit_of(problem, point)
        size = length(step.root, move) / unit
        if not size < SHRINKING * step.decrement:
            break
        reached = length(step.root, at[problem.columns] + move) / unit
        pearson = point.pearson + float(point.pearson_slope @ step.move)
        value = float(total.value) + problem.penalised(at)
        point = replace(point, at=at, value=value, gradient=gradient, pearson=pearson, cubes=())
        step = Step(move, step.root, size, size * size / max(step.decrement, 1e-300), reached, False)
        if step.error <= max(CLOSE * step.length, EXACT):
            break
    return point, step
