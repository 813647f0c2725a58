"""The solvers driven by hand: how many rounds, of how many numbers, and to which point."""

from __future__ import annotations

import numpy as np
import pytest

import summable as sm
from summable.core.design import Block, Coding, Column, Constant, Design, Numeric, Product
from summable.engines.threads import Threads
from summable.maths.linalg import symmetric_cube
from summable.maths.losses import loss
from summable.measures.curvature import Curvature
from summable.measures.local import Local
from summable.measures.slope import Slope
from summable.measures.working import Working
from summable.solvers.generalized import Plan, generalized
from summable.solvers.gradient import gradient
from summable.solvers.lbfgs import lbfgs
from summable.solvers.newton import newton
from summable.solvers.problem import Problem
from summable.solvers.start import opening_of
from summable.sources import arrays, matrix

LOGISTIC = loss("binomial")
DESIGN = Design(tuple(map(Column, "aby")), (Constant(), Product((Numeric("a", 0.5),)), Product((Numeric("b"),))), (("y", Numeric("y")),))
CODING = Coding(("1", "a", "b"), np.arange(3), np.arange(3), np.arange(3), np.ones(3), np.zeros(3, bool))


@pytest.fixture(scope="module")
def parts():
    draw, found = np.random.default_rng(2), []
    for _ in range(8):
        a, b = draw.normal(size=(2, 500))
        found += arrays.shards({"a": a, "b": b, "y": (draw.random(500) < 1 / (1 + np.exp(0.3 - a + 0.5 * b))) * 1.0})
    return Threads(found)


def fit(parts, prefer, chosen=LOGISTIC):
    def program():
        opening = yield from opening_of(DESIGN, CODING, chosen, prefer)
        return (yield from generalized(DESIGN, CODING, chosen, Plan(prefer), opening))

    return sm.run(program(), parts)


def test_few_rounds_are_two(parts):
    solution, ledger = fit(parts, "rounds")
    assert [line.measure for line in ledger.rounds][:2] == ["Local", "Curvature"] and len(ledger.rounds) <= 3
    total = Threads(parts.shards).sum(Curvature(DESIGN, LOGISTIC, solution.coef[:, None], np.zeros((3, 0)), np.zeros(0)))
    assert np.abs(total.gradient).max() < 1e-8 * 4000
    assert solution.optimum.certificate.relative < 1e-10


