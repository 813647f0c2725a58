"""Principal components, beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn.decomposition as theirs

import summable as sm
from shardings import CUTS, SETS, drawn, parts

OPTIONS = [{}, {"n_components": 2, "whiten": True}, {"n_components": 0.9}, {"n_components": 3}]
LEARNT = ("mean_", "explained_variance_", "explained_variance_ratio_", "singular_values_", "noise_variance_", "n_components_", "n_samples_")


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("options", OPTIONS)
def test_the_answer_is_scikit_learns_for_any_sharding(name, cuts, options):
    x, _, names = drawn(name)
    ours, other = sm.PCA(**options).fit(parts(name, cuts), features=names), theirs.PCA(**options, svd_solver="full").fit(x)
    for attribute in LEARNT:
        expected = np.asarray(getattr(other, attribute), float)
        np.testing.assert_allclose(getattr(ours, attribute), expected, rtol=1e-8, atol=1e-8 * max(1.0, np.abs(expected).max(initial=0.0)), err_msg=attribute)
    told = other.explained_variance_ > 1e-9  # directions without variance are anybody's
    np.testing.assert_allclose(ours.components_[told], other.components_[told], atol=1e-8)
    table = pd.DataFrame(x, columns=names)
    moved = ours.transform(table)
    np.testing.assert_allclose(moved[:, told], other.transform(x)[:, told], atol=1e-8)
    np.testing.assert_allclose(ours.inverse_transform(moved), other.inverse_transform(other.transform(x)), atol=1e-8)
    assert [line.measure for line in ours.ledger_.fitting] == ["Scatter"]


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
def test_likelihoods_and_the_likeliest_number_are_scikit_learns(name):
    x, _, _ = drawn(name)
    for wanted in ("mle", 2):
        ours, other = sm.PCA(wanted).fit(x), theirs.PCA(wanted, svd_solver="full").fit(x)
        assert ours.n_components_ == other.n_components_
        np.testing.assert_allclose(ours.score_samples(x), other.score_samples(x), rtol=1e-3)  # theirs inverts a covariance of condition 1e12
        np.testing.assert_allclose(ours.get_covariance(), other.get_covariance(), rtol=1e-8, atol=1e-8)
        square = ours.get_covariance()
        rounding = 10 * np.finfo(float).eps * np.linalg.cond(square)  # what any inverse of it may be off
        np.testing.assert_allclose(square @ ours.get_precision(), np.eye(x.shape[1]), atol=rounding)


@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_matrix])
def test_sparse_is_dense(container):
    x = np.random.default_rng(1).poisson(0.5, size=(200, 6)).astype(float)
    dense, sparse = sm.PCA(3).fit(x), sm.PCA(3).fit(container(x))
    np.testing.assert_allclose(sparse.components_, dense.components_, atol=1e-10)
    np.testing.assert_allclose(sparse.transform(container(x)), dense.transform(x), atol=1e-9)


def test_nothing_is_lost_far_from_zero():
    draw = np.random.default_rng(2)
    x = draw.normal(size=(5000, 3)) @ np.triu(draw.normal(size=(3, 3)))
    near, far = sm.PCA().fit(x), sm.PCA().fit([pd.DataFrame(x[part::3] + 1e6, columns=list("abc")) for part in range(3)], features=list("abc"))
    np.testing.assert_allclose(far.explained_variance_, near.explained_variance_, rtol=1e-8)
    np.testing.assert_allclose(far.components_, near.components_, atol=1e-8)


def test_files_are_turned_by_the_names_of_their_columns(tmp_path):
    x, _, names = drawn("iris")
    pd.DataFrame(x, columns=names).to_parquet(tmp_path / "all.parquet")
    model = sm.PCA(2).fit(tmp_path)
    np.testing.assert_allclose(model.transform(tmp_path), theirs.PCA(2).fit_transform(x), atol=1e-10)
    assert list(model.get_feature_names_out()) == ["pca0", "pca1"]


@pytest.mark.parametrize(
    ("options", "rows", "sentence"),
    [
        ({"n_components": 5}, 150, "n_components=5 must be between 0 and"), ({"n_components": "mle"}, 3, "n_samples >= n_features"),
        ({"n_components": "mle", "svd_solver": "arpack"}, 150, "cannot be a string"), ({"n_components": 4, "svd_solver": "arpack"}, 150, "strictly less"),
        ({"n_components": 1.5}, 150, "n_components"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(options, rows, sentence):
    with pytest.raises(ValueError, match=sentence):
        sm.PCA(**options).fit(drawn("iris")[0][:rows])
