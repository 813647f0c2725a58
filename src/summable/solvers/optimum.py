"""Where a sum of losses is least, how that was found, and what inference needs of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from summable.core.data import Data
from summable.core.statistic import Array
from summable.maths.linalg import root_of
from summable.solvers.certificate import Certificate, bound
from summable.solvers.level import Level
from summable.solvers.problem import Point, Problem
from summable.solvers.step import Step


class Outcome(Enum):
    """How a solution came about, and what to do about it."""

    CONVERGED = "Newton's method converged: the pooled answer."
    DESCENDED = "The gradients came to nothing, and the Hessian summed there says how little is left."
    FIRTH = "Greatest under Jeffreys' prior (Firth's method), not maximum likelihood: finite whatever the outcomes."
    SEPARATED = (
        "Some columns separate the outcomes, so their coefficients have no finite estimate. Use firth=True for estimates that are, or alpha=…, "
        "or leave those columns out."
    )
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


def optimum(problem: Problem, point: Point, step: Step, alone: Level, outcome: Outcome, direction: Array, reach: float) -> Optimum:
    """The answer: the last summed point and the step from it, with every sum carried along."""
    move = step.move if outcome in (Outcome.CONVERGED, Outcome.DESCENDED) else np.zeros_like(step.move)
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
    if not cubes:
        return square
    there = square + cubes[0] @ move
    return there if root_of(there)[1] else square
