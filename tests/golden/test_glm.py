"""Generalized linear models of the textbooks, with the numbers that R prints for them."""

from __future__ import annotations

import numpy as np
import pytest

import summable as sm

U = np.array([5.0, 10, 15, 20, 30, 40, 60, 80, 100])


@pytest.mark.parametrize("prefer", ["time", "rounds"])
def test_dobson_randomised_trial(prefer):
    """Dobson 1990, p. 93, as in R's help of glm (example glm.D93)."""
    counts = np.array([18.0, 17, 15, 20, 10, 20, 25, 13, 12])
    data = {"counts": counts, "outcome": np.tile(["1", "2", "3"], 3), "treatment": np.repeat(["1", "2", "3"], 3)}
    fit = sm.glm("counts ~ C(outcome) + C(treatment)", data, "poisson", prefer=prefer)
    np.testing.assert_allclose(fit.params, [3.045, -0.4543, -0.2930, 0, 0], atol=5e-4)
    np.testing.assert_allclose(fit.bse, [0.1709, 0.2022, 0.1927, 0.2000, 0.2000], atol=5e-5)
    assert fit.null_deviance == pytest.approx(10.5814, abs=5e-5) and fit.deviance == pytest.approx(5.1291, abs=5e-5)
    assert fit.aic == pytest.approx(56.76, abs=5e-3) and fit.df_resid == 4


@pytest.mark.parametrize(
    ("lot", "coef", "se", "scale", "null", "deviance"),
    [
        ([118, 58, 42, 35, 27, 25, 21, 19, 18], [-0.01655438, 0.01534311], [0.00092754, 0.00041496], 0.002446059, 3.51283, 0.01673),
        ([69, 35, 26, 21, 18, 16, 13, 12, 12], [-0.02390848, 0.02359922], [0.00132645, 0.00057678], 0.001813354, 3.118557, 0.012672),
    ],
    ids=["lot1", "lot2"],
)
def test_clotting_times(lot, coef, se, scale, null, deviance):
    """McCullagh & Nelder 1989, pp. 300-2, as in R's help of glm (example clotting): gamma, inverse link."""
    fit = sm.glm("lot ~ log(u)", {"lot": np.array(lot, float), "u": U}, "gamma")
    np.testing.assert_allclose(fit.params, coef, rtol=2e-6)  # R stops where the deviance changes by no more than 1e-8 of itself
    np.testing.assert_allclose(fit.bse, se, rtol=2e-5)
    assert fit.scale == pytest.approx(scale, rel=2e-5)
    assert fit.null_deviance == pytest.approx(null, abs=5e-6) and fit.deviance == pytest.approx(deviance, abs=5e-6)


@pytest.mark.parametrize("prefer", ["time", "rounds"])
def test_budworms(prefer):
    """Venables & Ripley 2002, §7.2: moths killed out of 20, binomial with an interaction."""
    dead = np.array([1.0, 4, 9, 13, 18, 20, 0, 2, 6, 10, 12, 16])
    data = {"dead": dead, "n": np.full(12, 20), "sex": np.repeat(["M", "F"], 6), "ldose": np.tile(np.arange(6.0), 2)}
    fit = sm.glm("dead ~ C(sex)*ldose", data, "binomial", trials="n", prefer=prefer)
    np.testing.assert_allclose(fit.params[["Intercept", "C(sex)[T.M]", "ldose", "C(sex)[T.M]:ldose"]], [-2.9935, 0.1750, 0.9060, 0.3529], atol=5e-5)
    np.testing.assert_allclose(fit.bse[["Intercept", "C(sex)[T.M]", "ldose", "C(sex)[T.M]:ldose"]], [0.5527, 0.7783, 0.1671, 0.2700], atol=5e-5)
    assert fit.null_deviance == pytest.approx(124.8756, abs=5e-5) and fit.deviance == pytest.approx(4.9937, abs=5e-5)
    assert fit.aic == pytest.approx(43.104, abs=5e-4)
