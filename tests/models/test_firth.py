"""Jeffreys' prior by sums: the maximum of what it says it maximises, finite whatever the outcomes, the same for any cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import summable as sm
from summable.core.design import Block, Constant, Design, Numeric
from summable.maths.losses import loss
from summable.solvers.firth import firth
from summable.solvers.problem import Problem

FORMULA = "y ~ a + b + C(g)"
CASES = {
    "logit": ("binomial", None), "probit": ("binomial", "probit"), "cloglog": ("binomial", "cloglog"), "cauchit": ("binomial", "cauchit"),
    "poisson": ("poisson", None), "poisson sqrt": ("poisson", "sqrt"), "negative binomial": (sm.families.NegativeBinomial(0.7), None),
}  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    draw, n = np.random.default_rng(5), 120
    frame = pd.DataFrame({"a": draw.normal(3, 1, n), "b": draw.gamma(2, 1, n), "g": draw.choice(list("uvw"), n), "off": draw.normal(0, 0.1, n)})
    frame["k"] = draw.integers(1, 4, n) * 1.0
    frame["chance"] = (draw.random(n) < 1 / (1 + np.exp(2 - 0.6 * frame["a"]))) * 1.0
    frame["count"] = draw.poisson(1 + 0.3 * frame["b"])
    return frame


def response(rows, family):
    return rows.assign(y=rows["chance"] if family == "binomial" else rows["count"])


def slopes(fit, data, weight, offset):
    """The derivatives of −log-likelihood − ½ log det I at a fit, by differences of fourth order, over standard errors."""
    x = np.column_stack([np.ones(len(data)), data["a"], data["b"], data["g"] == "v", data["g"] == "w"])
    coef = fit.params[["Intercept", "a", "b", "C(g)[T.v]", "C(g)[T.w]"]].to_numpy()

    def objective(at):
        eta = x @ at + offset
        curve = weight * fit.loss.derivatives(eta, data["y"].to_numpy(float), np).expected
        return weight @ fit.loss.value(eta, data["y"].to_numpy(float), np) - 0.5 * np.linalg.slogdet((x.T * curve) @ x)[1], (x.T * curve) @ x

    def slope(j):
        move = 1e-3 * np.sqrt(np.diag(np.linalg.inv(objective(coef)[1])))[j] * np.eye(5)[j]
        two_below, below, above, two_above = (objective(coef + i * move)[0] for i in (-2, -1, 1, 2))
        return (8 * (above - below) - (two_above - two_below)) / 12e-3

    return np.array([slope(j) for j in range(5)])


@pytest.mark.parametrize("case", CASES)
def test_the_penalised_likelihood_is_at_its_maximum(rows, case):
    family, link = CASES[case]
    data = response(rows, family)
    fit = sm.glm(FORMULA, [data[::2], data[1::2]], family, link, firth=True, weights="k", weight_kind="frequency", offset="off")
    assert np.abs(slopes(fit, data, data["k"].to_numpy(), data["off"].to_numpy())).max() < 2e-9  # rounding of an objective of some hundreds
    assert fit.certificate.relative < 1e-10 and fit.outcome is sm.Outcome.FIRTH
    plain = sm.glm(FORMULA, data, family, link, weights="k", weight_kind="frequency", offset="off")
    moved = np.abs(fit.params - plain.params).max()
    assert moved < 1e-10 if case == "poisson sqrt" else moved > 1e-4 and fit.llf < plain.llf  # counts under a square root have the same information anywhere
    assert fit.null_deviance == pytest.approx(plain.null_deviance, rel=1e-9)


@pytest.mark.parametrize(("kind", "parts"), [("complete", 3), ("quasi", 5), pytest.param("quasi", 64, marks=pytest.mark.slow), ("one rare", 4)], ids=str)
def test_separated_outcomes_have_finite_estimates(rows, kind, parts):
    data = rows.assign(rare=1.0 * (np.arange(len(rows)) % 40 == 7))
    rare = np.where(data["rare"] == 1, 0.0, data["chance"])
    data["y"] = {"complete": 1.0 * (data["a"] > 3.1), "quasi": rare, "one rare": 1.0 * (np.arange(len(rows)) == 9)}[kind]
    whole = sm.glm("y ~ a + rare", data, "binomial", firth=True)
    assert whole.outcome is sm.Outcome.FIRTH and np.isfinite(whole.bse).all() and np.abs(whole.params).max() < 300
    ordered = data.sort_values("y")
    cut = [ordered[:0], *(ordered.iloc[some] for some in np.array_split(np.arange(len(data)), parts))]
    fit = sm.glm("y ~ a + rare", cut, "binomial", firth=True, prefer="rounds")
    np.testing.assert_allclose(fit.params, whole.params, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(fit.bse, whole.bse, rtol=1e-8)


def test_the_summary_says_so_and_a_saved_fit_too(rows, tmp_path):
    fit = sm.glm("chance ~ a", rows, "binomial", firth=True)
    fit.save(tmp_path / "fit.json")
    text = sm.load(tmp_path / "fit.json").summary()
    assert text == fit.summary() and "under Jeffreys' prior (Firth's method)" in text and f"{fit.penalised_llf:.4f}" in text
    half = 0.5 * np.log(np.linalg.det(np.linalg.inv(fit.cov_params())))
    assert fit.penalised_llf == pytest.approx(fit.llf + half, rel=1e-12)


def test_a_round_is_a_step(rows):
    fit = sm.glm("chance ~ a + b", rows, "binomial", firth=True)
    kinds = [line.measure for line in fit.ledger.fitting]
    assert kinds[0] == "Working" and set(kinds[1:-1]) == {"Jeffreys"} and kinds[-1] == "Curvature" and len(kinds) <= 8
    assert fit.ledger.fitting[2].numbers == 1 + 3 + 2 * 6 + 10


def test_derivatives_of_the_information():
    eta = np.linspace(-4, 4, 41)
    mu = 1 / (1 + np.exp(-eta))
    first, second = loss("binomial").bends(eta, 1.0 * (eta > 0), np)
    curve = mu * (1 - mu)
    np.testing.assert_allclose(first, curve * (1 - 2 * mu), atol=1e-12)
    np.testing.assert_allclose(second, curve * (1 - 6 * curve), atol=1e-8)


@pytest.mark.parametrize(
    ("family", "options", "sentence"),
    [
        ("gamma", {}, "firth=True is for families of known scale, and gamma is none"),
        ("binomial", {"alpha": 0.1}, "firth=True is a penalty of its own, and alpha another"),
        ("binomial", {"solver": "lbfgs"}, "firth=True takes Newton's steps, not those of lbfgs"),
        ("negative_binomial", {}, "firth=True needs the alpha of a negative binomial, and here it is to be estimated"),
    ],
)
def test_what_does_not_go_with_it_is_refused(rows, family, options, sentence):
    with pytest.raises(sm.Unsupported, match=sentence):
        sm.glm("count ~ a", rows, family, firth=True, **options)


def test_too_wide_a_design_is_refused(rows):
    design = Design((), (Constant(), Block("X", (0.0,) * 200)), (("y", Numeric("y")),))
    problem = Problem(design, loss("binomial"), np.arange(201), np.zeros((201, 201)), 9.0, np.eye(201), np.zeros((0, 0)))
    with pytest.raises(sm.Unsupported, match="sums third derivatives, and 201 columns have too many"):
        next(firth(problem, np.zeros((201, 1)), 9))
    with pytest.raises(sm.Unsupported, match="belongs to Firth's method"):
        sm.glm("chance ~ a", rows, "binomial").penalised_llf  # noqa: B018
