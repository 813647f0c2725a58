"""A fit that has seen more rows: their sums added to those that were kept."""

from __future__ import annotations

import numpy as np

from summable.core.design import Coding, Design
from summable.core.errors import Unsupported
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.linalg import cholesky, from_triangle, stack, triangle, unpack
from summable.measures.glance import Glance
from summable.measures.gram import Gram
from summable.measures.rfactor import RFactor
from summable.measures.serial import Serial
from summable.solvers.least_squares import (
    ENOUGH,
    NEARLY_PERFECT,
    LeastSquares,
    Outcome,
    noise_of,
    refuse_empty,
    refuse_extremes,
    solve,
    unshift,
)


def update(design: Design, coding: Coding, before: LeastSquares, arithmetic: str = "auto") -> Rounds[LeastSquares]:
    """Least squares over the rows of a solution and new ones, under the same design.

    Cost: one round over the new rows; one more for their R factor where the Gram would leave fewer than nine digits.
    Fails: DataError where a column is missing or a level unseen; Unsupported where the residuals of the rows before are needed.
    Source: Björck 1996, §3.1 (updating by rows).
    """
    yield from Glance(design.names, ())
    new = yield from Gram(design)
    products = before.products + new
    refuse_empty(products)
    refuse_extremes(products)
    basis, noise = np.append(coding.kept, design.width), noise_of(design, products)[coding.kept]
    factor, outcome = cholesky(products.augmented()[np.ix_(basis, basis)], noise), Outcome.EXACT
    if arithmetic == "qr" or (arithmetic == "auto" and factor.digits < ENOUGH):
        upper = yield from RFactor(design)
        factor, outcome = from_triangle(stack(_upper(design, coding, before), triangle(unpack(upper.r)[:, basis])), noise), Outcome.FACTORED
    solution = solve(design, coding, products, factor, outcome)
    if solution.square < NEARLY_PERFECT * float(products.yy):
        raise Unsupported("the fit is nearly perfect, so that its residuals must be summed over all rows", "Fit all the data together.")
    return unshift(design, solution)


def _upper(design: Design, coding: Coding, solution: LeastSquares) -> Array:
    """The R factor of [columns, y] that a solution implies, (basis + 1, basis + 1)."""
    width = len(coding.kept)
    upper = np.zeros((width + 1, width + 1))
    coef = shifted(design, solution)[coding.kept[solution.independent]]
    upper[: solution.rank, :width] = solution.root @ solution.relation
    upper[: solution.rank, width] = solution.root @ coef
    upper[solution.rank, width] = np.sqrt(solution.square)
    return triangle(upper)


def shifted(design: Design, solution: LeastSquares) -> Array:
    """The coefficients of y as it is measured, less its shift, (width,)."""
    coef = solution.coef.copy()
    coef[0] -= dict(design.roles)["y"].shift
    return coef


def durbin_watson(design: Design, solution: LeastSquares) -> Rounds[float]:
    """Σ (eₜ − eₜ₋₁)² / Σ eₜ² of the residuals, in the order of the rows: about 2 if neighbours have nothing to do with each other.

    Cost: one round that reads no rows, and one pass.
    Fails: as the rows do.
    Source: Durbin & Watson 1950, §2.
    """
    yield from Glance(design.names, ())
    series = yield from Serial(design, shifted(design, solution))
    return float(series.steps / series.square) if series.square > 0 else float("nan")
