"""Generalized linear models as scikit-learn has them: the same parameters, attributes, defaults and errors, and data that may lie anywhere."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import d2_tweedie_score
from sklearn.utils._param_validation import Hidden, Interval, StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from summable.core.run import Ledger
from summable.maths.families import Tweedie
from summable.maths.losses import Loss, loss
from summable.measures.working import Opening
from summable.models import doors
from summable.models.doors import Problem
from summable.open import Dataset
from summable.solvers.optimum import Outcome
from summable.solvers.penalised import Shrinkage, Surface, penalised

OUT_OF_RANGE = "Some value(s) of y are out of the valid range of the loss"


class _Generalized(BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """What all share: the rounds, and the way from a solution to scikit-learn's attributes."""

    coef_: Any
    intercept_: Any
    ledger_: Ledger
    statistic_: Opening

    def _solve(self, problem: Problem, of: Loss, shrinkage: Shrinkage) -> Surface:
        start = None
        if self.warm_start and hasattr(self, "coef_"):
            start = np.append(np.ravel(self.intercept_), np.ravel(self.coef_)).astype(np.float64)
        shrinkage = replace(shrinkage, parts=problem.engine.parts, known=problem.rows or 0)
        surface: Surface
        surface, self.ledger_ = doors.solved(self, penalised(problem.design, of, shrinkage, start), problem)
        self.statistic_, self.certificate_ = surface.opening, surface.optimum.certificate
        outcome = Outcome[surface.optimum.outcome]
        if outcome is not Outcome.CONVERGED:
            warnings.warn(outcome.value, ConvergenceWarning, stacklevel=4)
        return surface

    def _rounds(self) -> int:
        return len(self.ledger_.fitting)

    def _linear(self, X: Any) -> Any:
        check_is_fitted(self)
        if isinstance(X, str | os.PathLike | Dataset):
            return doors.predictions(self, X, np.ravel(self.coef_), np.ravel(self.intercept_)[0])[:, 0]
        X = validate_data(self, X, accept_sparse=list(doors.SPARSE), dtype=[np.float64, np.float32], reset=False)
        return X @ np.ravel(self.coef_) + np.ravel(self.intercept_)[0]


