"""Limited-memory BFGS, for designs too wide to send a Hessian."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.measures.slope import Slope
from summable.solvers.problem import Problem

MEMORY = 10  # pairs of steps and changes of the gradient that are kept
SHORTER = 0.5 ** np.arange(1, 8)  # step sizes whose values come with every full step
ENOUGH = 1e-4  # of what the slope promises: Armijo's condition


def lbfgs(problem: Problem, start: Array, *, tolerance: float = 1e-8, max_rounds: int = 500) -> Rounds[tuple[Array, bool]]:
    """Quasi-Newton steps from gradients alone, until the gradient is a small share of the first; whether it came to that.

    The first metric is the diagonal of the columns' squares. A step is tried in full with the gradient there, and by value at seven
    fractions beside it, in one round.

    Cost: one round a step, of about 9 width numbers down and width + 8 up; one more where a full step fails.
    Fails: nothing; whether it converged is told.
    Source: Nocedal & Wright 2006, §7.2, algorithms 7.4 and 7.5.
    """
    columns, none = problem.columns, np.zeros((problem.design.width, 0))
    metric = 1 / np.maximum(np.diag(problem.square) * problem.rows, 1e-300)
    at, pairs = start, list[tuple[Array, Array]]()
    total = yield from Slope(problem.design, problem.loss, at, none)
    value, slope = with_penalty(problem, at, float(total.value), total.gradient[columns])
    first, used = float(np.linalg.norm(slope * np.sqrt(metric))), 1
    while used < max_rounds:
        if np.linalg.norm(slope * np.sqrt(metric)) <= tolerance * max(first, 1e-300):
            return at, True
        move = problem.full(-two_loops(pairs, scaled(pairs, metric), slope))
        line = at[:, None] + move[:, None] * SHORTER
        total, used = (yield from Slope(problem.design, problem.loss, at + move, line)), used + 1
        there = at + move
        tried, gradient = with_penalty(problem, there, float(total.value), total.gradient[columns])
        if not tried <= value + ENOUGH * float(slope @ move[columns]) + 1e-14 * abs(value):
            values = [with_penalty(problem, b, float(v), slope)[0] for b, v in zip(line.T, total.line, strict=True)]
            there = line[:, int(np.argmin(np.nan_to_num(values, nan=np.inf)))]
            if not min(values) < value:
                return at, False
            total, used = (yield from Slope(problem.design, problem.loss, there, none)), used + 1
            tried, gradient = with_penalty(problem, there, float(total.value), total.gradient[columns])
        step, change = (there - at)[columns], gradient - slope
        if step @ change > 0:
            pairs = [*pairs[1 - MEMORY :], (step, change)]
        at, value, slope = there, tried, gradient
    return at, False


def with_penalty(problem: Problem, at: Array, value: float, gradient: Array) -> tuple[float, Array]:
    """Value and gradient of the independent columns, the penalty included."""
    return value + problem.penalised(at), gradient + problem.penalty @ at[problem.columns]


def two_loops(pairs: Sequence[tuple[Array, Array]], inverse: Callable[[Array], Array], slope: Array) -> Array:
    """The inverse Hessian that pairs of steps and changes of the gradient make of another one, times a gradient."""
    left, weights = slope.copy(), list[float]()
    for step, change in reversed(pairs):
        weights.append(float(step @ left / (step @ change)))
        left = left - weights[-1] * change
    left = inverse(left)
    for (step, change), weight in zip(pairs, reversed(weights), strict=True):
        left = left + step * (weight - float(change @ left / (step @ change)))
    return left


def scaled(pairs: Sequence[tuple[Array, Array]], metric: Array) -> Callable[[Array], Array]:
    """A diagonal inverse Hessian, as long as the last step saw it."""
    if not pairs:
        return lambda left: left * metric
    step, change = pairs[-1]
    return lambda left: left * metric * float(step @ change / (change @ (metric * change)))
