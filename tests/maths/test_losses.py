"""Every family with every link: derivatives against finite differences, values against statsmodels, and calm at the extremes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from statsmodels.genmod import families as theirs

import summable as sm
from summable.core.wire import decode, encode
from summable.maths.losses import loss

LINKS = theirs.links
CHANCES = {"logit": LINKS.Logit(), "probit": LINKS.Probit(), "cloglog": LINKS.CLogLog(), "cauchit": LINKS.Cauchy()}
POWERS = {"log": LINKS.Log(), "identity": LINKS.Identity(), "inverse": LINKS.InversePower(), "sqrt": LINKS.Sqrt(), "inverse_squared": LINKS.InverseSquared()}
NAMED = {"poisson": theirs.Poisson, "gamma": theirs.Gamma, "inverse_gaussian": theirs.InverseGaussian, "gaussian": theirs.Gaussian}
PAIRS = {
    **{("binomial", name): theirs.Binomial(link) for name, link in CHANCES.items()},
    **{("binomial", name): theirs.Binomial(POWERS[name]) for name in ("log", "identity")},
    **{(name, link): family(other, check_link=False) for name, family in NAMED.items() for link, other in POWERS.items()},
    (sm.families.Tweedie(1.5), "log"): theirs.Tweedie(LINKS.Log(), var_power=1.5),
    (sm.families.Tweedie(1.2), sm.links.Power(0.3)): theirs.Tweedie(LINKS.Power(0.3), var_power=1.2),
    (sm.families.Tweedie(2.5), "log"): theirs.Tweedie(LINKS.Log(), var_power=2.5),
    (sm.families.NegativeBinomial(0.7), "log"): theirs.NegativeBinomial(LINKS.Log(), alpha=0.7),
    (sm.families.NegativeBinomial(0.7), "identity"): theirs.NegativeBinomial(LINKS.Identity(), alpha=0.7),
}  # fmt: skip
EVERYWHERE = [pair for pair in PAIRS if loss(*pair).is_everywhere]


def rows(one):
    """A hundred pairs of eta, inside every link's domain, and y."""
    draw = np.random.default_rng(5)
    name, link = one.family.name, one.link.name
    eta = draw.uniform(0.05, 0.9, 100) if name == "binomial" and link == "identity" else draw.uniform(-3, -0.1, 100)
    if name == "binomial" and link not in ("log", "identity"):
        eta = np.clip(draw.normal(0, 2, 100), -4, 1.5)
    elif name != "binomial":
        eta = draw.uniform(0.2, 2.0, 100) * (draw.choice([-1, 1], 100) if one.is_everywhere else 1)
    kinds = {"binomial": draw.choice([0.0, 0.3, 1.0], 100), "poisson": draw.poisson(2.0, 100) * 1.0, "negative_binomial": draw.poisson(2.0, 100) * 1.0}
    zeros = draw.gamma(2.0, 1.0, 100) * (draw.random(100) < 0.7) if getattr(one.family, "power", 2) < 2 else draw.gamma(2.0, 1.0, 100)
    return eta, kinds.get(name, zeros)


def pairs(which=tuple(PAIRS)):
    return pytest.mark.parametrize("pair", which, ids=lambda pair: loss(*pair).name)


@pairs()
def test_derivatives_are_those_of_the_value(pair):
    one = loss(*pair)
    eta, y = rows(one)
    step = 1e-5
    slope = (one.value(eta + step, y, np) - one.value(eta - step, y, np)) / (2 * step)
    curve = (one.derivatives(eta + step, y, np).slope - one.derivatives(eta - step, y, np).slope) / (2 * step)
    found = one.derivatives(eta, y, np)
    np.testing.assert_allclose(found.slope, slope, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.observed, curve, rtol=1e-5, atol=1e-7)
    third = (one.derivatives(eta + 0.01, y, np).observed - one.derivatives(eta - 0.01, y, np).observed) / 0.02
    np.testing.assert_allclose(one.third(eta, y, np), third, rtol=0.2, atol=5e-2 * np.abs(third).max() + 1e-11)


