"""What follows from a solution: pure functions that know neither rows nor engines.

Under the classical model, Var(y) = scale / w: coefficients are distributed about their estimates by Student's t.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu
from scipy.special import fdtrc, stdtr, stdtrit

from summable.core.design import Coding
from summable.core.errors import Unsupported
from summable.core.statistic import Array
from summable.maths.linalg import independent, inverse_root
from summable.solvers.least_squares import LeastSquares

SAME_SPAN = 1e-10  # of a unit column: contrasts are small whole numbers, so what is left below this is rounding

NO_MODEL_VARIANCE = (
    'weight_kind="sampling" says how likely a row was to be drawn, not how precise it is, so the classical standard error does not apply',
    "A robust covariance will give one; the coefficients stand.",
)


@dataclass(frozen=True)
class Estimates:
    """Coefficients in the user's coding. Those of aliased columns are NaN."""

    coef: Array  # (p,)
    given: NDArray[np.int64]  # (rank,) positions of those that are not aliased
    spread: Array  # (rank, rank): spread·spread' is their covariance over the scale
    user: Array  # (rank, p) the user's columns in terms of orthonormal ones: singular values are those of √W X


class Solved(Protocol):
    """A solution whose coefficients can be carried over to those of the user."""

    @property
    def coef(self) -> Array:
        """(width,)."""

    @property
    def independent(self) -> NDArray[np.int64]:
        """(rank,) positions among the coding's basis."""

    @property
    def root(self) -> Array:
        """(rank, rank) upper, of the information."""

    @property
    def relation(self) -> Array:
        """(rank, p) basis = independent basis · relation."""

    @property
    def rank(self) -> int:
        """Independent coefficients."""

    @property
    def constant(self) -> bool:
        """Whether a constant is in their span."""


def estimates(solution: Solved, coding: Coding) -> Estimates:
    """Carry a solution over to the coefficients that the user named."""
    if solution.rank == len(coding.kept) == len(coding.names):
        return _of_all(solution, coding)
    columns = solution.relation @ coding.matrix()
    weighed = solution.root @ columns
    given = np.arange(columns.shape[1])
    if solution.rank < columns.shape[1]:
        given = independent(_without_rounding(solution.root @ solution.relation, coding.contrasts()), SAME_SPAN)
    found = np.column_stack([solution.coef[coding.kept[solution.independent]], inverse_root(solution.root)])
    back = np.asarray(np.linalg.solve(columns[:, given], found), np.float64)
    coef = np.full(columns.shape[1], np.nan)
    coef[given] = back[:, 0]
    return Estimates(coef, given, back[:, 1:], np.asarray(weighed, np.float64))


def _of_all(solution: Solved, coding: Coding) -> Estimates:
    """The same where nothing is aliased: most columns are features themselves, and LU leaves the matrix of the others as sparse as it is."""
    columns = csc_matrix((coding.value, (coding.row, coding.column)), (solution.rank, solution.rank))
    factor = splu(columns)
    coef: Array = factor.solve(solution.coef[coding.kept[solution.independent]])
    spread: Array = factor.solve(inverse_root(solution.root))
    weighed = np.asarray((columns.T @ solution.root.T).T, np.float64)
    return Estimates(coef, np.arange(solution.rank), spread, weighed)


def _without_rounding(basis: Array, contrasts: Array) -> Array:
    """basis · contrasts, where a column that cancels but for rounding (a cell in which its number is zero) is zero."""
    columns = basis @ contrasts
    sizes = np.linalg.norm(np.abs(basis) @ np.abs(contrasts), axis=0)
    return np.where(np.linalg.norm(columns, axis=0) > SAME_SPAN * sizes, columns, 0.0)


