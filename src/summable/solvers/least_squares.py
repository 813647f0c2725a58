"""Weighted least squares over rows that stay where they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from summable.core.data import Data
from summable.core.design import Coding, Design, Product
from summable.core.errors import DataError, Unsupported
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.linalg import EPS, EPS32, Factor, cholesky, from_triangle, unpack
from summable.measures.gram import Gram, Products
from summable.measures.residual import Remainder, Residual
from summable.measures.rfactor import RFactor, Triangle
from summable.solvers.width import refuse_wide

ENOUGH = 9.0  # digits: with fewer left by the Gram, one round for the R factor (which leaves half as many lost) is worth its pass
SINGLE = 12.0  # digits: with fewer left, a Gram of float32 products, good to seven or eight, leaves standard errors fewer than about four
REFINED = 1e-13  # of the coefficients, in the metric of the squares: what is left of refinements, and no more than rounding may be
REFINEMENTS = 6  # at most; each gains three digits or more where SINGLE is kept
FACTORABLE, FACTORABLE_SPARSE = 1000, 200  # features: of more, an R factor's pass, which writes all zeros out, takes hours where a Gram's takes minutes
NEARLY_PERFECT = 1e-6  # RSS over y'y below which a Gram's RSS, a difference of sums good to 1e-16, keeps fewer than ten digits
CONSTANT = 1e-13  # the share of a constant's square that other columns may leave unexplained and contain it: a few hundred roundings
SMALLEST = 1e-280  # a square below which float64 loses digits, with room for a million million rows
NOISE = 4 * EPS  # of its shift: what the last bits of a column may amount to, and no more than that can be explained by others


class Outcome(Enum):
    """How a solution came about, and what to do about it."""

    EXACT = "One round of sums and one solve: the pooled answer."
    FACTORED = "The columns are nearly collinear, so one more round took their R factor."
    REFINED = "The residuals are small beside y, so one more round summed the residuals themselves."
    SINGLE = "Products of columns were taken in float32: coefficients and residuals are float64's, standard errors keep about four digits or more."


@dataclass(frozen=True, eq=False)
class LeastSquares(Data):
    """The minimiser of Σ w (y − offset − x·coef)² over a design's features, and what inference needs of it.

    With several targets, they are the last axis of `coef`, `square`, `total` and the products.
    """

    coef: Array  # (width,) or (width, targets) of the measured features, zero for those left out
    independent: NDArray[np.int64]  # (rank,) positions among the coding's basis
    root: Array  # (rank, rank) upper, root'root = X'WX of the independent basis
    relation: Array  # (rank, p) basis = independent basis · relation, on the rows
    square: Array  # () or (targets,) residual sum of squares
    total: Array  # () or (targets,) of y, about its mean if a constant is in the span
    constant: bool  # whether it is
    weight: float  # Σ w
    products: Products
    digits: float  # decimal digits that the condition of the scaled columns leaves to the solve
    outcomes: tuple[str, ...]  # names of Outcome

    @property
    def rank(self) -> int:
        """Independent coefficients."""
        return len(self.independent)

    def target(self, number: int) -> LeastSquares:
        """The solution for one of several targets."""
        square, total = np.asarray(self.square[number]), np.asarray(self.total[number])
        return replace(self, coef=self.coef[:, number], square=square, total=total, products=self.products.target(number))


def least_squares(design: Design, coding: Coding, arithmetic: str = "auto", single: bool = False) -> Rounds[LeastSquares]:
    """Sum the Gram, solve by Cholesky; look closer where the numbers ask for it, and always if the Gram is of `single` products, in float32.

    Cost: one round; one more for the R factor where the Gram would leave fewer than nine digits (or `arithmetic="qr"`), one
        more for the residuals where their squares are under a millionth of y's, or columns too many for an R factor. Of float32 products,
        one or two more for the residuals, or one for the R factor where fewer than twelve digits would be left.
    Fails: DataError when no row is left, or a square is beyond float64; Unsupported where X'X fits no memory, or float32 keeps too few digits.
    Source: Björck 1996, §2.2, §2.4 and §6.6.
    """
    refuse_wide(design)
    products = yield from Gram(design)
    refuse_empty(products)
    refuse_extremes(products)
    kept, noise = coding.kept, noise_of(design, products)[coding.kept]
    factor, outcome = cholesky(products.square[np.ix_(kept, kept)], products.xy[kept], products.yy, noise), Outcome.EXACT
    short = is_short(factor, coding, single)
    few = arithmetic == "auto" and short
    if arithmetic == "qr" or (few and is_factorable(design)):
        triangle = yield from RFactor(design)
        of_x, of_y = columns_of(triangle, products)
        factor, outcome = from_triangle(of_x[:, kept], of_y, noise), Outcome.FACTORED
    elif single and short:
        refuse_single()
    solution = solve(design, coding, products, factor, outcome)
    if single and outcome is Outcome.EXACT:
        solution = yield from refined(design, coding, solution, factor)
    elif np.any(solution.square < NEARLY_PERFECT * products.yy) or (few and not is_factorable(design)):
        solution = refine(solution, coding, factor, (yield from Residual(design, solution.coef, centre_of(solution))))
    if single:
        solution = replace(solution, outcomes=(*solution.outcomes, Outcome.SINGLE.name))
    return unshift(design, solution)


def refined(design: Design, coding: Coding, solution: LeastSquares, factor: Factor) -> Rounds[LeastSquares]:
    """The solution refined until what is left is rounding, as the residuals are in float64 whatever the factor is.

    Cost: a round of the residuals for each, of which the second is the last where columns are of mild condition.
    Fails: as the rows do.
    Source: Björck 1996, §2.9.3.
    """
    where, rate = coding.kept[factor.independent], EPS32 / EPS * 10**-factor.digits  # how far the factor is off in its own metric, about,
    before = np.inf  # until two steps tell by how much they shrink
    for _ in range(REFINEMENTS):
        better = refine(solution, coding, factor, (yield from Residual(design, solution.coef, centre_of(solution))))
        moved, length = (np.linalg.norm(factor.root @ coef[where], axis=0) for coef in (better.coef - solution.coef, better.coef))
        share, solution = float(np.max(moved / np.maximum(length, SMALLEST), initial=0.0)), better
        if share * min(max(rate, share / before), 1.0) <= REFINED:
            break
        before = share
    return replace(solution, outcomes=())


def centre_of(solution: LeastSquares) -> Array:
    """About what y's own squares are taken: its mean, if the columns contain a constant; () or (targets,)."""
    products = solution.products
    return np.asarray(products.xy[0] / products.weight if solution.constant else np.zeros_like(products.yy))


