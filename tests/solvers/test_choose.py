"""Which solver answers, why, and that the textbook's algorithms lead to the same fit from the front door."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import summable as sm
from summable.core.design import Block, Coding, Constant, Design, Numeric
from summable.maths.losses import loss
from summable.maths.network import NETWORKS
from summable.solvers.choose import choose
from summable.solvers.start import opening_of

LOGISTIC = loss("binomial")


@pytest.mark.parametrize(
    ("width", "network", "parts", "expected"),
    [
        (10, "machine", 4, "newton"),
        (1000, "machine", 4, "newton"),
        (19_000, "machine", 4, "lbfgs"),
        (300, "internet", 40, "newton"),
        (3000, "internet", 40, "lbfgs"),
    ],
)
def test_newton_unless_the_design_is_very_wide(width, network, parts, expected):
    choice = choose(LOGISTIC, width, NETWORKS[network], parts, 1e6)
    assert choice.solver == expected and f"5 Hessians of {width} columns should take" in choice.because
    asked = choose(LOGISTIC, width, NETWORKS[network], parts, 1e6, "gradient")
    assert asked.solver == "gradient" and asked.because == "it was asked for"
    assert choose(loss("gaussian"), width, NETWORKS[network], parts, 1e6).because == "one step of it is the answer"


def test_a_design_whose_products_nobody_can_send_is_refused():
    wide = Design((), (Constant(), Block("X", (0.0,) * 2**15)), (("y", Numeric("y")),))
    none = np.zeros(0, np.int64)
    with pytest.raises(sm.Unsupported, match="X'X of 32,769 features takes 9 GB, and the most that is formed is of 32,768"):
        next(opening_of(wide, Coding((), none, none, none, np.zeros(0), np.zeros(0, bool)), LOGISTIC, "time"))


@pytest.fixture(scope="module")
def rows():
    draw, n = np.random.default_rng(3), 900
    frame = pd.DataFrame({"a": draw.normal(2, 1, n), "b": draw.normal(size=n), "off": draw.normal(0, 0.3, n), "w": draw.integers(0, 4, n) * 1.0})
    frame["twice"] = 2 * frame["a"]
    frame["y"] = (draw.random(n) < 1 / (1 + np.exp(1 - frame["a"] + frame["off"]))) * 1.0
    frame["count"] = draw.poisson(np.exp(0.3 * frame["a"] + frame["off"]))
    return frame


@pytest.mark.parametrize("solver", ["lbfgs", "gradient"])
@pytest.mark.parametrize(
    ("y", "family", "link"), [("y", "binomial", None), ("y", "binomial", "probit"), ("count", "poisson", None), ("count", "poisson", "identity")]
)
def test_textbook_algorithms_lead_to_the_same_fit(rows, solver, y, family, link):
    options = {"weights": "w", "offset": None if link == "identity" else "off"}
    fit = sm.glm(f"{y} ~ a + b", [rows[::2], rows[1::2]], family, link, solver=solver, **options)
    exact = sm.glm(f"{y} ~ a + b", rows, family, link, **options)
    assert fit.outcome is sm.Outcome.DESCENDED and fit.solver.solver == solver and f"Solver {solver}: it was asked for" in fit.summary()
    np.testing.assert_allclose(fit.params, exact.params, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(fit.bse, exact.bse, rtol=1e-4)  # the Hessian is that of the last point, not carried along the last step
    for name in ("deviance", "null_deviance", "llf"):
        assert getattr(fit, name) == pytest.approx(getattr(exact, name), rel=1e-9), name
    kinds = [line.measure for line in fit.ledger.fitting]
    openings = 2 if (family, link) == ("poisson", None) else 1  # of counts, the mean alone comes first
    assert kinds[:openings] == ["Working"] * openings and set(kinds[openings:]) == {"Slope", "Curvature"} and kinds.count("Slope") > len(exact.ledger.fitting)


def test_aliased_columns_are_left_out_there_too(rows):
    with pytest.warns(sm.SummableWarning, match="Aliased with columns before them, so without coefficients: twice"):
        fit = sm.glm("y ~ a + twice + b", rows, "binomial", solver="lbfgs")
    np.testing.assert_allclose(fit.params.drop("twice"), sm.glm("y ~ a + b", rows, "binomial").params, rtol=1e-8, atol=1e-9)


def test_separated_outcomes_are_no_answer_of_lbfgs(rows):
    with pytest.warns(sm.SummableWarning, match="separates? the outcomes"):
        fit = sm.glm("y ~ a", rows.assign(y=1.0 * (rows["a"] > 2.2)), "binomial", solver="lbfgs")
    assert fit.outcome is sm.Outcome.SEPARATED


def test_rounds_that_are_not_enough_are_told(rows):
    with pytest.warns(sm.SummableWarning, match="The rounds were used up before the answer was near"):
        fit = sm.glm("y ~ a + b", rows, "binomial", solver="gradient", max_rounds=5)
    assert [line.measure for line in fit.ledger.fitting].count("Slope") == 5
    with pytest.raises(sm.Unsupported, match="solver='magic' is not known"):
        sm.glm("y ~ a + b", rows, "binomial", solver="magic")


def test_a_ridge_penalty_goes_with_every_solver(rows):
    found = [sm.glm("y ~ a + b", rows, "binomial", alpha=0.3, solver=solver).params for solver in ("newton", "lbfgs", "gradient")]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-7)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-6)


def test_the_summary_foretells_the_wire(rows):
    fit = sm.glm("y ~ a", [rows[::3], rows[1::3], rows[2::3]], "binomial", network="internet")
    wire = NETWORKS["internet"]
    seconds = sum(wire.seconds(3, line.down, line.up) for line in fit.ledger.fitting)
    assert f"{seconds:.2g} s for all that fit" in fit.summary() and "internet, a star" in fit.summary()
    assert "wire" not in sm.glm("y ~ a", rows, "binomial").summary()
    with pytest.raises(sm.Unsupported, match="network='string' is not known"):
        sm.glm("y ~ a", rows, "binomial", network="string")
