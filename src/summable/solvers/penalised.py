"""A generalized linear model of plain features, with a ridge penalty or none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from summable.core.data import Data
from summable.core.design import Coding, Design
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.losses import Loss
from summable.measures.middle import Middle
from summable.measures.working import Opening, Working
from summable.solvers.ahead import ROUNDS, ahead, reached
from summable.solvers.centred import centres, shifted, shifts
from summable.solvers.generalized import independent_columns, refuse_constant
from summable.solvers.least_squares import refuse_empty, refuse_extremes
from summable.solvers.newton import newton
from summable.solvers.optimum import Optimum
from summable.solvers.problem import Problem
from summable.solvers.start import candidates, level_start, products_of
from summable.solvers.width import refuse_wide

NO_METRIC = np.zeros((0, 0))  # no bound on the distance to the optimum is asked for


@dataclass(frozen=True)
class Shrinkage(Data):
    """What is minimised, Σ w loss(x·b + intercept) + ½ alpha |b|²; alpha is that of each unit of weight if `per_weight`."""

    alpha: float
    per_weight: bool = False
    intercept: bool = True
    max_rounds: int = 100
    parts: int = 1  # that hold
    known: int = 0  # so many rows, if they can be counted without reading; else 0

    def strength(self, opening: Opening) -> float:
        """The penalty of all rows together."""
        return self.alpha * (float(opening.trials) if self.per_weight else 1.0)


@dataclass(frozen=True, eq=False)
class Surface(Data):
    """Coefficients of features in their own units, and how the optimum was found."""

    coef: Array  # (p,)
    intercept: float
    design: Design
    opening: Opening
    optimum: Optimum


def penalised(design: Design, loss: Loss, shrinkage: Shrinkage, start: Array | None = None) -> Rounds[Surface]:
    """Newton's method from the first step of least squares, and from (p + 1,) coefficients of an earlier fit if they are given.

    Features that others determine have no estimate without a penalty: they are left out, with coefficient zero.

    Cost: one round to learn the shifts, one for the first step, and those of `newton`.
    Fails: DataError when no row is left, or all y are at the end of their range.
    Source: McCullagh & Nelder 1989, §2.5; Hoerl & Kennard 1970.
    """
    refuse_wide(design)
    if shrinkage.intercept:
        middles = yield from Middle(design)
        by = centres(middles.seen, middles.centre, middles.spread)
        design = shifted(design, np.where(np.arange(len(by)) < design.width, by, 0.0))
    kept = np.arange(0 if shrinkage.intercept else 1, design.width)
    known = shrinkage.known if start is None and shrinkage.max_rounds >= ROUNDS else 0
    if found := (yield from ahead(design, kept, loss, shrinkage.strength, known, shrinkage.parts)):
        return _surface(design, found.opening, reached(found))
    opening = yield from Working(design, loss)
    products = products_of(opening)
    refuse_empty(products)
    refuse_constant(opening, loss)
    refuse_extremes(products)
    if shrinkage.alpha == 0:
        factor = yield from independent_columns(design, _plain(kept), products)
        kept = kept[factor.independent]
    square = opening.square[np.ix_(kept, kept)] / max(float(opening.xx[0]), 1e-300)
    problem = Problem(design, loss, kept, np.diag(np.where(kept == 0, 0.0, shrinkage.strength(opening))), float(opening.rows[0]), square, NO_METRIC)
    points = candidates(problem, opening)
    if start is not None:
        points = np.column_stack([_measured(design, start), points])
    optimum = yield from newton(
        problem, points, level_start(design, opening, loss), third=False, exact_curve=False, eager=False, max_rounds=shrinkage.max_rounds
    )
    return _surface(design, opening, optimum)


def _surface(design: Design, opening: Opening, optimum: Optimum) -> Surface:
    """The coefficients of the features before they were shifted."""
    coef = optimum.coef[1:]
    return Surface(coef, float(optimum.coef[0] - shifts(design)[1 : design.width] @ coef), design, opening, optimum)


def _plain(kept: NDArray[np.int64]) -> Coding:
    """The coding of features that are their own coefficients."""
    itself = np.arange(len(kept))
    return Coding(tuple(map(str, kept)), kept, itself, itself, np.ones(len(kept)), np.zeros(len(kept), bool))


def _measured(design: Design, start: Array) -> Array:
    """The coefficients of the shifted features, (width,), from those of the features and the intercept before them."""
    return np.append(start[0] + shifts(design)[1 : design.width] @ start[1:], start[1:])
