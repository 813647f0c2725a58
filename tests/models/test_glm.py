"""Generalized linear models by formula: the numbers of statsmodels and R, any cut of the rows, and what goes wrong said in a sentence."""

from __future__ import annotations

import warnings
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import statsmodels.api as sma
import statsmodels.formula.api as smf

import summable as sm

FAMILIES, LINKS = sma.families, sma.families.links
FORMULA = "{} ~ a + b + C(g)"
CASES = {
    "binomial logit": ("share", "binomial", "logit", FAMILIES.Binomial()),
    "binomial probit": ("share", "binomial", "probit", FAMILIES.Binomial(LINKS.Probit())),
    "binomial cloglog": ("share", "binomial", "cloglog", FAMILIES.Binomial(LINKS.CLogLog())),
    "binomial cauchit": ("share", "binomial", "cauchit", FAMILIES.Binomial(LINKS.Cauchy())),
    "poisson log": ("count", "poisson", None, FAMILIES.Poisson()),
    "poisson sqrt": ("count", "poisson", "sqrt", FAMILIES.Poisson(LINKS.Sqrt())),
    "poisson identity": ("linear", "poisson", "identity", FAMILIES.Poisson(LINKS.Identity())),
    "gamma inverse": ("flat", "gamma", None, FAMILIES.Gamma()),
    "gamma log": ("positive", "gamma", "log", FAMILIES.Gamma(LINKS.Log())),
    "gamma identity": ("flat", "gamma", "identity", FAMILIES.Gamma(LINKS.Identity())),
    "inverse gaussian": ("flat", "inverse_gaussian", None, FAMILIES.InverseGaussian()),
    "inverse gaussian log": ("positive", "inverse_gaussian", "log", FAMILIES.InverseGaussian(LINKS.Log())),
    "gaussian": ("number", "gaussian", None, FAMILIES.Gaussian()),
    "gaussian log": ("positive", "gaussian", "log", FAMILIES.Gaussian(LINKS.Log())),
    "gaussian inverse": ("flat", "gaussian", "inverse", FAMILIES.Gaussian(LINKS.InversePower())),
    "tweedie": ("zeros", sm.families.Tweedie(1.5), None, FAMILIES.Tweedie(LINKS.Log(), var_power=1.5)),
    "negative binomial": ("count", sm.families.NegativeBinomial(0.5), None, FAMILIES.NegativeBinomial(LINKS.Log(), alpha=0.5)),
}


@pytest.fixture(scope="module")
def rows():
    draw, n = np.random.default_rng(3), 1500
    frame = pd.DataFrame({"a": draw.normal(2, 1, n), "b": draw.gamma(2, 1, n), "g": draw.choice(list("uvw"), n)})
    frame["w"], frame["k"], frame["off"] = draw.integers(1, 6, n) * 0.5, draw.integers(1, 4, n) * 1.0, draw.normal(0, 0.1, n)
    eta = 0.4 * frame["a"] - 0.2 * frame["b"] + 0.5 * (frame["g"] == "v") - 0.3
    frame["share"] = (draw.random(n) < 1 / (1 + np.exp(-eta))) * 1.0
    frame["count"], frame["positive"], frame["number"] = draw.poisson(np.exp(eta) + 0.5), draw.gamma(3, np.exp(eta) / 3), eta + draw.normal(size=n)
    frame["flat"] = draw.gamma(20, (2 + 0.2 * frame["a"].clip(0, 4) + 0.1 * frame["b"]) / 20)
    frame["slight"] = 0.05 * frame["off"]  # for links whose predictors are small
    frame["linear"] = draw.poisson(2 + 0.3 * frame["a"].clip(0, 4) + 0.2 * frame["b"])
    frame["zeros"] = frame["positive"] * (draw.random(n) < 0.7)
    frame["tried"] = draw.integers(1, 9, n)
    frame["won"] = draw.binomial(frame["tried"], 1 / (1 + np.exp(-eta)))
    return frame


def thirds(frame):
    return [frame[i::3] for i in range(3)]


def theirs(rows, y, family, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return smf.glm(FORMULA.format(y), rows, family=family, **options).fit(tol=1e-14, tol_criterion="deviance", maxiter=200)


def assert_same(fit, expected, tolerance=1e-7):
    """The certificate promises coefficients to 3e-11 of their length; the others follow from the same point, carried to first order."""
    order = list(fit.params.index)
    np.testing.assert_allclose(fit.params, expected.params[order], rtol=tolerance, atol=1e-8)
    np.testing.assert_allclose(fit.bse, expected.bse[order], rtol=tolerance)
    np.testing.assert_allclose(fit.pvalues, expected.pvalues[order], rtol=1e-5, atol=1e-9)
    for name in ("deviance", "pearson_chi2", "scale", "df_resid", "df_model"):
        assert getattr(fit, name) == pytest.approx(getattr(expected, name), rel=tolerance), name
    if not np.isnan(fit.llf):
        assert fit.llf == pytest.approx(expected.llf, rel=tolerance)
        assert fit.aic == pytest.approx(expected.aic, rel=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "weighted", "repeated"])
