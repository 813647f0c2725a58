"""Conjugate gradients: least squares, penalised or not, of designs too wide for the products of their features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from summable.core.data import Data
from summable.core.design import Constant, Design
from summable.core.errors import DataError
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.losses import loss
from summable.measures.image import Image
from summable.measures.inner import Inner
from summable.measures.slopes import Slopes
from summable.measures.spread import Spread

ANEW = 4  # times that the residual is computed from the rows, and the way begun again where rounding has led it astray
AIM = 0.25  # of the tolerance, by the account of the steps: one or two more, for what has drifted, and for coefficients, which the last ones turn most
LEAST = 1e-14  # of a column's sum of squares: what is left of it about its mean is no less than rounding
REMEMBERED = 2**20  # numbers of earlier residuals, 8 MiB: the first that fit, as rounding brings back first what the way began with
OWN = 0.5  # of a residual's square, the least that earlier ones may leave of it: of less, most is rounding
SLIGHT = 1e-4  # of the square that is enough: a hundredth of it may be taken from a residual that the coefficients do not know of
SQUARES = loss("gaussian")

Listener = Callable[[int, Array], Any]  # (step, the objective of each target)


@dataclass(frozen=True, eq=False)
class Normal(Data):
    """The normal equations (X'WX + penalty) B = X'WY, of the features that are held here."""

    design: Design
    penalty: Array  # (width, targets), none of the constant
    constant: Array  # (width, 1) one where the constant is, else zero


@dataclass(frozen=True, eq=False)
class Scales(Data):
    """Where the features lie, and how far they spread."""

    weight: float  # Σ w
    mean: Array  # (width, 1), zero for the constant, or where the design has none
    square: Array  # (width, targets) what residuals are measured by


@dataclass(frozen=True, eq=False)
class Left(Data):
    """What a step leaves of the equations, as far as it is orthogonal to what earlier ones left."""

    residual: Array  # (width, targets)
    square: Array  # (targets,) in units of each column's spread
    lift: Array  # (targets,) what it raises the plane by at the means


@dataclass(frozen=True, eq=False)
class Approach(Data):
    """How far it has come."""

    at: Array  # (width, targets)
    objective: Array  # (steps + 1, targets) ½ Σ w (y − x·b)² + ½ b'penalty b, before each step and at last
    value: Array  # (targets,) ½ Σ w (y − x·b)² at last
    residual: float  # of the equations, over that of the start, in units of each column's spread; computed from the rows
    converged: bool
    weight: float  # Σ w
    rows: float


def conjugate(normal: Normal, start: Array, *, tolerance: float = 1e-10, most: int = 1000, listener: Listener | None = None) -> Rounds[Approach]:
    """Preconditioned conjugate gradients about the means, each target by itself, until the residual is `tolerance` of what it was.

    What a step remembers of the residual drifts by rounding, so it is computed anew from the rows before anyone believes it.

    Cost: a round for means and squares, one for each residual from the rows, and one a step of width · targets numbers each way; where
        ranks hold slices of the features, none of these cross, but three inner products a step do, and one for each residual remembered.
    Fails: DataError when no row is left, or a square is beyond float64.
    Source: Hestenes & Stiefel 1952; Golub & Van Loan 2013, §11.5.2; Björck 1996, §7.4.
    """
    scales = yield from spread_of(normal)
    state = Approach(start, np.zeros((0, start.shape[1])), np.zeros(0), np.inf, False, scales.weight, 0.0)
    first = np.zeros(0)
    for _ in range(ANEW):
        state, residual = yield from from_rows(normal, scales, state)
        scaled = residual / scales.square
        (length,) = (yield from Inner(normal.design, (residual,), (scaled,))).inner
        first = first if first.size else length
        state = replace(state, residual=float(np.sqrt(np.max(_over(length, first), initial=0.0))))
        if state.residual <= tolerance or len(state.objective) > most:
            break
        state = yield from steps(normal, scales, state, residual, (AIM * tolerance) ** 2 * first, most, listener)
    return replace(state, converged=state.residual <= tolerance)


def steps(normal: Normal, scales: Scales, state: Approach, residual: Array, enough: Array, most: int, listener: Listener | None) -> Rounds[Approach]:
    """The textbook's iteration from a residual, until its square is small enough, with residuals kept orthogonal to the first ones.

    The intercept is what it is at the means, so directions have no part of it, but for what moves the plane with them: −mean·d.

    Cost: one round a step, of which there are about as many as the rank where all residuals fit; where there are slices, two of inner products too.
    Fails: nothing.
    Source: Golub & Van Loan 2013, algorithm 11.5.1, and §10.3 (complete reorthogonalization).
    """
    at, objective, earlier = state.at, list(state.objective), list[Left]()
    room = REMEMBERED // (normal.design.width * residual.shape[1])  # by the whole width: the same on all ranks
    left = yield from orthogonal(normal, scales, residual, earlier, enough)
    direction, along = left.residual / scales.square, left.lift
    while (left.square > enough).any() and len(objective) <= most:
        moved = direction - normal.constant * along
        image = yield from Image(normal.design, moved)
        turned = (image.first - scales.mean * image.total) * (1 - normal.constant) + normal.penalty * direction
        (curve,) = (yield from Inner(normal.design, (direction,), (turned,))).inner
        step = _over(left.square, curve)
        at = at + step * moved
        objective.append(objective[-1] - 0.5 * step * left.square)
        if listener:
            listener(len(objective) - 1, objective[-1])
        earlier, before = [*earlier, left][:room], left.square
        left = yield from orthogonal(normal, scales, left.residual - step * turned, earlier, enough)
        share = _over(left.square, before)
        direction, along = left.residual / scales.square + share * direction, left.lift + share * along
    return replace(state, at=at, objective=np.array(objective))


def orthogonal(normal: Normal, scales: Scales, residual: Array, earlier: list[Left], enough: Array) -> Rounds[Left]:
    """A residual less what rounding has brought back into it of earlier ones; its square and lift follow from theirs, without asking again.

    What is taken away the coefficients do not make up for, so nothing is where it would be seen: where not all earlier ones are remembered,
    or fewer digits are left than are asked for, steps go on as without. Of a target that is done, nothing but rounding may be left, and then zero.

    Cost: where there are slices, one round of (2 + earlier ones) · targets inner products.
    Fails: nothing.
    Source: Golub & Van Loan 2013, §10.3.
    """
    scaled = residual / scales.square
    others = (residual, scales.mean, *(one.residual for one in earlier))
    whole, lift, *met = (yield from Inner(normal.design, others, (scaled,) * len(others))).inner
    shares = [_over(product, one.square) for one, product in zip(earlier, met, strict=True)]
    taken = np.sum([share * product for share, product in zip(shares, met, strict=True)], axis=0)
    slight = taken <= SLIGHT * enough
    for one, share in zip(earlier, shares, strict=True):
        residual, lift = residual - slight * share * one.residual, lift - slight * share * one.lift
    square = whole - slight * taken
    own = square > OWN * whole
    return Left(residual * own, square * own, lift * own)


def spread_of(normal: Normal) -> Rounds[Scales]:
    """Means, and squares about them, of each feature by itself: the diagonal of the equations, by which residuals are measured.

    Where there are fewer rows than features, they are measured as they are: the equations are then a multiple of the identity but for as many
    dimensions as there are rows, which scaling would spoil; and without a penalty, the solution is the shortest, as the way begins at zero.

    Cost: one round of 2 width + 3 numbers.
    Fails: DataError when no row is left, or a square is beyond float64.
    """
    design = normal.design
    sums = yield from Spread(design, np.zeros((1, len(normal.constant))))
    weight, first, second = float(sums.weights[0]), sums.firsts[0][:, None], sums.seconds[0][:, None]
    if weight == 0:
        raise DataError("no row is left to fit", "Check the data, the weights, and what is missing.")
    mean = first / weight * (1 - normal.constant) if any(isinstance(term, Constant) for term in design.terms) else np.zeros_like(first)
    square = np.maximum(second - mean * first, LEAST * second) + normal.penalty
    is_wide = float(sums.rows[0]) < design.width
    return Scales(weight, mean, np.where((square > 0) & (not is_wide), square, 1.0))


def from_rows(normal: Normal, scales: Scales, state: Approach) -> Rounds[tuple[Approach, Array]]:
    """The residual X'W(Y − XB) − penalty B about the means, (width, targets), and the intercept where it belongs.

    Cost: one round of (width + 1) · targets + 3 numbers, and where there are slices one of inner products.
    Fails: DataError where a sum is not finite.
    """
    total = yield from Slopes(normal.design, SQUARES, state.at)
    pull, penalty = (yield from Inner(normal.design, (normal.constant, state.at), (total.gradient, normal.penalty * state.at))).inner
    if not np.isfinite(total.value).all():
        raise DataError("a sum of squares is beyond what numbers can hold", "Scale the columns.")
    residual = (scales.mean * pull - total.gradient) * (1 - normal.constant) - normal.penalty * state.at
    value = total.value - 0.5 * pull**2 / scales.weight
    objective = np.vstack([state.objective[:-1], value + 0.5 * penalty])
    return replace(state, at=state.at - normal.constant * pull / scales.weight, objective=objective, value=value, rows=float(total.rows[0])), residual


def _over(number: Array, by: Array) -> Array:
    """A quotient, zero where there is nothing to divide by: a target that is done takes no more steps."""
    return np.divide(number, by, out=np.zeros_like(number), where=by > 0)