class Inference(ABC):
    """What a covariance of the estimates gives, whatever law they are held to."""

    solution: Solved
    estimates: Estimates

    @property
    @abstractmethod
    def nobs(self) -> float:
        """Rows, or what frequency weights say there are."""

    @property
    def df_model(self) -> float:
        """Independent coefficients beside the constant."""
        return float(self.solution.rank - self.solution.constant)

    @property
    def df_resid(self) -> float:
        """Observations less independent coefficients."""
        return max(self.nobs - self.solution.rank, 0.0)

    @property
    @abstractmethod
    def aic(self) -> float:
        """Akaike's criterion."""

    @property
    @abstractmethod
    def bic(self) -> float:
        """Schwarz's criterion."""

    @property
    @abstractmethod
    def pvalues(self) -> Array:
        """Two-sided, (p,)."""

    @property
    @abstractmethod
    def scale(self) -> float:
        """By which the inverse of the information is multiplied."""

    @abstractmethod
    def quantile(self, alpha: float) -> float:
        """How many standard errors a 1 - alpha interval reaches to each side."""

    @abstractmethod
    def refuse_covariance(self) -> None:
        """Raise Unsupported where the model says nothing of the variance of its estimates."""

    @cached_property
    def covariance(self) -> Array:
        """(p, p), NaN for aliased coefficients."""
        self.refuse_covariance()
        full = np.full((len(self.estimates.coef),) * 2, np.nan)
        given, spread = self.estimates.given, self.estimates.spread
        full[np.ix_(given, given)] = self.scale * (spread @ spread.T)
        return full

    @property
    def bse(self) -> Array:
        """Standard errors, (p,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    @property
    def tvalues(self) -> Array:
        """Coefficients over their standard errors, (p,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.estimates.coef / self.bse)

    def intervals(self, alpha: float) -> Array:
        """(p, 2): confidence limits."""
        reach = self.quantile(alpha) * self.bse
        return np.column_stack([self.estimates.coef - reach, self.estimates.coef + reach])


@dataclass(frozen=True)
class Classical(Inference):
    """Inference for least squares with independent errors, by the kind of weights that were given."""

    solution: LeastSquares
    estimates: Estimates
    weight_kind: str

    @property
    def nobs(self) -> float:
        """Rows, or what frequency weights say there are."""
        return self.solution.weight if self.weight_kind == "frequency" else float(self.solution.products.rows[0])

    @property
    def scale(self) -> float:
        """Residual variance, in the squared units of y; NaN when nothing is left to estimate it from."""
        return float(self.solution.square / self.df_resid) if self.df_resid > 0 else np.nan

    def refuse_covariance(self) -> None:
        """Refuse weights that say with what chance a row was drawn."""
        if self.weight_kind == "sampling":
            raise Unsupported(*NO_MODEL_VARIANCE)

    @property
    def pvalues(self) -> Array:
        """Two-sided, by Student's t with df_resid, (p,)."""
        return np.asarray(2 * stdtr(self.df_resid, -np.abs(self.tvalues))) if self.df_resid > 0 else np.full(len(self.estimates.coef), np.nan)

    def quantile(self, alpha: float) -> float:
        """How many standard errors a 1 - alpha interval reaches to each side."""
        return float(stdtrit(self.df_resid, 1 - alpha / 2)) if self.df_resid > 0 else np.nan

    @property
    def rsquared(self) -> float:
        """The share of y's sum of squares (about its mean, with a constant) that is explained."""
        return float(1 - self.solution.square / self.solution.total) if self.solution.total > 0 else np.nan

    @property
    def rsquared_adj(self) -> float:
        """The same of variances, each divided by its degrees of freedom."""
        if self.df_resid == 0:
            return np.nan
        return 1 - (self.nobs - self.solution.constant) / self.df_resid * (1 - self.rsquared)

    @property
    def fvalue(self) -> float:
        """F of all coefficients but the constant."""
        if self.weight_kind == "sampling":
            raise Unsupported(*NO_MODEL_VARIANCE)
        if self.df_model == 0 or self.df_resid == 0:
            return np.nan
        if self.scale == 0:
            return np.inf
        return float(self.solution.total - self.solution.square) / self.df_model / self.scale

    @property
    def f_pvalue(self) -> float:
        """The chance of a greater F if they were all zero."""
        return float(fdtrc(self.df_model, self.df_resid, self.fvalue)) if self.df_model and self.df_resid else np.nan

    @property
    def llf(self) -> float:
        """Gaussian log-likelihood at its maximum; analytic weights enter by ½ Σ log w, as in statsmodels' WLS."""
        half = self.nobs / 2
        with np.errstate(divide="ignore"):
            value = -half * (np.log(2 * np.pi) + np.log(self.solution.square / self.nobs) + 1)
        return float(value) + (0.5 * float(self.solution.products.log_weight) if self.weight_kind != "frequency" else 0.0)

    @property
    def aic(self) -> float:
        """-2 llf + 2 rank."""
        return -2 * self.llf + 2 * self.solution.rank

    @property
    def bic(self) -> float:
        """-2 llf + log(nobs) rank."""
        return float(-2 * self.llf + np.log(self.nobs) * self.solution.rank)

    @cached_property
    def condition_number(self) -> float:
        """Largest over smallest singular value of √W X in the user's coding; infinite if columns are aliased."""
        if self.solution.rank < len(self.estimates.coef):
            return np.inf
        singular = np.linalg.svd(self.estimates.user, compute_uv=False)
        return float(singular[0] / singular[-1]) if len(singular) else 1.0
