"""Weighted least squares over rows that stay where they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from summable.core.data import Data
from summable.core.design import Coding, Constant, Design
from summable.core.errors import DataError
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.linalg import Factor, cholesky, from_triangle, symmetric, unpack
from summable.measures.gram import Gram, Products
from summable.measures.residual import Residual
from summable.measures.rfactor import RFactor

ENOUGH = 9.0  # digits: with fewer left by the Gram, one round for the R factor (which leaves half as many lost) is worth its pass
NEARLY_PERFECT = 1e-6  # RSS/TSS below which a Gram's RSS, a difference of sums good to 1e-16, keeps fewer than ten digits
CONSTANT = 1e-10  # the share of a constant column that the others may leave unexplained and still contain it


class Outcome(Enum):
    """How a solution came about, and what to do about it."""

    EXACT = "One round of sums and one solve: the pooled answer."
    FACTORED = "The columns are nearly collinear, so one more round took their R factor."
    REFINED = "The fit is nearly perfect, so one more round summed the residuals themselves."
    SATURATED = "There are as many coefficients as rows: no residual is left, so no standard error can be given."


@dataclass(frozen=True, eq=False)
class LeastSquares(Data):
    """The minimiser of Σ w (y − offset − x·coef)² over a design's features, and what inference needs of it."""

    coef: Array  # (width,) of the measured features, zero for those left out
    independent: NDArray[np.int64]  # (rank,) positions among the coding's basis
    root: Array  # (rank, rank) upper, root'root = X'WX of the independent basis
    relation: Array  # (rank, p) basis = independent basis · relation, on the rows
    square: float  # residual sum of squares
    total: float  # of y, about its mean if a constant is in the span
    constant: bool  # whether it is
    weight: float  # Σ w
    products: Products
    digits: float  # decimal digits that rounding leaves to a coefficient, at least
    outcomes: tuple[str, ...]  # names of Outcome

    @property
    def rank(self) -> int:
        """Independent coefficients."""
        return len(self.independent)


def least_squares(design: Design, coding: Coding, arithmetic: str = "auto") -> Rounds[LeastSquares]:
    """Sum the Gram, solve by Cholesky; look closer where the numbers ask for it.

    Cost: one round; one more for the R factor where the Gram would leave fewer than nine digits (or `arithmetic="qr"`), one
        more for the residuals where they are under a millionth of y.
    Fails: DataError when no row is left.
    Source: Björck 1996, §2.2, §2.4 and §6.6.
    """
    products = yield from Gram(design)
    refuse_empty(products)
    refuse_overflow(products)
    basis = np.append(coding.kept, design.width)
    factor, outcome = cholesky(products.augmented()[np.ix_(basis, basis)]), Outcome.EXACT
    if arithmetic == "qr" or (arithmetic == "auto" and factor.digits < ENOUGH):
        triangle = yield from RFactor(design)
        factor, outcome = from_triangle(unpack(triangle.r)[:, basis]), Outcome.FACTORED
    solution = solve(design, coding, products, factor, outcome)
    if solution.square < NEARLY_PERFECT * solution.total:
        remainder = yield from Residual(design, solution.coef)
        solution = refine(solution, coding, factor, remainder.square, remainder.slope)
    return unshift(design, solution)


def refuse_empty(products: Products) -> None:
    """Refuse to fit no rows."""
    kept, dropped = products.rows
    if kept == 0:
        why = f": all {dropped:.0f} had a missing value" if dropped else ""
        raise DataError(f"no rows are left to fit{why}", "Check the files, the weights and the columns of the formula.")


def refuse_overflow(products: Products) -> None:
    """Refuse sums that float64 cannot hold; an infinity in the rows themselves has been refused there."""
    if not np.isfinite(products.augmented()).all():
        raise DataError("a sum of squares is greater than float64 can hold", "Divide columns of values beyond 1e150 by their magnitude first.")


def solve(design: Design, coding: Coding, products: Products, factor: Factor, outcome: Outcome) -> LeastSquares:
    """The solution that a factor holds."""
    coef = np.zeros(design.width)
    coef[coding.kept[factor.independent]] = factor.solve()
    constant = has_constant(design, coding, products, factor)
    total = float(products.yy)
    if constant:
        total -= float(products.xy[0] ** 2 / products.xx[0])
    saturated = products.rows[0] <= len(factor.independent)
    outcomes = (outcome.name, Outcome.SATURATED.name) if saturated else (outcome.name,)
    return LeastSquares(
        coef, factor.independent, factor.root, factor.relation, factor.rest, max(total, 0.0),
        constant, float(products.xx[0]), products, factor.digits, outcomes,
    )  # fmt: skip


def has_constant(design: Design, coding: Coding, products: Products, factor: Factor) -> bool:
    """Whether the columns contain a constant, openly or by a combination of them."""
    if len(coding.kept) and isinstance(design.terms[0], Constant) and coding.kept[0] == 0:
        return True
    ones = symmetric(products.xx)[0]
    explained = factor.whiten(ones[coding.kept[factor.independent]])
    return bool(ones[0] - explained @ explained <= CONSTANT * ones[0])


def refine(solution: LeastSquares, coding: Coding, factor: Factor, square: Array, slope: Array) -> LeastSquares:
    """One step of refinement from residuals summed at the solution."""
    where = coding.kept[factor.independent]
    coef, white = solution.coef.copy(), factor.whiten(slope[where])
    coef[where] += factor.solve_normal(slope[where])
    left = max(float(square) - float(white @ white), 0.0)
    return replace(solution, coef=coef, square=left, outcomes=(*solution.outcomes, Outcome.REFINED.name))


def unshift(design: Design, solution: LeastSquares) -> LeastSquares:
    """The solution for y itself; y is shifted only where a constant can take the shift back."""
    coef = solution.coef.copy()
    coef[0] += dict(design.roles)["y"].shift
    return replace(solution, coef=coef)
