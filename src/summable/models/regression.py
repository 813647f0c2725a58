"""Linear regression and ridge, as scikit-learn has them: the same parameters, attributes, defaults and errors, and data that may lie anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from summable.core.run import Ledger, run
from summable.measures.gram import Gram, Products
from summable.models import doors
from summable.models.doors import Problem
from summable.solvers.ridge import Penalty, Plane, by_gram, ridge

EPS = float(np.finfo(np.float64).eps)


class _Linear(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """What the two share: both doors in, and the way from a solution to scikit-learn's attributes."""

    coef_: Any
    intercept_: Any
    ledger_: Ledger
    statistic_: Products

    def _problem(self, X: Any, y: Any, sample_weight: Any, features: Any, reset: bool, later: bool = False) -> Problem:
        if doors.is_named(y):
            return doors.from_columns(self, X, y, features, sample_weight, reset=reset)
        return doors.from_arrays(self, X, y, sample_weight, sparse=self._takes_sparse(), reset=reset, later=later)

    def _takes_sparse(self) -> bool:
        raise NotImplementedError

    def _penalty(self, problem: Problem) -> Penalty:
        raise NotImplementedError

    def _fit(self, problem: Problem) -> Self:
        plane, self.ledger_ = doors.solved(self, ridge(problem.design, self._penalty(problem)), problem)
        return self._dress(plane, problem)

    def _add(self, problem: Problem) -> Self:
        """The sums of more rows, under the design that the first ones settled, and the solution of all."""
        if not hasattr(self, "statistic_"):
            return self._fit(problem)
        self.statistic_, self.ledger_ = _sum_more(self._plane, self.statistic_, problem, self.ledger_)
        return self._dress(by_gram(self._plane.design, self.statistic_, self._penalty(problem)), problem)

    def _dress(self, plane: Plane, problem: Problem) -> Self:
        coef, intercept = plane.coef.T.astype(problem.dtype), plane.intercept.astype(problem.dtype)
        self.coef_ = coef if problem.several else coef[0]
        self.intercept_ = 0.0 if not self.fit_intercept else intercept if problem.several else intercept[0]
        self.statistic_, self._plane = plane.products, plane
        return self

    def predict(self, X: Any) -> Any:
        """The mean of y, (rows,) or (rows, targets), for an array or frame, or for files by the names of their columns."""
        check_is_fitted(self)
        if _is_elsewhere(X):
            found = doors.predictions(self, X, self.coef_, self.intercept_)
            return found if np.ndim(self.coef_) > 1 else found[:, 0]
        X = validate_data(self, X, accept_sparse=list(doors.SPARSE), dtype=[np.float64, np.float32], reset=False)
        return X @ self.coef_.T + self.intercept_


def _sum_more(plane: Plane, before: Products, problem: Problem, account: Ledger) -> tuple[Products, Ledger]:
    def program() -> Any:
        return (yield from Gram(plane.design))

    more, ledger = run(program(), problem.engine)
    return before + more, Ledger([*account.rounds, *ledger.rounds])


def _is_elsewhere(data: Any) -> bool:
    """Whether data are to be opened by `scan`, and not an array or frame."""
    import os

    from summable.open import Dataset

    return isinstance(data, str | os.PathLike | Dataset)


