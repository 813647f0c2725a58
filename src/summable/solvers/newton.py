"""Newton's method for a sum over rows: one round a step, and a certificate of how far its last point was from the optimum."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import numpy as np

from summable.core.data import Data
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.linalg import length, root_of, solve_root
from summable.measures.curvature import Curvature
from summable.measures.slope import Slope
from summable.measures.violations import Violations
from summable.solvers.certificate import Certificate, bound
from summable.solvers.level import Level, advance
from summable.solvers.problem import Point, Problem, best, unit_of

HALVINGS = 0.5 ** np.arange(1, 8)  # step sizes whose values come with every full step
CLOSE = 3e-11  # of the coefficients, in the metric of the Hessian: how near the answer shall be
EXACT = 1e-9  # of a standard error: nearer than this is rounding
SHORT = 1e-8  # of the coefficients: over a last step as short, the Hessian changes in its eighth digit
SAME = 1e-12  # of a value: a sum of rounded terms may rise by that much at its minimum
WIDEST_CUBE = 60  # features of which the third derivatives (36,000 numbers) are worth their pass
ROUNDED = 1e-6  # of the coefficients: a step as short that lowers no loss has met rounding
ON_IT = 1e-4  # of the rows' spread along a direction: nearer to its hyperplane, a row lies on it
SLOW = 0.25  # a decrement that shrinks by no more than this is no quadratic convergence


class Outcome(Enum):
    """How a solution came about, and what to do about it."""

    CONVERGED = "Newton's method converged: the pooled answer."
    SEPARATED = "Some columns separate the outcomes, so their coefficients have no finite estimate. Use alpha=…, or leave those columns out."
    STALLED = "No step lowers the loss any further although the gradient is not zero. Scale the columns, or choose another link."
    UNFINISHED = "The rounds were used up before the answer was near. Ask for more with max_rounds=…."


@dataclass(frozen=True, eq=False)
class Optimum(Data):
    """Where a sum of losses is least, and what inference needs of it."""

    coef: Array  # (width,)
    value: float  # Σ w · loss there, without a penalty
    pearson: float
    observed: Array  # (rank, rank) Hessian of the independent columns, with the penalty's if there is one
    expected: Array  # (rank, rank)
    level: float  # the constant that alone minimises the loss
    level_value: float  # and its value
    certificate: Certificate
    outcome: str  # name of Outcome
    direction: Array  # (width,) along which the rows are separated, or (0,)


@dataclass(frozen=True, eq=False)
class Step:
    """A step and what is expected of it."""

    move: Array  # (rank,)
    root: Array  # (rank, rank) of the Hessian that gave it
    decrement: float  # over the unit
    error: float  # estimated to be left after it, over the unit
    length: float  # of the coefficients it leads to, over the unit
    cubic: bool  # whether third derivatives bent it


def newton(problem: Problem, candidates: Array, level: float, *, third: bool, exact_curve: bool, eager: bool = True, max_rounds: int = 30) -> Rounds[Optimum]:
    """Go on from the best of some candidates, (width, q), by Newton steps, bent by the third derivatives where those are summed.

    A step is tried in full with the Hessian there, and by value at seven fractions beside it, in one round. The observed information
    gives the step where it is positive definite, else the expected. `exact_curve` asks for a Hessian as good as the coefficients.

    Cost: one round a step, at least one; one more where a full step fails, or to prove a separation.
    Fails: nothing; how it went is in the outcome.
    Source: Nocedal & Wright 2006, §3.3; McCullagh & Nelder 1989, §2.5.
    """
    third = third and problem.design.width <= WIDEST_CUBE and not problem.loss.is_quadratic
    point, alone, reach = yield from begin(problem, candidates, Level(level), third)
    history: list[Step] = []
    outcome, direction = Outcome.UNFINISHED, np.zeros(0)
    step = step_from(problem, point, history)
    for _ in range(max_rounds - 2):
        if converged(problem, step, exact_curve) and alone.known:
            outcome = Outcome.CONVERGED
            break
        if suspicious(problem, [*history, step]):
            direction = yield from separation(problem, step)
            if direction.size:
                outcome = Outcome.SEPARATED
                break
        moved, alone, full = yield from advanced(problem, point, step, alone, third, eager)
        if moved is None:
            small = step.decrement <= ROUNDED * max(step.length, 1.0)
            outcome = Outcome.CONVERGED if small else Outcome.STALLED
            break
        point, history = moved, [*history, step] if full else []
        step = step_from(problem, point, history)
    return optimum(problem, point, step, alone, outcome, direction, reach)


def begin(problem: Problem, candidates: Array, alone: Level, third: bool) -> Rounds[tuple[Point, Level, float]]:
    """The best of the candidates, and how far the rows reach; where even a constant alone is better, that."""
    levels, nowhere = alone.tried(bool(problem.design.role("offset"))), np.zeros((problem.design.width, 0))
    total = yield from Curvature(problem.design, problem.loss, candidates, nowhere, levels, third, problem.whiten)
    alone, point, reach = advance(alone, levels, total.level), best(problem, total, candidates), float(total.reach) ** (1 / 16)
    if 0 in problem.columns and not point.value <= alone.value:
        flat = problem.full(np.where(problem.columns == 0, alone.at, 0.0))[:, None]
        total = yield from Curvature(problem.design, problem.loss, flat, nowhere, np.zeros(0), third)
        point = best(problem, total, flat)
    return point, alone, reach


def separation(problem: Problem, step: Step) -> Rounds[Array]:
    """The direction of a step, (width,), if no row lies on the wrong side of it, so that going on never ends; else (0,)."""
    direction = problem.full(scaled_direction(problem, step.move))
    sides = yield from Violations(problem.design, direction, ON_IT, problem.loss.family.name == "binomial")
    return direction if sides.wrong == 0 and sides.right > 0 else np.zeros(0)


def advanced(problem: Problem, point: Point, step: Step, alone: Level, third: bool, eager: bool) -> Rounds[tuple[Point | None, Level, bool]]:
    """The point after a full step if that lowers the loss; else after the best of the shorter ones; None if none does.

    Where rounds are dear (`eager`), the values after shorter steps come with those of the full one; else they are asked when they are needed.
    """
    move, levels = problem.full(step.move), np.zeros(0) if alone.known else alone.tried(bool(problem.design.role("offset")))
    line, there = point.at[:, None] + move[:, None] * HALVINGS, (point.at + move)[:, None]
    total = yield from Curvature(problem.design, problem.loss, there, line if eager else line[:, :0], levels, third)
    alone, tried = advance(alone, levels, total.level), best(problem, total, there)
    if accepted(point, tried):
        return tried, alone, True
    along = total if eager else (yield from Slope(problem.design, problem.loss, point.at, line))
    values = np.array([value + problem.penalised(at) for value, at in zip(along.line, line.T, strict=True)])
    if not np.min(np.nan_to_num(values, nan=np.inf)) < point.value:
        return None, alone, False
    there = line[:, [int(np.nanargmin(values))]]
    total = yield from Curvature(problem.design, problem.loss, there, np.zeros((problem.design.width, 0)), np.zeros(0), third)
    return best(problem, total, there), alone, False


def step_from(problem: Problem, point: Point, history: list[Step]) -> Step:
    """The step from a point: Newton's, bent where third derivatives are known, and what should be left after it."""
    root, positive = root_of(point.observed)
    if not positive:
        root, _ = root_of(point.expected)
    move, unit = -solve_root(root, point.gradient), unit_of(problem, point)
    decrement = length(root, move) / unit
    reached = length(root, point.at[problem.columns] + move) / unit
    before = history[-1] if history else None
    if problem.loss.is_quadratic:
        return Step(move, root, decrement, 0.0 if positive else decrement, reached, False)
    if point.cubes and positive:
        bent = bend(point, root, move)
        share = length(root, bent - move) / max(length(root, bent), 1e-300)
        if share <= 0.5:
            quartic = decrement**2 / problem.rows  # what fourth derivatives leave of a step among rows that are alike
            return Step(bent, root, decrement, decrement * max(4 * share**2, quartic), reached, True)
    rate = min(1.0, decrement) if before is None else min(1.0, 2 * (decrement / before.decrement) * (decrement / before.decrement if positive else 1.0))
    return Step(move, root, decrement, decrement * rate, reached, False)


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
    near = step.error <= max(CLOSE * step.length, EXACT)
    return near and (step.cubic or not exact_curve or problem.loss.is_quadratic or step.decrement <= max(SHORT * step.length, EXACT))


