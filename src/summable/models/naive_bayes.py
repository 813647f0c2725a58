"""Gaussian naive Bayes, as scikit-learn has it."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval
from sklearn.utils.multiclass import _check_partial_fit_first_call
from sklearn.utils.validation import validate_data

from summable.core.design import Category, Column
from summable.core.errors import Unsupported
from summable.core.run import Ledger, run
from summable.measures.class_sums import Centred
from summable.measures.spread import Spread
from summable.models import doors
from summable.models.classifier import Classifier, checked_weight
from summable.solvers.classes import by_class, labelled


class GaussianNB(Classifier):
    """Gaussian naive Bayes; the parameters are those of `sklearn.naive_bayes.GaussianNB`.

    Parameters
    ----------
    priors: chances of the classes, which are not learnt then.
    var_smoothing: this share of the largest variance of a feature is added to all variances.

    Attributes
    ----------
    classes_, class_count_, class_prior_: (k,).  theta_, var_: (k, p) means and variances.  epsilon_: what was added to the variances.
    n_features_in_, feature_names_in_: as scikit-learn's.
    ledger_: what every round asked, weighed and took.  statistic_: the sums that determine the fit, about the means.
    """

    statistic_: Centred
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "priors": ["array-like", None], "var_smoothing": [Interval(Real, 0, None, closed="left")],
    }  # fmt: skip

    def __init__(self, *, priors: Any = None, var_smoothing: float = 1e-9) -> None:
        self.priors = priors
        self.var_smoothing = var_smoothing

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, features: Sequence[str] | None = None) -> Self:
        """Fit arrays X (n, p), y (n,) and sample_weight (n,); or data of any kind, with y, features and sample_weight columns by name."""
        sums, _, dtype = self._sums(Spread, X, y, sample_weight, features)
        self.statistic_ = sums.total.centred(sums.about)
        return self._dress(dtype, self.statistic_)

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None, *, features: Sequence[str] | None = None) -> Self:
        """Add rows to those fitted so far; `classes`, all there can be, must be said at the first call."""
        first = _check_partial_fit_first_call(self, classes)
        problem = self._more(X, y, sample_weight, features, first)
        sums, ledger = run(by_class(problem.design, Spread), problem.engine)
        more = sums.total.centred(sums.about)
        self.statistic_ = more if first else self.statistic_ + more
        self.ledger_ = ledger if first else Ledger([*self.ledger_.rounds, *ledger.rounds])
        return self._dress(problem.dtype, more)

    def _more(self, X: Any, y: Any, sample_weight: Any, features: Any, first: bool) -> doors.Problem:
        """More rows, whose classes are among those known."""
        if doors.is_named(y):
            problem = doors.from_columns(self, X, y, features, sample_weight, reset=first, classes=True)
            levels = tuple(self.classes_.tolist())
            kinds = {str: "text", bool: "boolean", int: "integer", float: "float"}
            if type(levels[0]) not in kinds:
                raise Unsupported(f"classes such as {levels[0]!r} cannot be compared with a column's", "Give texts, whole numbers, numbers or booleans.")
            design = labelled(problem.design, Category(y, levels), Column(y, kinds[type(levels[0])]))
            return doors.Problem(problem.engine, design, False, problem.dtype)
        X, y = validate_data(self, X, y, reset=first)
        found, codes = doors.coded(y)
        unknown = ~np.isin(found, self.classes_)
        if unknown.any():
            raise ValueError(f"The target label(s) {found[unknown]} in y do not exist in the initial classes {self.classes_}")
        place = np.searchsorted(self.classes_, found)
        return doors.of_classes(X, place[codes], len(self.classes_), checked_weight(sample_weight, X))

    def _dress(self, dtype: Any, rows: Centred) -> Self:
        """The attributes, by the sums of all rows and those that came last, whose spread scikit-learn smooths by."""
        dtype = dtype if dtype == np.float32 else np.float64
        known, last = self.statistic_, rows.together()
        with np.errstate(invalid="ignore", divide="ignore"):
            variance, widest = np.nan_to_num(known.square / known.weight[:, None]), np.nan_to_num(last.square / last.weight[:, None])
        self.epsilon_ = self.var_smoothing * float(widest.max(initial=0.0))
        self.class_count_, self.theta_ = known.weight.astype(dtype), known.mean.astype(dtype)
        self.var_ = (variance + self.epsilon_).astype(dtype)
        self.class_prior_ = (known.weight / known.weight.sum() if self.priors is None else self._given(len(known.weight))).astype(dtype)
        return self

    def _given(self, classes: int) -> Any:
        priors = np.asarray(self.priors, np.float64)
        if len(priors) != classes:
            raise ValueError("Number of priors must match number of classes.")
        if not np.isclose(priors.sum(), 1.0):
            raise ValueError("The sum of the priors should be 1.")
        if (priors < 0).any():
            raise ValueError("Priors must be non-negative.")
        return priors

    def _joint(self, X: Any) -> Any:
        with np.errstate(divide="ignore"):
            prior = np.log(self.class_prior_)
        level = prior - 0.5 * np.log(2.0 * np.pi * self.var_).sum(axis=1)
        found = [one - 0.5 * (np.square(X - mean) / variance).sum(axis=1) for one, mean, variance in zip(level, self.theta_, self.var_, strict=True)]
        return np.stack(found, axis=1)

    def predict_joint_log_proba(self, X: Any) -> Any:
        """log P(class) + log P(x | class), (rows, classes)."""
        return self._answers(X, self._joint)
