"""Formulas mean what formulaic and statsmodels take them to mean: names, order, coding, numbers."""

from __future__ import annotations

import formulaic
import numpy as np
import pytest
import statsmodels.api

import summable as sm
from summable.maths import expressions

TWICE = ["y ~ g + C(g)", "y ~ C(h):g + C(h, contr.sum)", "y ~ C(g):C(g, contr.sum)", "y ~ a:h:C(h, contr.helmert):C(g):C(h)", "y ~ cr(a, df=4) + C(h)"]
FULL_RANK = [
    "y ~ a", "y ~ a + b", "y ~ 0 + a", "y ~ a - 1", "y ~ 1", "y ~ a + far", "y ~ 0 + a:far",
    "y ~ C(g)", "y ~ g", "y ~ 0 + C(g)", "y ~ 0 + C(g) + C(h)", "y ~ flag", "y ~ C(flag)", "y ~ 0 + flag", "y ~ flag:a",
    "y ~ a:b", "y ~ a*b", "y ~ a*far", "y ~ (a + b + far)**2", "y ~ C(g):a", "y ~ C(g)*a", "y ~ C(g)*C(h)*far", "y ~ C(g):C(h)",
    "y ~ C(g):C(h) + a:C(g)", "y ~ 0 + C(g):a", "y ~ 0 + C(g):a + C(h):a", "y ~ a + C(g):far", "y ~ C(g) + C(g):far",
    "y ~ C(g, contr.treatment('v'))", "y ~ C(h, contr.treatment(base=10))*C(g)", "y ~ C(g, contr.sum)*far", "y ~ C(h, contr.helmert):a", "y ~ C(h, contr.poly)",
    "y ~ I(a**2) + log(b)", "y ~ a + I(a**2) + I(a**3)", "y ~ np.log(b):C(g)", "y ~ I(a > 2) + a", "log(b) ~ a", "I(y - far) ~ np.sqrt(b)*C(g)", "y ~ h + C(g)",
]  # fmt: skip


@pytest.mark.parametrize("formula", FULL_RANK)
def test_names_and_numbers_are_those_of_statsmodels(table, formula):
    fit = sm.ols(formula, [table[:700], table[700:]], weights="weight")
    frames = formulaic.model_matrix(formula, table)
    x, y = np.asarray(frames.rhs, float), np.asarray(frames.lhs, float).ravel()
    expected = statsmodels.api.WLS(y, x, weights=table["weight"]).fit(method="pinv")
    assert list(fit.params.index) == list(frames.rhs.columns)
    scale = np.abs(expected.params).max()  # the reference itself loses digits beside large coefficients
    np.testing.assert_allclose(fit.params, expected.params, rtol=1e-9, atol=1e-10 * scale)
    np.testing.assert_allclose(fit.bse, expected.bse, rtol=1e-8)
    np.testing.assert_allclose(fit.predict(table), expected.predict(), rtol=1e-10)
    for name in ("rsquared", "rsquared_adj", "llf", "aic", "bic", "scale", "df_model", "df_resid", "ssr"):
        assert getattr(fit, name) == pytest.approx(getattr(expected, name), rel=1e-9), name
    if fit.df_model:
        assert fit.fvalue == pytest.approx(expected.fvalue, rel=1e-8)


@pytest.mark.parametrize(
    ("formula", "aliased"),
    [
        ("y ~ a + I(2*a) + b", {"I(2 * a)"}),
        ("y ~ C(h) + h", {"h"}),
        ("y ~ h + C(h)", {"C(h)[T.10]"}),
        ("y ~ I(0*a) + b", {"I(0 * a)"}),
        ("y ~ I(0*a + 3)", {"I(0 * a + 3)"}),
    ],
)
def test_aliased_coefficients_are_named_as_r_does(table, formula, aliased):
    with pytest.warns(sm.SummableWarning, match="Aliased with columns before them"):
        fit = sm.ols(formula, table)
    assert set(fit.params.index[fit.params.isna()]) == aliased
    rest = formulaic.model_matrix(formula, table)
    expected = statsmodels.api.OLS(np.asarray(rest.lhs).ravel(), rest.rhs.drop(columns=list(aliased))).fit()
    np.testing.assert_allclose(fit.params.dropna(), expected.params, rtol=1e-8)
    np.testing.assert_allclose(fit.bse.dropna(), expected.bse, rtol=1e-8)
    assert fit.df_resid == expected.df_resid
    assert any(name in sentence for name in aliased for sentence in fit.warnings)


@pytest.mark.parametrize(
    "formula", ["y ~ g + C(g)", "y ~ C(h):g + C(h, contr.sum)", "y ~ C(g):C(g, contr.sum)", "y ~ a:h:C(h, contr.helmert):C(g):C(h)", "y ~ cr(a, df=4) + C(h)"]
)
def test_terms_that_say_a_thing_twice_are_aliased(table, formula):
    with pytest.warns(sm.SummableWarning, match="Aliased"):
        fit = sm.ols(formula, table)
    frames = formulaic.model_matrix(formula, table, context=None)
    matrix, response = np.asarray(frames.rhs, float), np.asarray(frames.lhs, float).ravel()
    fitted = matrix @ np.linalg.lstsq(matrix, response)[0]
    assert list(fit.params.index) == list(frames.rhs.columns)
    assert fit.df_model == np.linalg.matrix_rank(matrix) - 1
    assert fit.ssr == pytest.approx(np.sum((response - fitted) ** 2), rel=1e-10)
    np.testing.assert_allclose(fit.predict(table), fitted, rtol=1e-10)


