"""Weights, offsets, prediction, and results under statsmodels' names."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
import statsmodels.api
import statsmodels.formula.api as smf

import summable as sm

FORMULA = "y ~ a + C(g)*far + flag"


@pytest.fixture(scope="module")
def fit(table):
    return sm.ols(FORMULA, [table[:800], table[800:]], weights="weight")


@pytest.fixture(scope="module")
def expected(table):
    return smf.wls(FORMULA.replace("flag", "I(flag*1)"), table, weights=table["weight"]).fit()


def in_order(expected, fit):
    names = {"flag": "I(flag * 1)"} | {f"C(g)[T.{level}]:far": f"C(g)[T.{level}]:far" for level in "vw"}
    return [names.get(name, name) for name in fit.params.index]


def test_results_are_those_of_statsmodels(fit, expected):
    order = in_order(expected, fit)
    for name in ("params", "bse", "tvalues", "pvalues"):
        np.testing.assert_allclose(getattr(fit, name), getattr(expected, name)[order], rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(fit.conf_int(0.1), expected.conf_int(0.1).loc[order], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(fit.cov_params(), expected.cov_params().loc[order, order], rtol=1e-6, atol=1e-12)
    for name in ("nobs", "df_model", "df_resid", "rsquared", "rsquared_adj", "fvalue", "f_pvalue", "llf", "aic", "bic", "scale", "ssr", "condition_number"):
        assert getattr(fit, name) == pytest.approx(getattr(expected, name), rel=1e-8), name


@pytest.mark.parametrize("interval", ["confidence", "prediction"])
def test_prediction_intervals(table, fit, expected, interval):
    frame = fit.predict(table, interval=interval, alpha=0.1)
    # a new row has weight one, as in R's predict.lm
    theirs = expected.get_prediction(table.astype({"flag": int}), weights=np.ones(len(table))).summary_frame(0.1)
    kind = "mean_ci" if interval == "confidence" else "obs_ci"
    np.testing.assert_allclose(frame["mean"], theirs["mean"], rtol=1e-10)
    np.testing.assert_allclose(frame["lower"], theirs[f"{kind}_lower"], rtol=1e-9)
    np.testing.assert_allclose(frame["upper"], theirs[f"{kind}_upper"], rtol=1e-9)


def test_prediction_keeps_the_rows_in_place(table, fit):
    new = table[:50].drop(columns=["y", "weight"]).copy()
    new.loc[7, "a"] = np.nan
    new.loc[9, "g"] = None
    got = fit.predict(new)
    assert list(np.flatnonzero(np.isnan(got))) == [7, 9]
    np.testing.assert_array_equal(np.delete(got, [7, 9]), np.delete(fit.predict(table[:50]), [7, 9]))


def test_an_unseen_level_is_named(table, fit):
    new = table[:5].assign(g="z")
    with pytest.raises(sm.DataError, match="column 'g' has the label 'z', which the fit has not seen"):
        fit.predict(new)


def test_frequency_weights_are_repeated_rows(table):
    fit = sm.ols(FORMULA, table, weights="weight", weight_kind="frequency")
    repeated = sm.ols(FORMULA, table.loc[np.repeat(table.index, table["weight"].astype(int))])
    np.testing.assert_allclose(fit.params, repeated.params, rtol=1e-10)
    np.testing.assert_allclose(fit.bse, repeated.bse, rtol=1e-10)
    for name in ("nobs", "df_resid", "llf", "aic", "bic", "rsquared_adj", "fvalue"):
        assert getattr(fit, name) == pytest.approx(getattr(repeated, name), rel=1e-10), name


def test_sampling_weights_fit_but_give_no_classical_errors(table, fit):
    sampling = sm.ols(FORMULA, table, weights="weight", weight_kind="sampling")
    np.testing.assert_allclose(sampling.params, fit.params, rtol=1e-9)
    for name in ("bse", "tvalues", "pvalues", "fvalue"):
        with pytest.raises(sm.Unsupported, match="robust covariance"):
            getattr(sampling, name)
    assert "aliased" not in sampling.summary() and "no classical standard error" in sampling.summary()


def test_rows_of_weight_zero_are_not_there(table):
    some = table.assign(weight=np.where(np.arange(len(table)) % 3, table["weight"], 0.0), g=np.where(np.arange(len(table)) % 3, table["g"], "only here"))
    some.loc[0, "a"] = np.inf
    fit, expected = sm.ols(FORMULA, some, weights="weight"), sm.ols(FORMULA, some[some["weight"] > 0], weights="weight")
    np.testing.assert_allclose(fit.params, expected.params, rtol=1e-10)
    assert fit.nobs == expected.nobs and fit.dropped == 0 and fit.llf == pytest.approx(expected.llf)


def test_an_offset_has_coefficient_one(table):
    fit = sm.ols("y ~ a + C(g)", table, offset="off")
    expected = sm.ols("I(y - off) ~ a + C(g)", table)
    np.testing.assert_allclose(fit.params, expected.params, rtol=1e-12)
    np.testing.assert_allclose(fit.predict(table), expected.predict(table) + table["off"], rtol=1e-12)
    np.testing.assert_allclose(sm.ols("y ~ a + C(g)", table, offset="2 * off").params, sm.ols("I(y - 2*off) ~ a + C(g)", table).params, rtol=1e-12)


def test_a_shift_by_a_million_costs_no_digits(table):
    grid = 2.0**20  # on which a, y and their shifted copies are all exact
    exact = table.assign(a=(table["a"] * grid).round() / grid, y=(table["y"] * grid).round() / grid)
    near = sm.ols("y ~ a", exact)
    far = sm.ols("y ~ a", exact.assign(a=exact["a"] + 2**20, y=exact["y"] + 2**30))
    assert far.params["a"] == pytest.approx(near.params["a"], rel=1e-12)
    assert far.bse["a"] == pytest.approx(near.bse["a"], rel=1e-12)
    assert far.rsquared == pytest.approx(near.rsquared, rel=1e-12)
    assert len(far.ledger.fitting) == 1


def shifted_badly(rows=2000, seen=500):
    """Columns whose first rows do not tell where they lie."""
    draw = np.random.default_rng(11)
    a, b, noise = draw.normal(size=(3, rows))
    hole = np.arange(rows) < rows - seen
    far = 1e9 + a + noise
    return {
        "y": np.where(hole, 0.0, far),
        "far": far,
        "a": a,
        "b": b,
        "late": np.where(hole, np.nan, 2.4e9 + a),
        "hole": np.where(hole, np.nan, a),
        "w": 1.0 - hole,
        "z": a + noise,
    }


@pytest.mark.parametrize(
    ("formula", "options", "same"),
    [
        ("y ~ hole", {}, "z ~ hole"),  # the rows first seen are dropped, so y's place is unknown until the Gram
        ("y ~ a", {"weights": "w"}, "z ~ a"),  # or their weight is zero
        ("b ~ a", {"offset": "far"}, "I(b - z) ~ a"),  # or the offset moves y
        ("z ~ late", {}, "z ~ hole"),
    ],
)
def test_a_poor_shift_is_mended_by_one_more_round(formula, options, same):
    data = shifted_badly()
    fit, expected = sm.ols(formula, data, **options), sm.ols(same, data, weights=options.get("weights"))
    assert fit.bse.iloc[1] == pytest.approx(expected.bse.iloc[1], rel=1e-6)  # 1e9 + a is rounded at 1e-7
    assert fit.rsquared == pytest.approx(expected.rsquared, rel=1e-6)
    assert [line.measure for line in fit.ledger.fitting].count("Gram") == 2


def test_squares_about_a_far_mean_are_not_lost_without_an_intercept():
    data = shifted_badly()
    data |= {"u": (data["b"] > 0) * 1.0, "v": (data["b"] <= 0) * 1.0}
    split, whole = sm.ols("far ~ 0 + u + v", data), sm.ols("far ~ u", data)
    assert split.rsquared == pytest.approx(whole.rsquared, rel=1e-6) and split.df_model == 1


def test_a_constant_is_not_seen_where_there_is_none(table):
    near = table.assign(x=1e5 + table["a"])
    fit = sm.ols("y ~ 0 + x", near)
    assert fit.df_model == 1 and not fit.solution.constant


@pytest.mark.parametrize(
    ("column", "aliased"),
    [(np.where(np.arange(2000) % 2, 0.1 + 0.2, 0.3), "x"), (None, "C1")],
    ids=["a constant but for its last bit", "a sum of far columns, rounded"],
)
def test_rounding_is_no_regressor(table, column, aliased):
    far = table.assign(A=1e10 + table["a"], B=1e10 + table["b"])
    far["C1"] = far["A"] + far["B"]
    data = far if column is None else table.assign(x=column)
    with pytest.warns(sm.SummableWarning, match=f"without coefficients: {aliased}"):
        fit = sm.ols("y ~ A + B + C1" if column is None else "y ~ a + x", data)
    assert fit.params.drop([aliased, "Intercept"]).abs().max() < 2


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1e160])
@pytest.mark.parametrize("name", ["y", "a"])
def test_squares_beyond_float64_are_refused(table, name, scale):
    with pytest.raises(sm.DataError, match=r"a sum of squares is (greater|smaller) than float64 can hold"):
        sm.ols("y ~ a", table.assign(**{name: table[name] * scale}))


def test_an_implicit_constant_is_seen(table):
    both = table.assign(u=(table["g"] == "u") * 1.0, v=(table["g"] != "u") * 1.0)
    fit, expected = sm.ols("y ~ 0 + u + v + a", both), statsmodels.api.OLS(both["y"], both[["u", "v", "a"]]).fit()
    assert expected.k_constant == 1
    assert fit.rsquared == pytest.approx(expected.rsquared, rel=1e-9)
    assert fit.df_model == expected.df_model
    uncentred = sm.ols("y ~ 0 + a", table)
    assert uncentred.rsquared == pytest.approx(statsmodels.api.OLS(table["y"], table["a"]).fit().rsquared, rel=1e-10)
    assert "uncentred" in uncentred.summary()


def test_the_ledger_counts_rounds_numbers_and_bytes(table):
    ledger = sm.ols("y ~ a + far", [table[:500], table[500:]]).ledger
    glance, gram = ledger.rounds
    assert (glance.measure, glance.learns_design) == ("Glance", True)
    assert (gram.measure, gram.parts, gram.numbers, gram.up) == ("Gram", 2, 13, 104)
    assert ledger.fitting == [gram]
    assert ledger.nbytes == sum(2 * (line.down + line.up) for line in ledger.rounds)


def test_a_fit_is_saved_and_loaded_whole(fit, table, tmp_path):
    fit.save(tmp_path / "fit.json")
    again = sm.load(tmp_path / "fit.json")
    assert again.summary() == fit.summary()
    np.testing.assert_array_equal(again.predict(table), fit.predict(table))
    assert again.bse.to_numpy().tobytes() == fit.bse.to_numpy().tobytes()
    assert list(tmp_path.iterdir()) == [tmp_path / "fit.json"]


def test_saving_is_all_or_nothing(fit, tmp_path):
    with pytest.raises(sm.SourceError, match="cannot be written"):
        fit.save(tmp_path / "nowhere" / "fit.json")
    for text in (
        '{"is": "Nonsense"}',
        "[]",
        "3",
        '{"summable": 1, "value": {"is": "Nonsense"}}',
        '{"summable": 9, "value": []}',
        '{"summable": 1, "value": []}',
    ):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(sm.SourceError, match="holds no saved fit"):
            sm.load(tmp_path / "bad.json")
    with pytest.raises(sm.SourceError, match="cannot be read"):
        sm.load(tmp_path / "absent.json")
    (tmp_path / "torn.json").write_text('{"is": "LinearFit", "formula"')
    with pytest.raises(sm.SourceError, match="holds no saved fit"):
        sm.load(tmp_path / "torn.json")


def test_a_failed_save_leaves_what_was_there(fit, tmp_path, monkeypatch):
    place = tmp_path / "fit.json"
    fit.save(place)
    before = place.read_text()
    assert place.stat().st_mode & 0o777 == 0o666 & ~umask()

    def full(*_):
        raise OSError(28, "No space left on device")

    for step in ("fsync", "replace"):
        with monkeypatch.context() as broken, pytest.raises(sm.SourceError, match=r"cannot be written \(No space left on device\)"):
            broken.setattr(f"summable.files.os.{step}", full)
            fit.save(place)
        assert place.read_text() == before and list(tmp_path.iterdir()) == [place]


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_the_summary_and_the_tidy_table_say_the_same(fit):
    tidy, page = fit.tidy(), fit.summary()
    assert list(tidy.columns) == ["term", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
    for name in fit.params.index:
        assert f"\n{name} " in page
    assert "Weighted least squares" in page and "1 round to fit, and 2 to learn the design" in page
    assert page.index("What it cost") > page.index("coef")


@pytest.mark.parametrize(("argument", "value"), [("weight_kind", "robust"), ("missing", "impute"), ("arithmetic", "double")])
def test_unknown_options_are_refused(table, argument, value):
    with pytest.raises(sm.Unsupported, match=f"{argument}='{value}' is not known. Choose from"):
        sm.ols("y ~ a", table, **{argument: value})


def test_a_good_fit_warns_of_nothing(table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sm.ols(FORMULA, table).summary()
