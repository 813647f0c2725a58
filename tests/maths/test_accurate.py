"""Residuals in twice the digits: as of fractions, and as plainly summed where halves overflow."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from summable.maths import accurate

CLOSE = 2.0**-52  # one rounding, and what is left of those of order 2⁻¹⁰⁶


def exact(y, offset, x, coef):
    """The same of fractions, rounded once, (rows, targets)."""
    numbers = np.vectorize(Fraction)
    offsets = numbers(np.broadcast_to(offset, len(x)).astype(float))[:, None]
    return (numbers(y.reshape(len(x), -1)) - offsets - numbers(x) @ numbers(coef.reshape(x.shape[1], -1))).astype(float)


@pytest.mark.parametrize("targets", [(), (1,), (3,)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_residuals_are_those_of_fractions(targets, order, monkeypatch):
    draw = np.random.default_rng(4)
    x, coef = np.asarray(draw.normal(size=(300, 7)) * 10.0 ** draw.integers(-6, 7, 7), order=order), draw.normal(size=(7, *targets))
    offset = draw.normal(size=300)
    y = x @ coef + (offset if targets == () else offset[:, None])  # nothing is left but its rounding
    monkeypatch.setattr(accurate, "PIECE", 128)
    found = accurate.left(y, offset, x, coef)
    assert found.shape == y.shape
    expected = exact(y, offset, x, coef).reshape(y.shape)
    np.testing.assert_allclose(found, expected, rtol=CLOSE, atol=1e-25 * np.abs(y).max())
    plain = y - x @ coef - (offset if targets == () else offset[:, None])
    assert np.abs(plain - expected).max() > 1e-3 * np.abs(expected).max(), "plainly summed, few digits are right"
    np.testing.assert_array_equal(accurate.left(y, np.float64(0.0), x, coef), accurate.left(y, np.zeros(300), x, coef))


def test_what_halves_cannot_hold_is_plainly_summed():
    x, coef = np.array([[1e305, 1.0], [2.0, 1.0], [1e305, -1e308], [np.nan, 1.0]]), np.array([1e-300, 3.0])
    with np.errstate(over="ignore"):
        plain = np.array([7.0, 8.0, 9.0, 10.0]) - (x[:, 0] * coef[0] + x[:, 1] * coef[1])
    found = accurate.left(np.array([7.0, 8.0, 9.0, 10.0]), np.float64(0.0), x, coef)
    np.testing.assert_allclose(found, plain, rtol=1e-15)
    assert np.isfinite(found[:2]).all() and np.isinf(found[2]) and np.isnan(found[3])


def test_no_rows_leave_nothing():
    assert accurate.left(np.zeros(0), np.float64(0.0), np.zeros((0, 2)), np.zeros(2)).shape == (0,)
    assert accurate.left(np.zeros((0, 3)), np.float64(0.0), np.zeros((0, 2)), np.zeros((2, 3))).shape == (0, 3)
