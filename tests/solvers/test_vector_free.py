"""L-BFGS by inner products finds what Newton's method would, of designs whose coefficients may lie in slices."""

from __future__ import annotations

import numpy as np
import pytest

import summable as sm
from summable.core.design import Design
from summable.solvers.conjugate import Normal
from summable.solvers.lbfgs import two_loops
from summable.solvers.vector_free import History, direction, known


def drawn(n, p, targets=2, far=0.0):
    """Columns of unlike spreads, far from zero if so asked, and predictors that are moderate whatever these are."""
    draw = np.random.default_rng(n + p)
    z = draw.normal(size=(n, p))
    return z * np.exp(1.5 * draw.normal(size=p)) + far, z @ draw.normal(size=(p, targets)) / np.sqrt(p)


def test_two_loops_over_inner_products_are_those_over_vectors():
    draw = np.random.default_rng(0)
    root = draw.normal(size=(12, 12))
    steps = [draw.normal(size=(12, 1)) for _ in range(4)]
    changes, gradient = [root @ root.T @ step for step in steps], draw.normal(size=(12, 1))
    normal = Normal(Design(()), np.zeros((12, 1)), np.zeros((12, 1)))
    history = History()
    for count in range(5):
        history = History(tuple(steps[:count]), tuple(changes[:count]), history.met, history.squares)
        asked = known(normal, history, type("Spot", (), {"gradient": gradient})())
        question = next(asked)
        with pytest.raises(StopIteration) as end:
            asked.send(question())
        history, with_gradient = end.value.value
    pairs = [(step[:, 0], change[:, 0]) for step, change in zip(steps, changes, strict=True)]
    last = float(pairs[-1][0] @ pairs[-1][1] / (pairs[-1][1] @ pairs[-1][1]))
    found = np.hstack([*steps, *changes, gradient]) @ direction(history, with_gradient)
    np.testing.assert_allclose(found, -two_loops(pairs, lambda left: last * left, gradient[:, 0]), rtol=1e-10)


@pytest.mark.parametrize("far", [0.0, 1e3])
def test_logistic_models_of_several_targets(far):
    x, eta = drawn(600, 12, far=far)
    y = (eta + np.random.default_rng(1).logistic(size=eta.shape) > 0).astype(float)
    for alpha, strength in ((0.0, np.inf), (2.0, 0.5)):
        fit = sm.train(x, y, family="binomial", method="lbfgs", alpha=alpha)
        assert fit.converged and fit.residual <= 1e-8 and len(fit.losses) < 60
        for target in range(2):
            exact = sm.LogisticRegression(C=strength).fit(x, y[:, target])
            scale = np.abs(exact.coef_[0] * x.std(axis=0)).max()
            np.testing.assert_allclose(fit.coef[target] * x.std(axis=0), exact.coef_[0] * x.std(axis=0), atol=1e-6 * scale)
            np.testing.assert_allclose(x @ fit.coef[target] + fit.intercept[target], exact.decision_function(x), atol=1e-5)
        assert (np.diff(fit.losses) <= 1e-12).all()


def test_counts_and_weights_like_newtons_method():
    x, eta = drawn(500, 5, 1)
    y, times = np.random.default_rng(2).poisson(np.exp(eta[:, 0] + 1.0)).astype(float), np.arange(500) % 3
    fit = sm.train(x, y, family="poisson", method="lbfgs", weights=times)
    table = {**{f"x{i}": x[:, i] for i in range(5)}, "y": y, "times": times.astype(float)}
    exact = sm.glm("y ~ x0 + x1 + x2 + x3 + x4", table, "poisson", weights="times")
    np.testing.assert_allclose(np.append(fit.intercept, fit.coef), exact.params, rtol=1e-6)


@pytest.mark.parametrize(("n", "p"), [(300, 20), (50, 400)])
def test_least_squares_are_those_of_conjugate_gradients(n, p):
    x, eta = drawn(n, p, 3, far=2.0)
    y = eta + np.random.default_rng(3).normal(size=eta.shape)
    ours, theirs = (sm.train(x, y, method=method, alpha=1.0, tolerance=1e-11) for method in ("lbfgs", "cg"))
    np.testing.assert_allclose(x @ ours.coef.T + ours.intercept, x @ theirs.coef.T + theirs.intercept, atol=1e-6)
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-7)


def test_a_step_too_far_is_taken_shorter():
    x, y = np.array([[-1.0], [0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 30.0, 800.0])
    seen = []
    fit = sm.train(x, y, family="poisson", method="lbfgs", watch=lambda step, loss: seen.append(loss))
    exact = sm.PoissonRegressor(alpha=0.0, tol=1e-10).fit(x, y)
    np.testing.assert_allclose(fit.coef[0], exact.coef_, rtol=1e-6)
    slopes = sum(line.measure == "Slopes" for line in fit.ledger.rounds)
    assert slopes > len(seen) + 1, "some steps were tried in vain"
    assert seen == sorted(seen, reverse=True) and len(seen) == len(fit.losses)


def test_inner_products_are_no_rounds_where_coefficients_are_whole():
    x, eta = drawn(300, 20, 1)
    fit = sm.train(x, eta, method="lbfgs")
    assert {line.measure for line in fit.ledger.rounds} == {"Spread", "Slopes"}


def test_what_does_not_converge_says_so():
    x, eta = drawn(300, 20, 1)
    y = (eta + np.random.default_rng(1).logistic(size=eta.shape) > 0).astype(float)
    with pytest.warns(sm.SummableWarning, match=r"L-BFGS stopped after 3 steps with a residual of .*, and 1.0e-08 was asked for"):
        fit = sm.train(x, y, family="binomial", method="lbfgs", steps=3)
    assert not fit.converged and fit.residual > 1e-8 and len(fit.losses) == 3


def test_a_constant_y_has_no_slope():
    fit = sm.train(np.arange(40.0)[:, None], np.full(40, 7.0), method="lbfgs", start=(np.zeros((1, 1)), np.full(1, 7.0)))
    assert fit.converged and fit.coef == 0.0 and fit.intercept == 7.0 and len(fit.losses) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 10}, "steps of L-BFGS look at all rows, and keep no checkpoint"),
        ({"split": "features"}, "split='features' needs a mesh"),
        ({"start": (np.full((1, 20), 1e200), np.zeros(1))}, "the loss is not finite where the steps begin"),
        ({"weights": np.zeros(300)}, "no row is left to fit"),
    ],
)
def test_bad_input_ends_in_one_sentence(options, message):
    x, eta = drawn(300, 20, 1)
    with pytest.raises(sm.SummableError, match=message):
        sm.train(x, eta, **{"method": "lbfgs", **options})
