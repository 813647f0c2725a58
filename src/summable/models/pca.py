"""Principal components, as scikit-learn has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import issparse
from scipy.special import gammaln
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from summable.core.errors import DataError
from summable.core.run import Ledger
from summable.core.statistic import Array
from summable.maths.linalg import spectrum
from summable.measures.class_sums import Centred
from summable.measures.scatter import Scatter
from summable.models import doors
from summable.models.doors import Problem
from summable.solvers.classes import by_class

ROUNDING = 1e-14  # of the greatest variance: what is left of a smaller one, from squares, is rounding


class PCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Principal component analysis; the parameters are those of `sklearn.decomposition.PCA`.

    Parameters
    ----------
    n_components: how many; a share of the variance to be explained, below one; "mle" (Minka 2000); or None for all.
    whiten: whether `transform` gives components of variance one.
    svd_solver, tol, iterated_power, n_oversamples, power_iteration_normalizer, random_state: checked and not needed: all components are exact.
    copy: accepted and not needed: X is never written to.

    Attributes
    ----------
    components_: (components, p), each with its greatest entry positive.  explained_variance_, explained_variance_ratio_, singular_values_: (components,).
    mean_: (p,).  n_components_, n_samples_: numbers.  noise_variance_: the mean variance of what is left out.
    n_features_in_, feature_names_in_: as scikit-learn's.
    ledger_: what every round asked, weighed and took.  statistic_: the sums that determine the fit, about the means.
    """

    ledger_: Ledger
    statistic_: Centred
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 0, None, closed="left"), Interval(RealNotInt, 0, 1, closed="neither"), StrOptions({"mle"}), None],
        "copy": ["boolean"], "whiten": ["boolean"], "svd_solver": [StrOptions({"auto", "full", "covariance_eigh", "arpack", "randomized"})],
        "tol": [Interval(Real, 0, None, closed="left")], "iterated_power": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")],
        "n_oversamples": [Interval(Integral, 1, None, closed="left")], "power_iteration_normalizer": [StrOptions({"auto", "QR", "LU", "none"})],
        "random_state": ["random_state"],
    }  # fmt: skip

    def __init__(
        self, n_components: Any = None, *, copy: bool = True, whiten: bool = False, svd_solver: str = "auto", tol: float = 0.0,
        iterated_power: Any = "auto", n_oversamples: int = 10, power_iteration_normalizer: str = "auto", random_state: Any = None,
    ) -> None:  # fmt: skip
        self.n_components = n_components
        self.copy = copy
        self.whiten = whiten
        self.svd_solver = svd_solver
        self.tol = tol
        self.iterated_power = iterated_power
        self.n_oversamples = n_oversamples
        self.power_iteration_normalizer = power_iteration_normalizer
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any = None, *, features: Sequence[str] | None = None) -> Self:
        """Fit an array X (n, p), dense or sparse; or data of any kind, with columns by name. There is no y."""
        problem = self._problem(X, features)
        sums, self.ledger_ = doors.solved(self, by_class(problem.design, Scatter), problem)
        if not np.isfinite(sums.total.xx).all():
            doors.refuse_unseen(self, problem)
        if not sums.total.rows[0]:
            raise DataError("no rows are left to fit", "Check the files, and the columns.")
        self.statistic_ = sums.total.centred(sums.about)
        self._sparse = issparse(X)
        return self._dress(problem.dtype)

    def _problem(self, X: Any, features: Any) -> Problem:
        if doors.is_located(X, features):
            return doors.from_columns(self, X, None, features, None)
        if issparse(X) and self.svd_solver not in ("auto", "arpack", "covariance_eigh"):
            raise TypeError(
                f'PCA only support sparse inputs with the "arpack" and "covariance_eigh" solvers, while "{self.svd_solver}" was passed. '
                "See TruncatedSVD for a possible alternative."
            )
        later = doors.is_looked_at_later(X, None)
        X = validate_data(self, X, dtype=[np.float64, np.float32], accept_sparse=("csr", "csc"), ensure_all_finite=not later)
        return replace(doors.of_features(X), unseen={"X": X} if later else {})

    def _dress(self, dtype: Any) -> Self:
        """The attributes, from the one scatter of all rows."""
        rows, (mean,), (scatter,) = int(self.statistic_.weight[0]), self.statistic_.mean, self.statistic_.square
        most = min(rows, len(mean))
        squares, vectors = spectrum(scatter)
        vectors *= np.sign(vectors[np.arange(len(mean)), np.abs(vectors).argmax(axis=1)])[:, None]
        squares, vectors = squares[:most], vectors[:most]
        variance = squares / max(rows - 1, 1)
        ratio = variance / max(variance.sum(), np.finfo(np.float64).tiny)
        kept = self._kept(variance, ratio, rows, len(mean))
        self.n_samples_, self.n_components_, self.mean_ = rows, kept, mean.astype(dtype)
        self.noise_variance_ = float(variance[kept:].mean()) if kept < most else 0.0
        self.components_, self.singular_values_ = vectors[:kept].astype(dtype), np.sqrt(squares[:kept]).astype(dtype)
        self.explained_variance_, self.explained_variance_ratio_ = variance[:kept].astype(dtype), ratio[:kept].astype(dtype)
        return self

    def _kept(self, variance: Array, ratio: Array, rows: int, features: int) -> int:
        """How many components are wanted."""
        wanted, most, solver = self.n_components, min(rows, features), self.svd_solver
        truncated = solver in ("arpack", "randomized")
        if wanted is None:
            return most - 1 if solver == "arpack" or (solver == "auto" and self._sparse) else most
        if wanted == "mle":
            if truncated:
                raise ValueError(f"n_components={wanted!r} cannot be a string with svd_solver='{solver}'")
            if rows < features:
                raise ValueError("n_components='mle' is only supported if n_samples >= n_features")
            return likeliest(np.where(variance > ROUNDING * variance[0], variance, 0.0), rows)
        least = 1 if truncated else 0
        if not least <= wanted <= most:
            raise ValueError(f"n_components={wanted} must be between {least} and min(n_samples, n_features)={most} with svd_solver={solver!r}")
        if solver == "arpack" and wanted == most:
            raise ValueError(f"n_components={wanted} must be strictly less than min(n_samples, n_features)={most} with svd_solver={solver!r}")
        return int(np.searchsorted(np.cumsum(ratio), wanted, side="right")) + 1 if 0 < wanted < 1 else int(wanted)

    def transform(self, X: Any) -> Any:
        """The rows in the directions of the components, (rows, components), for arrays and frames, or files by the names of their columns."""
        return doors.answers(self, X, self._turned, dtype=[np.float64, np.float32], accept_sparse=("csr", "csc"))

    def _turned(self, X: Any) -> Any:
        found = X @ self.components_.T - self.mean_ @ self.components_.T if issparse(X) else (X - self.mean_) @ self.components_.T
        return found / self._scale() if self.whiten else found

    def _scale(self) -> Any:
        scale = np.sqrt(self.explained_variance_)
        return np.maximum(scale, np.finfo(scale.dtype).eps)  # a component without variance stays finite

    def inverse_transform(self, X: Any) -> Any:
        """Where rows lie that have these components, (rows, p)."""
        check_is_fitted(self)
        X = check_array(X, input_name="X", dtype=[np.float64, np.float32])
        return (X * np.sqrt(self.explained_variance_) if self.whiten else X) @ self.components_ + self.mean_

    def get_covariance(self) -> Any:
        """The covariance by the probabilistic model: the components', and noise in every other direction, (p, p)."""
        check_is_fitted(self)
        above = np.maximum(self.explained_variance_ - self.noise_variance_, 0.0)
        return (self.components_.T * above) @ self.components_ + self.noise_variance_ * np.eye(len(self.mean_))

    def get_precision(self) -> Any:
        """The inverse of that covariance, (p, p)."""
        check_is_fitted(self)
        if self.noise_variance_ == 0.0:
            return np.linalg.inv(self.get_covariance())
        above = 1 / np.maximum(self.explained_variance_, self.noise_variance_) - 1 / self.noise_variance_
        return (self.components_.T * above) @ self.components_ + np.eye(len(self.mean_)) / self.noise_variance_

    def score_samples(self, X: Any) -> Any:
        """The log-likelihood of each row by the probabilistic model, (rows,)."""
        check_is_fitted(self)
        precision = self.get_precision()
        level = 0.5 * (np.linalg.slogdet(precision)[1] - len(self.mean_) * np.log(2.0 * np.pi))

        def likelihood(x: Any) -> Any:
            away = np.asarray(x - self.mean_)
            return level - 0.5 * ((away @ precision) * away).sum(axis=1)

        return doors.answers(self, X, likelihood, dtype=[np.float64, np.float32])

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of the rows' log-likelihoods."""
        return float(np.mean(self.score_samples(X)))

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.sparse = self.svd_solver in ("auto", "arpack", "covariance_eigh")
        return tags


