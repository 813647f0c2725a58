"""A fit of the first rows of every part, from which gradients of all rows lead to the answer: where a Hessian of all rows costs many of those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from summable.core.design import Design
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.linalg import cholesky
from summable.maths.losses import Loss, is_open
from summable.measures.curvature import Curvature
from summable.measures.first import First
from summable.measures.working import Opening, Working
from summable.solvers.chord import along_chords, sloped
from summable.solvers.least_squares import ENOUGH, noise_of
from summable.solvers.level import Level
from summable.solvers.optimum import Optimum, Outcome, optimum
from summable.solvers.problem import Point, Problem, best
from summable.solvers.start import constant_of, least_squares_start, level_from, level_start, products_of
from summable.solvers.step import Step, converged, step_from

WIDE = 10  # features from which it was faster; a Hessian costs 1.3 gradients there, three at 50, seven or eight at 200
WORTH = 2**25  # numbers of a design: of fewer, a Hessian takes no longer than what Python spends on some rounds
SHARE = 12  # of so many rows one is looked at, so that four looks cost a third of a reading
EACH = 50  # rows looked at for every column, at least: their Hessian is then within a quarter or so of that of all
NEAR = 0.5  # of how far the fit of the first rows usually lies from that of all, in their own errors: nearer is of no use
STEPS = 8  # without coming so near: the first rows have no fit
MOST = 12  # gradients: more than a Hessian costs
ROUNDS = 2 + STEPS + MOST  # at most


@dataclass(frozen=True, eq=False)
class Ahead:
    """Near the optimum without a Hessian of all rows."""

    opening: Opening  # counts and constants of all rows; squares and products of the first of each part, times as many as there are more rows
    problem: Problem
    point: Point  # value and gradient of all rows, the Hessian of the first
    step: Step  # from there to the optimum


def ahead(design: Design, kept: NDArray[np.int64], loss: Loss, penalty: Callable[[Opening], float], known: int, parts: int) -> Rounds[Ahead | None]:
    """The fit of so many known rows in so many parts, with ½ penalty |b|² of all but the constant, which the counts of rows tell; None where the
    first rows of each part do not lead to it.

    The squares of all rows are no less than those of some, so that columns that the first rows tell apart are apart.

    Cost: one round that reads no feature, some four that read a twelfth of the rows, and some seven of a gradient.
    Fails: as `Working`.
    Source: Byrd, Chin, Neveitt & Nocedal 2011 (Hessians of a sample, gradients of all); Nocedal & Wright 2006, §7.2.
    """
    usable = loss.is_everywhere and not loss.is_quadratic and not is_open(loss) and len(kept) > 0 and kept[0] == 0
    if not usable or design.is_sparse or design.width < WIDE or known * design.width < WORTH or known < SHARE * EACH * design.width:
        return None
    limit = -(-known // (SHARE * parts))
    constant = constant_of(design)
    alone = yield from Working(constant, loss)
    few = yield from First(Working(design, loss, level_from(constant, alone, loss, design.width)), limit)
    if not 0 < few.weight < alone.weight:
        return None
    more = float(alone.weight / few.weight)
    problem = _problem(design, kept, loss, penalty(alone) / more, few)
    point = None if problem is None else (yield from _fit(problem, least_squares_start(problem, few), limit))
    if problem is None or point is None:
        return None
    problem = replace(problem, rows=float(alone.rows[0]), penalty=problem.penalty * more)
    rough = replace(point, observed=point.observed * more, expected=point.expected * more, pearson=np.nan)
    begun = yield from sloped(problem, rough, point.at)
    if not np.isfinite(begun.gradient).all():
        return None
    point, step = yield from along_chords(problem, begun, step_from(problem, begun, []), MOST)
    if not converged(problem, step, False):
        return None
    counts = [getattr(alone, field.name) for field in fields(Opening)[:6]]
    return Ahead(Opening(*counts, few.xx * more, few.xz * more, few.zz * more), problem, point, step)  # type: ignore[call-arg]  # six and three


def reached(found: Ahead) -> Optimum:
    """The optimum, with the information of the first rows for that of all."""
    level = Level(level_start(found.problem.design, found.opening, found.problem.loss))
    return optimum(found.problem, found.point, found.step, level, Outcome.CONVERGED, np.zeros(0), 0.0)


def _problem(design: Design, kept: NDArray[np.int64], loss: Loss, penalty: float, opening: Opening) -> Problem | None:
    """That of the first rows; None where they do not tell the columns apart."""
    rows, square, products = float(opening.rows[0]), opening.square[np.ix_(kept, kept)], products_of(opening)
    if rows < EACH * design.width / 2 or not np.isfinite(opening.xx).all() or not np.isfinite(opening.xz).all():
        return None
    factor = cholesky(square, opening.xz[kept], opening.zz, noise_of(design, products)[kept])
    if len(factor.independent) < len(kept) or factor.digits < ENOUGH:
        return None
    return Problem(design, loss, kept, np.diag(np.where(kept == 0, 0.0, penalty)), rows, square / float(opening.xx[0]), np.zeros((0, 0)))


def _fit(problem: Problem, start: Array, limit: int) -> Rounds[Point | None]:
    """Newton's steps over the first rows alone: where the last one within their own errors leads; None where they do not come to an end."""
    at, nowhere = problem.full(start), np.zeros((problem.design.width, 0))
    for _ in range(STEPS):
        total = yield from First(Curvature(problem.design, problem.loss, at[:, None], nowhere, np.zeros(0)), limit)
        point = best(problem, total, at[:, None])
        if not np.isfinite(point.value):
            return None
        step = step_from(problem, point, [])
        at = at + problem.full(step.move)
        if step.decrement <= NEAR * np.sqrt(len(step.move)):
            return replace(point, at=at)
    return None
