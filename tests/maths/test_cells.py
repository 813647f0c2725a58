"""Rows of few numbers each: their sums are those of the same rows with all their zeros written out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import summable as sm
from summable.core import design
from summable.maths import cells, linalg
from summable.maths.cells import Cells


def drawn(rows, valued):
    """A constant, two terms of 5 and 4 features with a number between them, and the same written out."""
    draw = np.random.default_rng(rows)
    places = np.array([1 + draw.integers(0, 5, rows), 7 + draw.integers(0, 4, rows)], np.int32)
    columns, values = np.vstack([np.ones(rows), draw.normal(size=rows)]), (None, draw.normal(size=rows) if valued else None)
    sparse, x = Cells(11, columns, np.array([0, 6]), places, values), np.zeros((11, rows))
    x[[0, 6]] = columns
    for place, value in zip(places, values, strict=True):
        x[place, np.arange(rows)] = 1.0 if value is None else value
    return sparse, x, draw


@pytest.mark.parametrize("rows", [0, 1, 100, 10_000])
@pytest.mark.parametrize("valued", [False, True])
def test_sums_are_those_of_the_zeros_too(rows, valued):
    sparse, x, draw = drawn(rows, valued)
    weight, close = draw.normal(size=(rows, 2)), {"rtol": 1e-12, "atol": 1e-11}
    np.testing.assert_allclose(cells.moment(sparse, 1, weight), x @ weight, **close)
    for one in (0.5, weight[:, 0]):
        np.testing.assert_allclose(cells.moment(sparse, 1, one), x @ np.broadcast_to(one, rows), **close)
        np.testing.assert_allclose(cells.moment(sparse, 2, one), linalg.pack((x * one) @ x.T), **close)
    coef = draw.normal(size=(11, 3))
    np.testing.assert_allclose(cells.project(sparse, coef), x.T @ coef, **close)
    np.testing.assert_allclose(cells.project(sparse, coef[:, 0]), x.T @ coef[:, 0], **close)


@pytest.fixture(scope="module")
def shops():
    draw, rows = np.random.default_rng(5), 9000
    shop, item = draw.integers(0, 80, rows), draw.integers(0, 50, rows)
    price = draw.normal(3, 1, rows)
    sold = draw.poisson(np.exp(0.02 * (shop % 7) + 0.1 * price - 0.3 * (item % 3)))
    return pa.table({"shop": [f"shop {number}" for number in shop], "item": pa.array(item).dictionary_encode(), "price": price, "sold": sold.astype(float)})


@pytest.mark.slow
@pytest.mark.parametrize("formula", ["sold ~ shop + C(item) + price", "sold ~ 0 + shop + price:C(item)", "sold ~ shop * price"])
@pytest.mark.parametrize("fit", [sm.ols, lambda *given: sm.glm(*given, family="poisson"), lambda *given: sm.glm(*given, family="poisson", prefer="rounds")])
def test_a_fit_is_the_same_with_the_zeros_and_without(shops, formula, fit, monkeypatch):
    sparse = fit(formula, shops)
    assert sparse.design.is_sparse
    monkeypatch.setattr(design, "SPARSE", 1e9)
    dense = fit(formula, shops)
    assert not dense.design.is_sparse
    np.testing.assert_allclose(sparse.params, dense.params, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(sparse.bse, dense.bse, rtol=1e-9)


def test_a_prediction_of_a_missing_label_is_missing(shops):
    fit = sm.ols("sold ~ shop + price", shops)
    some = shops.slice(0, 3).to_pandas()
    whole = fit.predict(some)
    some.loc[1, "shop"] = None
    found = fit.predict(some)
    assert np.isnan(found[1]) and np.array_equal(found[[0, 2]], whole[[0, 2]])


def test_nearly_collinear_columns_beside_many_levels_take_an_r_factor(shops):
    near = shops.append_column("near", pa.array(np.array(shops["price"]) + 1e-6 * np.random.default_rng(0).normal(size=shops.num_rows)))
    fit = sm.ols("sold ~ shop + price + near", near)
    assert "RFactor" in [line.measure for line in fit.ledger.rounds]
    dummies = pd.get_dummies(near.to_pandas()[["shop", "price", "near"]], drop_first=True).astype(float)
    x = np.column_stack([np.ones(len(dummies)), dummies])
    exact, *_ = np.linalg.lstsq(x, np.array(near["sold"]), rcond=None)
    np.testing.assert_allclose(fit.params["near"], exact[list(dummies).index("near") + 1], rtol=1e-6)


@pytest.mark.slow
def test_thousands_of_levels_fit_in_a_moment():
    draw, rows = np.random.default_rng(1), 20_000
    one, other = draw.integers(0, 1200, rows), draw.integers(0, 300, rows)
    y = np.sin(one) + np.cos(other) + draw.normal(size=rows)
    fit = sm.ols("y ~ C(one) + C(other)", {"one": one, "other": other, "y": y}, max_levels=2000)
    means = pd.Series(y - fit.predict({"one": one, "other": other})).groupby(one).mean()
    assert len(fit.params) == 1499 and np.abs(means).max() < 1e-10  # residuals of least squares sum to zero in every level
    assert fit.ledger.rounds[-1].measure in ("Gram", "Residual")