def is_short(factor: Factor, coding: Coding, single: bool) -> bool:
    """Whether a Gram left too few digits: of float32 products, also to tell if columns that are none contain a constant."""
    return factor.digits < (SINGLE if single else ENOUGH) or (single and not (len(coding.kept) and coding.kept[0] == 0))


def refuse_single() -> None:
    """Refuse squares of float32 products of columns that are nearly collinear."""
    raise Unsupported("float32 leaves the products of these columns too few digits", "Leave /float32 out of engine=…, for float64.")


def is_factorable(design: Design) -> bool:
    """Whether an R factor is worth its time; if not, the residuals' pass gives most digits back."""
    return design.width <= (FACTORABLE_SPARSE if design.is_sparse else FACTORABLE)


def columns_of(triangle: Triangle, products: Products) -> tuple[Array, Array]:
    """The columns of an R factor that belong to the features, (height, width), and to y, (height,) or (height, targets)."""
    upper, width = unpack(triangle.r), len(products.xy)
    return upper[:, :width], upper[:, width:].reshape(len(upper), *products.yy.shape)


def refuse_empty(products: Products) -> None:
    """Refuse to fit no rows."""
    kept, dropped = products.rows
    if kept == 0:
        why = f": all {dropped:.0f} had a missing value" if dropped else ""
        raise DataError(f"no rows are left to fit{why}", "Check the files, the weights and the columns of the formula.")


def refuse_extremes(products: Products) -> None:
    """Refuse squares that float64 cannot hold; an infinity in the rows themselves has been refused there."""
    square = products.square
    diagonal, of_ones = np.append(np.diag(square), products.yy), np.append(square[0], products.xy[0])
    if not (np.isfinite(square).all() and np.isfinite(products.xy).all() and np.isfinite(products.yy).all()):
        raise DataError("a sum of squares is greater than float64 can hold", "Divide columns of values beyond 1e150 by their magnitude first.")
    if np.any((diagonal < SMALLEST) & ((diagonal > 0) | (of_ones != 0))):
        raise DataError("a sum of squares is smaller than float64 can hold to all digits", "Multiply columns of values under 1e-140 up first.")


def noise_of(design: Design, products: Products) -> Array:
    """For each feature, (width,), the share of its norm that may be rounding of the columns before they were shifted."""
    spread = np.sqrt(np.diag(products.square) / max(products.weight, SMALLEST))
    share = {one.expression: NOISE * abs(one.shift) / max(float(spread[at]), SMALLEST) for at, one in design.singles}
    shares = [sum(share.get(n.expression, 0.0) for n in term.numerics) if isinstance(term, Product) else 0.0 for term in design.terms]
    return np.repeat(shares, [term.width for term in design.terms])


def solve(design: Design, coding: Coding, products: Products, factor: Factor, outcome: Outcome) -> LeastSquares:
    """The solution that a factor holds."""
    coef = np.zeros_like(products.xy)
    coef[coding.kept[factor.independent]] = factor.solve()
    constant = has_constant(coding, products, factor)
    total = products.yy - (products.xy[0] / products.weight * products.xy[0] if constant else 0.0)
    return LeastSquares(
        coef, factor.independent, factor.root, factor.relation, factor.rest, np.maximum(total, 0.0),
        constant, products.weight, products, factor.digits, (outcome.name,),
    )  # fmt: skip


def has_constant(coding: Coding, products: Products, factor: Factor) -> bool:
    """Whether the columns contain a constant (the design's first feature), openly or by a combination of them."""
    if len(coding.kept) and coding.kept[0] == 0:
        return True
    ones = products.square[0]
    explained = factor.whiten(ones[coding.kept[factor.independent]])
    return bool(ones[0] - explained @ explained <= CONSTANT * ones[0])


def refine(solution: LeastSquares, coding: Coding, factor: Factor, remainder: Remainder) -> LeastSquares:
    """One step of refinement, and squares from the residuals themselves."""
    where = coding.kept[factor.independent]
    coef, slope = solution.coef.copy(), remainder.slope[where]
    coef[where] += factor.solve_normal(slope)
    white = factor.whiten(slope)
    left = np.maximum(remainder.square - np.square(white).sum(axis=0), 0.0)
    return replace(solution, coef=coef, square=left, total=remainder.total, outcomes=(*solution.outcomes, Outcome.REFINED.name))


def unshift(design: Design, solution: LeastSquares) -> LeastSquares:
    """The solution for y itself; y is shifted only where a constant can take the shift back."""
    coef = solution.coef.copy()
    coef[0] += np.reshape([target.shift for target in design.role("y")], solution.square.shape)
    return replace(solution, coef=coef)
