"""Gaussian naive Bayes, beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn.naive_bayes as theirs

import summable as sm
from shardings import CUTS, SETS, drawn, parts
from summable.core.design import Category, Column, Constant, Design, Numeric, Product
from summable.measures.spread import Spread
from summable.testing import hostile_tables, laws

DESIGN = Design(
    (*map(Column, ("x", "far", "same", "w")), Column("g", "text")),
    (Constant(), *(Product((Numeric(name),)) for name in ("x", "far", "same"))),
    (("class", Category("g", ("a", "b", "c"))), ("weight", Numeric("w"))),
)
ABOUT = np.array([[0.0, 0.5, 1e6, 7.0], [0.0, -0.5, 1e6, 7.0], [0.0, 0.0, 1e6, 6.0]])
LEARNT = ("theta_", "var_", "class_prior_", "class_count_", "epsilon_")


@pytest.mark.parametrize(
    "law", [pytest.param(law, id=law.name) for law in laws(Spread(DESIGN, ABOUT), hostile_tables(), weighted=lambda s: [s.weights, s.firsts, s.seconds])]
)
def test_law(law):
    law.check()


def same(ours, other, rtol=1e-8):
    for name in LEARNT:
        np.testing.assert_allclose(getattr(ours, name), getattr(other, name), rtol=rtol, atol=1e-12, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("cuts", CUTS)
def test_the_answer_is_scikit_learns_for_any_sharding(name, cuts):
    x, y, names = drawn(name)
    other = theirs.GaussianNB().fit(x, y)
    ours = sm.GaussianNB().fit(parts(name, cuts), "label", features=names)
    same(ours, other)
    assert [line.measure for line in ours.ledger_.fitting] == ["Spread"]
    np.testing.assert_allclose(ours.predict_log_proba(pd.DataFrame(x, columns=names)), other.predict_log_proba(x), rtol=1e-7, atol=1e-7)
    same(sm.GaussianNB().fit(x, y), other)


@pytest.mark.parametrize("priors", [None, [0.2, 0.5, 0.3]])
def test_weights_priors_and_labels_of_text(priors):
    x, y, _ = drawn("wine")
    y, weight = np.array(["red", "white", "blush"])[y], np.random.default_rng(1).choice([0.0, 0.5, 2.0], len(y))
    ours, other = (m.GaussianNB(priors=priors, var_smoothing=1e-3).fit(x, y, weight) for m in (sm, theirs))
    # scikit-learn smooths by the spread of all rows whatever their weights; here a row of weight 0 is no row
    assert (ours.predict(x) == other.predict(x)).mean() > 0.95 and list(ours.classes_) == ["blush", "red", "white"]
    for name in ("theta_", "class_prior_", "class_count_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(other, name), rtol=1e-10)
    np.testing.assert_allclose(ours.var_ - ours.epsilon_, other.var_ - other.epsilon_, rtol=1e-8)


@pytest.mark.parametrize("apart", [0.0, 1e6])
def test_nothing_is_lost_far_from_zero_nor_between_far_classes(apart):
    draw = np.random.default_rng(2)
    y = np.sort(draw.integers(0, 3, 30_000))  # in order, so that the first rows of a part know one class at most
    x = 1e6 + apart * y[:, None] + draw.normal(size=(30_000, 2))
    table = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y})
    for data in ([table], [table[:10], table[10:]]):
        model = sm.GaussianNB(var_smoothing=0.0).fit(data, "y", features=["a", "b"])
        expected = np.array([np.var(x[y == c].astype(np.longdouble), axis=0) for c in range(3)], float)
        np.testing.assert_allclose(model.var_, expected, rtol=1e-10)
        np.testing.assert_allclose(model.theta_, [x[y == c].mean(axis=0) for c in range(3)], rtol=1e-14)
        assert len(model.ledger_.fitting) == (2 if apart else 1)


def test_adding_rows_is_fitting_all_even_if_they_lie_elsewhere():
    draw = np.random.default_rng(3)
    x, y = draw.normal(size=(300, 3)), draw.integers(0, 3, 300)
    x[150:] += 1e6
    ours, other, whole = sm.GaussianNB(), theirs.GaussianNB(), sm.GaussianNB().fit(x[150:], y[150:])
    for rows in (slice(150, 160), slice(160, 299), slice(299, 300)):
        ours.partial_fit(pd.DataFrame(x[rows], columns=list("abc")), y[rows], classes=[0, 1, 2]), other.partial_fit(x[rows], y[rows], classes=[0, 1, 2])
        same(ours, other)
    np.testing.assert_allclose(ours.var_ - ours.epsilon_, whole.var_ - whole.epsilon_, rtol=1e-9)
    ours.partial_fit(pd.DataFrame(x[:150], columns=list("abc")).assign(y=y[:150]), "y", features=["a", "b", "c"])
    assert ours.class_count_.sum() == 300
    np.testing.assert_allclose(ours.theta_, sm.GaussianNB().fit(x, y).theta_, rtol=1e-12)


def test_files_are_predicted_by_the_names_of_their_columns(tmp_path):
    x, _, names = drawn("iris")
    for number, part in enumerate(parts("iris", 3)):
        pd.DataFrame(part).assign(kind=np.array(["se", "ve", "vi"])[part["label"]]).to_parquet(tmp_path / f"{number}.parquet")
    model = sm.GaussianNB().fit(tmp_path, "kind", features=names)
    assert list(model.classes_) == ["se", "ve", "vi"]
    assert sorted(model.predict(str(tmp_path))) == sorted(model.predict(pd.DataFrame(x, columns=names)))
    assert model.predict_joint_log_proba(str(tmp_path)).shape == (150, 3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x0": np.nan}, "column 'x0' has at least 38 missing values"), ({"x0": np.inf}, "column 'x0' has at least 38 infinite value"),
        ({"label": None}, "column 'label' has (no labels|at least)"), ({"x0": "a"}, "column 'x0' holds text"),
    ],
)  # fmt: skip
def test_bad_columns_end_in_a_sentence(change, sentence):
    _, _, names = drawn("iris")
    first, *rest = parts("iris", 3)
    first = pd.DataFrame(first).assign(**change).astype({"label": "Int64"})
    with pytest.raises(sm.SummableError, match=sentence):
        sm.GaussianNB().fit([first, *rest], "label", features=names)


def test_unknown_labels_are_refused():
    x, y, names = drawn("iris")
    model = sm.GaussianNB().partial_fit(x, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="do not exist in the initial classes"):
        model.partial_fit(x, y + 1)
    with pytest.raises(sm.SummableError, match="label 2, which the fit has not seen"):
        sm.GaussianNB().partial_fit(parts("iris", 1), "label", classes=[0, 1], features=names)
