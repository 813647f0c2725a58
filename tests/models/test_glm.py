"""Generalized linear models by formula: the numbers of statsmodels and R, any cut of the rows, and what goes wrong said in a sentence."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
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
    np.testing.assert_allclose(fast.bse, slow.bse, rtol=1e-5)  # the expected information of the last summed point
    for name in ("deviance", "null_deviance", "llf", "pearson_chi2"):
        assert getattr(fast, name) == pytest.approx(getattr(slow, name), rel=1e-9, nan_ok=True), name
