"""A step of Newton's method, from the sums at a point: arithmetic at the centre, without a round."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from summable.core.statistic import Array
from summable.maths.linalg import length, root_of, solve_root
from summable.solvers.problem import Point, Problem, unit_of

CLOSE = 3e-11  # of the coefficients, in the metric of the Hessian: how near the answer shall be
EXACT = 1e-9  # of a standard error: nearer than this is rounding
SHARPER = 1e-3  # of that, with a Hessian of float32: what a step leaves is then a share of it, and no square
SHORT = 1e-8  # of the coefficients: over a last step as short, the Hessian changes in its eighth digit
SAME = 1e-12  # of a value: a sum of rounded terms may rise by that much at its minimum
SLOW = 0.25  # a decrement that shrinks by no more than this is no quadratic convergence


@dataclass(frozen=True, eq=False)
class Step:
    """A step and what is expected of it."""

    move: Array  # (rank,)
    root: Array  # (rank, rank) of the Hessian that gave it
    decrement: float  # over the unit
    error: float  # estimated to be left after it, over the unit
    length: float  # of the coefficients it leads to, over the unit
    cubic: bool  # whether third derivatives bent it


def step_from(problem: Problem, point: Point, decrements: list[float]) -> Step:
    """The step from a point, after steps of such decrements: Newton's, bent where third derivatives are known, and what should be left after it."""
    root, positive = root_of(point.observed)
    if not positive:
        root, _ = root_of(point.expected)
    move, unit = -solve_root(root, point.gradient), unit_of(problem, point)
    decrement = length(root, move) / unit
    reached = length(root, point.at[problem.columns] + move) / unit
    before = decrements[-1] if decrements else None
    missed = problem.rough * decrement
    if problem.loss.is_quadratic:
        return Step(move, root, decrement, missed if positive else decrement, reached, False)
    if point.cubes and positive:
        bent = bend(point, root, move)
        share = length(root, bent - move) / max(length(root, bent), 1e-300)
        if share <= 0.5:
            quartic = decrement**2 / problem.rows  # what fourth derivatives leave of a step among rows that are alike
            return Step(bent, root, decrement, max(missed, decrement * max(4 * share**2, quartic)), reached, True)
    rate = min(1.0, decrement) if before is None else min(1.0, 2 * (decrement / before) * (decrement / before if positive else 1.0))
    return Step(move, root, decrement, max(missed, decrement * rate), reached, False)


def bend(point: Point, root: Array, move: Array) -> Array:
    """The root of gradient + Hessian s + ½ third[s, s] = 0 that lies by the Newton step."""
    bent = move
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(60):
            left = point.gradient + point.observed @ bent + 0.5 * (point.cubes[0] @ bent) @ bent
            change = solve_root(root, left) if np.isfinite(left).all() else np.full_like(move, np.inf)
            bent = bent - change
            if not np.isfinite(bent).all():
                return 3 * move  # it will be refused
            if np.linalg.norm(change) <= 1e-16 * np.linalg.norm(bent):
                break
    return np.asarray(bent)


def converged(problem: Problem, step: Step, exact_curve: bool) -> bool:
    """Whether the step leads near enough, and the Hessian is near enough already or can be carried along."""
    near = step.error <= max(CLOSE * step.length, EXACT) * (SHARPER if problem.rough else 1.0)
    return near and (step.cubic or not exact_curve or problem.loss.is_quadratic or step.decrement <= max(SHORT * step.length, EXACT))


def accepted(point: Point, tried: Point) -> bool:
    """Whether a full step lowered the value, or left it the same to rounding."""
    return bool(np.isfinite(tried.value) and tried.value <= point.value + SAME * abs(point.value))


def suspicious(problem: Problem, decrements: list[float]) -> bool:
    """Whether decrements shrink so slowly, three times in a row, that there may be no optimum at all."""
    if not problem.loss.family.scale_known or problem.penalty.any() or len(decrements) < 6 or len(decrements) % 3:
        return False
    return all(now > SLOW * before for before, now in pairwise(decrements[-4:]))


def scaled_direction(problem: Problem, move: Array) -> Array:
    """A direction along which rows lie about one apart, without the columns that hardly move."""
    scale = np.sqrt(np.maximum(np.diag(problem.square), 1e-300))
    kept = np.where(np.abs(move) * scale > 1e-3 * np.max(np.abs(move) * scale, initial=0.0), move, 0.0)
    return np.asarray(kept / max(float(np.sqrt(kept @ problem.square @ kept)), 1e-300))