class _Regressor(RegressorMixin, _Generalized):  # type: ignore[misc]
    """Regressors whose y is never negative; each says its loss."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "alpha": [Interval(Real, 0.0, None, closed="left")], "fit_intercept": ["boolean"], "solver": [StrOptions({"lbfgs", "newton-cholesky"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")], "tol": [Interval(Real, 0.0, None, closed="neither")],
        "warm_start": ["boolean"], "verbose": ["verbose"],
    }  # fmt: skip

    def _loss(self) -> tuple[Loss, float]:
        """The loss, and the power of its variance."""
        raise NotImplementedError

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, features: Sequence[str] | None = None) -> Self:
        """Fit arrays X (n, p), y (n,) and sample_weight (n,); or data of any kind, with y, features and sample_weight columns by name."""
        of, _ = self._loss()
        problem = doors.from_columns(self, X, y, features, sample_weight) if doors.is_named(y) else self._from_arrays(X, y, sample_weight, of)
        surface = self._solve(problem, of, Shrinkage(self.alpha, True, self.fit_intercept, max(self.max_iter, 2)))
        self.coef_, self.intercept_ = surface.coef.astype(problem.dtype), problem.dtype(surface.intercept) if self.fit_intercept else 0.0
        self.n_iter_ = self._rounds()
        return self

    def _from_arrays(self, X: Any, y: Any, sample_weight: Any, of: Loss) -> Problem:
        options = {"accept_sparse": ["csc", "csr"], "dtype": [np.float64, np.float32], "y_numeric": True, "multi_output": False}
        X, y = validate_data(self, X, y, ensure_all_finite=not doors.is_looked_at_later(X, sample_weight), **options)
        y = np.asarray(y, np.float64)
        if not np.all(of.family.valid(y)):
            raise ValueError(f"{OUT_OF_RANGE} {of.family.name}.")
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        problem = doors.of_matrix(X, y, weight)
        return replace(problem, dtype=X.dtype.type, unseen={"X": X} if doors.is_looked_at_later(X, sample_weight) else {})

    def predict(self, X: Any) -> Any:
        """The mean of y, (rows,), for an array or frame, or for files by the names of their columns."""
        eta = self._linear(X)
        return self._loss()[0].mean(eta, np)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """D², the share of the deviance that is explained."""
        return float(d2_tweedie_score(y, self.predict(X), sample_weight=sample_weight, power=self._loss()[1]))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.positive_only = not self._loss()[0].family.valid(np.array([-1.0]))[0]
        return tags


class _LogLink(_Regressor):
    """A family under the log link."""

    def __init__(
        self, *, alpha: float = 1.0, fit_intercept: bool = True, solver: str = "lbfgs", max_iter: int = 100,
        tol: float = 1e-4, warm_start: bool = False, verbose: int = 0,
    ) -> None:  # fmt: skip
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose


class PoissonRegressor(_LogLink):
    """Poisson regression with the log link; the parameters are those of `sklearn.linear_model.PoissonRegressor`.

    Parameters
    ----------
    alpha: the penalty, of ½ mean deviance + ½ alpha |coef|².
    fit_intercept: whether there is an intercept, which is not penalised.
    max_iter: rounds at most.  warm_start: begin at the last fit's coefficients.  solver, tol, verbose: checked and not needed: Newton's method.

    Attributes
    ----------
    coef_: (p,).  intercept_: a number.  n_iter_: rounds taken.  n_features_in_, feature_names_in_: as scikit-learn's.
    ledger_, statistic_: what every round weighed, and the first one's sums.  certificate_: how near the optimum the last point was.
    """

    def _loss(self) -> tuple[Loss, float]:
        return loss("poisson"), 1.0


class GammaRegressor(_LogLink):
    """Gamma regression with the log link; the parameters are those of `sklearn.linear_model.GammaRegressor`.

    Parameters
    ----------
    alpha: the penalty, of ½ mean deviance + ½ alpha |coef|².
    fit_intercept: whether there is an intercept, which is not penalised.
    max_iter: rounds at most.  warm_start: begin at the last fit's coefficients.  solver, tol, verbose: checked and not needed: Newton's method.

    Attributes
    ----------
    coef_: (p,).  intercept_: a number.  n_iter_: rounds taken.  n_features_in_, feature_names_in_: as scikit-learn's.
    ledger_, statistic_: what every round weighed, and the first one's sums.  certificate_: how near the optimum the last point was.
    """

    def _loss(self) -> tuple[Loss, float]:
        return loss("gamma", "log"), 2.0


POWERS = {0.0: "gaussian", 1.0: "poisson", 2.0: "gamma", 3.0: "inverse_gaussian"}


class TweedieRegressor(_Regressor):
    """A Tweedie model; the parameters are those of `sklearn.linear_model.TweedieRegressor`.

    Parameters
    ----------
    power: of the variance: 0 (normal), 1 (Poisson), between (compound), 2 (gamma), 3 (inverse Gaussian), or more; negative ones are refused.
    alpha: the penalty, of ½ mean deviance + ½ alpha |coef|².
    fit_intercept: whether there is an intercept, which is not penalised.
    link: "auto" (identity for power 0, else log), "identity" or "log".
    max_iter: rounds at most.  warm_start: begin at the last fit's coefficients.  solver, tol, verbose: checked and not needed: Newton's method.

    Attributes
    ----------
    coef_: (p,).  intercept_: a number.  n_iter_: rounds taken.  n_features_in_, feature_names_in_: as scikit-learn's.
    ledger_, statistic_: what every round weighed, and the first one's sums.  certificate_: how near the optimum the last point was.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **_Regressor._parameter_constraints,
        "power": [Interval(Real, None, None, closed="neither")],
        "link": [StrOptions({"auto", "identity", "log"})],
    }

    def __init__(
        self, *, power: float = 0.0, alpha: float = 1.0, fit_intercept: bool = True, link: str = "auto", solver: str = "lbfgs",
        max_iter: int = 100, tol: float = 1e-4, warm_start: bool = False, verbose: int = 0,
    ) -> None:  # fmt: skip
        self.power = power
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.link = link
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose

    def _loss(self) -> tuple[Loss, float]:
        power = float(self.power)
        link = ("identity" if power <= 0 else "log") if self.link == "auto" else self.link
        return loss(POWERS.get(power) or Tweedie(power), link), power


