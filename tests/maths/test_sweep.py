"""The compiled sums of a generalized linear model are those of the general formulae, and their elementary functions are nearly exact."""

from __future__ import annotations

import numpy as np
import pytest

import summable as sm
from summable.core.rows import Columns
from summable.maths import elementary, families
from summable.maths.losses import loss
from summable.maths.sweep import code, sweep

LOSSES = {
    "logistic": loss("binomial"), "poisson": loss("poisson"), "gamma": loss("gamma", "log"), "inverse gaussian": loss("inverse_gaussian", "log"),
    "tweedie": loss(families.Tweedie(1.5)),
}  # fmt: skip


def outcomes(name, rows, draw):
    if name == "logistic":
        return np.where(draw.random(rows) < 0.2, draw.random(rows), draw.integers(0, 2, rows).astype(float))  # shares among them
    return draw.poisson(2.0, rows).astype(float) if name in ("poisson", "tweedie") else draw.gamma(2.0, size=rows) + 1e-3


@pytest.mark.parametrize(("order", "dtype"), [("C", np.float64), ("F", np.float64), ("C", np.float32), ("F", np.float32)])
@pytest.mark.parametrize("reach", [0.3, 30.0])
@pytest.mark.parametrize("name", LOSSES)
def test_sums_are_those_of_the_reference(name, reach, order, dtype):
    draw, of, rows = np.random.default_rng(1), LOSSES[name], 1234
    held, shifts = np.asarray(draw.normal(size=(rows, 5)), dtype, order=order), np.array([0.0, 0.5, -2.0, 0.0, 1.0])
    x = np.vstack([np.ones(rows), (held.astype(np.float64) - shifts).T])
    y, weight, offset, at = outcomes(name, rows, draw), draw.random(rows), draw.normal(size=rows), reach * draw.normal(size=6) / 3
    addresses = held.ctypes.data + held.strides[1] * np.arange(5)
    columns = Columns(addresses, held.strides[0] // held.itemsize, dtype == np.float32, shifts, rows, (held,))
    for weighed, off in ((weight, offset), (2.0, 0.0)):
        eta = at @ x + off
        slope, observed, expected = of.derivatives(eta, y, np)
        found, first, value = (sweep(of, columns, at, off, y, weighed, each) for each in (2, 1, 0))
        upper = np.triu_indices(6)
        for told, wanted in (
            *((one.value, (weighed * of.value(eta, y, np)).sum()) for one in (found, first, value)),
            *((one.gradient, x @ (weighed * slope)) for one in (found, first)),
            (found.observed, ((x * (weighed * observed)) @ x.T)[upper]),
            (found.expected if len(found.expected) else found.observed, ((x * (weighed * expected)) @ x.T)[upper]),
            (found.pearson, (weighed * of.chi(eta, y, np)).sum()),
        ):
            np.testing.assert_allclose(told, wanted, rtol=1e-11, atol=1e-11 * np.abs(wanted).max())
        if reach < 1:
            np.testing.assert_allclose(found.pearson_slope, x @ (weighed * of.chi_slope(eta, y, np)), rtol=1e-4, atol=1e-4)
        assert first.value == value.value


def test_what_has_no_kernel_says_so():
    assert code(loss("binomial", "probit")) is None
    assert code(loss("gamma")) is None
    assert code(loss("gaussian", "log")) is None


def ulps(found, exact):
    return float(np.max(np.abs(found - exact) / np.spacing(np.abs(exact.astype(np.float64)))))


@pytest.mark.parametrize(
    ("name", "low", "high"), [("exp", -708, 709), ("exp", -1, 1), ("log", -700, 700), ("log", -1e-3, 1e-3), ("log1p", -700, 0), ("log1p", -1, 0)]
)
def test_elementary_functions_are_within_two_units_of_the_last_place(name, low, high):
    import mpmath

    draw = np.random.default_rng(0).uniform(low, high, 2000)
    x = draw if name == "exp" else np.exp(draw)
    found = np.array([getattr(elementary, name)(one) for one in x])
    with mpmath.workdps(40):
        exact = [getattr(mpmath, name)(mpmath.mpf(float(one))) for one in x]
        error = max(abs(mpmath.mpf(float(told)) - wanted) / float(np.spacing(abs(float(wanted)))) for told, wanted in zip(found, exact, strict=True))
    assert error <= 1.5


def test_exponentials_end_where_numbers_do():
    assert np.isnan(elementary.exp(np.nan))
    assert elementary.exp(-1e9) < 1e-307 and elementary.exp(1e9) > 1e307 and elementary.exp(0.0) == 1.0
    assert elementary.log(5e-324) == pytest.approx(np.log(5e-324), rel=1e-15)


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_a_fit_is_the_same_by_both(family, monkeypatch):
    draw = np.random.default_rng(3)
    a, b = draw.normal(size=(2, 3000))
    y = draw.poisson(np.exp(0.3 * a)) if family == "poisson" else (draw.random(3000) < 1 / (1 + np.exp(-a))).astype(int)
    told = []
    for numbers in (0, 10**9):
        monkeypatch.setattr("summable.sources.encode.COMPILED", numbers)
        told.append(sm.glm("y ~ a + b", {"y": y, "a": a, "b": 1e3 + b, "w": draw.random(3000) * 0 + 2}, family=family, weights="w"))
    np.testing.assert_allclose(told[0].params, told[1].params, rtol=1e-10)
    np.testing.assert_allclose(told[0].bse, told[1].bse, rtol=1e-10)
    assert told[0].deviance == pytest.approx(told[1].deviance, rel=1e-11)
    assert told[0].pearson_chi2 == pytest.approx(told[1].pearson_chi2, rel=1e-9)
