"""First-order methods as ways to a fit: gradients until there is hardly a slope, then one look at the Hessian."""

from __future__ import annotations

from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.solvers.gradient import gradient, rate_of
from summable.solvers.lbfgs import lbfgs
from summable.solvers.newton import look
from summable.solvers.optimum import Optimum, Outcome
from summable.solvers.problem import Problem
from summable.solvers.step import Step

SHORT = 1e-2  # standard errors: a last step that the Hessian's quadratic tells to its square
LITTLE = 1e-3  # of the coefficients, in the metric of the Hessian: where outcomes are separated, steps stay longer than that


def descended(problem: Problem, solver: str, start: Array, level: float, weight: float, max_rounds: int) -> Rounds[Optimum]:
    """L-BFGS or gradient descent from coefficients, (width,), over rows of so much weight; standard errors and a certificate from one Hessian at its end.

    Cost: what the method costs, and one round more; of models with an offset one or two, for the deviance of the constant alone.
    Fails: nothing; how it went is in the outcome.
    Source: Nocedal & Wright 2006, §3.3 and §7.2.
    """
    if solver == "lbfgs":
        at, done = yield from lbfgs(problem, start, max_rounds=max_rounds)
    else:
        at, done = yield from gradient(problem, start, rate_of(problem, weight), max_rounds=max_rounds)

    def near(step: Step) -> bool:
        return done and step.decrement <= max(min(SHORT, LITTLE * step.length), 1e-9)

    return (yield from look(problem, at, level, near, Outcome.DESCENDED))
