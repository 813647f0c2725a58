"""A generalized linear model over rows that stay where they are: a start, Newton's method, and what inference needs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from summable.core.data import Data
from summable.core.design import Coding, Design
from summable.core.errors import DataError, Unsupported
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths import network
from summable.maths.linalg import EPS, EPS32, Factor, cholesky, digits_left, from_triangle, part_of, root_of
from summable.maths.losses import Loss, is_open
from summable.measures.gram import Products
from summable.measures.local import Beginning
from summable.measures.rfactor import RFactor
from summable.measures.working import Opening
from summable.solvers.choose import MOST, Choice, choose
from summable.solvers.descent import descended
from summable.solvers.firth import raised, refuse_scale
from summable.solvers.least_squares import (
    ENOUGH,
    SINGLE,
    columns_of,
    has_constant,
    is_factorable,
    noise_of,
    refuse_empty,
    refuse_extremes,
    refuse_single,
)
from summable.solvers.newton import newton
from summable.solvers.optimum import Optimum
from summable.solvers.problem import Problem
from summable.solvers.start import candidates, level_start, products_of


@dataclass(frozen=True)
class Plan(Data):
    """How a fit shall be made."""

    prefer: str = "time"  # or "rounds"
    alpha: float = 0.0  # the ridge penalty, of ½ mean deviance + alpha/2 |b|²
    observed: bool = False  # which information gives the standard errors
    max_rounds: int | None = None  # by default, what the solver needs
    solver: str = "auto"
    firth: bool = False  # maximum likelihood under Jeffreys' prior
    parts: int = 1  # that answer side by side, and
    network: str = "machine"  # what lies between them, for the choice of a solver
    single: bool = False  # whether products of columns are taken in float32


@dataclass(frozen=True, eq=False)
class Generalized(Data):
    """The maximum-likelihood coefficients of a design's features, and what inference needs of them."""

    coef: Array  # (width,) of the measured features, zero for those left out
    independent: NDArray[np.int64]  # (rank,) positions among the coding's basis
    root: Array  # (rank, rank) upper, root'root = the information
    relation: Array  # (rank, p) basis = independent basis · relation, on the rows
    constant: bool  # whether a constant is in the span
    opening: Opening
    optimum: Optimum
    digits: float  # decimal digits that the condition of the scaled columns leaves to the first solve
    penalised: bool
    choice: Choice = Choice("newton", "it was asked for")

    @property
    def rank(self) -> int:
        """Independent coefficients."""
        return len(self.independent)


def generalized(design: Design, coding: Coding, loss: Loss, plan: Plan, opening: Opening, start: Array | None = None) -> Rounds[Generalized]:
    """From what the first round summed (`opening_of`), the chosen solver's way to the optimum, and what inference needs.

    Where coefficients are known that lie near, (width,), they are the start.

    Cost: those of the solver; one round more for the R factor of nearly collinear columns.
    Fails: DataError when no row is left, a square is beyond float64, or all y are at the end of their range.
    Source: McCullagh & Nelder 1989, §2.5.
    """
    problem, factor = yield from problem_of(design, coding, loss, plan, opening)
    constant, factor = has_constant(coding, products_of(opening), factor), replace(factor, root=np.zeros((0, 0)))  # which would stay in memory
    choice = chosen(problem, plan)
    optimum = yield from minimised(problem, opening, plan, choice, start)
    root, _ = root_of(optimum.observed if plan.observed else optimum.expected)
    plain = Opening(*(getattr(opening, field.name) for field in fields(Opening)))
    penalised = bool(problem.penalty.any())
    return Generalized(optimum.coef, factor.independent, root, factor.relation, constant, plain, optimum, factor.digits, penalised, choice)


def problem_of(design: Design, coding: Coding, loss: Loss, plan: Plan, opening: Opening) -> Rounds[tuple[Problem, Factor]]:
    """What is to be minimised, over the columns that are told apart; refused where nothing is."""
    products = products_of(opening)
    refuse_empty(products)
    refuse_constant(opening, loss)
    refuse_extremes(products)
    factor = yield from independent_columns(design, coding, products, plan.single)
    columns = coding.kept[factor.independent]
    square = part_of(opening.xx, columns)
    square /= max(float(opening.xx[0]), 1e-300)
    penalty = penalty_of(coding, factor, plan.alpha * float(opening.trials))
    rough = rough_of(factor) if plan.single else 0.0
    return Problem(design, loss, columns, penalty, float(opening.rows[0]), square, metric_of(opening, columns), rough), factor


