"""The estimators of generalized linear models, beside scikit-learn's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn.linear_model as theirs
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

import summable as sm


@pytest.mark.slow
@parametrize_with_checks([sm.TweedieRegressor(power=1.5)])
def test_what_scikit_learn_asks_of_every_estimator(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def problem():
    draw = np.random.default_rng(6)
    x = draw.normal(size=(600, 5)) * [1, 3, 0.1, 1, 1] + [0, 100, 0, 0, -7]
    eta = 0.3 * (x - x.mean(axis=0)) @ [1, -0.3, 4, 0, 1]
    return x, draw.poisson(np.exp(eta)).astype(float), draw.uniform(0.1, 2, size=600)


TIGHT = {"solver": "newton-cholesky", "tol": 1e-10, "max_iter": 1000}  # where scikit-learn's answer is good to eight digits
PAIRS = [
    (sm.LogisticRegression(), theirs.LogisticRegression(**TIGHT)),
    (sm.LogisticRegression(C=1e-3), theirs.LogisticRegression(C=1e-3, **TIGHT)),
    (sm.LogisticRegression(C=np.inf), theirs.LogisticRegression(C=np.inf, **TIGHT)),
    (sm.LogisticRegression(fit_intercept=False), theirs.LogisticRegression(fit_intercept=False, **TIGHT)),
    (sm.LogisticRegression(class_weight="balanced"), theirs.LogisticRegression(class_weight="balanced", **TIGHT)),
    (sm.PoissonRegressor(), theirs.PoissonRegressor(**TIGHT)),
    (sm.PoissonRegressor(alpha=0.0, fit_intercept=False), theirs.PoissonRegressor(alpha=0.0, fit_intercept=False, **TIGHT)),
    (sm.GammaRegressor(alpha=0.01), theirs.GammaRegressor(alpha=0.01, **TIGHT)),
    (sm.TweedieRegressor(power=1.5), theirs.TweedieRegressor(power=1.5, **TIGHT)),
    (sm.TweedieRegressor(power=0.0), theirs.TweedieRegressor(power=0.0, **TIGHT)),
    (sm.TweedieRegressor(power=3.0, alpha=0.1), theirs.TweedieRegressor(power=3.0, alpha=0.1, **TIGHT)),
]


def response(model, y):
    return np.where(y > 1, "many", "few") if hasattr(model, "predict_proba") else y + (model._loss()[1] >= 2)


@pytest.mark.slow
@pytest.mark.parametrize(("ours", "other"), PAIRS)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_answer_is_scikit_learns(ours, other, weighted, problem):
    x, y, weight = problem
    y, weight = response(ours, y), weight if weighted else None
    ours.fit(x, y, weight), other.fit(x, y, weight)
    np.testing.assert_allclose(ours.coef_, other.coef_, rtol=1e-5, atol=1e-7)  # theirs stops at a gradient of 1e-10 of a mean loss, features at 100
    np.testing.assert_allclose(ours.intercept_, other.intercept_, rtol=1e-5, atol=1e-5)
    assert ours.coef_.shape == other.coef_.shape and np.shape(ours.intercept_) == np.shape(other.intercept_)
    assert (ours.predict(x) == other.predict(x)).mean() == 1 if hasattr(ours, "classes_") else True
    assert ours.score(x, y, weight) == pytest.approx(other.score(x, y, weight), rel=1e-7)


@pytest.mark.parametrize("model", [sm.LogisticRegression(C=0.5), sm.PoissonRegressor(), sm.GammaRegressor()])
def test_the_gradient_is_zero(model, problem):
    x, y, weight = problem
    y = np.where(y > 1, 1.0, 0.0) if hasattr(model, "predict_proba") else response(model, y)
    model.fit(x, y, weight)
    mean = model.predict_proba(x)[:, 1] if hasattr(model, "classes_") else model.predict(x)
    slope = weight * (mean - y) / (mean if isinstance(model, sm.GammaRegressor) else 1.0)
    strength = 1 / model.C if hasattr(model, "C") else model.alpha * weight.sum()
    gradient = x.T @ slope + strength * np.ravel(model.coef_)
    assert np.abs(gradient).max() < 1e-9 * (np.abs(x).T @ np.abs(slope)).max() and abs(slope.sum()) < 1e-9 * np.abs(slope).sum()


@pytest.mark.parametrize("model", [sm.LogisticRegression(), sm.PoissonRegressor()])
def test_sparse_is_dense_and_a_warm_start_changes_nothing(model, problem):
    x, y, _ = problem
    x, y = np.where(np.abs(x) % 1 > 0.6, x, 0.0) / [1, 100, 1, 1, 1], response(model, y)
    dense, sparse = clone(model).fit(x, y), clone(model).fit(sp.csr_matrix(x), y)
    np.testing.assert_allclose(sparse.coef_, dense.coef_, rtol=1e-7)
    warm = clone(model).set_params(warm_start=True).fit(x, y)
    first = warm.coef_
    np.testing.assert_allclose(warm.fit(x, y).coef_, first, rtol=1e-9)


def test_columns_by_name_are_the_same_as_arrays(problem, tmp_path):
    x, y, weight = problem
    table = pd.DataFrame(x, columns=list("abcde")).assign(y=y, z=y > 1, w=weight)
    for part in range(3):
        table[part * 200 : part * 200 + 200].to_parquet(tmp_path / f"{part}.parquet")
    named, arrays = sm.PoissonRegressor().fit(tmp_path, "y", "w", features=list("abcde")), sm.PoissonRegressor().fit(x, y, weight)
    np.testing.assert_allclose(named.coef_, arrays.coef_, rtol=1e-9)
    np.testing.assert_allclose(named.predict(str(tmp_path)), arrays.predict(x), rtol=1e-9)
    named, arrays = sm.LogisticRegression().fit(str(tmp_path), "z", features=list("abcde")), sm.LogisticRegression().fit(x, y > 1)
    np.testing.assert_allclose(named.coef_, arrays.coef_, rtol=1e-8)
    assert len(named.ledger_.fitting) <= 7


def test_separated_classes_are_told():
    x = np.arange(20.0)[:, None]
    with pytest.warns(ConvergenceWarning, match="separate"):
        sm.LogisticRegression(C=np.inf).fit(x, x[:, 0] > 9)
    assert np.isfinite(sm.LogisticRegression().fit(x, x[:, 0] > 9).coef_).all()


@pytest.mark.parametrize(
    ("model", "y", "message"),
    [
        (sm.LogisticRegression(l1_ratio=1.0), [0, 1, 0], "l1 penalty is not here yet"),
        (sm.LogisticRegression(), [0, 1, 2], "Only binary classification"),
        (sm.LogisticRegression(), [1, 1, 1], "only one class"),
        (sm.PoissonRegressor(), [0, 1, -1], "out of the valid range"),
        (sm.GammaRegressor(), [0, 1, 1], "out of the valid range"),
        (sm.TweedieRegressor(power=-1.0), [1, 1, 2], "A Tweedie family of power -1 is not here|power"),
    ],
)
def test_bad_input_ends_in_a_sentence(model, y, message):
    with pytest.raises((ValueError, sm.SummableError), match=message):
        model.fit([[0.0], [1.0], [2.0]], y)


@pytest.mark.parametrize("labels", [(0, 1), (-1.0, 1.0), (2, 7), (False, True), (0.5, 1.0), ("a", "b")])
def test_two_classes_are_found_whatever_they_are(labels):
    draw = np.random.default_rng(0)
    X = draw.normal(size=(200, 2))
    y = np.array(labels)[(draw.random(200) < 0.5 + 0.4 * np.tanh(X[:, 0])).astype(int)]
    if labels == (0.5, 1.0):
        with pytest.raises(ValueError, match="Unknown label type"):
            sm.LogisticRegression().fit(X, y)
        return
    model = sm.LogisticRegression().fit(X, y)
    assert model.classes_.tolist() == list(labels) and model.coef_[0, 0] > 0.5 and set(model.predict(X)) == set(labels)


def test_a_nan_is_refused_though_nobody_looked_for_it():
    X = np.random.default_rng(0).normal(size=(3000, 2))
    X[2000, 1] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        sm.LogisticRegression().fit(X, np.arange(3000) % 2)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        sm.PoissonRegressor().fit(X, np.arange(3000) % 2)


@pytest.mark.parametrize("labels", [np.array([-100, 100], np.int8), np.array([0, 200], np.uint8), np.array([2**63, 2**63 + 5], np.uint64), np.array([3, 4])])
def test_labels_of_any_whole_numbers_are_two_classes(labels):
    x, which = np.random.default_rng(0).normal(size=(40, 1)), np.arange(40) % 2
    found, asked = sm.LogisticRegression().fit(x, labels[which]), sm.LogisticRegression().fit(x, which)
    assert found.classes_.tolist() == labels.tolist()
    assert found.classes_.dtype == labels.dtype
    assert found.coef_ == asked.coef_