class LinearRegression(_Linear):
    """Ordinary least squares; the parameters are those of `sklearn.linear_model.LinearRegression`.

    Parameters
    ----------
    fit_intercept: whether the plane may miss the origin.
    copy_X, n_jobs: accepted and not needed: X is never written to, and all cores are used.
    tol: singular values below this share of the largest count as zero, where features are collinear.
    positive: keep the coefficients from being negative.

    Attributes
    ----------
    coef_: (p,) or (targets, p).  intercept_: a number or (targets,).  rank_: independent features.
    singular_: (min(n, p),) singular values of X about its means.  n_features_in_, feature_names_in_: as scikit-learn's.
    ledger_: what every round asked, weighed and took.  statistic_: the sums that determine the fit.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "fit_intercept": ["boolean"], "copy_X": ["boolean"], "n_jobs": [None, Integral], "positive": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
    }  # fmt: skip

    def __init__(self, *, fit_intercept: bool = True, copy_X: bool = True, tol: float = 1e-6, n_jobs: int | None = None, positive: bool = False) -> None:
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.tol = tol
        self.n_jobs = n_jobs
        self.positive = positive

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, features: Sequence[str] | None = None) -> Self:
        """Fit arrays X (n, p) and y (n,) or (n, targets), sample_weight (n,); or data of any kind, with y, features and sample_weight columns by name."""
        problem = self._problem(X, y, sample_weight, features, reset=True, later=True)
        return self._fit(problem)

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, *, features: Sequence[str] | None = None) -> Self:
        """Add rows to those fitted so far: the same as fitting all of them at once."""
        return self._add(self._problem(X, y, sample_weight, features, reset=not hasattr(self, "statistic_")))

    @property
    def rank_(self) -> int:
        """Independent features."""
        return _fitted(self).rank

    @property
    def singular_(self) -> Any:
        """Singular values of X, about its means if there is an intercept."""
        plane = _fitted(self)
        values = np.linalg.svd(plane.root, compute_uv=False)
        n, p = int(plane.products.rows[0]), len(plane.coef)
        return np.append(values, np.zeros(max(p - len(values), 0)))[: min(n, p)]

    def _takes_sparse(self) -> bool:
        return not self.positive

    def _penalty(self, problem: Problem) -> Penalty:
        return Penalty((0.0,), self.fit_intercept, self.positive, self.tol)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self.positive
        return tags


def _fitted(model: Any) -> Plane:
    if not hasattr(model, "_plane"):
        raise AttributeError(f"this {type(model).__name__} is not fitted yet")
    return model._plane  # type: ignore[no-any-return]


DIRECT = ("svd", "cholesky", "sparse_cg")  # whose iterations scikit-learn does not count
SOLVERS = ("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs")


class Ridge(_Linear):
    """Least squares with alpha |coef|² added; the parameters are those of `sklearn.linear_model.Ridge`.

    Parameters
    ----------
    alpha: the penalty, or one for each target.
    fit_intercept: whether the plane may miss the origin; the intercept is not penalised.
    solver: checked as scikit-learn does, and not needed: the answer is the exact one, from sums.
    copy_X, max_iter, tol, random_state: accepted and not needed.
    positive: keep the coefficients from being negative.

    Attributes
    ----------
    coef_: (p,) or (targets, p).  intercept_: a number or (targets,).  solver_: what was asked for.
    n_iter_: one for each target, as one solve is all; None for the solvers that scikit-learn holds not to iterate.
    n_features_in_, feature_names_in_: as scikit-learn's.
    ledger_: what every round asked, weighed and took.  statistic_: the sums that determine the fit.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "alpha": [Interval(Real, 0, None, closed="left"), "array-like"],
        "fit_intercept": ["boolean"], "copy_X": ["boolean"], "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "tol": [Interval(Real, 0, None, closed="left")], "solver": [StrOptions(set(SOLVERS))], "positive": ["boolean"], "random_state": ["random_state"],
    }  # fmt: skip

    def __init__(
        self,
        alpha: Any = 1.0,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        max_iter: int | None = None,
        tol: float = 1e-4,
        solver: str = "auto",
        positive: bool = False,
        random_state: Any = None,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, features: Sequence[str] | None = None) -> Self:
        """Fit arrays X (n, p) and y (n,) or (n, targets), sample_weight (n,); or data of any kind, with y, features and sample_weight columns by name."""
        self._refuse_solver(sparse.issparse(X))
        return self._fit(self._problem(X, y, sample_weight, features, reset=True, later=True))._finish()

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, *, features: Sequence[str] | None = None) -> Self:
        """Add rows to those fitted so far: the same as fitting all of them at once."""
        self._refuse_solver(sparse.issparse(X))
        return self._add(self._problem(X, y, sample_weight, features, reset=not hasattr(self, "statistic_")))._finish()

    def _refuse_solver(self, is_sparse: bool) -> None:
        """The combinations that scikit-learn refuses, in its own order."""
        if self.solver == "lbfgs" and not self.positive:
            raise ValueError("'lbfgs' solver can be used only when positive=True. Please use another solver.")
        if self.positive and self.solver not in ("auto", "lbfgs"):
            raise ValueError(f"solver='{self.solver}' does not support positive fitting. Set it to 'auto' or 'lbfgs', or set positive=False.")
        if is_sparse and self.fit_intercept and not self.positive and self.solver not in ("auto", "lbfgs", "lsqr", "sag", "sparse_cg"):
            raise ValueError(f"solver='{self.solver}' does not support fitting the intercept on sparse data. Set the solver to 'auto', or fit_intercept=False.")

    def _takes_sparse(self) -> bool:
        return self.solver != "svd"

    def _penalty(self, problem: Problem) -> Penalty:
        alpha = np.atleast_1d(np.asarray(self.alpha, np.float64))
        targets = len(problem.design.role("y"))
        if alpha.size not in (1, targets):
            raise ValueError(f"Number of targets and number of penalties do not correspond: {alpha.size} != {targets}")
        if (alpha < 0).any():
            raise ValueError("alpha must not be negative.")
        cut = max(problem.rows or 1, problem.design.width) * EPS
        return Penalty(tuple(alpha.tolist()), self.fit_intercept, self.positive, cut)

    def _finish(self) -> Self:
        targets = np.size(self.intercept_) if self.fit_intercept else len(np.atleast_2d(self.coef_))
        self.coef_ = self.coef_[0] if np.ndim(self.coef_) == 2 and targets == 1 else self.coef_  # as scikit-learn's Ridge does
        self.n_iter_ = None if self.solver in DIRECT else np.ones(targets, np.int64)
        self.solver_ = self.solver
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.solver != "svd" and (self.solver != "cholesky" or not self.fit_intercept)
        return tags
