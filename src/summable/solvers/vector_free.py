"""L-BFGS for designs so wide that ranks hold slices of the coefficients: vectors stay where they lie, and a few inner products travel."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from summable.core.data import Data
from summable.core.errors import DataError
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.losses import Loss
from summable.measures.inner import Inner
from summable.measures.slopes import Slopes
from summable.solvers.conjugate import Approach, Listener, Normal, Scales, spread_of
from summable.solvers.lbfgs import ENOUGH, MEMORY

SHORTEST, SHORTER = 0.1, 0.5  # of a step that did not lower the objective: bounds of the next one to be tried
ROUNDING = 1e-14  # of the objective: changes that say nothing
TRIES = 30  # of shorter steps, of which the last is 2e-9 of the first at most: then there is no way down


@dataclass(frozen=True, eq=False)
class Spot(Data):
    """What is known of some coefficients."""

    at: Array  # (width, targets)
    gradient: Array  # (width · targets, 1) about the means, in units of each column's spread
    objective: Array  # (targets,) Σ w · loss + ½ b'penalty b
    value: Array  # (targets,) Σ w · loss
    rows: float

    @property
    def height(self) -> float:
        """What is to be lowered."""
        return float(self.objective.sum())


@dataclass(frozen=True, eq=False)
class History(Data):
    """The last steps and what they changed of the gradient, with the inner products that two loops ask for."""

    steps: tuple[Array, ...] = ()
    changes: tuple[Array, ...] = ()
    met: Array = field(default_factory=lambda: np.zeros((0, 0)))  # steps by changes
    squares: Array = field(default_factory=lambda: np.zeros((0, 0)))  # changes by changes


def vector_free(normal: Normal, loss: Loss, start: Array, *, tolerance: float = 1e-8, most: int = 1000, listener: Listener | None = None) -> Rounds[Approach]:
    """Lower Σ w · loss + ½ b'penalty b, of all targets together, from coefficients (width, targets), until the gradient is `tolerance` of the first.

    Coefficients are those about the means, in units of the columns' spreads. All ranks decide by inner products and a value that one of them
    has told to all, so that none goes another way by a rounding.

    Cost: a round for means and squares; one a step of width · targets numbers each way, one more for each shorter step that is tried. Where ranks
        hold slices of the features, none of these cross, but some fifty inner products a step do, in three rounds.
    Fails: DataError when no row is left, or the loss at the start is not finite.
    Source: Nocedal & Wright 2006, §7.2; Chen, Wang & Zhou 2014 (inner products in the place of vectors).
    """
    scales = yield from spread_of(normal)
    here = yield from looked(normal, loss, scales, start)
    if not np.isfinite(here.height):
        raise DataError("the loss is not finite where the steps begin", "Scale the columns, or give start=….")
    history, objective, lengths = History(), [here.objective], list[float]()
    while True:
        history, with_gradient = yield from known(normal, history, here)
        lengths.append(float(np.sqrt(with_gradient[-1])))
        done = lengths[-1] <= tolerance * lengths[0]
        found = None if done or len(objective) > most else (yield from lowered(normal, loss, scales, here, history, with_gradient))
        if found is None:
            residual = lengths[-1] / lengths[0] if lengths[0] else 0.0
            return Approach(here.at, np.array(objective), here.value, residual, done, scales.weight, here.rows)
        (there, step), kept = found, slice(-MEMORY + 1, None)
        history = replace(history, steps=(*history.steps[kept], step), changes=(*history.changes[kept], there.gradient - here.gradient))
        here = there
        objective.append(here.objective)
        if listener:
            listener(len(objective) - 1, here.objective)


def looked(normal: Normal, loss: Loss, scales: Scales, at: Array) -> Rounds[Spot]:
    """Loss and gradient at coefficients.

    Cost: one round of the rows, and where there are slices one of inner products.
    Fails: nothing.
    """
    total, design, penalty = (yield from Slopes(normal.design, loss, at)), normal.design, normal.penalty * at
    with np.errstate(over="ignore", invalid="ignore"):
        told = Inner(design, (normal.constant, normal.constant, at), (total.gradient, np.broadcast_to(total.value, at.shape), penalty))
        pull, value, square = (yield from told).inner
        gradient = (total.gradient - scales.mean * pull + penalty) / np.sqrt(scales.square)
    return Spot(at, gradient.reshape(-1, 1), value + 0.5 * square, value, float(total.rows[0]))


def known(normal: Normal, history: History, here: Spot) -> Rounds[tuple[History, Array]]:
    """The inner products of the last step and change with the others, and those of the gradient with steps, changes and itself.

    Cost: where there are slices, one round of five for each step that is remembered.
    Fails: nothing.
    """
    steps, changes, gradient = history.steps, history.changes, here.gradient
    count = len(steps)
    left = [*steps, *changes, gradient, *steps, *steps[-1:] * count, *changes]
    right = [*[gradient] * (2 * count + 1), *changes[-1:] * count, *changes, *changes[-1:] * count]
    found = (yield from Inner(normal.design, tuple(left), tuple(right))).inner[:, 0]
    if count == 0:
        return history, found
    met, squares = (np.zeros((count, count)) for _ in range(2))
    old = slice(len(history.met) - (count - 1), None)
    met[:-1, :-1], squares[:-1, :-1] = history.met[old, old], history.squares[old, old]
    with_gradient, met[:, -1], met[-1], squares[-1] = np.split(found, [2 * count + 1, 3 * count + 1, 4 * count + 1])
    squares[:, -1] = squares[-1]
    if met[-1, -1] <= 0:  # no curvature along a step that rounding has bent: it is forgotten
        forgotten = History(steps[:-1], changes[:-1], met[:-1, :-1], squares[:-1, :-1])
        return forgotten, np.delete(with_gradient, [count - 1, 2 * count - 1])
    return replace(history, met=met, squares=squares), with_gradient


def direction(history: History, with_gradient: Array) -> Array:
    """The quasi-Newton step as a sum of steps, changes and the gradient: its coefficients, (2 · steps + 1,)."""
    count = len(history.steps)
    left, weights = np.zeros(2 * count + 1), np.zeros(count)
    left[-1] = 1.0
    of_steps, of_changes = left[:count], left[count:-1]  # views
    for i in reversed(range(count)):
        weights[i] = (history.met[i] @ of_changes + with_gradient[i]) / history.met[i, i]
        of_changes[i] = -weights[i]
    if count:
        left *= history.met[-1, -1] / history.squares[-1, -1]
    for i in range(count):
        along = history.met[:, i] @ of_steps + history.squares[i] @ of_changes + with_gradient[count + i] * left[-1]
        of_steps[i] = weights[i] - along / history.met[i, i]
    return -left


def lowered(normal: Normal, loss: Loss, scales: Scales, here: Spot, history: History, with_gradient: Array) -> Rounds[tuple[Spot, Array] | None]:
    """Where a quasi-Newton step leads, or a shorter one that lowers the objective, and that step in the gradient's units; None if none does.

    Cost: a round of the rows for each that is tried.
    Fails: nothing.
    Source: Nocedal & Wright 2006, §3.5 (the minimum of a parabola).
    """
    parts = direction(history, with_gradient)
    slope, length = float(parts @ with_gradient), 1.0
    vectors = (*history.steps, *history.changes, here.gradient)
    step = np.asarray(sum(part * vector for part, vector in zip(parts, vectors, strict=True)))
    move = step.reshape(here.at.shape) / np.sqrt(scales.square)
    move = move - normal.constant * (yield from lift(normal, scales, move))
    for _ in range(TRIES):
        there = yield from looked(normal, loss, scales, here.at + length * move)
        rise = there.height - here.height
        if rise <= ENOUGH * length * slope + ROUNDING * abs(here.height):
            return there, length * step
        bend = rise - length * slope
        best = -0.5 * slope * length / bend if np.isfinite(bend) and bend > 0 else 0.0
        length *= min(max(best, SHORTEST), SHORTER)
    return None


def lift(normal: Normal, scales: Scales, move: Array) -> Rounds[Array]:
    """What a move of the slopes raises the plane by at the means, (targets,): the intercept takes it back."""
    total: Array = (yield from Inner(normal.design, (scales.mean,), (move,))).inner[0]
    return total