def chosen(problem: Problem, plan: Plan) -> Choice:
    """The solver, and why it."""
    if plan.firth:
        return Choice("firth", "firth=True asks for the maximum under Jeffreys' prior")
    return choose(problem.loss, problem.design.width, network.named(plan.network), plan.parts, problem.rows, plan.solver, problem.design.kept_numbers)


def refuse_firth(loss: Loss, plan: Plan) -> None:
    """Refuse what does not go with Jeffreys' prior, if that is asked for."""
    if not plan.firth:
        return
    refuse_scale(loss)
    if plan.single:
        raise Unsupported("firth=True needs determinants, of which float32 keeps too few digits", "Leave /float32 out of engine=…, for float64.")
    if is_open(loss):
        raise Unsupported("firth=True needs the alpha of a negative binomial, and here it is to be estimated", "Give it: NegativeBinomial(alpha=…).")
    if plan.alpha:
        raise Unsupported("firth=True is a penalty of its own, and alpha another", "Give one of them.")
    if plan.solver not in ("auto", "newton"):
        raise Unsupported(f"firth=True takes Newton's steps, not those of {plan.solver}", 'Leave out solver="…".')


def minimised(problem: Problem, opening: Opening, plan: Plan, choice: Choice, start: Array | None) -> Rounds[Optimum]:
    """The optimum, by the chosen solver."""
    points, level = candidates(problem, opening) if start is None else start[:, None], level_start(problem.design, opening, problem.loss)
    most = plan.max_rounds or MOST[choice.solver]
    if choice.solver == "newton":
        few = plan.prefer == "rounds"
        return (yield from newton(problem, points, level, third=few, exact_curve=not few, eager=few, max_rounds=most))
    if choice.solver == "firth":
        return (yield from raised(problem, points, level, most))
    first = points[:, 0 if problem.loss.is_everywhere else -1]
    return (yield from descended(problem, choice.solver, first, level, float(opening.trials), most))


def metric_of(opening: Opening, columns: NDArray[np.int64]) -> Array:
    """The information at the parts' own fits, where they made any."""
    if not isinstance(opening, Beginning) or opening.fitted == 0:
        return np.zeros((0, 0))
    square = opening.hessian_square[np.ix_(columns, columns)]
    return square if root_of(square)[1] else np.zeros((0, 0))


def rough_of(factor: Factor) -> float:
    """How far a Hessian of float32 products may be off in its own metric, about; refused where standard errors would keep too few digits."""
    digits = digits_left(factor.root / np.linalg.norm(factor.root, axis=0), 2)
    if digits < SINGLE:
        refuse_single()
    return EPS32 / EPS * 10**-digits


def independent_columns(design: Design, coding: Coding, products: Products, single: bool = False) -> Rounds[Factor]:
    """Which columns are told apart; by the R factor where their squares have too few digits to say."""
    kept, noise = coding.kept, noise_of(design, products)[coding.kept]
    factor = cholesky(part_of(products.xx, kept), products.xy[kept], products.yy, noise)
    if factor.digits < (SINGLE if single else ENOUGH) and is_factorable(design):
        triangle = yield from RFactor(design)
        of_x, of_y = columns_of(triangle, products)
        factor = from_triangle(of_x[:, kept], of_y, noise)
    return factor


def refuse_constant(opening: Opening, loss: Loss) -> None:
    """Refuse y that are all at the end of their range, where no mean of any link lies."""
    total, trials, name = float(opening.total), float(opening.trials), loss.family.name
    if trials <= 0:
        raise DataError("all trials are zero", "Give at least one row that was tried.")
    ends = {"binomial": ((0.0, "0"), (trials, "1")), "poisson": ((0.0, "0"),), "tweedie": ((0.0, "0"),), "negative_binomial": ((0.0, "0"),)}
    for end, spelled in ends.get(name, ()):
        if total == end:
            raise DataError(f"every y is {spelled}, so there is nothing to tell apart", "Check the response, or fit rows of both kinds.")


def penalty_of(coding: Coding, factor: Factor, strength: float) -> Array:
    """The ridge penalty in terms of the independent columns: no coefficient of a constant is penalised."""
    rank, names = len(factor.independent), len(coding.names)
    if strength == 0:
        return np.zeros((rank, rank))
    columns = factor.relation @ coding.matrix()
    if rank != names:
        raise Unsupported("a penalty needs columns that are told apart, and some are aliased", "Leave out the columns that others determine.")
    back = np.linalg.inv(columns)
    of_constant = coding.kept[factor.independent] == 0
    free = ~columns[~of_constant].any(axis=0)
    back[free] = 0.0
    return np.asarray(strength * back.T @ back)
