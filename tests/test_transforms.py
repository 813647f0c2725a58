"""Polynomials, splines, scaling and the dot: the numbers of statsmodels on formulaic's matrix, whatever the cut of the rows."""

from __future__ import annotations

import formulaic
import numpy as np
import pandas as pd
import pytest
import statsmodels.api
from hypothesis import given, settings
from hypothesis import strategies as st

import summable as sm
from summable.core.design import Basis, Column, Design, Numeric
from summable.maths import bases
from summable.measures.tally import key, keys
from summable.solvers import curves
from summable.solvers.quantiles import Ask, quantiles

PARTS = [300, 301, 1500]
CURVES = [
    "y ~ poly(a, 3)", "y ~ poly(a, 3, raw=True)", "y ~ 0 + poly(a, 2)", "y ~ 0 + poly(a, 2, raw=True)", "y ~ poly(far, 2)*C(g)", "y ~ C(g):poly(a, 2) + b",
    "y ~ poly(a, 2)*poly(b, 2)", "y ~ poly(log(b), degree=3) + flag", "y ~ poly(a, 2) + poly(a, 1):b", "y ~ poly(h, 2)", "y ~ poly(a, 2) + g:far",
    "y ~ center(a)*b", "y ~ scale(far) + b", "y ~ scale(a):b", "y ~ 0 + center(a):C(g)", "y ~ scale(b, center=False)", "y ~ scale(b, 1.5, 2.0)",
    "y ~ standardize(b)*C(g)", "y ~ scale(a, scale=False, ddof=0)", "y ~ C(g) / center(a)",
    "y ~ bs(a, df=5)", "y ~ bs(a, df=6, degree=2)", "y ~ bs(b, knots=[1, 2.5])", "y ~ bs(a)", "y ~ bs(log(b), 6) + a", "y ~ bs(a, df=5)*C(g)",
    "y ~ bs(a, df=5, include_intercept=True)", "y ~ 0 + bs(a, df=5, include_intercept=True)", "y ~ C(g):bs(a, df=5, include_intercept=True)",
    "y ~ bs(a, df=3, degree=0)", "y ~ bs(b, df=4) - 1", "y ~ bs(a, df=6, lower_bound=0, upper_bound=4, extrapolation='clip')",
    "y ~ bs(a, df=6, lower_bound=0, upper_bound=4, extrapolation='extend')", "y ~ bs(a, df=6, lower_bound=0, upper_bound=4, extrapolation='zero')",
    "y ~ 0 + cr(a, df=4)", "y ~ cr(a, df=4, constraints='center')",
    "y ~ 0 + cc(a, df=4)", "y ~ cc(b, df=4, constraints='center')", "y ~ 0 + cr(b, knots=[1, 2, 3])",
    "y ~ cs(a, df=3, constraints='center'):flag", "y ~ 0 + cr(a, df=4, lower_bound=0, upper_bound=3)", "y ~ cr(b, df=5, constraints=[[1, 0, 2, 0, 0, 0]])",
    "y ~ 0 + cr(a, df=4, lower_bound=0, upper_bound=3, extrapolation='clip')",
]  # fmt: skip
NESTED = [
    "y ~ g / a", "y ~ a %in% g", "y ~ a**2", "y ~ (a + b)**2 - a", "y ~ a:b:far", "I(y / 2) ~ a",
    "np.log(b) ~ a", "y ~ (g + flag + a)**3",
]  # fmt: skip
CONTRASTS = [
    "contr.treatment", "contr.treatment('v')", "contr.treatment(base='w')", "contr.SAS", "contr.SAS('u')", "contr.sum", "contr.helmert",
    "contr.helmert(reverse=False)", "contr.helmert(scale=True)", "contr.diff", "contr.diff(backward=False)", "contr.poly", "contr.poly(scores=[1, 2, 5])",
    "contr.custom([[1, 0], [0, 1], [-1, -1]])", "{'low': [1, 0, 0], 'high': [0, 0, 1]}", "[[1, 0], [0, 2], [3, 1]]",
    "Treatment('v')", "Sum", "Helmert", "Diff", "Poly",
]  # fmt: skip


def cut(table: pd.DataFrame) -> list[pd.DataFrame]:
    return [table.iloc[i:j] for i, j in zip([0, *PARTS], [*PARTS, None], strict=True)]


