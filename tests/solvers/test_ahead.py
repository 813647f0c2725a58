"""A fit from the first rows and gradients of all is the fit of all rows, or is given up for it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import summable as sm
from summable.maths.losses import loss
from summable.measures import working
from summable.measures.working import Working
from summable.models import doors
from summable.solvers import ahead
from summable.solvers.start import constant_of

ROWS, WIDTH = 30_000, 12


@pytest.fixture
def small(monkeypatch):
    """Designs of a few hundred thousand numbers are worth it."""
    monkeypatch.setattr(ahead, "WORTH", 1000)
    monkeypatch.setattr("summable.sources.matrix.SHARD", 2**16)


def matrix(kind="plain"):
    draw = np.random.default_rng(5)
    x = draw.normal(size=(ROWS, WIDTH)) if kind != "heavy" else draw.standard_t(3, size=(ROWS, WIDTH))
    return 3.0 + x, 0.4 * (x @ draw.normal(size=WIDTH)) / np.sqrt(WIDTH) - 0.5, draw


def both(model, x, y, monkeypatch, **given):
    """The fit from the first rows, and that without."""
    found = model.fit(x, y, **given)
    names, coef = [line.measure for line in found.ledger_.rounds], np.append(found.intercept_, found.coef_)
    monkeypatch.setattr(ahead, "WORTH", 10**18)
    plain = type(model)(**model.get_params()).fit(x, y, **given)
    assert "First" not in [line.measure for line in plain.ledger_.rounds]
    return names, coef, np.append(plain.intercept_, plain.coef_)


@pytest.mark.parametrize("kind", ["plain", "heavy"])
@pytest.mark.parametrize("model", [sm.LogisticRegression(C=np.inf), sm.LogisticRegression(), sm.PoissonRegressor(alpha=0.1), sm.GammaRegressor(alpha=0.0)])
def test_a_hessian_of_the_first_rows_is_enough(model, kind, small, monkeypatch):
    x, eta, draw = matrix(kind)
    eta = np.clip(eta, -4, 4)
    y = (draw.random(ROWS) < 1 / (1 + np.exp(-eta))).astype(int) if isinstance(model, sm.LogisticRegression) else draw.gamma(2.0, np.exp(eta) / 2)
    weight = draw.integers(0, 3, ROWS).astype(float)
    names, coef, plain = both(model, x, np.ceil(y) if isinstance(model, sm.PoissonRegressor) else y, monkeypatch, sample_weight=weight)
    assert "First" in names and "Slope" in names
    assert kind == "heavy" or "Curvature" not in names  # of heavy tails, the first rows may tell too little
    np.testing.assert_allclose(coef, plain, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("kind", ["twins", "late", "drift"])
def test_first_rows_that_mislead_are_given_up(kind, small, monkeypatch):
    x, eta, draw = matrix()
    y = (draw.random(ROWS) < 1 / (1 + np.exp(-eta))).astype(int)
    if kind == "twins":
        x[:, 3] = x[:, 4]
    elif kind == "late":
        x[: ROWS // 2, 3] = 1.0  # a column that the first parts know nothing of, though the last do
        x[:, 5] = np.where(np.arange(ROWS) % 5000 < 4000, 0.0, x[:, 5])  # and one that no first row does
    else:
        y = np.where(np.arange(ROWS) % 5000 < 500, 1 - y, y)  # first rows that say the contrary
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        names, coef, plain = both(sm.LogisticRegression(C=np.inf), x, y, monkeypatch)
    assert "First" in names
    np.testing.assert_allclose(coef, plain, rtol=1e-9, atol=1e-10)


def test_a_nan_in_a_later_row_is_refused_by_name(small):
    x, eta, _ = matrix()
    x[-1, 2] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        sm.LogisticRegression(C=np.inf).fit(x, (eta > 0).astype(int))


def test_outcomes_that_the_first_rows_separate_are_fitted(small, monkeypatch):
    x, _, draw = matrix()
    late = np.arange(ROWS) % 5000 > 3000
    y = np.where(late, draw.integers(0, 2, ROWS), (x[:, 0] > 3).astype(int))
    names, coef, plain = both(sm.LogisticRegression(C=np.inf), x, y, monkeypatch)
    assert names.count("First") > 3
    np.testing.assert_allclose(coef, plain, rtol=1e-9, atol=1e-10)


COUNTS = {
    "binomial": lambda draw, n: draw.random(n) < 0.3, "poisson": lambda draw, n: draw.poisson(2.0, n), "gamma": lambda draw, n: draw.integers(1, 9, n),
    "gaussian": lambda draw, n: draw.integers(0, 9, n), "inverse_gaussian": lambda draw, n: 2 * draw.integers(1, 9, n),
}  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("family", COUNTS)
def test_equal_counts_are_worked_out_once_for_the_constant_alone(family, monkeypatch):
    y = COUNTS[family](np.random.default_rng(0), 30_000).astype(float)
    problem = doors.of_matrix(np.zeros((len(y), 3)), y, None)
    measure, asked = Working(constant_of(problem.design), loss(family)), []
    usual = Working._near
    monkeypatch.setattr(Working, "_near", lambda self, *rows: asked.append(rows) or usual(self, *rows))
    few = problem.engine.sum(measure)
    assert not asked
    monkeypatch.setattr(working, "tallied", lambda y, xp: None)
    for found, wanted in zip(few.values(), problem.engine.sum(measure).values(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-9)  # constants of two outcomes are zero but for rounding
        assert np.shape(found) == np.shape(wanted)
    assert asked
