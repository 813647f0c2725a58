"""Plain gradient descent, so that the textbook's algorithm can be run and its rounds be counted."""

from __future__ import annotations

import numpy as np

from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.measures.slope import Slope
from summable.solvers.problem import Problem


def gradient(problem: Problem, start: Array, rate: float, *, tolerance: float = 1e-6, max_rounds: int = 1000) -> Rounds[tuple[Array, bool]]:
    """b ← b − rate · mean gradient, until no entry of that is greater than the tolerance; whether it came to that.

    Cost: one round a step, of width numbers each way; as many steps as the condition of the problem, times the digits asked for.
    Fails: nothing; a rate that is too great never converges.
    Source: Cauchy 1847; Nocedal & Wright 2006, §3.3.
    """
    at, none = start, np.zeros((problem.design.width, 0))
    for _ in range(max_rounds):
        total = yield from Slope(problem.design, problem.loss, at, none)
        slope = np.zeros_like(at)
        slope[problem.columns] = (total.gradient[problem.columns] + problem.penalty @ at[problem.columns]) / problem.rows
        if np.max(np.abs(slope), initial=0.0) <= tolerance:
            return at, True
        at = at - rate * slope
    return at, False