class LogisticRegression(ClassifierMixin, _Generalized):  # type: ignore[misc]
    """Logistic regression of two classes; the parameters are those of `sklearn.linear_model.LogisticRegression`.

    Parameters
    ----------
    C: the inverse of the penalty, of Σ w loss + ½ |coef|² / C; infinity for none.  penalty: "l2" or None, where it is given.
    l1_ratio: 0; other penalties, and more than two classes, are not here yet and say so.
    fit_intercept: whether there is an intercept, which is not penalised.  class_weight: None, "balanced" or a weight for each class.
    max_iter: rounds at most.  warm_start: begin at the last fit's coefficients.
    solver, tol, dual, intercept_scaling, random_state, verbose, n_jobs: checked and not needed: Newton's method.

    Attributes
    ----------
    classes_: (2,).  coef_: (1, p).  intercept_: (1,).  n_iter_: (1,) rounds taken.  n_features_in_, feature_names_in_: as scikit-learn's.
    ledger_, statistic_: what every round weighed, and the first one's sums.  certificate_: how near the optimum the last point was.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "penalty": [StrOptions({"l1", "l2", "elasticnet"}), None, Hidden(StrOptions({"deprecated"}))],
        "dual": ["boolean"], "tol": [Interval(Real, 0, None, closed="left")], "C": [Interval(Real, 0, None, closed="right")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both"), None], "fit_intercept": ["boolean"], "intercept_scaling": [Interval(Real, 0, None, closed="neither")],
        "class_weight": [dict, StrOptions({"balanced"}), None], "random_state": ["random_state"],
        "solver": [StrOptions({"lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"})],
        "max_iter": [Interval(Integral, 0, None, closed="left")], "verbose": ["verbose"], "warm_start": ["boolean"], "n_jobs": [None, Integral],
    }  # fmt: skip

    def __init__(
        self, penalty: str | None = "deprecated", *, C: float = 1.0, l1_ratio: float | None = 0.0, dual: bool = False, tol: float = 1e-4,
        fit_intercept: bool = True, intercept_scaling: float = 1, class_weight: Any = None, random_state: Any = None, solver: str = "lbfgs",
        max_iter: int = 100, verbose: int = 0, warm_start: bool = False, n_jobs: int | None = None,
    ) -> None:  # fmt: skip
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, features: Sequence[str] | None = None) -> Self:
        """Fit arrays X (n, p), y (n,) and sample_weight (n,); or data of any kind, with y (0 and 1), features and sample_weight columns by name."""
        if self.penalty in ("l1", "elasticnet") or (self.penalty == "deprecated" and self.l1_ratio):
            raise ValueError("An l1 penalty is not here yet: choose l1_ratio=0, or penalty=None.")
        if self.penalty is None and self.C != 1.0:
            warnings.warn("Setting penalty=None will ignore the C and l1_ratio parameters", stacklevel=2)
        problem = self._of_columns(X, y, sample_weight, features) if isinstance(y, str) else self._of_arrays(X, y, sample_weight)
        alpha = 0.0 if self.penalty is None else 1 / self.C
        surface = self._solve(problem, loss("binomial"), Shrinkage(alpha, False, self.fit_intercept, max(self.max_iter, 2)))
        self.coef_, self.intercept_ = surface.coef[None].astype(problem.dtype), np.array([surface.intercept if self.fit_intercept else 0.0], problem.dtype)
        self.n_iter_ = np.array([self._rounds()], np.int32)
        return self

    def _of_columns(self, data: Any, y: str, sample_weight: Any, features: Any) -> Problem:
        if self.class_weight is not None:
            raise ValueError("class_weight needs arrays: put the weights into a column, and give its name as sample_weight.")
        self.classes_ = np.array([0, 1])
        return doors.from_columns(self, data, y, features, sample_weight)

    def _of_arrays(self, X: Any, y: Any, sample_weight: Any) -> Problem:
        later = self.class_weight is None and doors.is_looked_at_later(X, sample_weight)
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], ensure_all_finite=not later)
        self.classes_, codes = doors.coded(y)
        if len(self.classes_) < 2:
            raise ValueError(f"This solver needs samples of at least 2 classes in the data, but the data contains only one class: {self.classes_[0]!r}")
        if len(self.classes_) > 2:
            raise ValueError(f"Only binary classification is supported. The type of the target is multiclass: {len(self.classes_)} classes.")
        weight = None
        if sample_weight is not None or self.class_weight is not None:
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True, copy=True)
        if self.class_weight is not None:
            of_class = compute_class_weight(self.class_weight, classes=self.classes_, y=y, sample_weight=sample_weight)
            weight *= of_class[codes]
        if weight is not None and len(np.unique(codes[weight > 0])) < 2:
            raise ValueError("Only one class is left where the weights are positive, and two are needed.")
        return replace(doors.of_matrix(X, codes, weight), unseen={"X": X} if later else {})

    def decision_function(self, X: Any) -> Any:
        """The log-odds of the second class, (rows,)."""
        return self._linear(X)

    def predict_proba(self, X: Any) -> Any:
        """The chances of both classes, (rows, 2)."""
        of, eta = loss("binomial"), self._linear(X)
        return np.column_stack([of.mean(-eta, np), of.mean(eta, np)])

    def predict_log_proba(self, X: Any) -> Any:
        """Their logarithms, (rows, 2)."""
        eta = self._linear(X)
        return -np.column_stack([np.logaddexp(0, eta), np.logaddexp(0, -eta)])

    def predict(self, X: Any) -> Any:
        """The more likely class, (rows,)."""
        eta = self._linear(X)
        return self.classes_[(eta > 0).astype(int)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_class = False
        return tags
