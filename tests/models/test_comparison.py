"""What the ways to a model cost, told beforehand: the numbers are those that the ledger measures afterwards."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import summable as sm
from summable.maths.losses import loss
from summable.solvers import choose


@pytest.fixture(scope="module")
def rows():
    draw, n = np.random.default_rng(2), 400
    frame = pd.DataFrame(draw.normal(size=(n, 4)), columns=list("abcd"))
    frame["g"], frame["off"] = draw.choice(list("uvw"), n), draw.normal(0, 0.1, n)
    frame["y"] = (draw.random(n) < 1 / (1 + np.exp(-frame["a"]))) * 1.0
    return frame


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "link", "options"),
    [
        ("binomial", None, {"prefer": "rounds"}),
        ("binomial", "probit", {"prefer": "rounds", "offset": "off"}),
        ("poisson", None, {}),
        ("gaussian", None, {}),
        ("binomial", None, {"solver": "lbfgs", "offset": "off"}),
        ("binomial", None, {"solver": "gradient", "alpha": 1.0}),
        ("binomial", None, {"firth": True}),
        ("negative_binomial", None, {}),
    ],
)
def test_what_was_foretold_is_what_came(rows, family, link, options):
    data = rows.assign(y=np.random.default_rng(0).poisson(rows["d"] ** 2)) if family == "negative_binomial" else rows
    fit = sm.glm("y ~ a + b + C(g) + bs(c, df=5)", [data[::2], data[1::2]], family, link, **options)
    assert len(fit.ledger.fitting) > 1 and all(line.foretold == line.up for line in fit.ledger.fitting)
    assert all(line.foretold is None for line in fit.ledger.rounds if line.learns_design)
    assert "foretold" in fit.summary()


@pytest.mark.parametrize("link", [None, "probit"])
def test_the_numbers_of_each_way_are_those_of_its_rounds(rows, link):
    """In a comparison rounds have names and sizes without any design: they are those of a real one."""
    formula, data, chosen = "y ~ a + b + c + d", [rows[::2], rows[1::2]], loss("binomial", link)
    found = {solver: sm.glm(formula, data, "binomial", link, solver=solver).ledger.fitting for solver in ("newton", "lbfgs", "gradient")}
    few = sm.glm(formula, data, "binomial", link, prefer="rounds").ledger.fitting
    assert found["newton"][0].numbers == choose.working(5).up and few[0].numbers == choose.local(5).up
    assert few[1].numbers == choose.curvature(chosen, 5, points=3, steps=0, levels=1, third=True).up
    assert few[2].numbers == choose.curvature(chosen, 5, third=True).up
    assert found["newton"][2].numbers in (choose.curvature(chosen, 5).up, choose.curvature(chosen, 5, steps=0).up)  # with values along a line, or none
    assert found["lbfgs"][2].numbers == choose.slope(5, 1).up and found["gradient"][2].numbers == choose.slope(5, 1, steps=0).up
    for line, way in ((few[2], choose.curvature(chosen, 5, third=True)), (found["gradient"][2], choose.slope(5, 1, steps=0))):
        assert 0 <= line.down - 8 * way.down <= choose.HEADER
    assert sm.ols(formula, data).ledger.fitting[0].numbers == choose.gram(5).up


def test_the_textbook_exercise_by_hand():
    """K = 1000 parts in a star: after how many rounds of 2 (d + …) numbers does gradient descent take as long as one of d²/2?"""
    wire, d, k = sm.Network("by hand", 0.01, 1e6, "star"), 50, 1000
    told = sm.cost("binomial", width=d, parts=k, rows=1, network=wire)
    once = 0.02 + k * (8 * (d * (d + 1) / 2 + d + 4) + choose.HEADER) / 1e6
    again = 0.02 + k * (8 * (2 * d + 1) + choose.HEADER) / 1e6
    assert told["least squares"].seconds == pytest.approx(once, rel=1e-4) and told["gradient descent"].again == pytest.approx(again, rel=1e-4)
    assert told["gradient descent"].overtakes(told["least squares"]) == pytest.approx(once / again, rel=1e-4)
    latency_rules = sm.cost("binomial", width=d, parts=k, rows=1, network=sm.Network("far", 1e3, 1e6, "star"))
    assert latency_rules["gradient descent"].overtakes(latency_rules["least squares"]) == pytest.approx(1.0, abs=0.01)
    bytes_rule = sm.cost("binomial", width=2000, parts=k, rows=1, network=sm.Network("thin", 0.0, 1.0, "star"))
    assert bytes_rule["gradient descent"].overtakes(bytes_rule["least squares"]) == pytest.approx(2000 / 4, rel=0.05)  # (d²/2) / 2d


def test_costs_rise_with_what_there_is_to_do():
    base = {"width": 30, "parts": 40, "rows": 1e6, "network": "datacentre"}
    told = sm.cost("poisson", **base)
    for more in ({"width": 60}, {"parts": 400, "network": "internet"}, {"rows": 1e8}, {"network": "internet"}):
        dearer = sm.cost("poisson", **base | more)
        assert all(dearer[one.name].seconds > one.seconds for one in told.contenders if one.name != "stochastic gradient"), more
    assert sm.cost("poisson", **base, rounds={"L-BFGS": 200})["L-BFGS"].rounds == 200
    assert sm.cost("binomial", "probit", **base)["Newton"].nbytes > told["Newton"].nbytes  # two informations
    assert "Newton, few rounds" not in str(sm.cost("poisson", width=100)) and sm.cost("gaussian", width=9)["Newton"].rounds == 2
    assert sm.cost("negative_binomial", width=9).loss.name == "negative_binomial with log link"


def test_the_page_has_a_line_for_each_way():
    page = str(sm.cost("binomial", width=12, parts=1000, rows=1e9, network="internet"))
    for word in (
        "1,000 parts",
        "internet, a star: 0.02 s, 12.5 MB/s",
        "L-BFGS",
        "gradient descent",
        "stochastic gradient",
        "R*, Newton",
        "solver would be newton",
    ):
        assert word in page


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"width": 0}, "a model of 0 columns, 1 parts"),
        ({"width": 3, "rows": 0}, "and 0 rows is none"),
        ({"width": 3, "rounds": {"luck": 1}}, "rounds are given for 'luck'. Give one or more for any of least squares, Newton"),
        ({"width": 3, "network": "string"}, "network='string' is not known. Choose from machine, rack, datacentre, internet"),
        ({"width": 3, "family": "cauchy"}, "family='cauchy' is not known"),
    ],
)
def test_what_has_no_cost_is_refused(options, sentence):
    with pytest.raises(sm.Unsupported, match=sentence):
        sm.cost(**options)
    with pytest.raises(sm.Unsupported, match="there is no way called 'walking'"):
        sm.cost(width=3)["walking"]
