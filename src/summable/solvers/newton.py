"""Newton's method for a sum over rows: one round a step, and a certificate of how far its last point was from the optimum.

Every `yield from` below that names a measure is a round; the rest is arithmetic at the centre, in step.py and optimum.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.measures.curvature import Curvature
from summable.measures.slope import Slope
from summable.measures.violations import Violations
from summable.solvers import chord
from summable.solvers.chord import along_chords
from summable.solvers.level import Level, advance
from summable.solvers.optimum import Optimum, Outcome, optimum
from summable.solvers.problem import Point, Problem, best
from summable.solvers.step import CLOSE, SHORT, Step, accepted, converged, scaled_direction, step_from, suspicious

HALVINGS = 0.5 ** np.arange(1, 8)  # step sizes whose values come with every full step
LEVELS = 4  # rounds for the constant alone, where nothing else is asked
ROUNDED = 1e-6  # of the coefficients: a step as short that lowers no loss has met rounding
WIDEST_CUBE = 60  # features of which the third derivatives (36,000 numbers) are worth their pass
ON_IT = 1e-4  # of the rows' spread along a direction: nearer to its hyperplane, a row lies on it


def newton(problem: Problem, candidates: Array, level: float, *, third: bool, exact_curve: bool, eager: bool = True, max_rounds: int = 30) -> Rounds[Optimum]:
    """Go on from the best of some candidates, (width, q), by Newton steps, bent by the third derivatives where those are summed.

    A step is tried in full with the Hessian there and, if `eager`, by value at seven fractions beside it, in one round. The observed
    information gives the step where it is positive definite, else the expected. `exact_curve` asks for a Hessian as good as the coefficients.
    If not `eager`, wide designs take their last steps by gradients.

    Cost: one round a step, at least one; one more where a full step fails, or to prove a separation.
    Fails: nothing; how it went is in the outcome.
    Source: Nocedal & Wright 2006, §3.3; McCullagh & Nelder 1989, §2.5.
    """
    third = third and problem.design.width <= WIDEST_CUBE and not problem.loss.is_quadratic
    point, alone, reach = yield from begin(problem, candidates, Level(level), third)
    decrements = list[float]()
    outcome, direction, stale = Outcome.UNFINISHED, np.zeros(0), False
    step = step_from(problem, point, decrements)
    for _ in range(max_rounds - 2):
        if converged(problem, step, exact_curve) and alone.known and not (stale and exact_curve):
            outcome = Outcome.CONVERGED
            break
        if not eager and not stale and chord.pays(problem, step):
            near = SHORT if exact_curve else CLOSE  # a Hessian that is asked there in any case squares what is left
            point, step = yield from along_chords(problem, point, step, near=near)
            stale = True
            continue
        if suspicious(problem, [*decrements, step.decrement]):
            direction = yield from separation(problem, step)
            if direction.size:
                outcome = Outcome.SEPARATED
                break
        step = replace(step, root=np.zeros((0, 0)))  # of many columns it is as large as all that is known of a point
        moved, alone, full = yield from advanced(problem, point, step, alone, third, eager)
        if moved is None:
            small = step.decrement <= ROUNDED * max(step.length, 1.0)
            outcome = Outcome.CONVERGED if small else Outcome.STALLED
            break
        point, decrements, stale = moved, [*decrements, step.decrement] if full else [], False
        step = step_from(problem, point, decrements)
    return optimum(problem, point, step, alone, outcome, direction, reach)


def look(problem: Problem, at: Array, level: float, near: Callable[[Step], bool], reached: Outcome) -> Rounds[Optimum]:
    """What is known where another method stopped, at (width,) coefficients; with the step from there, if that is near enough.

    Cost: one round; of a model with an offset one or two more, for the constant alone; one more to prove a separation.
    Fails: nothing; how it went is in the outcome.
    """
    point, alone, reach = yield from summed(problem, at[:, None], Level(level), False)
    for _ in range(LEVELS):
        if not alone.known:
            levels, nowhere = alone.tried(bool(problem.design.role("offset"))), np.zeros((problem.design.width, 0))
            total = yield from Curvature(problem.design, problem.loss, nowhere, nowhere, levels)
            alone = advance(alone, levels, total.level)
    step, direction, outcome = step_from(problem, point, []), np.zeros(0), reached
    if not near(step):
        outcome = Outcome.UNFINISHED
        if problem.loss.family.scale_known and not problem.penalty.any():
            direction = yield from separation(problem, step)
            outcome = Outcome.SEPARATED if direction.size else outcome
    return optimum(problem, point, step, alone, outcome, direction, reach)


def summed(problem: Problem, points: Array, alone: Level, third: bool) -> Rounds[tuple[Point, Level, float]]:
    """The best of some points, (width, q), the constant alone, and how far the rows reach."""
    levels, nowhere = alone.tried(bool(problem.design.role("offset"))), np.zeros((problem.design.width, 0))
    total = yield from Curvature(problem.design, problem.loss, points, nowhere, levels, third, problem.whiten)
    return best(problem, total, points), advance(alone, levels, total.level), float(total.reach) ** (1 / 16)


def begin(problem: Problem, candidates: Array, alone: Level, third: bool) -> Rounds[tuple[Point, Level, float]]:
    """The best of the candidates, and how far the rows reach; where even a constant alone is better, that."""
    point, alone, reach = yield from summed(problem, candidates, alone, third)
    if 0 in problem.columns and not point.value <= alone.value:
        flat = problem.full(np.where(problem.columns == 0, alone.at, 0.0))[:, None]
        total = yield from Curvature(problem.design, problem.loss, flat, np.zeros((problem.design.width, 0)), np.zeros(0), third)
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
