"""Newton's method for a sum over rows: one round a step, and a certificate of how far its last point was from the optimum."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf

from summable.core.data import Data
from summable.core.design import Design
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.linalg import symmetric, symmetric_cube, triangle
from summable.maths.losses import Loss
from summable.measures.curvature import Curvature, Quadratic
from summable.measures.violations import Violations
from summable.solvers.level import Level, advance

HALVINGS = 0.5 ** np.arange(1, 8)  # step sizes whose values come with every full step
CLOSE = 3e-11  # of the coefficients, in the metric of the Hessian: how near the answer shall be
EXACT = 1e-9  # of a standard error: nearer than this is rounding
SHORT = 1e-8  # of the coefficients: over a last step as short, the Hessian changes in its eighth digit
SAME = 1e-12  # of a value: a sum of rounded terms may rise by that much at its minimum
WIDEST_CUBE = 60  # features of which the third derivatives (36,000 numbers) are worth their pass
SLOW = 0.25  # a decrement that shrinks by no more than this is no quadratic convergence


class Outcome(Enum):
    """How a solution came about, and what to do about it."""

    CONVERGED = "Newton's method converged: the pooled answer."
    SEPARATED = "Some columns separate the outcomes, so their coefficients have no finite estimate. Use alpha=…, or leave those columns out."
    STALLED = "No step lowers the loss any further although the gradient is not zero. Scale the columns, or choose another link."
    UNFINISHED = "The rounds were used up before the answer was near. Ask for more with max_rounds=…."


@dataclass(frozen=True, eq=False)
class Certificate(Data):
    """What is known, over all rows, of the last summed point and of the step from there to the answer."""

    gradient: float  # the greatest |entry| of the gradient over the square root of its curvature: zero at the optimum
    decrement: float  # Newton's: the length of the step to the optimum of the quadratic, in standard errors of scale one
    error: float  # what is estimated to be left after the last step, in the same unit
    relative: float  # the same over the length of the coefficients
    bound: float  # what is proved to be left, in the same unit; NaN where nothing is


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
class Problem:
    """What is minimised: Σ w loss(x·b + offset) + ½ (b'Pb) over the independent columns of a design."""

    design: Design
    loss: Loss
    columns: NDArray[np.int64]  # (rank,) positions in the design
    penalty: Array  # (rank, rank), zero without one
    rows: float
    square: Array  # (rank, rank) squares of the columns, about one a row, by which directions are scaled
    metric: Array  # (rank, rank) a Hessian somewhere near, by which rows are measured for the bound; or (0, 0)

    @property
    def whiten(self) -> Array:
        """(width, rank): its square root's inverse; (0, 0) where there is no metric or no bound to gain."""
        if not self.metric.size or not self.loss.concordance:
            return np.zeros((0, 0))
        return self.full(solve_triangular(root_of(self.metric)[0], np.eye(len(self.columns))))

    def full(self, part: Array) -> Array:
        """Coefficients of all features, (width,) or (width, q), from those of the independent columns."""
        whole = np.zeros((self.design.width, *part.shape[1:]))
        whole[self.columns] = part
        return whole

    def penalised(self, at: Array) -> float:
        """½ b'Pb."""
        return float(0.5 * at[self.columns] @ self.penalty @ at[self.columns])


@dataclass(frozen=True, eq=False)
class Point:
    """The sums at one point, of the independent columns, the penalty included."""

    at: Array  # (width,)
    value: float
    gradient: Array  # (rank,)
    observed: Array  # (rank, rank)
    expected: Array  # (rank, rank)
    cubes: tuple[Array, ...]  # (rank, rank, rank) third derivatives, and those of the expected information where it is another; or none
    pearson: float
    pearson_slope: Array  # (rank,)


@dataclass(frozen=True, eq=False)
class Step:
    """A step and what is expected of it."""

    move: Array  # (rank,)
    root: Array  # (rank, rank) of the Hessian that gave it
    decrement: float  # over the unit
    error: float  # estimated to be left after it, over the unit
    length: float  # of the coefficients it leads to, over the unit
    cubic: bool  # whether third derivatives bent it


def newton(problem: Problem, candidates: Array, level: float, *, third: bool, exact_curve: bool, max_rounds: int = 30) -> Rounds[Optimum]:
    """Go on from the best of some candidates, (width, q), by Newton steps, bent by the third derivatives where those are summed.

    A step is tried in full with the Hessian there, and by value at seven fractions beside it, in one round. The observed information
    gives the step where it is positive definite, else the expected. `exact_curve` asks for a Hessian as good as the coefficients.

    Cost: one round a step, at least one; one more where a full step fails, or to prove a separation.
    Fails: nothing; how it went is in the outcome.
    Source: Nocedal & Wright 2006, §3.3; McCullagh & Nelder 1989, §2.5.
    """
    third = third and problem.design.width <= WIDEST_CUBE and not problem.loss.is_quadratic
    line, with_offset = np.zeros((problem.design.width, 0)), bool(problem.design.role("offset"))
    alone = Level(level)
    levels = alone.tried(with_offset)
    total = yield from Curvature(problem.design, problem.loss, candidates, line, levels, third, problem.whiten)
    reach = float(total.reach) ** (1 / 16)
    alone = advance(alone, levels, total.level)
    point = best(problem, total, candidates)
    if 0 in problem.columns and not point.value <= alone.value:  # worse than a constant alone, or outside the link's domain
        flat = problem.full(np.where(problem.columns == 0, alone.at, 0.0))[:, None]
        total = yield from Curvature(problem.design, problem.loss, flat, line, np.zeros(0), third)
        point = best(problem, total, flat)
    history: list[Step] = []
    outcome, direction = Outcome.UNFINISHED, np.zeros(0)
    for used in range(2, max_rounds + 1):
        step = step_from(problem, point, history)
        if converged(problem, step, exact_curve) and alone.known:
            outcome = Outcome.CONVERGED
            break
        if not np.isfinite(point.value):
            outcome = Outcome.STALLED
            break
        if suspicious(problem, [*history, step]):
            candidate = problem.full(scaled_direction(problem, step.move))
            upper = problem.loss.family.name == "binomial"
            sides = yield from Violations(problem.design, candidate, 1e-4, upper)
            if sides.wrong == 0 and sides.right > 0:
                outcome, direction = Outcome.SEPARATED, candidate
                break
        move = problem.full(step.move)
        line = point.at[:, None] + move[:, None] * HALVINGS
        there = (point.at + move)[:, None]
        levels = alone.tried(with_offset) if not alone.known else np.zeros(0)
        total = yield from Curvature(problem.design, problem.loss, there, line, levels, third)
        alone = advance(alone, levels, total.level)
        tried = best(problem, total, there)
        if accepted(point, tried):
            point, history = tried, [*history, step]
            continue
        values = np.array([value + problem.penalised(at) for value, at in zip(total.line, line.T, strict=True)])
        if not (used < max_rounds and np.nanmin(values, initial=np.inf) < point.value):
            small = step.decrement <= 1e-6 * max(step.length, 1.0)
            outcome = Outcome.CONVERGED if small else Outcome.STALLED
            break
        there = line[:, [int(np.nanargmin(values))]]
        total = yield from Curvature(problem.design, problem.loss, there, np.zeros((problem.design.width, 0)), np.zeros(0), third)
        point, history = best(problem, total, there), []
    return optimum(problem, point, step, alone, outcome, direction, reach)


def best(problem: Problem, total: Quadratic, at: Array) -> Point:
    """The point of least value among those summed; their sums."""
    values = np.array([value + problem.penalised(b) for value, b in zip(total.value, at.T, strict=True)])
    usable = np.isfinite(values) & np.isfinite(total.gradient).all(axis=0) & np.isfinite(total.hessian).all(axis=0)
    which = int(np.argmin(np.where(usable, values, np.inf)))
    columns, part = problem.columns, np.ix_(problem.columns, problem.columns)
    observed = symmetric(total.hessian[:, which])[part] + problem.penalty
    expected = symmetric(total.expected[:, which])[part] + problem.penalty if total.expected.size else observed
    cubes: tuple[Array, ...] = ()
    if which == 0 and np.isfinite(total.third).all():
        corner = np.ix_(columns, columns, columns)
        cubes = tuple(symmetric_cube(packed, problem.design.width)[corner] for packed in total.third.T)
    gradient = total.gradient[columns, which] + problem.penalty @ at[columns, which]
    value = float(values[which]) if usable[which] else np.inf
    return Point(at[:, which], value, gradient, observed, expected, cubes, float(total.pearson[which]), total.pearson_slope[columns, which])


def step_from(problem: Problem, point: Point, history: list[Step]) -> Step:
    """The step from a point: Newton's, bent where third derivatives are known, and what should be left after it."""
    root, positive = root_of(point.observed)
    if not positive:
        root, _ = root_of(point.expected)
    move, unit = -solve(root, point.gradient), unit_of(problem, point)
    decrement = norm(root, move) / unit
    length = norm(root, point.at[problem.columns] + move) / unit
    before = history[-1] if history else None
    if problem.loss.is_quadratic:
        return Step(move, root, decrement, 0.0 if positive else decrement, length, False)
    if point.cubes and positive:
        bent = bend(point, root, move)
        share = norm(root, bent - move) / max(norm(root, bent), 1e-300)
        if share <= 0.5:
            quartic = decrement**2 / problem.rows  # what fourth derivatives leave of a step among rows that are alike
            return Step(bent, root, decrement, decrement * max(4 * share**2, quartic), length, True)
    rate = min(1.0, decrement) if before is None else min(1.0, 2 * (decrement / before.decrement) * (decrement / before.decrement if positive else 1.0))
    return Step(move, root, decrement, decrement * rate, length, False)


def unit_of(problem: Problem, point: Point) -> float:
    """The length of a standard error in the metric of the Hessian: one, or the square root of the scale where that is estimated."""
    return 1.0 if problem.loss.family.scale_known else max(float(np.sqrt(2 * max(point.value, 0.0) / problem.rows)), 1e-150)


def bend(point: Point, root: Array, move: Array) -> Array:
    """The root of gradient + Hessian s + ½ third[s, s] = 0 that lies by the Newton step."""
    bent = move
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(60):
            left = point.gradient + point.observed @ bent + 0.5 * (point.cubes[0] @ bent) @ bent
            change = solve(root, left) if np.isfinite(left).all() else np.full_like(move, np.inf)
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


def bound(problem: Problem, point: Point, move: Array, reach: float) -> float:
    """How far the point a step leads to can lie from the optimum, in standard errors; NaN where nothing is known.

    Where |third| ≤ m · curve, a step of length l in the metric of H changes the Hessian by no more than a factor e^±r, r = m R l, R the
    greatest length of a row in the metric of H⁻¹. So the gradient there is no longer than ν = |g + H s| + (e^r − 1 − r)/r · l, and the
    optimum no further than −log(1 − R'ν')/R' (Bach 2010; Marteau-Ferey, Bach & Rudi 2019), ν' and R' being taken in the Hessian there.
    """
    m, (root, positive) = problem.loss.concordance, root_of(point.observed)
    if m is None or not positive or (m and not reach):
        return float("nan")
    if m:
        inner = solve_triangular(root, problem.metric, trans="T")
        m *= reach * float(np.sqrt(np.linalg.eigvalsh(solve_triangular(root, inner.T, trans="T")).max()))
    length = norm(root, move)
    r = m * length
    if r > 1:
        return float("nan")
    beyond = 0.5 * r * (1 + r) * length  # no less than (e^r − 1 − r)/r · length, for r up to 1
    left = (float(np.linalg.norm(solve_triangular(root, point.gradient + point.observed @ move, trans="T"))) + beyond) * np.exp(r / 2)
    share = m * np.exp(r / 2) * left
    if share >= 1:
        return float("nan")
    return float(left if share < 1e-8 else -np.log1p(-share) / (m * np.exp(r / 2))) / unit_of(problem, point)


def carried(square: Array, cubes: tuple[Array, ...], move: Array) -> Array:
    """A Hessian where a step leads, by its derivative if that is known."""
    there = square + cubes[0] @ move if cubes else square
    return there if root_of(there)[1] else square


def root_of(square: Array) -> tuple[Array, bool]:
    """The upper triangle whose square it is, and whether it is positive definite; if not, of the nearest that is, in scaled columns."""
    scale = np.sqrt(np.maximum(np.diag(square), 1e-300))
    scaled = square / np.outer(scale, scale)
    root, info = dpotrf(scaled, clean=1)
    if not info and np.all(np.diag(root) > 1e-8):
        return root * scale, bool(np.all(np.diag(square) > 0))
    if not np.isfinite(scaled).all():
        return np.diag(scale), False
    values, vectors = np.linalg.eigh(scaled)
    raised = np.sqrt(np.maximum(np.abs(values), 1e-15 * max(float(np.abs(values).max(initial=0.0)), 1e-300)))
    return triangle((vectors * raised).T) * scale, bool(values.min(initial=1.0) > 0)


def solve(root: Array, vector: Array) -> Array:
    """(root'root)⁻¹ vector."""
    return np.asarray(solve_triangular(root, solve_triangular(root, vector, trans="T")))


def norm(root: Array, move: Array) -> float:
    """The length of a vector in the metric of root'root."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.linalg.norm(root @ move))
