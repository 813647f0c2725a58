"""`missing="category"`: a missing label is a level of its own, in every source."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import statsmodels.formula.api as smf

import summable as sm

FORMULA = "y ~ x + C(g) * C(k)"


@pytest.fixture
def table():
    draw = np.random.default_rng(1)
    g, k, x = draw.choice(["a", "b", "c", None], 400), draw.choice([1.0, 2.0, np.nan], 400), draw.normal(size=400)
    y = x + (g == "b") + 2 * np.isnan(k) + draw.normal(size=400)
    return pd.DataFrame({"g": g, "k": k, "x": np.where(np.arange(400) % 50, x, np.nan), "y": y})


def filled(table):
    """The same with the word for a missing label."""
    return table.assign(g=table.g.fillna("missing"), k=["missing" if np.isnan(k) else str(k) for k in table.k])


def written(table, place):
    for i in range(4):
        pq.write_table(pl.from_pandas(table[i::4]).to_arrow(), place / f"{i}.parquet")
    return place / "*.parquet"


def csv(table, place):
    table.to_csv(place / "t.csv", index=False)
    return place / "t.csv"


SOURCES = {
    "pandas": lambda table, _: table,
    "categorical": lambda table, _: table.astype({"g": "category", "k": "category"}),
    "polars": lambda table, _: [pl.from_pandas(table[:150]), pl.from_pandas(table[150:])],
    "parquet": written,
    "csv": csv,
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_missing_label_is_a_level(table, tmp_path, source):
    fit = sm.ols(FORMULA, SOURCES[source](table, tmp_path), missing="category")
    known = smf.ols(FORMULA, filled(table).dropna()).fit()
    assert fit.nobs == known.nobs == 392 and fit.dropped == 8  # only for x, which is a number
    np.testing.assert_allclose(fit.params, known.params[fit.params.index], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(fit.bse, known.bse[fit.bse.index], rtol=1e-9)
    new = table[:30]
    np.testing.assert_allclose(fit.predict(new), known.predict(filled(new)), rtol=1e-9)


def test_it_is_kept_with_the_fit(table, tmp_path):
    fit = sm.ols("y ~ C(g)", table, missing="category")
    fit.save(tmp_path / "fit.json")
    np.testing.assert_array_equal(sm.load(tmp_path / "fit.json").predict(table), fit.predict(table))


def test_a_level_may_be_called_missing(table):
    table.loc[table.g == "c", "g"] = "missing"
    fit = sm.ols("y ~ C(g)", table, missing="category")
    assert list(fit.params.index) == ["Intercept", "C(g)[T.b]", "C(g)[T.missing]", "C(g)[T.missing_]"]
    assert fit.params["C(g)[T.missing_]"] == pytest.approx(table.y[table.g.isna()].mean() - table.y[table.g == "a"].mean())


def test_it_may_be_the_reference(table):
    fit = sm.ols('y ~ C(g, contr.treatment("missing"))', table, missing="category")
    assert fit.params["Intercept"] == pytest.approx(table.y[table.g.isna()].mean())


def test_without_a_missing_label_nothing_changes(table):
    whole = table.dropna()
    pd.testing.assert_series_equal(sm.ols(FORMULA, whole, missing="category").params, sm.ols(FORMULA, whole).params)


def test_where_the_fit_saw_none_a_missing_label_predicts_nothing(table):
    fit = sm.ols("y ~ C(g)", table.dropna(), missing="category")
    np.testing.assert_array_equal(np.isnan(fit.predict(table)), table.g.isna())


def test_an_outcome_is_no_category(table):
    table["won"] = np.where(table.y > 0, "yes", "no")
    table.loc[:9, "won"] = None
    fit = sm.glm("won ~ x + C(g)", table, "binomial", missing="category")
    known = smf.logit("won ~ x + C(g)", filled(table[10:]).assign(won=lambda t: (t.won == "yes") * 1).dropna()).fit(disp=False, tol=1e-12)
    assert fit.nobs == known.nobs
    np.testing.assert_allclose(fit.params, known.params[fit.params.index], rtol=1e-7)
