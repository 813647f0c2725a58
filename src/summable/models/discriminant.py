"""Linear and quadratic discriminant analysis, as scikit-learn has them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy import linalg
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from summable.core.statistic import Array
from summable.maths.linalg import spectrum
from summable.measures.class_sums import Centred
from summable.measures.scatter import Scatter
from summable.models.classifier import Classifier
from summable.solvers.shrinkage import deviations, shrinkages


class LinearDiscriminantAnalysis(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Classifier):  # type: ignore[misc]
    """Linear discriminant analysis; the parameters are those of `sklearn.discriminant_analysis.LinearDiscriminantAnalysis`.

    Parameters
    ----------
    solver: "svd", "lsqr" or "eigen", whose answers differ where features are collinear or shrunk.
    shrinkage: None, a number from 0 to 1, or "auto" (Ledoit & Wolf 2004), which takes another round, and of "eigen" two.
    covariance_estimator: refused, as it would need the rows themselves.
    priors: chances of the classes; by default their shares.  n_components: of `transform`.
    store_covariance: whether "svd" keeps `covariance_` too.  tol: singular values below it count as zero.

    Attributes
    ----------
    classes_, priors_: (k,).  means_: (k, p).  coef_: (k, p), or (1, p) of two classes.  intercept_: (k,) or (1,).
    covariance_: (p, p) within classes.  scalings_, xbar_, explained_variance_ratio_, n_features_in_, feature_names_in_: as scikit-learn's.
    ledger_: what every round asked, weighed and took.  statistic_: the sums that determine the fit, about the means.
    """

    statistic_: Centred
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "solver": [StrOptions({"svd", "lsqr", "eigen"})], "shrinkage": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both"), None],
        "n_components": [Interval(Integral, 1, None, closed="left"), None], "priors": ["array-like", None], "store_covariance": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")], "covariance_estimator": [HasMethods("fit"), None],
    }  # fmt: skip

    def __init__(
        self, solver: str = "svd", shrinkage: Any = None, priors: Any = None, n_components: int | None = None, store_covariance: bool = False,
        tol: float = 1e-4, covariance_estimator: Any = None,
    ) -> None:  # fmt: skip
        self.solver = solver
        self.shrinkage = shrinkage
        self.priors = priors
        self.n_components = n_components
        self.store_covariance = store_covariance
        self.tol = tol
        self.covariance_estimator = covariance_estimator

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, *, features: Sequence[str] | None = None) -> Self:
        """Fit arrays X (n, p) and y (n,); or data of any kind, with y and features columns by name."""
        refuse_estimates(self)
        whole = self.solver == "eigen"
        then = (lambda found: shrinkages(found, whole)) if self.shrinkage == "auto" else None
        sums, shares, dtype = self._sums(Scatter, X, y, None, features, then, ensure_min_samples=2, dtype=[np.float64, np.float32])
        self._shares = (self.shrinkage, self.shrinkage) if shares is None else shares
        known = self.statistic_ = sums.total.centred(sums.about)
        if sums.total.rows[0] == len(self.classes_):
            raise ValueError("The number of samples must be more than the number of classes.")
        self.priors_, self.means_ = self._given(known), known.mean
        most = min(len(self.classes_) - 1, known.mean.shape[1])
        if self.n_components is not None and self.n_components > most:
            raise ValueError("n_components cannot be larger than min(n_features, n_classes - 1).")
        self._max_components = self._n_features_out = most if self.n_components is None else self.n_components
        {"svd": self._by_directions, "lsqr": self._by_solving, "eigen": self._by_ratio}[self.solver](known)
        return self._dress(dtype)

    def _given(self, known: Centred) -> Array:
        priors = known.weight / known.weight.sum() if self.priors is None else np.asarray(self.priors, np.float64)
        if (priors < 0).any():
            raise ValueError("priors must be non-negative")
        if abs(priors.sum() - 1.0) > 1e-5:
            warnings.warn("The priors do not sum to 1. Renormalizing", UserWarning, stacklevel=3)
            priors = priors / priors.sum()
        return np.asarray(priors)

    def _within(self, known: Centred) -> Array:
        """The covariances of the classes, shrunk, each by its prior."""
        return np.asarray(np.einsum("c,cij->ij", self.priors_, covariances(known, self._shares[0])))

    def _by_directions(self, known: Centred) -> None:
        """Whiten within classes, then find the directions in which the means differ; both by singular values."""
        n, within = known.weight.sum(), known.square.sum(axis=0)
        if self.store_covariance:
            self.covariance_ = self._within(known)
        self.xbar_ = self.priors_ @ self.means_
        std = np.sqrt(np.diag(within) / n)
        std[std == 0] = 1.0
        values, vectors = spectrum(within / n / np.outer(std, std))
        singular = np.sqrt(values)
        kept = singular > self.tol
        scalings = (vectors[kept] / std).T / singular[kept]
        apart = (np.sqrt(n * self.priors_ / max(len(self.classes_) - 1, 1)) * (self.means_ - self.xbar_).T).T @ scalings
        _, between, directions = np.linalg.svd(apart, full_matrices=False)
        self.explained_variance_ratio_ = (between**2 / (between**2).sum())[: self._max_components] if self._max_components else np.empty(0)
        self.scalings_ = scalings @ directions.T[:, : int((between > self.tol * between[:1]).sum())]
        coef = (self.means_ - self.xbar_) @ self.scalings_
        self.coef_ = coef @ self.scalings_.T
        self.intercept_ = np.log(self.priors_) - 0.5 * np.square(coef).sum(axis=1) - self.xbar_ @ self.coef_.T

    def _by_solving(self, known: Centred) -> None:
        """Least squares, which needs no directions and finds none."""
        self.covariance_ = self._within(known)
        self._from(linalg.lstsq(self.covariance_, self.means_.T)[0].T)

    def _by_ratio(self, known: Centred) -> None:
        """The directions in which the classes lie farthest apart for their own spread."""
        self.covariance_ = self._within(known)
        (total,) = covariances(known.together(), self._shares[1])
        values, vectors = linalg.eigh(total - self.covariance_, self.covariance_)
        order = np.argsort(values)[::-1]
        self.explained_variance_ratio_ = values[order][: self._max_components] / (values.sum() or 1.0)
        self.scalings_ = vectors[:, order]
        self._from(self.means_ @ self.scalings_ @ self.scalings_.T)

    def _from(self, coef: Any) -> None:
        self.coef_ = coef
        self.intercept_ = np.log(self.priors_) - 0.5 * (self.means_ * coef).sum(axis=1)

    def _dress(self, dtype: Any) -> Self:
        """Of two classes, the difference; all in the type of the features."""
        if len(self.classes_) == 2:
            self.coef_, self.intercept_ = self.coef_[1:] - self.coef_[:1], self.intercept_[1:] - self.intercept_[:1]
        for name in ("coef_", "intercept_", "means_", "priors_", "covariance_", "xbar_", "scalings_", "explained_variance_ratio_"):
            if hasattr(self, name):
                setattr(self, name, getattr(self, name).astype(dtype))
        return self

    def _joint(self, X: Any) -> Any:
        scores = X @ self.coef_.T + self.intercept_
        return np.column_stack([np.zeros_like(scores), scores]) if len(self.classes_) == 2 else scores

    def decision_function(self, X: Any) -> Any:
        """Scores of the classes, (rows, classes); of two, the log-odds of the second, (rows,)."""
        return self._answers(X, lambda x: self._joint(x)[:, 1] if len(self.classes_) == 2 else self._joint(x))

    def transform(self, X: Any) -> Any:
        """The rows in the directions that tell the classes apart, (rows, components)."""
        if self.solver == "lsqr":
            raise NotImplementedError("transform not implemented for 'lsqr' solver (use 'svd' or 'eigen').")
        check_is_fitted(self)
        centre = self.xbar_ if self.solver == "svd" else 0.0
        return self._answers(X, lambda x: ((x - centre) @ self.scalings_)[:, : self._max_components])


class QuadraticDiscriminantAnalysis(Classifier):
    """Quadratic discriminant analysis; the parameters are those of `sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis`.

    Parameters
    ----------
    solver: "svd", regularised by reg_param, or "eigen", by shrinkage.  priors: chances of the classes; by default their shares.
    shrinkage: None, a number from 0 to 1, or "auto" (Ledoit & Wolf 2004), which takes another round.
    covariance_estimator: refused, as it would need the rows themselves.
    reg_param: variances become (1 − reg_param) of themselves, plus reg_param.
    store_covariance: whether `covariance_` is kept.  tol: a variance below it is refused as a sign of collinearity.

    Attributes
    ----------
    classes_, priors_: (k,).  means_: (k, p).  scalings_: k variances (p,).  rotations_: k matrices (p, p).  covariance_: k matrices (p, p).
    n_features_in_, feature_names_in_: as scikit-learn's.
    ledger_: what every round asked, weighed and took.  statistic_: the sums that determine the fit, about the means.
    """

    statistic_: Centred
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "solver": [StrOptions({"svd", "eigen"})], "shrinkage": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both"), None],
        "priors": ["array-like", None], "reg_param": [Interval(Real, 0, 1, closed="both")], "store_covariance": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")], "covariance_estimator": [HasMethods("fit"), None],
    }  # fmt: skip

    def __init__(
        self, *, solver: str = "svd", shrinkage: Any = None, priors: Any = None, reg_param: float = 0.0, store_covariance: bool = False,
        tol: float = 1e-4, covariance_estimator: Any = None,
    ) -> None:  # fmt: skip
        self.solver = solver
        self.shrinkage = shrinkage
        self.priors = priors
        self.reg_param = reg_param
        self.store_covariance = store_covariance
        self.tol = tol
        self.covariance_estimator = covariance_estimator

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, *, features: Sequence[str] | None = None) -> Self:
        """Fit arrays X (n, p) and y (n,); or data of any kind, with y and features columns by name."""
        refuse_estimates(self)
        then = (lambda found: shrinkages(found, False)) if self.shrinkage == "auto" else None
        sums, shares, _ = self._sums(Scatter, X, y, None, features, then)
        known = self.statistic_ = sums.total.centred(sums.about)
        if len(self.classes_) < 2:
            raise ValueError(f"The number of classes has to be greater than one. Got {len(self.classes_)} class.")
        self.priors_ = known.weight / known.weight.sum() if self.priors is None else np.array(self.priors)
        self.means_, shrunk = known.mean, covariances(known, self.shrinkage if shares is None else shares[0])
        self.scalings_, self.rotations_ = map(list, zip(*map(self._axes, self.classes_, known.weight, shrunk), strict=True))
        if self.store_covariance:
            self.covariance_ = [(rotation * scaling) @ rotation.T for rotation, scaling in zip(self.rotations_, self.scalings_, strict=True)]
        return self

    def _axes(self, label: Any, rows: float, covariance: Array) -> tuple[Array, Array]:
        """The variances of a class along its axes, and these; refused where one of them is none."""
        if rows == 1:
            raise ValueError(f"y has only 1 sample in class {label}, covariance is ill defined.")
        scaling, vectors = spectrum(covariance)
        if self.solver == "svd":
            scaling = (1 - self.reg_param) * scaling + self.reg_param
        if (scaling > self.tol).sum() < len(scaling) or (self.solver == "svd" and rows < len(scaling)):
            raise linalg.LinAlgError(f"The covariance matrix of class {label} is not full rank. {self._remedy(rows, len(scaling))}")
        return scaling, vectors.T

    def _remedy(self, rows: float, features: int) -> str:
        if self.solver == "svd" and rows <= features:
            return (
                "When using `solver='svd'` the number of samples in each class should be more than the number of features, and here are "
                f"{rows:.0f} samples and {features} features. Try using `solver='eigen'` and setting the parameter `shrinkage` for regularization."
            )
        return f"Increase the value of `{'shrinkage' if self.solver == 'eigen' else 'reg_param'}` to reduce the collinearity."

    def _joint(self, X: Any) -> Any:
        found = []
        for mean, rotation, scaling in zip(self.means_, self.rotations_, self.scalings_, strict=True):
            away = (X - mean) @ (rotation / np.sqrt(scaling))
            found.append(-0.5 * (np.square(away).sum(axis=1) + np.log(scaling).sum()))
        return np.stack(found, axis=1) + np.log(self.priors_)

    def decision_function(self, X: Any) -> Any:
        """Log-posteriors of the classes but for a constant of the row, (rows, classes); of two, their difference, (rows,)."""

        def scores(x: Any) -> Any:
            joint = self._joint(x)
            return joint[:, 1] - joint[:, 0] if len(self.classes_) == 2 else joint

        return self._answers(X, scores)


def covariances(known: Centred, shrinkage: float | Array | None) -> Array:
    """The covariances of the classes, (classes, p, p), each shrunk towards its mean variance; or its correlations, by a share for each class."""
    found = known.square / known.weight[:, None, None]
    if shrinkage is None:
        return np.asarray(found)
    if np.ndim(shrinkage):
        scale = deviations(known)
        units = scale[:, :, None] * scale[:, None, :]
        return np.asarray(_shrunk(found / units, np.asarray(shrinkage)[:, None, None]) * units)
    return _shrunk(found, shrinkage)


def _shrunk(found: Array, share: Any) -> Array:
    variance = np.trace(found, axis1=1, axis2=2) / found.shape[1]
    return np.asarray((1 - share) * found + share * variance[:, None, None] * np.eye(found.shape[1]))


def refuse_estimates(model: Any) -> None:
    """The combinations that scikit-learn refuses, and those that no sum of products decides."""
    if model.solver == "svd" and model.shrinkage is not None:
        raise NotImplementedError("shrinkage not supported with 'svd' solver.")
    if model.solver == "svd" and model.covariance_estimator is not None:
        raise ValueError("covariance estimator is not supported with svd solver. Try another solver")
    if model.covariance_estimator is not None and model.shrinkage not in (None, 0):
        raise ValueError("covariance_estimator and shrinkage parameters are not None. Only one of the two can be set.")
    if model.covariance_estimator is not None:
        raise NotImplementedError("a covariance_estimator wants the rows themselves, and here are only their sums: choose a number for shrinkage.")
