"""What classifiers by class sums share: the way in to the sums, and from the log-likelihoods of the classes to predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import _check_sample_weight, validate_data

from summable.core.design import Design
from summable.core.measure import Measure, Rounds
from summable.core.run import Ledger, run
from summable.core.statistic import Array
from summable.measures.class_sums import ClassSums
from summable.models import doors
from summable.solvers.classes import Sums, by_class

S = TypeVar("S", bound=ClassSums)


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """A classifier that says the log of each class's prior times its density, but for a constant of the row."""

    classes_: Any
    ledger_: Ledger

    def _joint(self, X: Any) -> Any:
        """(rows, classes) for X (rows, p), which has been checked."""
        raise NotImplementedError

    def _sums(
        self,
        question: Callable[[Design, Array], Measure[S]],
        X: Any,
        y: Any,
        weight: Any = None,
        features: Sequence[str] | None = None,
        then: Callable[[Sums[S]], Rounds[Any]] | None = None,
        **options: Any,
    ) -> tuple[Sums[S], Any, Any]:
        """The sums by class of arrays, or of columns by name, whose labels become `classes_`; what is asked then; and the type of the features."""
        if doors.is_named(y):
            problem = doors.from_columns(self, X, y, features, weight, classes=True)
        else:
            X, y = validate_data(self, X, y, **options)
            self.classes_, codes = doors.coded(y)
            problem = doors.of_classes(X, codes, len(self.classes_), checked_weight(weight, X))

        def program() -> Rounds[tuple[Sums[S], Any]]:
            found = yield from by_class(problem.design, question)
            return found, None if then is None else (yield from then(found))

        (found, more), self.ledger_ = run(program(), problem.engine)
        if doors.is_named(y):
            self.classes_ = labels(found.design)
        return found, more, problem.dtype

    def _answers(self, X: Any, answer: Callable[[Any], Any]) -> Any:
        return doors.answers(self, X, answer)

    def predict(self, X: Any) -> Any:
        """The likeliest class, (rows,), for an array or frame, or for files by the names of their columns."""
        return self._answers(X, lambda x: self.classes_[np.argmax(self._joint(x), axis=1)])

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithms of the classes' chances, (rows, classes)."""
        return self._answers(X, lambda x: _normalised(self._joint(x)))

    def predict_proba(self, X: Any) -> Any:
        """The classes' chances, (rows, classes)."""
        return np.exp(self.predict_log_proba(X))


def checked_weight(weight: Any, X: Any) -> Any:
    """Weights of rows, (rows,), none of them negative; or None."""
    return None if weight is None else _check_sample_weight(weight, X, dtype=np.float64, ensure_non_negative=True)


def labels(design: Design) -> Any:
    """The labels of the classes that a design has learnt, (classes,)."""
    learnt = design.label("class")
    return np.array(learnt.levels if learnt else ())


def _normalised(joint: Any) -> Any:
    return joint - logsumexp(joint, axis=1, keepdims=True)
