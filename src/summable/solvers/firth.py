"""Maximum likelihood under Jeffreys' prior: finite estimates where the outcomes are separated, and less bias where they are few."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from summable.core.errors import Unsupported
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.linalg import length, root_of, solve_root, symmetric, symmetric_cube
from summable.maths.losses import Loss
from summable.measures.jeffreys import Jeffreys, Prior
from summable.solvers.certificate import Certificate
from summable.solvers.newton import look
from summable.solvers.optimum import Optimum, Outcome
from summable.solvers.problem import Problem
from summable.solvers.step import CLOSE, EXACT, SAME

WIDEST = 200  # columns: their third-order sums are 1,353,400 numbers
SHORTER = 0.25  # of a step that did not raise the penalised likelihood
TRIES = 10  # of a step: if a millionth of it does not help either, rounding is all that is left


@dataclass(frozen=True, eq=False)
class Summit:
    """Where the penalised likelihood is greatest, and how near the last point was."""

    at: Array  # (width,)
    certificate: Certificate
    near: bool  # whether it was found to all digits


@dataclass(frozen=True, eq=False)
class Penalised:
    """−log-likelihood − ½ log det information at a point, of the independent columns."""

    at: Array  # (width,)
    value: float
    gradient: Array  # (rank,)
    hessian: Array  # (rank, rank), with the leverages of the information before this
    information: Array  # (rank, rank)


def firth(problem: Problem, candidates: Array, max_rounds: int) -> Rounds[Summit]:
    """Newton's method on Σ w loss − ½ log det I(b), from the first of some candidates, (width, q), that has a value and an information.

    A step that does not lower the objective is cut to a quarter, at a round each.

    Cost: one round a step, of about width³/6 + 3/2 width² numbers up; some five to ten, more where outcomes are separated.
    Fails: Unsupported beyond 200 columns.
    Source: Firth 1993; Heinze & Schemper 2002; Kosmidis & Firth 2021 (that the maximum is finite).
    """
    refuse_wide(problem)
    point, used = yield from highest(problem, candidates)
    before, whole = np.inf, False
    while True:
        root, move = step_of(point)
        decrement, far = length(root, move), length(root, point.at[problem.columns] + move)
        error = decrement * min(1.0, (decrement / before) ** 2 if whole else 1.0)
        if error <= max(CLOSE * far, EXACT) or used >= max_rounds:
            return summit(problem, point, move, decrement, error, far)
        moved, sizes = yield from lowered(problem, point, move, max_rounds - used)
        used += len(sizes)
        if moved is None:
            return summit(problem, point, np.zeros_like(move), decrement, error, far)
        point, before, whole = moved, decrement, len(sizes) == 1


def raised(problem: Problem, candidates: Array, level: float, max_rounds: int) -> Rounds[Optimum]:
    """The maximum under Jeffreys' prior, with what inference needs of the likelihood there.

    Cost: what `firth` costs, and one round more; of a model with an offset two or three, for the deviance of the constant alone.
    Fails: as `firth`.
    """
    found = yield from firth(problem, candidates, max_rounds)
    optimum = yield from look(problem, found.at, level, lambda _: True, Outcome.FIRTH if found.near else Outcome.UNFINISHED)
    return replace(optimum, certificate=found.certificate)


def highest(problem: Problem, candidates: Array) -> Rounds[tuple[Penalised, int]]:
    """The first of some coefficients, or zero, that has a value and an information; and the rounds that took."""
    starts = [*candidates.T, np.zeros(problem.design.width)]
    for used, start in enumerate(starts, 1):
        total = yield from Jeffreys(problem.design, problem.loss, start, np.zeros((0, 0)))
        point = penalised(problem, total, start)
        if np.isfinite(point.value):
            return point, used
    return point, len(starts)


def lowered(problem: Problem, point: Penalised, move: Array, most: int) -> Rounds[tuple[Penalised | None, list[float]]]:
    """The point after a step, or after a quarter of it, or of that; None if none has a lower value. And the sizes that were tried."""
    whiten, sizes = problem.full(inverse_root(point.information)), [1.0]
    while True:
        there = point.at + sizes[-1] * problem.full(move)
        total = yield from Jeffreys(problem.design, problem.loss, there, whiten)
        tried = penalised(problem, total, there)
        if tried.value <= point.value + SAME * abs(point.value):
            return tried, sizes
        if len(sizes) >= min(most, TRIES):
            return None, sizes
        sizes.append(sizes[-1] * SHORTER)


def refuse_wide(problem: Problem) -> None:
    """Refuse more columns than third-order sums are for."""
    if problem.design.width > WIDEST:
        raise Unsupported(f"firth=True sums third derivatives, and {problem.design.width} columns have too many", f"Give {WIDEST} at most, or alpha=….")


def refuse_scale(loss: Loss) -> None:
    """Refuse families whose likelihood has a scale to be estimated."""
    if not loss.family.scale_known:
        families = "binomial, poisson and negative binomial"
        raise Unsupported(f"firth=True is for families of known scale, and {loss.family.name} is none", f"They are {families}. For others, use alpha=….")


def penalised(problem: Problem, total: Prior, at: Array) -> Penalised:
    """The objective and its derivatives from the sums at a point; of infinite value where there is no information."""
    columns, part = problem.columns, np.ix_(problem.columns, problem.columns)
    information = symmetric(total.expected)[part]
    observed = symmetric(total.observed)[part] if total.observed.size else information
    finite = all(np.isfinite(values).all() for values in total.values())
    if not finite or not root_of(information)[1]:
        return Penalised(at, np.inf, np.zeros(len(columns)), information, information)
    spread = inverse_root(information)
    cube = symmetric_cube(total.third, problem.design.width)[np.ix_(columns, columns, columns)]
    scaled = np.einsum("ai,abj,bk->jik", spread, cube, spread, optimize=True)  # ∂ⱼ of the information, in its own metric
    twists = scaled.reshape(len(columns), -1)
    gradient = total.gradient[columns] - 0.5 * np.trace(scaled, axis1=1, axis2=2)
    hessian = observed - 0.5 * symmetric(total.bent)[part] + 0.5 * twists @ twists.T
    return Penalised(at, float(total.value) + float(np.log(np.diag(spread)).sum()), gradient, hessian, information)


def inverse_root(square: Array) -> Array:
    """An upper triangle A with AA' the inverse of a positive definite matrix."""
    root, _ = root_of(square)
    return np.asarray(np.linalg.solve(root, np.eye(len(root))))


def step_of(point: Penalised) -> tuple[Array, Array]:
    """The root of the Hessian (of the information, where that is not positive definite), and Newton's step."""
    root, positive = root_of(point.hessian)
    if not positive:
        root, _ = root_of(point.information)
    return root, -solve_root(root, point.gradient)


def summit(problem: Problem, point: Penalised, move: Array, decrement: float, error: float, far: float) -> Summit:
    """The last point and the step from it."""
    scale = np.sqrt(np.maximum(np.diag(point.information), 1e-300))
    known = Certificate(float(np.max(np.abs(point.gradient) / scale, initial=0.0)), decrement, error, error / max(far, 1e-300), np.nan)
    near = decrement <= 1e-4 * max(far, 1.0) and error <= max(1e-7 * far, EXACT)
    return Summit(point.at + problem.full(move), known, near)