def agree(formula: str, table: pd.DataFrame, weights: str | None = None) -> sm.LinearFit:
    """A fit, after it was held against statsmodels on formulaic's matrix."""
    fit, sides = sm.ols(formula, cut(table), weights=weights), formulaic.model_matrix(formula, table, context=None)
    x, y = np.asarray(sides.rhs, float), np.asarray(sides.lhs, float).ravel()
    expected = statsmodels.api.WLS(y, x, weights=1.0 if weights is None else table[weights]).fit(method="pinv")
    assert list(fit.params.index) == list(sides.rhs.columns)
    scale = np.abs(expected.params).max()  # the reference itself loses digits beside large coefficients
    np.testing.assert_allclose(fit.params, expected.params, rtol=1e-8, atol=1e-10 * scale)
    np.testing.assert_allclose(fit.bse, expected.bse, rtol=1e-7)
    np.testing.assert_allclose(fit.predict(table), x @ expected.params, rtol=1e-9)
    return fit


@pytest.mark.slow
@pytest.mark.parametrize("weights", [None, "weight"])
@pytest.mark.parametrize("formula", CURVES)
def test_transforms_are_those_of_formulaic(table, formula, weights):
    agree(formula, table, weights)


@pytest.mark.parametrize("formula", NESTED)
def test_operators_are_those_of_formulaic(table, formula):
    agree(formula, table)


@pytest.mark.slow
@pytest.mark.parametrize("contrast", CONTRASTS)
@pytest.mark.parametrize("formula", ["y ~ C(g, {})", "y ~ a + C(g, {}):a", "y ~ 0 + C(h) + C(g, {})", "y ~ C(g, {})*C(h, contr.helmert)*b"])
def test_every_contrast_of_formulaic(table, formula, contrast):
    agree(formula.format(contrast), table)


def test_a_polynomial_costs_no_round_of_its_own(table):
    rounds = [line.measure for line in agree("y ~ poly(a, 3) + scale(b)", table).ledger.rounds]
    assert rounds == ["Glance", "Gram"]
    weighted = [line.measure for line in agree("y ~ poly(a, 3)", table, "weight").ledger.rounds]
    assert weighted == ["Glance", "Tally", "Moments", "Gram"]  # polynomials are orthogonal over rows, whatever they weigh


def test_a_glance_at_sorted_rows_is_mended(table):
    draw, t = np.random.default_rng(5), np.linspace(0.0, 1e6, 40_000) ** 1.5
    drifting = pd.DataFrame({"t": t, "y": np.sin(t / 3e8) + draw.normal(size=len(t))})
    fit = sm.ols("y ~ poly(t, 4)", drifting)
    sides = formulaic.model_matrix("y ~ poly(t, 4)", drifting)
    np.testing.assert_allclose(fit.params, statsmodels.api.OLS(sides.lhs, sides.rhs).fit().params, rtol=1e-9, atol=1e-9)
    assert [line.measure for line in fit.ledger.fitting] == ["Gram"] * 2


def test_far_and_high_polynomials_keep_their_digits(table):
    far = table.assign(x=1e6 + table["a"])
    near, moved = sm.ols("y ~ poly(a, 12)", table), sm.ols("y ~ poly(x, 12)", far)
    np.testing.assert_allclose(moved.fvalue, near.fvalue, rtol=1e-6)  # x itself is rounded at 1e-10
    assert near.solution.digits > 5


def test_rows_that_are_dropped_say_nothing_of_knots(table):
    holes = table.assign(a=table["a"].where(table["off"] < 1), b=table["b"].where(table["off"] > -1))
    holes.loc[holes["b"].isna(), "a"] = 1e9  # knots and bounds would be there
    formula = "y ~ bs(a, df=5) + poly(b, 2) + cr(far, df=3, constraints='center')"
    fit, expected = sm.ols(formula, cut(holes)), sm.ols(formula, holes.dropna())
    np.testing.assert_allclose(fit.params, expected.params, rtol=1e-10)
    unweighed = table.assign(a=np.where(table["weight"] == 1, 1e9, table["a"]), weight=table["weight"].where(table["weight"] > 1, 0.0))
    np.testing.assert_allclose(
        sm.ols(formula, unweighed, weights="weight").params, sm.ols(formula, unweighed[unweighed["weight"] > 0], weights="weight").params, rtol=1e-9
    )


@pytest.mark.parametrize("formula", ["y ~ bs(a, df=5, extrapolation='{}')", "y ~ cr(a, df=4, constraints='center', extrapolation='{}')"])
@pytest.mark.parametrize("mode", ["clip", "extend", "zero"])
def test_new_rows_beyond_the_bounds(table, formula, mode):
    text = formula.format(mode)
    fit = sm.ols(text, cut(table))
    sides = formulaic.model_matrix(text, table)
    new = table[:3].assign(a=[-20.0, 2.0, 30.0])
    expected = np.asarray(sides.rhs.model_spec.get_model_matrix(new)) @ statsmodels.api.OLS(sides.lhs, sides.rhs).fit().params.to_numpy()
    np.testing.assert_allclose(fit.predict(new), expected, rtol=1e-7)