def likeliest(variance: Array, rows: int) -> int:
    """How many components the evidence is greatest for (Minka 2000, eq. 79), of variances in falling order."""
    return int(np.argmax([-np.inf, *(_evidence(variance, rank, rows) for rank in range(1, len(variance)))]))


def _evidence(variance: Array, rank: int, rows: int) -> float:
    tiny, features = 1e-15, len(variance)
    if variance[rank - 1] < tiny:
        return -np.inf
    noise = max(tiny, float(variance[rank:].sum()) / (features - rank))
    free = (features - np.arange(rank)) / 2.0
    frames = -rank * np.log(2.0) + (gammaln(free) - free * np.log(np.pi)).sum()
    fit = -0.5 * rows * (np.log(variance[:rank]).sum() + (features - rank) * np.log(noise))
    count = features * rank - rank * (rank + 1.0) / 2.0
    flat = np.append(variance[:rank], np.full(features - rank, noise))
    i, j = np.triu_indices(features, 1)
    i, j = i[i < rank], j[i < rank]
    with np.errstate(divide="ignore", invalid="ignore"):
        curve = np.log((variance[i] - variance[j]) * (1.0 / flat[j] - 1.0 / flat[i])).sum() + len(i) * np.log(rows)
    found = frames + fit + 0.5 * np.log(2.0 * np.pi) * (count + rank) - 0.5 * curve - 0.5 * rank * np.log(rows)
    return float(found)