@pairs()
def test_values_are_those_of_statsmodels(pair):
    one, other = loss(*pair), PAIRS[pair]
    eta, y = rows(one)
    mu = other.link.inverse(eta)
    np.testing.assert_allclose(one.mean(eta, np), mu, rtol=1e-12)
    np.testing.assert_allclose(2 * one.value(eta, y, np), other.resid_dev(y, mu) ** 2, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(one.derivatives(eta, y, np).expected, 1 / (other.link.deriv(mu) ** 2 * other.variance(mu)), rtol=1e-7)
    np.testing.assert_allclose(one.chi(eta, y, np), (y - mu) ** 2 / other.variance(mu), rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(one.link.link(mu, np), eta, rtol=1e-8, atol=1e-10)
    if one.is_canonical:
        np.testing.assert_allclose(one.derivatives(eta, y, np).observed, one.derivatives(eta, y, np).expected, rtol=1e-12)


@pairs()
def test_extremes_are_calm(pair):
    one = loss(*pair)
    eta = np.array([-800.0, -40.0, -1e-9, 0.0, 1e-9, 40.0, 800.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for y in (0.0, 1.0) if one.family.name == "binomial" else (0.5, 3.0):
            for values in (*one.derivatives(eta, y, np), one.chi(eta, y, np), one.chi_slope(eta, y, np)):
                assert np.isfinite(values).all()
            assert not np.isnan(one.value(eta, y, np)).any()


@pairs(EVERYWHERE)
def test_far_values_are_finite_where_every_predictor_has_a_mean(pair):
    one = loss(*pair)
    assert np.isfinite(one.value(np.array([-800.0, 800.0]), np.array([1.0, 1.0]), np)).all()


def test_a_logistic_loss_far_out_is_the_predictor_itself():
    one = loss("binomial")
    np.testing.assert_array_equal(one.value(np.array([800.0, -800.0, 800.0]), np.array([0.0, 1.0, 1.0]), np), [800.0, 800.0, 0.0])
    np.testing.assert_array_equal(one.derivatives(np.array([800.0, -800.0]), np.array([0.0, 1.0]), np).slope, [1.0, -1.0])


def test_outside_its_domain_a_loss_is_infinite():
    assert loss("poisson", "identity").value(np.array([-1.0]), np.array([2.0]), np) == np.inf
    assert loss("binomial", "log").value(np.array([0.1]), np.array([1.0]), np) == np.inf


@pairs([pair for pair in PAIRS if loss(*pair).concordance is not None])
def test_the_bound_on_third_derivatives_holds(pair):
    one = loss(*pair)
    eta, y = rows(one)
    assert np.all(np.abs(one.third(eta, y, np)) <= one.concordance * (1 + 1e-5) * one.derivatives(eta, y, np).observed + 1e-6)


@pairs()
def test_a_loss_crosses_a_wire(pair):
    assert decode(encode(loss(*pair))) == loss(*pair)


@pytest.mark.parametrize(
    ("family", "link", "sentence"),
    [
        ("bernoulli", None, "family='bernoulli' is not known. Choose from gaussian"),
        ("poisson", "logit", "the link logit does not go with poisson. Choose from identity"),
        ("binomial", "loglog", "link='loglog' is not known"),
    ],
)
def test_unknown_names_are_refused_with_those_that_are_known(family, link, sentence):
    with pytest.raises(sm.Unsupported, match=sentence):
        loss(family, link)


def test_families_that_do_not_exist_are_refused():
    with pytest.raises(sm.Unsupported, match=r"Tweedie family of power 0\.5 is not here"):
        sm.families.Tweedie(0.5)
    with pytest.raises(sm.Unsupported, match="alpha=0 is none"):
        sm.families.NegativeBinomial(0.0)