def test_beyond_the_bounds_is_refused_by_default(table):
    fit = sm.ols("y ~ bs(a, df=5)", table)
    with pytest.raises(sm.DataError, match=r"a is 30 in a row, beyond the bounds -?\d.* of its spline in .* Write extrapolation='clip'"):
        fit.predict(table[:3].assign(a=[1.0, 2.0, 30.0]))
    with pytest.raises(sm.DataError, match="beyond the bounds 0 and 1"):
        sm.ols("y ~ bs(a, df=5, lower_bound=0, upper_bound=1)", table)
    holes = table[:3].assign(a=[1.0, np.nan, 2.0])
    assert list(np.isnan(fit.predict(holes))) == [False, True, False]


def test_a_fit_with_curves_is_saved_and_loaded_whole(table, tmp_path):
    fit = sm.ols("y ~ poly(a, 3) + bs(b, df=4)*C(g) + cc(far, df=3, constraints='center') + scale(off)", table)
    fit.save(tmp_path / "fit.json")
    again = sm.load(tmp_path / "fit.json")
    np.testing.assert_array_equal(again.predict(table), fit.predict(table))
    assert again.summary() == fit.summary()


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("y ~ poly(g, 2)", "column 'g' holds text"),
        ("y ~ poly(a)", None),
        ("y ~ poly(h, 3)", "poly\\(h, 3\\) has a degree of 3, and its column no more than 3 distinct values"),
        ("y ~ poly(h, 3) - 1", "no more than 3 distinct values"),
        ("y ~ poly(a, 2.5)", "the degree in 'poly\\(a, 2.5\\)' is 2.5"),
        ("y ~ poly(a, 0)", "the degree"),
        ("y ~ poly(a, 99)", "from 1 to 30"),
        ("y ~ poly(a, b)", "an argument in 'poly\\(a, b\\)' is no constant"),
        ("y ~ poly(a, 2, orthogonal=True)", "an argument that poly does not take"),
        ("y ~ poly(a, 2, degree=3)", "an argument that poly does not take"),
        ("y ~ poly(poly(a, 2), 2)", "stands within"),
        ("y ~ I(scale(a)**2)", "depends on all rows, stands within"),
        ("scale(y) ~ a", "the response 'scale\\(y\\)' depends on all rows"),
        ("y ~ scale(one)", "has no spread to divide by"),
        ("y ~ 0 + scale(one)", "has no spread to divide by"),
        ("y ~ poly(nearly, 1)", "the column of poly\\(nearly, 1\\) is constant but for rounding"),
        ("y ~ 0 + center(nearly)", "is constant but for rounding"),
        ("y ~ bs(one, df=4)", "has no room between its bounds 7 and 7"),
        ("y ~ bs(a, df=2)", "cannot be coded"),
        ("y ~ bs(a, df='x')", "is no number"),
        ("y ~ bs(a, knots=[99])", "the knot 99 of bs\\(a, knots=\\[99\\]\\) lies beyond the bounds"),
        ("y ~ bs(a, knots=[__import__('os')])", "is no constant"),
        ("y ~ bs(a, df=5, extrapolation='na')", "would drop rows"),
        ("y ~ bs(a, df=5, extrapolation='nope')", "cannot be coded"),
        ("y ~ cr(one, df=3)", "has no room between its bounds 7 and 7"),
        ("y ~ cr(a, knots=[1, 2], upper_bound=2)", "needs 4 distinct knots"),
        ("y ~ cc(a, df=2)", "too few to close a cubic"),
        ("y ~ cr(a)", "cannot be coded"),
        ("y ~ lag(a, 1)", "the formula function 'lag'"),
        ("y ~ bs(void, df=4)", "no row that is kept|no rows are left"),
    ],
)
def test_bad_transforms_end_in_one_sentence(table, formula, reason):
    data = table.assign(one=7.0, void=np.nan, nearly=np.where(table["flag"], 0.1 + 0.2, 0.3))
    if reason is None:
        agree(formula, table)
        return
    with pytest.raises(sm.SummableError, match=reason) as caught:
        sm.ols(formula, data)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_knots_of_distinct_values_need_them_all(table, monkeypatch):
    monkeypatch.setattr(curves, "Distinct", lambda *fields: __import__("summable.measures.distinct", fromlist=["x"]).Distinct(*fields, most=1000))
    with pytest.raises(sm.DataError, match="a has more than 1,000 distinct values, and the knots of cr and cc"):
        sm.ols("y ~ cr(a, df=4)", table)


