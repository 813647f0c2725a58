"""K-means, beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn.cluster as theirs
from sklearn.exceptions import ConvergenceWarning

import summable as sm
from shardings import CUTS, SETS, drawn, parts
from summable.core.design import Column, Constant, Design, Numeric, Product
from summable.measures.draw import Draw
from summable.measures.nearest import Nearest
from summable.testing import hostile_tables, laws

DESIGN = Design(tuple(map(Column, ("x", "far", "w"))), (Constant(), Product((Numeric("x"),)), Product((Numeric("far", 1e6),))), (("weight", Numeric("w")),))
CENTRES = np.array([[0.0, 0.5, 0.5], [0.0, -0.5, 0.0], [0.0, 9.0, 9.0]])
RAW = Design(DESIGN.columns, (Constant(), Product((Numeric("x"),)), Product((Numeric("far"),))), DESIGN.roles)
ABOUT = np.array([0.0, 1e6])
MEASURES = {
    "nearest": Nearest(DESIGN, CENTRES, costs=True), "first": Draw(RAW, np.zeros((0, 2)), ABOUT, 1, 3),
    "far": Draw(RAW, CENTRES[:, 1:], ABOUT, 1, 5), "farthest": Draw(RAW, CENTRES[:, 1:], ABOUT, 0, 3, largest=True),
}  # fmt: skip


def weighted(statistic):
    return statistic.values() if hasattr(statistic, "costs") else [statistic.cost, statistic.least]


LAWS = [pytest.param(law, id=f"{name} {law.name}") for name, m in MEASURES.items() for law in laws(m, hostile_tables(), None, weighted)]


@pytest.mark.parametrize("law", LAWS)
def test_law(law):
    law.check()


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("cuts", CUTS)
def test_from_the_same_start_it_ends_where_scikit_learns_does_for_any_sharding(name, cuts):
    x, _, names = drawn(name)
    ours = sm.KMeans(5, init=x[:5]).fit(parts(name, cuts), features=names)
    other, table = theirs.KMeans(5, init=x[:5], n_init=1).fit(x), pd.DataFrame(x, columns=names)
    np.testing.assert_allclose(ours.cluster_centers_, other.cluster_centers_, rtol=1e-8, atol=1e-8)
    assert ours.inertia_ == pytest.approx(other.inertia_, rel=1e-8) and ours.n_iter_ == other.n_iter_
    np.testing.assert_array_equal(ours.predict(table), other.labels_)
    np.testing.assert_allclose(ours.transform(table), other.transform(x), rtol=1e-6)
    assert ours.score(table) == pytest.approx(other.score(x), rel=1e-6)
    assert len([line for line in ours.ledger_.fitting if line.measure == "Nearest"]) == ours.n_iter_ + 1


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_the_rows_that_are_drawn_are_the_same_however_they_lie(name):
    x, _, names = drawn(name)
    found = [sm.KMeans(6, random_state=3).fit(parts(name, cuts), features=names) for cuts in CUTS] + [sm.KMeans(6, random_state=3).fit(x[::-1])]
    for one in found[1:]:
        np.testing.assert_allclose(one.cluster_centers_, found[0].cluster_centers_, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
def test_the_start_is_no_worse_than_theirs():
    x, _, _ = drawn("digits")
    ours, other = ([m.KMeans(10, random_state=seed).fit(x).inertia_ for seed in range(5)] for m in (sm, theirs))
    assert np.mean(ours) < 1.02 * np.mean(other)
    assert sm.KMeans(10, random_state=0, n_init=4).fit(x).inertia_ <= ours[0] * 1.02
    assert sm.KMeans(10, random_state=0, init="random").fit(x).inertia_ < 1.02 * np.mean(other)


def test_weights_are_repeated_rows():
    x, _, _ = drawn("iris")
    weight = np.random.default_rng(1).integers(0, 4, len(x))
    ours = sm.KMeans(4, random_state=0).fit(x, sample_weight=weight)
    np.testing.assert_allclose(ours.cluster_centers_, sm.KMeans(4, random_state=0).fit(np.repeat(x, weight, axis=0)).cluster_centers_, rtol=1e-6)
    other = theirs.KMeans(4, init=x[:4], n_init=1).fit(x, sample_weight=weight)
    ours = sm.KMeans(4, init=x[:4]).fit(x, sample_weight=weight)
    np.testing.assert_allclose(ours.cluster_centers_, other.cluster_centers_, rtol=1e-8)
    assert ours.inertia_ == pytest.approx(other.inertia_)


def test_an_empty_cluster_gets_the_row_that_lies_farthest():
    x = np.array([[0.0], [1.0], [2.5], [50.0], [53.0], [100.0]])
    start = np.array([[1.0], [50.0], [1e3], [2e3]])
    ours, other = sm.KMeans(4, init=start).fit(x), theirs.KMeans(4, init=start, n_init=1).fit(x)
    np.testing.assert_allclose(np.sort(ours.cluster_centers_[:, 0]), np.sort(other.cluster_centers_[:, 0]))
    assert "Draw" in [line.measure for line in ours.ledger_.rounds] and ours.inertia_ == pytest.approx(other.inertia_)


def test_fewer_distinct_rows_than_clusters_are_said():
    with pytest.warns(ConvergenceWarning, match=r"Number of distinct clusters \(2\) found smaller than n_clusters \(3\)"):
        model = sm.KMeans(3, random_state=0).fit(np.repeat([[1.0, 2.0], [3.0, 4.0]], 10, axis=0))
    assert model.inertia_ == 0.0


def test_nothing_is_lost_far_from_zero():
    draw = np.random.default_rng(4)
    x = draw.normal(size=(4000, 2)) + 6 * draw.normal(size=(5, 2))[draw.integers(0, 5, 4000)]
    near, far = sm.KMeans(5, init=x[:5]).fit(x), sm.KMeans(5, init=x[:5] + 1e6).fit(x + 1e6)
    np.testing.assert_allclose(far.cluster_centers_ - 1e6, near.cluster_centers_, atol=1e-8)
    assert far.inertia_ == pytest.approx(near.inertia_, rel=1e-9)


def test_sparse_is_dense():
    x = np.random.default_rng(5).poisson(0.7, size=(300, 5)).astype(float)
    dense, sparse = sm.KMeans(4, random_state=1).fit(x), sm.KMeans(4, random_state=1).fit(sp.csr_array(x))
    np.testing.assert_allclose(sparse.cluster_centers_, dense.cluster_centers_, rtol=1e-9)
    np.testing.assert_array_equal(sparse.labels_, dense.labels_)


def test_a_function_may_say_where_to_begin_and_files_are_told_by_name(tmp_path):
    x, _, names = drawn("iris")
    model = sm.KMeans(3, init=lambda x, k, random_state: x[random_state.permutation(len(x))[:k]], random_state=0, n_init=2).fit(x)
    assert model.inertia_ < 150
    pd.DataFrame(x, columns=names).to_parquet(tmp_path / "all.parquet")
    far = sm.KMeans(3, random_state=0).fit(tmp_path)
    np.testing.assert_array_equal(far.predict(tmp_path), sm.KMeans(3, random_state=0).fit_predict(x))
    assert not hasattr(far, "labels_")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"init": np.zeros((2, 4))}, r"\(2, 4\) does not match the number of clusters 3"), ({"init": np.zeros((3, 5))}, "number of features of the data 4"),
        ({"n_clusters": 200}, "n_samples=150 should be >= n_clusters=200"), ({"init": "nowhere"}, "init"), ({"tol": -1}, "tol"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        sm.KMeans(**{"n_clusters": 3, **options}).fit(drawn("iris")[0])
    if "n_clusters" in options:
        with pytest.raises(sm.DataError, match=sentence):
            sm.KMeans(200).fit(parts("iris", 3), features=drawn("iris")[2])