def test_the_numbers_sent_are_those_promised(parts):
    _, ledger = fit(parts, "rounds")
    local, second = ledger.rounds[:2]
    p, points = 3, 3
    assert local.numbers == p * (p + 1) + 4 * p + 12 - 2 * p + 2
    cube = p * (p + 1) * (p + 2) // 6
    assert second.numbers == points * (1 + p + p * (p + 1) // 2 + 1 + p) + cube + 3 + 1


def test_time_starts_from_least_squares(parts):
    solution, ledger = fit(parts, "time")
    assert ledger.rounds[0].measure == "Working" and {line.measure for line in ledger.rounds[1:]} == {"Curvature"}
    np.testing.assert_allclose(solution.coef, fit(parts, "rounds")[0].coef, rtol=1e-10)


def test_a_quadratic_loss_needs_its_start_and_one_look(parts):
    _, ledger = fit(parts, "rounds", loss("gaussian"))
    assert [line.measure for line in ledger.rounds] == ["Working", "Curvature"]


def problem(parts):
    opening = parts.sum(Working(DESIGN, LOGISTIC))
    return Problem(DESIGN, LOGISTIC, np.arange(3), np.zeros((3, 3)), 4000.0, opening.square / opening.xx[0], np.zeros((0, 0)))


def test_gradient_methods_reach_the_same_point_in_more_rounds(parts):
    exact, ledger = fit(parts, "rounds")
    (coef, done), slow = sm.run(lbfgs(problem(parts), np.zeros(3)), parts)
    assert done and len(slow.rounds) > len(ledger.rounds)
    np.testing.assert_allclose(coef, exact.coef, rtol=1e-6)
    (coef, done), slower = sm.run(gradient(problem(parts), np.zeros(3), 3.0), parts)
    assert done and len(slower.rounds) > len(slow.rounds)
    np.testing.assert_allclose(coef, exact.coef, atol=1e-4)
    assert {line.measure for line in [*slow.rounds, *slower.rounds]} == {"Slope"}
    assert sm.run(gradient(problem(parts), np.zeros(3), 1e-9, max_rounds=3), parts)[0][1] is False


def test_the_corrected_combination_is_nearer_than_the_average(parts):
    exact = fit(parts, "time")[0].coef
    total = parts.sum(Local(DESIGN, LOGISTIC, np.arange(3)))
    assert total.fitted == total.whole == 8
    corrected, average = np.linalg.solve(total.hessian_square, total.vector), total.plain / 8
    assert np.linalg.norm(corrected - exact) < 0.5 * np.linalg.norm(average - exact)


@pytest.mark.parametrize("chosen", [LOGISTIC, loss("poisson"), loss("gamma", "log")], ids=lambda one: one.name)
def test_third_derivatives_are_those_of_the_hessian(chosen):
    draw = np.random.default_rng(1)
    x, y = draw.normal(size=(400, 2)), draw.integers(0, 2, 400) + (0.5 if chosen.family.name == "gamma" else 0.0)
    at, step, none = np.array([0.1, 0.3, -0.2]), 1e-4, np.zeros((3, 0))
    block = Design((), (Constant(), Block("X", (0.5, 0.0))), (("y", Numeric("y")),))
    for shard, design in ((arrays.shards({"a": x[:, 0], "b": x[:, 1], "y": y})[0], DESIGN), (matrix.shards(x, y[:, None])[0], block)):
        one = Threads([shard])
        cube = symmetric_cube(one.sum(Curvature(design, chosen, at[:, None], none, np.zeros(0), True)).third[:, 0], 3)
        for j in range(3):
            move = step * np.eye(3)[:, [j]]
            ends = [one.sum(Curvature(design, chosen, at[:, None] + sign * move, none, np.zeros(0))).hessian[:, 0] for sign in (1, -1)]
            np.testing.assert_allclose(cube[j][np.triu_indices(3)], (ends[0] - ends[1]) / (2 * step), rtol=1e-4, atol=1e-3)


def test_a_gradient_is_that_of_the_curvature(parts):
    at = np.array([0.2, -0.1, 0.4])
    tangent = parts.sum(Slope(DESIGN, LOGISTIC, at, 2 * at[:, None]))
    total = parts.sum(Curvature(DESIGN, LOGISTIC, at[:, None], 2 * at[:, None], np.zeros(0)))
    np.testing.assert_allclose(tangent.gradient, total.gradient[:, 0], rtol=1e-12)
    np.testing.assert_allclose([tangent.value, *tangent.line], [*total.value, *total.line], rtol=1e-13)


@pytest.mark.parametrize("rounds", [2, 3])
def test_the_proved_distance_holds(parts, rounds):
    """Stopped early or not, the optimum lies no further than the certificate says, and that is no idle bound."""
    exact = fit(parts, "time")[0]
    opening = parts.sum(Local(DESIGN, LOGISTIC, np.arange(3)))
    metric, start = opening.hessian_square, exact.coef + np.array([0.02, -0.01, 0.01])
    one = Problem(DESIGN, LOGISTIC, np.arange(3), np.zeros((3, 3)), 4000.0, opening.square / opening.xx[0], metric)
    level = float(np.log(opening.total / (opening.trials - opening.total)))
    found = sm.run(newton(one, start[:, None], level, third=rounds == 2, exact_curve=False), parts)[0]
    distance = float(np.sqrt((found.coef - exact.coef) @ metric @ (found.coef - exact.coef)))
    assert distance <= 1.01 * found.certificate.bound + 1e-9 and found.certificate.bound < 0.05


@pytest.fixture(scope="module")
def wide():
    draw = np.random.default_rng(8)
    x = draw.exponential(size=(6000, 45))
    return x, (draw.random(6000) < 1 / (1 + np.exp(1.5 - x @ draw.normal(0, 0.3, 45)))) * 1


def test_gradients_finish_what_hessians_began(wide, monkeypatch):
    x, y = wide
    found = sm.LogisticRegression(C=np.inf).fit(x, y)
    kinds = [line.measure for line in found.ledger_.rounds]
    assert kinds[-1] == "Slope" and "Curvature" in kinds
    monkeypatch.setattr("summable.solvers.chord.CHEAP", 10**9)
    plain = sm.LogisticRegression(C=np.inf).fit(x, y)
    assert [line.measure for line in plain.ledger_.rounds].count("Curvature") > kinds.count("Curvature")
    np.testing.assert_allclose(found.coef_, plain.coef_, rtol=1e-8, atol=1e-10)


def test_standard_errors_are_of_a_hessian_at_the_end(wide, monkeypatch):
    x, y = wide
    table = {f"x{j}": column for j, column in enumerate(x.T)} | {"y": y}
    formula = f"y ~ {' + '.join(list(table)[:-1])}"
    found = sm.glm(formula, table, family="binomial")
    kinds = [line.measure for line in found.ledger.rounds]
    assert kinds[-2:] == ["Slope", "Curvature"]
    with monkeypatch.context() as closer:
        closer.setattr("summable.solvers.newton.SHORT", 3e-11)
        before = [line.measure for line in sm.glm(formula, table, family="binomial").ledger.rounds]
    assert (kinds.count("Slope"), kinds.count("Curvature")) == (before.count("Slope") - 1, before.count("Curvature")), "what a Hessian follows need not be near"
    monkeypatch.setattr("summable.solvers.chord.CHEAP", 10**9)
    plain = sm.glm(formula, table, family="binomial")
    np.testing.assert_allclose(found.bse, plain.bse, rtol=1e-8)
    np.testing.assert_allclose(found.params, plain.params, rtol=1e-9, atol=1e-11)
    few = sm.glm(formula, table, family="binomial", prefer="rounds")
    assert "Slope" not in [line.measure for line in few.ledger.rounds] and len(few.ledger.fitting) <= len(plain.ledger.fitting)
    assert found.deviance == pytest.approx(plain.deviance, rel=1e-12) and found.pearson_chi2 == pytest.approx(plain.pearson_chi2, rel=1e-9)
