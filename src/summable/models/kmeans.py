"""K-means, as scikit-learn has it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_array, validate_data

from summable.core.run import Ledger, run
from summable.models import doors
from summable.models.classifier import checked_weight
from summable.models.doors import Problem
from summable.solvers.kmeans import Search, kmeans

CHUNK = 2**14  # rows whose nearest centres are found at once
CHECKS = {"accept_sparse": "csr", "dtype": [np.float64, np.float32], "order": "C", "accept_large_sparse": False}


class KMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """K-means clustering; the parameters are those of `sklearn.cluster.KMeans`.

    Parameters
    ----------
    n_clusters: how many.  max_iter: steps at most.  tol: of the features' mean variance, a squared move of the centres that counts as none.
    init: "k-means++" (here k-means||, whose rows are drawn by a hash of their numbers: the same ones for any sharding), "random",
        centres (n_clusters, p), or for arrays a function of (X, n_clusters, random_state).
    n_init: runs, of which the best is kept; "auto" is one, or ten from "random" or a function.  random_state: of the draws.
    copy_x, verbose, algorithm: accepted and not needed.

    Attributes
    ----------
    cluster_centers_: (n_clusters, p).  labels_: (n,), of arrays; `predict` tells those of files.  inertia_, n_iter_: of the run that was kept.
    n_features_in_, feature_names_in_: as scikit-learn's.  ledger_: what every round asked, weighed and took.
    """

    ledger_: Ledger
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")], "init": [StrOptions({"k-means++", "random"}), callable, "array-like"],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")], "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")], "verbose": ["verbose"], "random_state": ["random_state"], "copy_x": ["boolean"],
        "algorithm": [StrOptions({"lloyd", "elkan"})],
    }  # fmt: skip

    def __init__(
        self, n_clusters: int = 8, *, init: Any = "k-means++", n_init: Any = "auto", max_iter: int = 300, tol: float = 1e-4, verbose: int = 0,
        random_state: Any = None, copy_x: bool = True, algorithm: str = "lloyd",
    ) -> None:  # fmt: skip
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, *, features: Sequence[str] | None = None) -> Self:
        """Fit an array X (n, p), dense or sparse, and sample_weight (n,); or data of any kind, with columns by name. There is no y."""
        if doors.is_located(X, features):
            problem, array = doors.from_columns(self, X, None, features, sample_weight), None
        else:
            array = validate_data(self, X, **CHECKS)
            if array.shape[0] < self.n_clusters:
                raise ValueError(f"n_samples={array.shape[0]} should be >= n_clusters={self.n_clusters}.")
            problem = doors.of_features(array, checked_weight(sample_weight, array))
        return self._run(problem, array)

    def _run(self, problem: Problem, array: Any) -> Self:
        chance = check_random_state(self.random_state)
        start, runs = self._start(problem, array, chance), self._runs()
        searches = [
            Search(self.n_clusters, one, str(self.init) != "random", 1 if len(start) > 1 else runs, self.max_iter, self.tol, int(chance.randint(2**31 - 1)))
            for one in start
        ]
        found = [run(kmeans(problem.design, search), problem.engine) for search in searches]
        best = min((clusters for clusters, _ in found), key=lambda one: one.cost)
        self.ledger_ = Ledger([line for _, ledger in found for line in ledger.rounds])
        self.cluster_centers_, self.inertia_, self.n_iter_ = best.centres.astype(problem.dtype), best.cost, best.iterations
        self._n_features_out = self.n_clusters
        if array is not None:
            self.labels_ = self._nearest(array)
        if (distinct := int((best.weights > 0).sum())) < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({distinct}) found smaller than n_clusters ({self.n_clusters}). Possibly due to duplicate points in X.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return self

    def _runs(self) -> int:
        if self.n_init != "auto":
            return int(self.n_init)
        return 10 if callable(self.init) or str(self.init) == "random" else 1

    def _start(self, problem: Problem, array: Any, chance: Any) -> list[Any]:
        """Where to begin: the given centres, or those of each call of a function, or nowhere."""
        p = problem.design.width - 1
        if isinstance(self.init, str):
            return [np.zeros((0, p))]
        if callable(self.init):
            if array is None:
                raise ValueError("init is a function, which needs the rows: give centres, 'k-means++' or 'random'.")
            return [self._checked(self.init(array, self.n_clusters, random_state=chance), p) for _ in range(self._runs())]
        if self.n_init not in ("auto", 1):
            warnings.warn(
                f"Explicit initial center position passed: performing only one init in {type(self).__name__} instead of n_init={self.n_init}.",
                RuntimeWarning,
                stacklevel=5,
            )
        return [self._checked(self.init, p)]

    def _checked(self, init: Any, p: int) -> Any:
        init = check_array(init.toarray() if issparse(init) else init, dtype=np.float64)
        if init.shape[0] != self.n_clusters:
            raise ValueError(f"The shape of the initial centers {init.shape} does not match the number of clusters {self.n_clusters}.")
        if init.shape[1] != p:
            raise ValueError(f"The shape of the initial centers {init.shape} does not match the number of features of the data {p}.")
        return init

    def _nearest(self, X: Any) -> Any:
        """The nearest centre of each row, (rows,)."""
        about = self.cluster_centers_.mean(axis=0)
        centres = self.cluster_centers_ - about
        square = np.square(centres).sum(axis=1)
        found = np.empty(X.shape[0], np.int32)
        for start in range(0, X.shape[0], CHUNK):
            rows = X[start : start + CHUNK]
            away = (rows.toarray() if issparse(rows) else rows) - about
            found[start : start + CHUNK] = (square - 2 * (away @ centres.T)).argmin(axis=1)
        return found

    def predict(self, X: Any) -> Any:
        """The nearest centre of each row, (rows,), for an array or frame, or for files by the names of their columns."""
        return doors.answers(self, X, self._nearest, **CHECKS)

    def transform(self, X: Any) -> Any:
        """The distance of each row from each centre, (rows, n_clusters)."""
        return doors.answers(self, X, lambda x: euclidean_distances(x, self.cluster_centers_), **CHECKS)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Minus the weighted squares of the distances from the nearest centres."""
        apart = np.square(np.min(self.transform(X), axis=1))
        return -float(apart.sum() if sample_weight is None else apart @ _check_sample_weight(sample_weight, X, dtype=np.float64))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
