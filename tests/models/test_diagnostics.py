"""What a fit tells of its columns, its residuals in a row, more rows, and how it looks: held against statsmodels where it has it."""

from __future__ import annotations

import warnings
from html.parser import HTMLParser

import formulaic
import matplotlib as mpl
import numpy as np
import pytest
import statsmodels.api
from statsmodels.stats.outliers_influence import variance_inflation_factor
from statsmodels.stats.stattools import durbin_watson

import summable as sm

mpl.use("Agg")
UPDATED = ["y ~ a + C(g)*far", "y ~ a + I(2*a) + b", "y ~ a + poly(b, 3)", "y ~ bs(a, knots=[1, 2], lower_bound=-9, upper_bound=9)", "y ~ 1"]
FORMULAS = ["y ~ a + b + far + C(g)", "y ~ 0 + a + b", "y ~ 0 + C(g) + far", "y ~ poly(a, 3) + b", "y ~ a", "y ~ bs(a, df=4) + flag"]


@pytest.mark.parametrize("weights", [None, "weight"])
@pytest.mark.parametrize("formula", FORMULAS)
def test_variance_inflation_is_that_of_statsmodels(table, formula, weights):
    fit = sm.ols(formula, table, weights=weights)
    root = np.sqrt(table["weight"].to_numpy()) if weights else np.ones(len(table))
    x = np.asarray(formulaic.model_matrix(formula, table).rhs, float)
    np.testing.assert_allclose(fit.vif, [by_hand(x, j, root) for j in range(x.shape[1])], rtol=1e-6)
    if "0 +" not in formula and not weights:  # statsmodels takes no weights here, and centres all columns
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = [variance_inflation_factor(x, j) for j in range(1, x.shape[1])]
        np.testing.assert_allclose(fit.vif.iloc[1:], expected, rtol=1e-7)


def by_hand(x, j, root):
    return 1 / (1 - statsmodels.api.WLS(x[:, j], np.delete(x, j, axis=1), weights=root**2).fit().rsquared) if x.shape[1] > 1 else 1.0


def test_collinearity_shares_are_those_of_the_scaled_columns(table):
    near = table.assign(twin=table["a"] + 1e-3 * table["b"])
    fit = sm.ols("y ~ a + twin + far", near)
    found = fit.condition_indices()
    x = np.asarray(formulaic.model_matrix("y ~ a + twin + far", near).rhs, float)
    _, singular, right = np.linalg.svd(x / np.linalg.norm(x, axis=0), full_matrices=False)
    np.testing.assert_allclose(found.index, singular[0] / singular, rtol=1e-6)
    parts = (right / singular[:, None]) ** 2
    np.testing.assert_allclose(found, parts / parts.sum(axis=0), rtol=1e-5, atol=1e-12)
    worst = found.iloc[-2:].sum()
    assert worst["a"] > 0.99 and worst["twin"] > 0.99 and found.index[-1] > 30