def test_crossed_levels_beyond_memory_are_refused_before_any_sum(table):
    many = table.assign(p=np.arange(len(table)) % 900, q=np.arange(len(table)) % 899)
    with pytest.raises(sm.FormulaError, match="features, whose products would take"):
        sm.ols("y ~ C(p):C(q)", many)


def test_a_combination_no_row_has_is_aliased(table):
    some = table[~((table["g"] == "w") & (table["h"] == 10))]
    with pytest.warns(sm.SummableWarning, match=r"C\(g\)\[T\.w\]:C\(h\)\[T\.10\]"):
        fit = sm.ols("y ~ C(g)*C(h)", some)
    assert len(fit.ledger.fitting) == 1
    assert fit.df_model == 7


def test_fewer_rows_than_coefficients(table):
    with pytest.warns(sm.SummableWarning) as told:
        fit = sm.ols("y ~ a + b + far + C(g)", table[:4])
    assert fit.params.notna().sum() == 4 and fit.bse.isna().all()
    assert len(told) == 2
    np.testing.assert_allclose(fit.predict(table[:4]), table["y"][:4])


def test_levels_are_sorted_in_their_own_type(table):
    assert list(sm.ols("y ~ C(h)", table).params.index) == ["Intercept", "C(h)[T.2]", "C(h)[T.10]"]


def test_columns_with_any_name(table):
    odd = table.rename(columns={"a": "a b", "g": "gr.oup", "b": "b-side"})
    fit = sm.ols("y ~ `a b` + C(`gr.oup`) + log(`b-side`) + `a b`:`gr.oup`", odd)
    same = sm.ols("y ~ a + C(g) + log(b) + a:g", table)
    np.testing.assert_allclose(fit.params, same.params, rtol=1e-11)
    for name in ("class", "µ", "a~b"):
        renamed = table.rename(columns={"a": name, "y": "in"})
        np.testing.assert_allclose(sm.ols(f"`in` ~ `{name}`", renamed).params, sm.ols("y ~ a", table).params, rtol=1e-12)


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("y ~ nope", "there is no column 'nope'"),
        ("y ~ log(g)", r"column 'g' holds text, and log\(g\) needs numbers"),
        ("g ~ a", "column 'g' holds text"),
        ("y ~ frobnicate(a)", "the formula function 'frobnicate' in 'frobnicate\\(a\\)' is not known"),
        ("y ~ a.mean()", "the formula function 'a.mean'"),
        ("y ~ I(__import__('os'))", "is not known"),
        ("y ~ I('text')", "is not arithmetic of columns"),
        ("y ~ I(a ^ 2)", "Powers are written with"),
        ("y ~ a +", "cannot be read"),
        ("a + b", "has 0 responses"),
        ("C(y) ~ a", "is not a number"),
        ("y ~ C(a + b)", "does not name a column"),
        ("y ~ a | b", "cannot be read"),
        (". ~ a", "cannot be read"),
        ("y ~ log(a)", r"log\(a\) is not finite in at least \d+ rows, first at a = "),
        ("y ~ C(g, contr.treatment('nope'))", "cannot be coded"),
        ("y ~ C(g, contr.treatment(__import__('os').getcwd()))", "asks for more than a contrast"),
        ("y ~ C(g, levels=print('run'))", "asks for more than a contrast"),
        ("y:a ~ b", "is an interaction"),
        ("y ~ I(1/0)", "cannot be computed"),
        ("y ~ I(9**9**9**9)", "cannot be computed"),
        ("y ~ C(g, levels=['u', 'v'])", "Name all levels"),
        ("y ~ day", "column 'day' holds dates"),
        ("y ~ C(day)", "column 'day' holds dates"),
        ("y ~ C(a)", "column 'a' has more than 1000 distinct values"),
    ],
)
def test_bad_formulas_end_in_one_sentence(table, formula, reason):
    dated = table.assign(day=np.datetime64("2020-01-01"))
    with pytest.raises(sm.SummableError, match=reason) as caught:
        sm.ols(formula, dated)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_more_levels_must_be_confirmed(table):
    few = table.assign(id=np.arange(len(table)) % 30)
    with pytest.raises(sm.DataError, match="max_levels=100"):
        sm.ols("y ~ C(id)", few, max_levels=20)
    assert len(sm.ols("y ~ C(id)", few, max_levels=30).params) == 30


def test_expressions_reach_nothing_but_columns():
    assert expressions.columns("log(a / `b c`) + a") == ("a", "b c")
    values = expressions.evaluate("I(a ** 2) - -b * 3 + (a > 1)", {"a": np.array([1.0, 2.0]), "b": np.array([1.0, 0.0])}.__getitem__, np)
    np.testing.assert_array_equal(values, [4.0, 5.0])
