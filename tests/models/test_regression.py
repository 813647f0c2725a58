"""The estimators, beside scikit-learn's own."""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn.linear_model as theirs
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import summable as sm

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@parametrize_with_checks([sm.LinearRegression(positive=True), sm.Ridge(positive=True)])
def test_what_scikit_learn_asks_of_every_estimator(estimator, check):
    check(estimator)


@pytest.mark.slow
def test_what_scikit_learn_asks_of_its_own_linear_regression():
    spec = importlib.util.spec_from_file_location("scikit_learn", ROOT / "scripts" / "scikit_learn.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    record = script.measured(["linear_model/tests/test_base"])
    assert len(record["used"]) > 30
    assert set(script.failures(record)) <= set(script.REASONS)


@pytest.fixture(scope="module")
def problem():
    draw = np.random.default_rng(5)
    x = draw.normal(size=(400, 6)) * [1, 10, 0.1, 1, 1, 100] + [0, 1e3, 5, 0, -7, 1e5]
    y = x @ draw.normal(size=(6, 3)) + [1, 2, 3] + draw.normal(size=(400, 3))
    return x, y, draw.uniform(0, 2, size=400)


PAIRS = [
    (sm.LinearRegression(), theirs.LinearRegression(tol=1e-14)),
    (sm.LinearRegression(fit_intercept=False), theirs.LinearRegression(fit_intercept=False, tol=1e-14)),
    (sm.LinearRegression(positive=True), theirs.LinearRegression(positive=True)),
    (sm.Ridge(), theirs.Ridge(solver="svd")),
    (sm.Ridge([0.0, 1.0, 1e4]), theirs.Ridge([0.0, 1.0, 1e4], solver="svd")),
    (sm.Ridge(30.0, fit_intercept=False), theirs.Ridge(30.0, fit_intercept=False, solver="svd")),
]


@pytest.mark.parametrize(("ours", "other"), PAIRS)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_answer_is_scikit_learns(ours, other, weighted, problem):
    x, y, weight = problem
    weight = weight if weighted else None
    ours.fit(x, y, weight), other.fit(x, y, weight)
    np.testing.assert_allclose(ours.coef_, other.coef_, rtol=1e-7, atol=1e-9)  # theirs centres in place, and keeps 1e5 of column 6 in it
    np.testing.assert_allclose(ours.intercept_, other.intercept_, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours.predict(x), other.predict(x), rtol=1e-8)
    assert ours.score(x, y, weight) == pytest.approx(other.score(x, y, weight))


@pytest.mark.parametrize("container", [sp.csr_matrix, sp.csc_array, sp.coo_matrix])
@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_is_dense(container, weighted, problem):
    x, y, weight = problem
    x = np.where(np.abs(x) % 1 > 0.6, x, 0.0)
    weight = weight if weighted else None
    for model in (sm.LinearRegression(), sm.Ridge(2.0)):
        dense, sparse = clone(model).fit(x, y, weight), clone(model).fit(container(x), y, weight)
        np.testing.assert_allclose(sparse.coef_, dense.coef_, rtol=1e-9)
        np.testing.assert_allclose(sparse.predict(container(x)), dense.predict(x), rtol=1e-9)


def test_float32_goes_in_and_comes_out_and_sums_are_float64(problem):
    x, y, _ = problem
    narrow, wide = sm.Ridge().fit(x.astype(np.float32), y[:, 0]), sm.Ridge().fit(x.astype(np.float32).astype(float), y[:, 0])
    assert narrow.coef_.dtype == np.float32
    np.testing.assert_array_equal(narrow.coef_, wide.coef_.astype(np.float32))


def test_the_shortest_of_many_answers(problem):
    x, y, _ = problem
    doubled = np.column_stack([x[:, :3], x[:, 0] + x[:, 1], np.full(len(x), 7.0)])
    model = sm.LinearRegression().fit(doubled, y)
    expected = np.linalg.lstsq(doubled - doubled.mean(axis=0), y - y.mean(axis=0))[0]
    np.testing.assert_allclose(model.coef_.T, expected, rtol=1e-9, atol=1e-12)
    assert model.rank_ == 3 and len(model.ledger_.fitting) == 2
    singular = np.linalg.svd(doubled - doubled.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(model.singular_, singular, rtol=1e-9, atol=1e-9)


def test_more_features_than_rows():
    draw = np.random.default_rng(3)
    x, y = draw.normal(size=(20, 50)), draw.normal(size=20)
    model, other = sm.LinearRegression().fit(x, y), theirs.LinearRegression().fit(x, y)
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=1e-8)
    assert model.rank_ == other.rank_ == 19 and len(model.singular_) == 20


def test_features_of_other_magnitude_are_not_taken_for_collinear():
    draw = np.random.default_rng(4)
    x = draw.normal(size=(100, 3)) * [1e9, 1.0, 1e-6]
    model = sm.LinearRegression().fit(x, x @ [1e-9, 2.0, 3e6])
    np.testing.assert_allclose(model.coef_, [1e-9, 2.0, 3e6], rtol=1e-9)
    assert model.rank_ == 3


def test_one_round_whatever_the_rows(problem):
    x, y, _ = problem
    model = sm.LinearRegression().fit(np.tile(x, (200, 1)), np.tile(y[:, 0], 200))
    (gram,) = model.ledger_.fitting
    assert gram.numbers == 7 * 8 // 2 + 7 + 1 + 3
    np.testing.assert_allclose(model.coef_, sm.LinearRegression().fit(x, y[:, 0]).coef_, rtol=1e-10)


@pytest.mark.parametrize("model", [sm.LinearRegression(), sm.Ridge(3.0), sm.Ridge(3.0, positive=True)])
def test_adding_rows_is_fitting_all(model, problem):
    x, y, weight = problem
    parts, whole = clone(model), clone(model).fit(x, y, weight)
    for rows in (slice(0, 2), slice(2, 150), slice(150, 400)):
        parts.partial_fit(x[rows], y[rows], weight[rows])
    np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(parts.predict(x), whole.predict(x), rtol=1e-9)
    assert parts.statistic_.rows[0] == whole.statistic_.rows[0] == 400


@pytest.fixture(scope="module")
def folder(problem, tmp_path_factory):
    x, y, weight = problem
    table = pd.DataFrame(x, columns=list("abcdef")).assign(y=y[:, 0], z=y[:, 1], w=weight)
    folder = tmp_path_factory.mktemp("parts")
    for part in range(4):
        table[part * 100 : part * 100 + 100].to_parquet(folder / f"{part}.parquet")
    return table, folder


def test_columns_by_name_are_the_same_as_arrays(folder, problem):
    (table, files), (x, y, weight) = folder, problem
    names = list("abcdef")
    for data in (files, f"{files}/*.parquet", sm.scan(files), [table[:150], table[150:]], table, sm.engine(files)):
        model = sm.Ridge().fit(data, "y", sample_weight="w", features=names)
        np.testing.assert_allclose(model.coef_, sm.Ridge().fit(x, y[:, 0], weight).coef_, rtol=1e-9)
        assert list(model.feature_names_in_) == names and model.n_features_in_ == 6
    np.testing.assert_allclose(model.predict(files), model.predict(table[names]), rtol=1e-12)
    two = sm.LinearRegression().fit(str(files), ["y", "z"], features=names)
    np.testing.assert_allclose(two.coef_, sm.LinearRegression().fit(x, y[:, :2]).coef_, rtol=1e-9)
    assert two.predict(files).shape == (400, 2)


def test_features_are_all_other_columns(folder):
    model = sm.LinearRegression().fit(folder[1], "y", sample_weight="w")
    assert list(model.feature_names_in_) == ["a", "b", "c", "d", "e", "f", "z"]


@pytest.mark.parametrize(
    ("arguments", "named", "sentence"),
    [
        ((0, "y"), {"features": ["a", "nope"]}, r"there is no column 'nope'"),
        ((0, "y"), {"features": "a"}, r"features='a' is not a list of columns"),
        ((0, "y"), {"sample_weight": np.ones(400)}, r"sample_weight does not"),
        ((1, "y"), {"features": ["a"]}, r"column 'a' has at least 1 missing value"),
        ((2, "y"), {"features": ["a"]}, r"column 'a' holds text where numbers are needed"),
    ],
)
def test_bad_columns_end_in_a_sentence(arguments, named, sentence, folder):
    table, files = folder
    data = [files, table.assign(a=table["a"].where(table.index != 7)), table.assign(a="x")][arguments[0]]
    with pytest.raises(sm.SummableError, match=sentence):
        sm.LinearRegression().fit(data, arguments[1], **named)


def test_an_engine_must_be_told_its_features(folder):
    with pytest.raises(sm.Unsupported, match=r"Name them: features="):
        sm.Ridge().fit(sm.engine(folder[1]), "y")


def test_it_works_inside_scikit_learn(problem):
    x, y, _ = problem
    search = GridSearchCV(make_pipeline(StandardScaler(), sm.Ridge()), {"ridge__alpha": [0.1, 1.0, 1e5]}).fit(x, y)
    assert search.best_params_["ridge__alpha"] < 1e5
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.predict(x), search.predict(x))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (sm.Ridge(solver="nope"), "solver"), (sm.Ridge(alpha=-1.0), "alpha"), (sm.Ridge(alpha=[1.0, 2.0]), "do not correspond: 2 != 3"),
        (sm.Ridge(alpha=[1.0, -2.0, 1.0]), "negative"), (sm.Ridge(solver="lbfgs"), "positive=True"),
        (sm.Ridge(solver="svd", positive=True), "positive fitting"),
        (sm.LinearRegression(fit_intercept="yes"), "fit_intercept"),
    ],
)  # fmt: skip
def test_parameters_are_checked_as_scikit_learn_does(model, message, problem):
    with pytest.raises(ValueError, match=message):
        model.fit(*problem[:2])


def test_weights_are_not_negative(problem):
    x, y, weight = problem
    with pytest.raises(ValueError, match="Negative values"):
        sm.LinearRegression().fit(x, y, weight - 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [3, 1500])  # among those a first look takes, and beyond
def test_what_is_not_finite_is_refused_by_its_sum(bad, row):
    X = np.random.default_rng(0).normal(size=(2000, 3))
    X[row, 1] = bad
    for model in (sm.LinearRegression(), sm.Ridge()):
        with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
            model.fit(X, np.ones(2000))
        assert not hasattr(model, "coef_")


def test_finite_numbers_whose_squares_are_not_are_told_apart():
    with pytest.raises(sm.DataError, match="a sum of squares is greater"):
        sm.LinearRegression().fit(np.random.default_rng(0).normal(size=(100, 2)) * 1e200, np.ones(100))
