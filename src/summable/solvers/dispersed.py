"""The negative binomial whose alpha is not given: coefficients and alpha of greatest likelihood, together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from summable.core.data import Data
from summable.core.design import Coding, Design
from summable.core.errors import DataError
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.linalg import length, root_of, solve_root, symmetric
from summable.maths.losses import Loss, with_alpha
from summable.measures.overdispersion import Joint, Overdispersion
from summable.measures.working import Opening, Working
from summable.solvers.generalized import Plan, problem_of
from summable.solvers.problem import Problem
from summable.solvers.start import candidates
from summable.solvers.step import CLOSE, EXACT, SAME

FIRST = 1.0  # alpha to begin with
FURTHEST = 2.0  # that log alpha goes in a round: the likelihood is far from a quadratic of it
HARDLY = 0.1  # alpha below which it may be that zero is the best
MOST = 50  # rounds
SHORTER = 0.25  # of a step that did not raise the likelihood


@dataclass(frozen=True)
class Alpha(Data):
    """An estimate of alpha, Var(y) = mu + alpha mu²."""

    value: float
    error: float  # its standard error, by the observed information of coefficients and alpha together
    rounds: int
    converged: bool


@dataclass(frozen=True, eq=False)
class Both:
    """Coefficients and log alpha with the sums there, of the independent columns and, last, log alpha."""

    at: Array  # (width,)
    log_alpha: float
    value: float
    gradient: Array  # (rank + 1,)
    observed: Array  # (rank + 1, rank + 1)
    expected: Array  # (rank + 1, rank + 1), for coefficients and alpha apart, as in expectation they are


def estimated(design: Design, coding: Coding, loss: Loss, plan: Plan, opening: Opening) -> Rounds[tuple[Loss, Opening, Array, Alpha]]:
    """From the opening sums of alpha = 1: the loss of the best alpha, its own opening sums, and the coefficients and alpha themselves.

    Cost: what `dispersed` costs, and one round more for the constants of the likelihood.
    Fails: as `dispersed` and `generalized`.
    """
    problem, _ = yield from problem_of(design, coding, with_alpha(loss, FIRST), plan, opening)
    start = candidates(problem, opening)[:, 0 if loss.is_everywhere else -1]
    coef, alpha = yield from dispersed(problem, start)
    known = with_alpha(loss, alpha.value)
    return known, (yield from Working(design, known)), coef, alpha


def dispersed(problem: Problem, start: Array) -> Rounds[tuple[Array, Alpha]]:
    """Newton's method in (b, log alpha) from (width,) coefficients and alpha = 1: the coefficients, (width,), and alpha.

    Cost: one round a step, of about width² numbers up; some five to eight, and one more where a step must be cut to a quarter.
    Fails: DataError where the counts are no more dispersed than Poisson's, as alpha is then zero.
    Source: Lawless 1987; Venables & Ripley 2002, §7.4.
    """
    point, before, used = (yield from asked(problem, start, float(np.log(FIRST)))), 0.0, 1
    while True:
        root, move = step_of(point)
        decrement, far = length(root, move), length(root, np.append(point.at[problem.columns], point.log_alpha) + move)
        error = decrement * min(1.0, 2 * (decrement / before) ** 2 if before else 1.0)
        if error <= max(CLOSE * far, EXACT) or used >= MOST:
            return point.at + problem.full(move[:-1]), estimate(point, move, used, error <= 1e-6 * max(far, 1.0))
        size = min(1.0, FURTHEST / max(abs(float(move[-1])), 1e-300))
        while used < MOST:
            tried, used = (yield from asked(problem, point.at + size * problem.full(move[:-1]), point.log_alpha + size * float(move[-1]))), used + 1
            if tried.value <= point.value + SAME * abs(point.value):
                break
            size *= SHORTER
        point, before = tried, decrement if size == 1 else 0.0


def asked(problem: Problem, at: Array, log_alpha: float) -> Rounds[Both]:
    """The sums at coefficients and log alpha; refused where alpha wants to be zero."""
    total = yield from Overdispersion(problem.design, problem.loss.link, at, log_alpha)
    if log_alpha < np.log(HARDLY) and total.excess <= 0 <= total.slope:
        raise DataError("the counts vary no more than Poisson's, so that the likelihood is greatest at alpha = 0", 'Choose family="poisson".')
    return both(problem, total, at, log_alpha)


def both(problem: Problem, total: Joint, at: Array, log_alpha: float) -> Both:
    """The sums of the independent columns and log alpha."""
    columns, none = problem.columns, np.zeros(len(problem.columns))
    gradient = np.append(total.gradient[columns] + problem.penalty @ at[columns], total.slope)
    part = np.ix_(columns, columns)
    observed = bordered(symmetric(total.observed)[part] + problem.penalty, total.cross[columns], float(total.curve))
    expected = bordered(symmetric(total.expected)[part] + problem.penalty, none, abs(float(total.curve)))
    value = float(total.value) + problem.penalised(at)
    return Both(at, log_alpha, value if np.isfinite(observed).all() and np.isfinite(gradient).all() else np.inf, gradient, observed, expected)


def bordered(square: Array, side: Array, corner: float) -> Array:
    """A symmetric matrix with one more row and column."""
    return np.block([[square, side[:, None]], [side[None], np.array([[corner]])]])


def step_of(point: Both) -> tuple[Array, Array]:
    """The root of the observed information (of the expected, where that is not positive definite), and Newton's step."""
    root, positive = root_of(point.observed)
    if not positive:
        root, _ = root_of(point.expected)
    return root, -solve_root(root, point.gradient)


def estimate(point: Both, move: Array, rounds: int, converged: bool) -> Alpha:
    """Alpha after a last step, and its standard error."""
    alpha = float(np.exp(point.log_alpha + move[-1]))
    return Alpha(alpha, alpha * float(np.sqrt(np.linalg.inv(point.observed)[-1, -1])), rounds, converged)
