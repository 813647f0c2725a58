"""Conjugate gradients find what X'X would, of designs that have none."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import summable as sm


def drawn(n, p, q, spread=2.0, far=0.0):
    draw = np.random.default_rng(n + p)
    x = draw.normal(size=(n, p)) * np.exp(spread * draw.normal(size=p)) + far
    return x, x @ draw.normal(size=(p, q)) / p + draw.normal(size=(n, q)) + 5.0


@pytest.mark.parametrize(("n", "p", "alpha", "far"), [(300, 20, 0.0, 0.0), (300, 20, 1.0, 1e3), (50, 400, 1.0, 3.0), (50, 400, 1e-3, 0.0)])
def test_it_is_ridge(n, p, alpha, far):
    x, y = drawn(n, p, 3, far=far)
    fit = sm.train(x, y, method="cg", alpha=alpha)
    exact = sm.Ridge(alpha=alpha).fit(x, y) if alpha else sm.LinearRegression().fit(x, y)
    np.testing.assert_allclose(fit.coef, exact.coef_, atol=3e-9 * np.abs(exact.coef_).max())
    np.testing.assert_allclose(fit.predict(x), exact.predict(x), atol=1e-8)
    assert fit.converged and fit.residual <= 1e-10
    np.testing.assert_allclose(fit.loss, ((y - exact.predict(x)) ** 2).mean(), rtol=1e-6, atol=1e-12)
    assert (np.diff(fit.losses) <= 1e-9 * fit.losses[0]).all() and len(fit.losses) < 100


@pytest.mark.parametrize(("n", "p", "alpha"), [(50, 400, 1e-3), (100, 300, 1e-6), (200, 200, 1e-4)])
def test_steps_are_as_many_as_the_rank_at_most_however_the_columns_spread(n, p, alpha):
    x, y = drawn(n, p, 3)
    fit = sm.train(x, y, method="cg", alpha=alpha)
    assert fit.converged and len(fit.losses) <= n + 2  # without memory of earlier residuals, 101, 326 and more than 1000


@pytest.mark.parametrize("room", [0, 5, 20])
def test_where_some_residuals_are_remembered_alone_steps_are_more_and_no_worse(room, monkeypatch):
    x, y = drawn(50, 400, 3)
    monkeypatch.setattr("summable.solvers.conjugate.REMEMBERED", room * 401 * 3)
    fit, exact = sm.train(x, y, method="cg", alpha=1e-3), sm.Ridge(alpha=1e-3).fit(x, y)
    np.testing.assert_allclose(fit.coef, exact.coef_, atol=3e-9 * np.abs(exact.coef_).max())  # as where all are
    assert fit.converged and len(fit.losses) > 50


def test_the_residual_that_is_told_is_that_of_the_rows():
    x, y = drawn(300, 20, 2)
    fit = sm.train(x, y, method="cg", alpha=2.0, tolerance=1e-4)
    about = x - x.mean(axis=0)
    scale = (about**2).sum(axis=0)[:, None] + 2.0

    def left(coef):
        residual = about.T @ (y - y.mean(axis=0) - about @ coef) - 2.0 * coef
        return (residual**2 / scale).sum(axis=0)

    assert fit.residual == pytest.approx(np.sqrt((left(fit.coef.T) / left(np.zeros((20, 2)))).max()), rel=1e-6)
    assert 1e-8 < fit.residual <= 1e-4


def test_without_a_penalty_the_shortest_of_many_solutions_is_found():
    x, y = drawn(30, 100, 1, spread=0.0)
    fit, exact = sm.train(x, y, method="cg"), sm.LinearRegression().fit(x, y)
    np.testing.assert_allclose(fit.coef, exact.coef_, atol=1e-9)
    assert fit.loss < 1e-18


def test_weights_files_sparse_matrices_and_a_start(tmp_path):
    x, y = drawn(200, 5, 1, spread=0.5)
    times = np.arange(200) % 3
    whole = sm.train(np.repeat(x, times, axis=0), np.repeat(y, times, axis=0), method="cg", alpha=0.3)
    close = {"rtol": 1e-8}
    np.testing.assert_allclose(sm.train(x, y, weights=times, method="cg", alpha=0.3).coef, whole.coef, **close)
    np.testing.assert_allclose(sm.train(sp.csr_array(x), y, weights=times, method="cg", alpha=0.3).coef, whole.coef, **close)
    data = {**{f"x{i}": x[:, i] for i in range(5)}, "y": y[:, 0], "w": times.astype(float)}
    named = sm.train([data], "y", weights="w", method="cg", alpha=0.3)
    np.testing.assert_allclose(named.coef, whole.coef, **close)
    again = sm.train(x, y, weights=times, method="cg", alpha=0.3, start=(whole.coef + 1e-6, whole.intercept), tolerance=1e-3)
    assert len(again.losses) < len(whole.losses)
    np.testing.assert_allclose(again.coef, whole.coef, atol=1e-8)


def test_inner_products_are_no_rounds_where_coefficients_are_whole():
    x, y = drawn(300, 20, 1)
    fit = sm.train(x, y, method="cg")
    assert {line.measure for line in fit.ledger.rounds} == {"Spread", "Slopes", "Image"}
    assert next(line.numbers for line in fit.ledger.rounds if line.measure == "Image") == 21 + 1


def test_what_does_not_converge_says_so():
    x, y = drawn(300, 20, 1)
    with pytest.warns(sm.SummableWarning, match=r"conjugate gradients stopped after 3 steps with a residual of .*, and 1.0e-10 was asked for"):
        fit = sm.train(x, y, method="cg", steps=3)
    assert not fit.converged and fit.residual > 1e-10 and len(fit.losses) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"family": "poisson"}, "conjugate gradients solve least squares, and the family is poisson"),
        ({"batch": 10}, "steps of conjugate gradients look at all rows"),
        ({"checkpoint": "state.json"}, "keep no checkpoint"),
        ({"alpha": -1.0}, "alpha=-1.0 is no penalty"),
        ({"method": "adam", "alpha": 1.0}, "alpha=1.0 goes with steps over all rows"),
        ({"split": "features"}, "split='features' needs a mesh"),
        ({"weights": np.zeros(300)}, "no row is left to fit"),
        ({"start": (np.full((1, 20), 1e200), np.zeros(1))}, "a sum of squares is beyond what numbers can hold"),
    ],
)
def test_bad_input_ends_in_one_sentence(options, message):
    x, y = drawn(300, 20, 1)
    with pytest.raises(sm.SummableError, match=message):
        sm.train(x, y, **{"method": "cg", **options})


def test_columns_of_zeros_and_a_constant_y_have_no_slope():
    x = np.zeros((40, 3))
    x[:, 0] = np.arange(40)
    fit = sm.train(x, np.full(40, 7.0), method="cg")
    np.testing.assert_allclose(fit.coef, 0.0, atol=1e-15)
    assert fit.intercept == pytest.approx(7.0) and fit.converged