def test_the_dot_is_every_other_column(table):
    some = table[["g", "a", "flag", "b", "y", "weight", "off"]]
    fit = sm.ols("y ~ .", cut(some))
    assert list(fit.params.index) == ["Intercept", "g[T.v]", "g[T.w]", "a", "flag", "b", "weight", "off"] or "flag" in " ".join(fit.params.index)
    np.testing.assert_allclose(fit.params, sm.ols("y ~ g + a + flag + b + weight + off", some).params, rtol=1e-10)
    roles = sm.ols("log(b) ~ . - a + g:off", some, weights="weight", offset="y")
    same = sm.ols("log(b) ~ g + flag + off + g:off", some, weights="weight", offset="y")
    assert list(roles.params.index) == list(same.params.index) and roles.llf == pytest.approx(same.llf)
    squared = sm.ols("y ~ .**2", some[["y", "a", "b"]].rename(columns={"a": "a b"}))
    assert list(squared.params.index) == ["Intercept", "a b", "b", "a b:b"]
    with pytest.raises(sm.FormulaError, match="stands for no column"):
        sm.ols("y ~ .", table[["y"]])


def test_exposure_is_no_notion_of_least_squares(table):
    with pytest.raises(sm.Unsupported, match=r'exposure= belongs to .* Write offset="log\(e\)"'):
        sm.ols("y ~ a", table, exposure="b")


# -- the pieces


def drive(program, engine):
    return sm.run(program, engine)[0]


@pytest.mark.slow
@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(
    st.lists(st.one_of(st.floats(-1e300, 1e300), st.sampled_from([0.0, -0.0, 1.0, 1.0 + 2**-52, 5e-324, -5e-324])), min_size=1, max_size=60),
    st.lists(st.floats(0, 1), min_size=1, max_size=4),
    st.integers(0, 60),
)
def test_quantiles_are_numpys_to_the_last_bit(values, probabilities, middle):
    array = np.array(values)
    design = Design((Column("x"),), (), (("x", Numeric("x")),))
    parts = sm.engine([{"x": array[:middle]}, {"x": array[middle:]}], workers=1)
    (found,) = drive(quantiles(design, [Ask("x", probabilities=tuple(probabilities))]), parts)
    assert (found.count, found.low, found.high) == (len(array), array.min(), array.max())
    expected = np.quantile(array + 0.0, probabilities)
    np.testing.assert_array_equal(found.quantiles, expected)


def test_quantiles_take_few_rounds():
    draw = np.random.default_rng(3)
    data = {"x": draw.normal(size=200_000), "z": np.round(draw.normal(size=200_000), 2)}
    design = Design((Column("x"), Column("z")), (), (("x", Numeric("x")), ("z", Numeric("z"))))
    found, ledger = sm.run(quantiles(design, [Ask("x", probabilities=(0.2, 0.5, 0.8)), Ask("z", probabilities=(0.5,))]), sm.engine(data))
    np.testing.assert_array_equal(found[0].quantiles, np.quantile(data["x"], (0.2, 0.5, 0.8)))
    assert len(ledger.rounds) <= 4 and max(line.up for line in ledger.rounds) < 200_000


def test_keys_are_in_the_order_of_numbers():
    values = np.array([-np.inf, -1e308, -1.0, -5e-324, 0.0, 5e-324, 1e-300, 1.0, np.nextafter(1.0, 2.0), np.inf])
    assert (np.diff(keys(values).astype(object)) > 0).all() and key(-0.0) == key(0.0)


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.5, 4.0]), min_size=0, max_size=5), st.integers(0, 4), st.sampled_from(["extend", "clip", "raise", "zero"])
)
def test_splines_are_formulaics_even_where_knots_coincide(inner, degree, outside):
    from formulaic.transforms import TRANSFORMS

    x = np.concatenate([np.linspace(0.0, 4.0, 41), [0.5, 1.0, 3.5]])
    low, high = 0.0, 4.0
    knots = (low,) * (degree + 1) + tuple(sorted(inner)) + (high,) * (degree + 1)
    ours = bases.evaluate(Basis("b", "bs", "x", knots, degree, outside, (low, high)), x)
    theirs = TRANSFORMS["bs"](x, knots=sorted(inner), degree=degree, include_intercept=True, extrapolation=outside, _state={})
    np.testing.assert_allclose(ours, np.array(list(theirs.values())), atol=1e-14)
