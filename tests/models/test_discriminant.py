"""Linear and quadratic discriminant analysis, beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn.discriminant_analysis as theirs
from sklearn.covariance import EmpiricalCovariance
from sklearn.utils.estimator_checks import parametrize_with_checks

import summable as sm
from shardings import CUTS, SETS, drawn, parts
from summable.core.design import Category, Column, Constant, Design, Numeric, Product
from summable.measures.scatter import Scatter
from summable.measures.tails import Tails
from summable.testing import hostile_tables, laws

DESIGN = Design(
    (*map(Column, ("x", "far", "same", "w")), Column("g", "text")),
    (Constant(), Product((Numeric("x"),)), Product((Numeric("far", 1e6),)), Product((Numeric("same"),))),
    (("class", Category("g", ("a", "b", "c"))), ("weight", Numeric("w"))),
)
ABOUT = np.array([[0.0, 0.5, 0.5, 7.0], [0.0, -0.5, 0.0, 7.0], [0.0, 0.0, 0.0, 6.0]])
SCALE = np.array([[np.inf, 1.0, 0.5, 1.0]] * 3)
TOGETHER = Design(DESIGN.columns[:4], DESIGN.terms, DESIGN.roles[1:])
MEASURES = {
    "by class": Scatter(DESIGN, ABOUT),
    "together": Scatter(TOGETHER, np.zeros((1, 4))),
    "together, elsewhere": Scatter(TOGETHER, ABOUT[:1]),
    "tails": Tails(DESIGN, ABOUT, SCALE),
}


@pytest.mark.parametrize(
    "law", [pytest.param(law, id=f"{name} {law.name}") for name, m in MEASURES.items() for law in laws(m, hostile_tables(), weighted=lambda s: s.values()[-1:])]
)
def test_law(law):
    law.check()


@parametrize_with_checks([sm.LinearDiscriminantAnalysis(solver="eigen")])
def test_what_scikit_learn_asks_of_every_estimator(estimator, check):
    if "array_api" in str(check):
        estimator.set_params(shrinkage=0.5)  # a class has fewer rows than features there, and no inverse
    check(estimator)


LINEAR = [
    {}, {"store_covariance": True, "tol": 1e-3}, {"solver": "lsqr", "shrinkage": 0.3}, {"solver": "lsqr"}, {"solver": "eigen", "shrinkage": 0.1},
    {"solver": "lsqr", "shrinkage": "auto"}, {"solver": "eigen", "shrinkage": "auto"},
    {"n_components": 1},
]  # fmt: skip
LEARNT = ("coef_", "intercept_", "means_", "priors_", "covariance_", "xbar_", "explained_variance_ratio_")


def same(ours, other, names):
    for name in names:
        assert hasattr(ours, name) == hasattr(other, name), name
        if hasattr(other, name):
            expected = np.asarray(getattr(other, name))
            np.testing.assert_allclose(getattr(ours, name), expected, rtol=1e-8, atol=1e-8 * max(1.0, np.abs(expected).max()), err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("options", LINEAR)
def test_the_linear_answer_is_scikit_learns_for_any_sharding(name, cuts, options):
    x, y, names = drawn(name)
    ours, other = (
        sm.LinearDiscriminantAnalysis(**options).fit(parts(name, cuts), "label", features=names),
        theirs.LinearDiscriminantAnalysis(**options).fit(x, y),
    )
    table = pd.DataFrame(x, columns=names)
    same(ours, other, LEARNT)
    expected = ["Scatter", *["Tails"] * ((1 + (options["solver"] == "eigen")) if options.get("shrinkage") == "auto" else 0)]
    np.testing.assert_allclose(ours.predict_proba(table), other.predict_proba(x), atol=1e-8)
    np.testing.assert_allclose(ours.decision_function(table), other.decision_function(x), rtol=1e-7, atol=1e-7)
    assert (ours.predict(table) == other.predict(x)).all() and [line.measure for line in ours.ledger_.fitting] == expected
    if options.get("solver") != "lsqr":
        np.testing.assert_allclose(np.abs(ours.transform(table)), np.abs(other.transform(x)), rtol=1e-6, atol=1e-6)  # up to sign


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize(
    "options",
    [
        {"reg_param": 0.1, "store_covariance": True},
        {"solver": "eigen", "shrinkage": 0.2},
        {"solver": "eigen", "shrinkage": "auto", "tol": 0.0},
        {"reg_param": 1.0},
    ],
)
def test_the_quadratic_answer_is_scikit_learns_for_any_sharding(name, cuts, options):
    x, y, names = drawn(name)
    ours = sm.QuadraticDiscriminantAnalysis(**options).fit(parts(name, cuts), "label", features=names)
    other, table = theirs.QuadraticDiscriminantAnalysis(**options).fit(x, y), pd.DataFrame(x, columns=names)
    same(ours, other, ("means_", "priors_", "scalings_", "covariance_"))
    np.testing.assert_allclose(ours.predict_proba(table), other.predict_proba(x), atol=1e-8)
    np.testing.assert_allclose(ours.decision_function(table), other.decision_function(x), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("apart", [1.0, 1e5])
def test_nothing_is_lost_far_from_zero_nor_between_far_classes(apart):
    draw = np.random.default_rng(2)
    y = np.sort(draw.integers(0, 3, 3000))
    x = draw.normal(size=(3000, 2)) @ [[1.0, 0.5], [0.0, 0.3]]
    far = 1e6 + apart * y[:, None] + x
    model = sm.QuadraticDiscriminantAnalysis(store_covariance=True).fit(pd.DataFrame(far, columns=["a", "b"]).assign(y=y), "y", features=["a", "b"])
    for label, found in enumerate(model.covariance_):
        own = far[y == label] - far[y == label].mean(axis=0)
        np.testing.assert_allclose(found, own.T @ own / len(own), rtol=1e-8)


def test_labels_of_text_and_one_type_out():
    x, y, _ = drawn("wine")
    y = np.array(["red", "white", "blush"])[y]
    ours, other = (m.LinearDiscriminantAnalysis(priors=[0.2, 0.5, 0.3]).fit(x.astype(np.float32), y) for m in (sm, theirs))
    assert (ours.predict(x) == other.predict(x)).all() and ours.coef_.dtype == np.float32
    np.testing.assert_allclose(ours.coef_, other.coef_, rtol=2e-2, atol=1e-4)  # theirs is computed in float32


@pytest.mark.parametrize(
    ("model", "error", "sentence"),
    [
        (sm.LinearDiscriminantAnalysis(shrinkage=0.1), NotImplementedError, "shrinkage not supported with 'svd'"),
        (sm.LinearDiscriminantAnalysis(solver="eigen", covariance_estimator=EmpiricalCovariance()), NotImplementedError, "choose a number for shrinkage"),
        (sm.LinearDiscriminantAnalysis(n_components=3), ValueError, "n_components cannot be larger"),
        (sm.LinearDiscriminantAnalysis(priors=[-1.0, 1.0, 1.0]), ValueError, "priors must be non-negative"),
        (sm.QuadraticDiscriminantAnalysis(reg_param=2.0), ValueError, "reg_param"),
        (sm.QuadraticDiscriminantAnalysis(tol=1e3), np.linalg.LinAlgError, "class 0 is not full rank. Increase the value of `reg_param`"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(model, error, sentence):
    with pytest.raises(error, match=sentence):
        model.fit(*drawn("wine")[:2])
