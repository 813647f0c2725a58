"""Plain gradient descent, so that the textbook's algorithm can be run and its rounds be counted."""

from __future__ import annotations

import numpy as np

from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.measures.slope import Slope
from summable.solvers.problem import Problem

SAME = 1e-12  # of a value: a sum of rounded terms may rise by that much at its minimum


def gradient(problem: Problem, start: Array, rate: float, *, tolerance: float = 1e-6, max_rounds: int = 1000) -> Rounds[tuple[Array, bool]]:
    """b ← b − rate · mean gradient, until no entry of that is greater than the tolerance; whether it came to that.

    A step after which the loss is higher is taken back, and the rate halved.

    Cost: one round a step, of width numbers each way; as many steps as the condition of the problem, times the digits asked for.
    Fails: nothing; columns of different scales make it crawl.
    Source: Cauchy 1847; Nocedal & Wright 2006, §3.3.
    """
    at, before, slope, lowest, none = start, start, np.zeros_like(start), np.inf, np.zeros((problem.design.width, 0))
    for _ in range(max_rounds):
        total = yield from Slope(problem.design, problem.loss, at, none)
        value = float(total.value) + problem.penalised(at)
        if value <= lowest + SAME * abs(lowest) or not np.isfinite(lowest):
            before, lowest, slope = at, value, np.zeros_like(at)
            slope[problem.columns] = (total.gradient[problem.columns] + problem.penalty @ at[problem.columns]) / problem.rows
            if np.max(np.abs(slope), initial=0.0) <= tolerance:
                return at, True
        else:
            rate /= 2
        at = before - rate * slope
    return before, False


def rate_of(problem: Problem, weight: float) -> float:
    """A rate to begin with, for rows of so much weight: one over the greatest curvature of a logistic loss, and for others a guess."""
    steepest = 0.25 if problem.loss.link.name == "logit" else 1.0
    curve = steepest * weight * problem.square + problem.penalty
    return problem.rows / max(float(np.linalg.eigvalsh(curve)[-1]), 1e-300)