@pytest.mark.parametrize("case", CASES)
def test_results_are_those_of_statsmodels(rows, case, kind):
    y, family, link, other = CASES[case]
    offset = None if kind == "repeated" else "slight" if link == "inverse" or case == "inverse gaussian" else "off"
    ours = {"plain": {}, "weighted": {"weights": "w"}, "repeated": {"weights": "k", "weight_kind": "frequency"}}[kind]
    given = {"plain": {}, "weighted": {"var_weights": rows["w"]}, "repeated": {"freq_weights": rows["k"]}}[kind]
    fit = sm.glm(FORMULA.format(y), thirds(rows), family, link, offset=offset, **ours)
    expected = theirs(rows, y, other, offset=None if offset is None else rows[offset], **given)
    assert fit.outcome is sm.Outcome.CONVERGED
    assert_same(fit, expected)
    assert fit.null_deviance == pytest.approx(expected.null_deviance, rel=1e-7)
    np.testing.assert_allclose(fit.predict(rows), expected.predict(rows, offset=0 if offset is None else rows[offset]), rtol=1e-7)


@pytest.mark.parametrize("case", CASES)
def test_few_rounds_lead_to_the_same_answer(rows, case):
    y, family, link, _ = CASES[case]
    slow = sm.glm(FORMULA.format(y), rows, family, link, prefer="time")
    fast = sm.glm(FORMULA.format(y), thirds(rows), family, link, prefer="rounds")
    assert fast.outcome is sm.Outcome.CONVERGED
    np.testing.assert_allclose(fast.params, slow.params, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(fast.bse, slow.bse, rtol=1e-7)  # carried over the last step by the third derivatives
    for name in ("deviance", "null_deviance", "llf", "pearson_chi2"):
        assert getattr(fast, name) == pytest.approx(getattr(slow, name), rel=1e-9, nan_ok=True), name


def test_trials_count_successes(rows):
    fit = sm.glm(FORMULA.format("won"), thirds(rows), "binomial", trials="tried", prefer="rounds")
    shares = rows.assign(share=rows["won"] / rows["tried"])
    expected = theirs(shares, "share", FAMILIES.Binomial(), var_weights=rows["tried"])
    np.testing.assert_allclose(fit.params, expected.params[list(fit.params.index)], rtol=1e-8)
    np.testing.assert_allclose(fit.bse, expected.bse[list(fit.params.index)], rtol=1e-7)
    assert fit.deviance == pytest.approx(expected.deviance, rel=1e-10)
    both = sma.GLM(rows[["won"]].assign(lost=rows["tried"] - rows["won"]), expected.model.exog, family=FAMILIES.Binomial()).fit()
    assert fit.llf == pytest.approx(both.llf, rel=1e-10)


def test_an_exposure_is_an_offset_of_its_logarithm(rows):
    fit = sm.glm("count ~ a", rows, "poisson", exposure="tried")
    expected = smf.glm("count ~ a", rows, family=FAMILIES.Poisson(), exposure=rows["tried"]).fit()
    np.testing.assert_allclose(fit.params, expected.params, rtol=1e-9)
    np.testing.assert_allclose(fit.predict(rows[:9]), expected.predict(rows[:9], exposure=rows["tried"][:9]), rtol=1e-9)
    with pytest.raises(sm.Unsupported, match="an exposure is an offset of its logarithm, and the link is identity"):
        sm.glm("linear ~ a", rows, "poisson", "identity", exposure="tried")
    with pytest.raises(sm.Unsupported, match="trials belong to the binomial family"):
        sm.glm("count ~ a", rows, "poisson", trials="tried")


@pytest.mark.parametrize("scale", ["deviance", "pearson", 2.5])
def test_the_scale_can_be_chosen(rows, scale):
    fit = sm.glm(FORMULA.format("count"), rows, "poisson", scale=scale)
    expected = smf.glm(FORMULA.format("count"), rows, family=FAMILIES.Poisson()).fit(scale={"deviance": "dev", "pearson": "X2"}.get(scale, scale))
    np.testing.assert_allclose(fit.bse, expected.bse[list(fit.params.index)], rtol=1e-6)


def test_observed_information_on_request(rows):
    fit = sm.glm(FORMULA.format("share"), rows, "binomial", "probit", information="observed")
    expected = smf.glm(FORMULA.format("share"), rows, family=FAMILIES.Binomial(LINKS.Probit())).fit(method="newton", cov_type="nonrobust", tol=1e-12)
    hessian = -expected.model.hessian(expected.params, observed=True)
    np.testing.assert_allclose(fit.bse, np.sqrt(np.diag(np.linalg.inv(hessian)))[[list(expected.params.index).index(n) for n in fit.params.index]], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["binomial logit", "gamma log"])
def test_predictions_and_their_intervals(rows, case):
    y, family, link, other = CASES[case]
    fit, expected = sm.glm(FORMULA.format(y), rows, family, link), smf.glm(FORMULA.format(y), rows, family=other).fit()
    frame = fit.predict(rows, interval="confidence", alpha=0.1)
    their = expected.get_prediction(rows).summary_frame(0.1)
    for ours, name in (("mean", "mean"), ("se", "mean_se"), ("lower", "mean_ci_lower"), ("upper", "mean_ci_upper")):
        np.testing.assert_allclose(frame[ours], their[name], rtol=1e-6)
    linear = fit.predict(rows, which="link", interval="confidence")
    np.testing.assert_allclose(linear["link"], expected.predict(rows, which="linear"), rtol=1e-8)
    assert list(np.flatnonzero(np.isnan(fit.predict(rows[:9].assign(a=[np.nan, *[1.0] * 8]))))) == [0]


def test_ratios_are_powers_of_e(rows):
    fit = sm.glm("share ~ a", rows, "binomial")
    np.testing.assert_allclose(fit.ratios()[["lower", "upper"]], np.exp(fit.conf_int()))
    with pytest.raises(sm.Unsupported, match="the link probit are no logarithms"):
        sm.glm("share ~ a", rows, "binomial", "probit").ratios()


def test_a_saved_fit_is_the_same_fit(rows, tmp_path):
    fit = sm.glm(FORMULA.format("positive"), rows, "gamma", "log", weights="w", offset="off")
    fit.save(tmp_path / "fit.json")
    again = sm.load(tmp_path / "fit.json")
    assert again.summary() == fit.summary() and again.tidy().equals(fit.tidy())
    np.testing.assert_array_equal(again.predict(rows), fit.predict(rows))
    assert "gamma with log link" in repr(again)


def test_the_summary_tells_the_rounds_and_the_certificate(rows):
    fit = sm.glm(FORMULA.format("share"), thirds(rows), "binomial", prefer="rounds")
    text = fit.summary()
    assert "Newton decrement" in text and "Pseudo R-squared" in text and f"Rounds:{len(fit.ledger.fitting):>33}".split(":")[0] in text
    assert fit.certificate.relative < 1e-10


# -- any cut of the rows

CONTRACT = ["binomial logit", "binomial probit", "poisson log", "gamma log", "inverse gaussian log", "gaussian log", "tweedie", "negative binomial"]


@pytest.fixture(scope="module")
def whole(rows):
    """The fits of all rows in one place, each made once."""
    counted = {"weights": "k", "weight_kind": "frequency", "offset": "off"}
    return cache(lambda case: sm.glm(FORMULA.format(CASES[case][0]), rows, *CASES[case][1:3], **counted))


@pytest.mark.parametrize("prefer", ["rounds", "time"])
@pytest.mark.parametrize("parts", [1, 5, pytest.param(64, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CONTRACT)
def test_any_cut_gives_the_same_answer(rows, whole, case, parts, prefer):
    y, family, link, _ = CASES[case]
    ordered = pa.Table.from_pandas(rows.sort_values(y))  # one-class shards, and shards that lack a level
    ends = np.linspace(0, len(rows), parts + 1).astype(int)
    cut = [ordered[:0], *(ordered[low:high] for low, high in pairwise(ends)), ordered[:0]]
    fit = sm.glm(FORMULA.format(y), cut, family, link, weights="k", weight_kind="frequency", offset="off", prefer=prefer)
    np.testing.assert_allclose(fit.params, whole(case).params, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(fit.bse, whole(case).bse, rtol=1e-6 if prefer == "rounds" else 1e-7)  # carried over a last step, or summed after it
    assert fit.deviance == pytest.approx(whole(case).deviance, rel=1e-10) and fit.null_deviance == pytest.approx(whole(case).null_deviance, rel=1e-9)


def test_a_weight_of_two_is_the_row_twice(rows):
    twice = pd.concat([rows, rows])
    fit = sm.glm("share ~ a", rows.assign(two=2.0), "binomial", weights="two", weight_kind="frequency")
    np.testing.assert_allclose(fit.bse, sm.glm("share ~ a", twice, "binomial").bse, rtol=1e-9)


# -- what goes wrong


@pytest.mark.parametrize(
    ("y", "family", "sentence"),
    [
        ([0, 1, 2], "binomial", r"y = 2 is not between 0 and 1, as binomial needs it, in at least 1 rows .*Give 0 and 1"),
        ([0, -1, 2], "poisson", r"y = -1 is negative, as poisson needs it"),
        ([0.0, 1, 2], "gamma", r"y = 0 is not positive, as gamma needs it"),
        ([0, 0, 0], "binomial", "every y is 0, so there is nothing to tell apart"),
        ([1, 1, 1], "binomial", "every y is 1, so there is nothing to tell apart"),
        ([0, 0, 0], "poisson", "every y is 0"),
        (["no", "yes", "perhaps"], "binomial", r"column 'y' has 3 labels \('no', 'perhaps', 'yes'\), and an outcome has two"),
        (["no", "no", "no"], "binomial", r"column 'y' has 1 labels \('no'\)"),
        (["no", "yes", "no"], "poisson", "column 'y' holds text"),
        ([0, -1, 2], "negative_binomial", r"y = -1 is negative, as negative_binomial needs it"),
        ([0, 0, 0], "negative_binomial", "every y is 0, so there is nothing to tell apart"),
        ([0.0, 1, 2], "inverse_gaussian", r"y = 0 is not positive, as inverse_gaussian needs it"),
        ([0.0, -1, 2], sm.families.Tweedie(1.5), r"y = -1 is negative, as tweedie needs it"),
        ([0.0, np.inf, 2], "gaussian", "column 'y' has at least 1 infinite value"),
    ],
)
def test_a_response_that_cannot_be_is_named(y, family, sentence):
    with pytest.raises(sm.SummableError, match=sentence):
        sm.glm("y ~ x", {"y": np.array(y), "x": np.array([1.0, 2.0, 4.0])}, family)


def test_other_input_that_cannot_be(rows):
    with pytest.raises(sm.DataError, match="no rows are left to fit"):
        sm.glm("share ~ a", rows.assign(none=0.0), "binomial", weights="none")
    with pytest.raises(sm.DataError, match="there is no column 'nowhere'"):
        sm.glm("count ~ a", rows, "poisson", offset="nowhere")
    with pytest.raises(sm.DataError, match=r"won / tried = 2 is not between 0 and 1"):
        sm.glm("won ~ a", {"won": np.array([2.0, 0, 1]), "tried": np.array([1.0, 1, 2]), "a": np.arange(3.0)}, "binomial", trials="tried")
    with pytest.raises(sm.DataError, match=r"2 missing values .*while taking Working.*missing=\"drop\""):
        sm.glm("count ~ a", rows.assign(off=rows["off"].where(rows.index > 1)), "poisson", offset="off", missing="raise")
    with pytest.raises(sm.SummableError, match="no column 'off'"):
        sm.glm("count ~ a", rows, "poisson", offset="off").predict(rows[["a"]])
    for bad in ({"scale": -1.0}, {"alpha": -1.0}, {"max_rounds": 0}, {"prefer": "luck"}, {"information": "both"}):
        with pytest.raises(sm.Unsupported):
            sm.glm("share ~ a", rows, "binomial", **bad)


@pytest.mark.parametrize("family", ["gaussian", "poisson", "gamma", "inverse_gaussian"])
def test_equal_responses_have_a_constant_for_a_fit(rows, family):
    fit = sm.glm("five ~ a", [rows[:9].assign(five=5.0), rows[9:].assign(five=5.0)], family)
    mean = {"gaussian": 5.0, "poisson": np.log(5.0), "gamma": 0.2, "inverse_gaussian": 0.04}[family]
    np.testing.assert_allclose(fit.params, [mean, 0.0], atol=1e-10)
    assert fit.outcome is sm.Outcome.CONVERGED and fit.deviance == pytest.approx(0.0, abs=1e-9)


def test_a_part_may_lack_a_class_and_the_whole_may_not(rows):
    ones, others = rows[rows["share"] == 1], rows[rows["share"] == 0]
    assert sm.glm("share ~ a", [ones, others], "binomial", prefer="rounds").outcome is sm.Outcome.CONVERGED
    for prefer in ("rounds", "time"):
        with pytest.raises(sm.DataError, match="every y is 1, so there is nothing to tell apart"):
            sm.glm("share ~ a", [ones[:99], ones[99:]], "binomial", prefer=prefer)
    with pytest.raises(sm.DataError, match="all trials are zero"):
        sm.glm("won ~ a", rows.assign(won=0.0, none=0.0), "binomial", trials="none")


def test_aliased_columns_are_named_and_the_others_stand(rows):
    with pytest.warns(sm.SummableWarning, match="Aliased with columns before them, so without coefficients: twice"):
        fit = sm.glm("share ~ a + twice + b", rows.assign(twice=2 * rows["a"] + 1), "binomial")
    alone = sm.glm("share ~ a + b", rows, "binomial")
    np.testing.assert_allclose(fit.params.drop("twice"), alone.params, rtol=1e-9)
    np.testing.assert_allclose(fit.bse.drop("twice"), alone.bse, rtol=1e-8)
    assert np.isnan(fit.params["twice"]) and fit.df_model == 2


@pytest.mark.parametrize("prefer", ["rounds", "time"])
@pytest.mark.parametrize("kind", ["complete", "quasi", "poisson"])
def test_separation_is_reported_with_its_columns(rows, prefer, kind):
    frame = rows.assign(sign=1.0 * (rows["a"] > 2.2), rare=1.0 * (np.arange(len(rows)) % 100 == 7))
    frame["y"] = frame["sign"] if kind == "complete" else np.where(frame["rare"] == 1, 0.0, frame["share"] if kind == "quasi" else frame["count"])
    formula, column = ("y ~ a + b", "a") if kind == "complete" else ("y ~ a + b + rare", "rare")
    with pytest.warns(sm.SummableWarning, match=f"^{column}.* separates? the outcomes.*no finite estimate"):
        fit = sm.glm(formula, thirds(frame), "poisson" if kind == "poisson" else "binomial", prefer=prefer)
    assert fit.outcome is sm.Outcome.SEPARATED and column in fit.separating
    assert np.abs(fit.params).max() < 1e4
    if kind != "complete":
        assert fit.separating == ["rare"]
        alone = sm.glm("y ~ a + b", frame[frame["rare"] == 0], "poisson" if kind == "poisson" else "binomial")
        np.testing.assert_allclose(fit.params[["a", "b"]], alone.params[["a", "b"]], rtol=2e-2)


def test_a_penalty_makes_separated_coefficients_finite(rows):
    frame = rows.assign(y=1.0 * (rows["a"] > 2.2))
    fit = sm.glm("y ~ a + b", frame, "binomial", alpha=0.1)
    from sklearn.linear_model import LogisticRegression

    x = frame[["a", "b"]].to_numpy()
    expected = LogisticRegression(C=1 / (0.1 * len(x)), tol=1e-12, max_iter=1000).fit(x, frame["y"])
    np.testing.assert_allclose(fit.params, [*expected.intercept_, *expected.coef_[0]], rtol=1e-5)
    with pytest.raises(sm.Unsupported, match="no classical standard error"):
        fit.bse  # noqa: B018
    assert "Penalised" in fit.summary()


@pytest.mark.parametrize("kind", ["text", "categorical", "boolean"])
def test_two_labels_are_an_outcome(rows, kind):
    y = {"text": np.where(rows["share"] == 1, "it's `so`", "a no"), "boolean": rows["share"] == 1}.get(kind, np.where(rows["share"] == 1, "yes", "no"))
    frame = rows.assign(**{"left us": pd.Series(y, dtype="category" if kind == "categorical" else None)})
    frame.loc[3, "a"] = np.nan
    if kind != "boolean":
        frame.loc[5, "left us"] = None
    fit = sm.glm("`left us` ~ a + C(g)", thirds(frame), "binomial")
    kept = rows.drop([3] if kind == "boolean" else [3, 5])
    np.testing.assert_allclose(fit.params, sm.glm("share ~ a + C(g)", kept, "binomial").params, rtol=1e-10)
    assert fit.dropped == len(rows) - len(kept)
    assert np.isfinite(fit.predict(frame[["a", "g"]].dropna())).all()
    if kind == "categorical":
        assert fit.success == "`left us` == 'yes'" and "A success is" in fit.summary()


def test_numbers_compared_with_a_text_are_refused():
    with pytest.raises(sm.SummableError, match="holds numbers here and text elsewhere"):
        sm.glm("I(x == 'a') ~ z", {"x": np.arange(9.0), "z": np.arange(9.0)}, "binomial")