def accepted(point: Point, tried: Point) -> bool:
    """Whether a full step lowered the value, or left it the same to rounding."""
    return bool(np.isfinite(tried.value) and tried.value <= point.value + SAME * abs(point.value))


def suspicious(problem: Problem, history: list[Step]) -> bool:
    """Whether decrements shrink so slowly, three times in a row, that there may be no optimum at all."""
    if not problem.loss.family.scale_known or problem.penalty.any() or len(history) < 6 or len(history) % 3:
        return False
    last = [step.decrement for step in history[-4:]]
    return all(now > SLOW * before for before, now in pairwise(last))


def scaled_direction(problem: Problem, move: Array) -> Array:
    """A direction along which rows lie about one apart, without the columns that hardly move."""
    scale = np.sqrt(np.maximum(np.diag(problem.square), 1e-300))
    kept = np.where(np.abs(move) * scale > 1e-3 * np.max(np.abs(move) * scale, initial=0.0), move, 0.0)
    return np.asarray(kept / max(float(np.sqrt(kept @ problem.square @ kept)), 1e-300))


def optimum(problem: Problem, point: Point, step: Step, alone: Level, outcome: Outcome, direction: Array, reach: float) -> Optimum:
    """The answer: the last summed point and the step from it, with every sum carried along."""
    move = step.move if outcome is Outcome.CONVERGED else np.zeros_like(step.move)
    observed, expected = carried(point.observed, point.cubes[:1], move), carried(point.expected, point.cubes[-1:], move)
    change = point.gradient @ move + 0.5 * move @ point.observed @ move
    value = point.value + float(change) - problem.penalised(point.at + problem.full(move))
    scale = np.sqrt(np.maximum(np.diag(point.expected), 1e-300))
    certificate = Certificate(
        float(np.max(np.abs(point.gradient) / scale, initial=0.0)),
        step.decrement,
        step.error,
        step.error / max(step.length, 1e-300),
        bound(problem, point, move, reach),
    )
    return Optimum(
        point.at + problem.full(move), max(value, 0.0), point.pearson + float(point.pearson_slope @ move), observed,
        expected, alone.at, alone.value, certificate, outcome.name, direction,
    )  # fmt: skip


def carried(square: Array, cubes: tuple[Array, ...], move: Array) -> Array:
    """A Hessian where a step leads, by its derivative if that is known."""
    there = square + cubes[0] @ move if cubes else square
    return there if root_of(there)[1] else square