def test_correlation_of_coefficients(table):
    fit = sm.ols("y ~ a*b + C(g)", table)
    covariance, se = fit.cov_params(), fit.bse
    np.testing.assert_allclose(fit.correlation(), covariance / np.outer(se, se), rtol=1e-12)
    with pytest.warns(sm.SummableWarning, match="Aliased"):
        aliased = sm.ols("y ~ a + I(2*a) + b", table)
    assert aliased.correlation().loc["I(2 * a)"].isna().all() and np.isnan(aliased.vif["I(2 * a)"])
    assert aliased.correlation().loc["a", "a"] == pytest.approx(1.0) and aliased.condition_indices().shape == (3, 4)
    np.testing.assert_allclose(aliased.vif.dropna(), sm.ols("y ~ a + b", table).vif, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("weights", [None, "weight"])
@pytest.mark.parametrize("cuts", [[], [1], [0, 700, 701, 1999]])
def test_durbin_watson_crosses_the_seams(table, cuts, weights):
    wandering = table.assign(y=table["y"] + np.cumsum(table["off"]))
    wandering.loc[[3, 500, 1500], "b"] = np.nan
    parts = [wandering.iloc[i:j] for i, j in zip([0, *cuts], [*cuts, None], strict=True)]
    fit = sm.ols("y ~ a + b + C(g)", parts, weights=weights)
    kept = wandering.dropna()
    left = (kept["y"] - fit.predict(kept)) * (np.sqrt(kept["weight"]) if weights else 1.0)
    assert fit.durbin_watson(parts) == pytest.approx(durbin_watson(left), rel=1e-9)
    assert fit.durbin_watson(parts) < 0.5
    shuffled = kept.sample(frac=1.0, random_state=1)
    assert fit.durbin_watson(shuffled) == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize("formula", UPDATED)
def test_an_update_is_the_fit_of_all_rows(table, formula):
    first, rest = table[:1200], table[1200:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = sm.ols(formula, first, weights="weight")
        fit, whole = before.update([rest[:100], rest[100:]]), sm.ols(formula, table, weights="weight")
        again = fit.update(rest[:0])
    assert fit.nobs == 2000 and before.nobs == 1200
    np.testing.assert_allclose(fit.predict(table), whole.predict(table), rtol=1e-9)
    if "poly" not in formula:  # whose columns are those of the first rows
        np.testing.assert_allclose(fit.params, whole.params, rtol=1e-8)
        np.testing.assert_allclose(fit.bse, whole.bse, rtol=1e-8)
    assert len(fit.ledger.rounds) > len(before.ledger.rounds)
    np.testing.assert_allclose(again.params, fit.params, rtol=1e-12)


def test_an_update_refuses_what_the_design_does_not_know(table):
    fit = sm.ols("y ~ a + C(g)", table[:1000])
    with pytest.raises(sm.DataError, match="column 'g' has the label 'z', which the fit has not seen"):
        fit.update(table[1000:].assign(g="z"))
    with pytest.raises(sm.DataError, match="there is no column 'a'"):
        fit.update(table[["y", "g"]])
    exact = sm.ols("y ~ a", table.assign(y=3 * table["a"] + 1)[:1000])
    with pytest.raises(sm.Unsupported, match="nearly perfect"):
        exact.update(table.assign(y=3 * table["a"] + 1)[1000:])


@pytest.mark.slow
def test_the_plot_shows_estimates_and_intervals(table):
    fit = sm.ols("y ~ a + b + C(g)", table)
    axes = fit.plot()
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == ["a", "b", "C(g)[T.v]", "C(g)[T.w]"]
    (points,) = [line for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(points.get_xdata(), fit.params[labels])
    segments = np.array([segment[:, 0] for segment in axes.collections[0].get_segments()])
    np.testing.assert_allclose(segments, fit.conf_int().loc[labels])
    assert fit.plot(["b"], axes=mpl.figure.Figure().add_subplot()).get_yticklabels()[0].get_text() == "b"
    with pytest.raises(sm.Unsupported, match="there is no coefficient 'nope'"):
        fit.plot(["nope"])
    mpl.pyplot.close("all")


def test_a_plot_without_matplotlib_says_what_to_install(table, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(sm.Unsupported, match=r"summable\[plot\]"):
        sm.ols("y ~ a", table).plot()


class Balanced(HTMLParser):
    """Fails where a tag is left open, and gathers the text of cells."""

    def __init__(self):
        super().__init__()
        self.open, self.cells = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.cells.append(data)


def test_notebooks_show_tables(table):
    odd = table.rename(columns={"a": "<b>a & b"})
    fit, dataset = sm.ols("y ~ `<b>a & b` + C(g)", odd), sm.scan([odd[:10], odd[10:]])
    for shown, expected in ((fit, "C(g)[T.v]"), (fit.ledger, "Gram"), (dataset, "<b>a & b")):
        page = Balanced()
        page.feed(shown._repr_html_())
        page.close()
        assert page.open == [] and expected in page.cells
        assert "<b>a" not in shown._repr_html_()
