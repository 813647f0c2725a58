"""Blocks multiplied where PyTorch does it give what they give here. What is said of a GPU is said where there is one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import summable as sm
from summable.engines.device import OnDevice, Single, squares
from summable.engines.threads import Threads
from summable.open import scan
from summable.testing import contract

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU here, so nothing is said of one")
HERE = ["cpu", "cuda"][: 1 + torch.cuda.is_available()]
CHECKS = [check.name for check in contract(None, "")]
TO_TEN_DIGITS = ("answers", "least squares", "binomial", "poisson")  # checks of squares or standard errors, which float32 keeps to fewer
ROUNDED = 2**-24  # what a number loses to float32


def open_(device, single=False):
    return lambda tables: (Single if single else Threads)([OnDevice(shard, device, single) for table in tables for shard in scan(table).shards])


def hostile(rows=50_000):
    """Far columns, units from 1e-6 to 1e6, a long tail, neighbours that are nearly tied, categories and weights."""
    draw = np.random.default_rng(5)
    far, tiny, huge, near = (about + unit * draw.normal(size=rows) for about, unit in ((1e6, 1), (0, 1e-6), (0, 1e6), (0, 1)))
    frame = pd.DataFrame({"far": far, "tiny": tiny, "huge": huge, "near": near, "skewed": np.exp(2 * draw.normal(size=rows))})
    frame["tied"], frame["g"], frame["w"] = near + 0.15 * draw.normal(size=rows), draw.choice(list("abcdefgh"), rows), draw.gamma(2.0, 1.0, rows)
    eta = 0.5 * near - (far - 1e6) + 3e5 * tiny + 5e-7 * huge + 0.02 * frame["skewed"] + (frame.g == "b")
    frame["y"], frame["z"] = eta + draw.normal(size=rows), (draw.random(rows) < 1 / (1 + np.exp(-eta))).astype(int)
    return frame


RIGHT = "far + tiny + huge + near + skewed + tied + C(g)"


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("device", HERE)
def test_contract(device, name, tmp_path):
    next(check for check in contract(open_(device), tmp_path) if check.name == name).run()


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=GPU)])
def test_a_fit_by_a_device(device):
    draw = np.random.default_rng(3)
    frame = pd.DataFrame(draw.normal(size=(5000, 6)), columns=list("abcdef"))
    frame["y"] = frame.a - frame.b + draw.normal(size=5000)
    frame["z"] = (frame.y > 0).astype(int)
    there = torch.device(device)
    right = "a + b + c + d + e + f"
    for fit, plain in (
        (sm.ols(f"y ~ {right}", frame, engine=there), sm.ols(f"y ~ {right}", frame)),
        (sm.glm(f"z ~ {right}", frame, "binomial", engine=there), sm.glm(f"z ~ {right}", frame, "binomial")),
    ):
        np.testing.assert_allclose(fit.params, plain.params, rtol=1e-10)
        np.testing.assert_allclose(fit.bse, plain.bse, rtol=1e-10)
    data = [frame.drop(columns="z")]
    steps, few = sm.train(data, "y", epochs=2, batch=500, engine=there), sm.train(data, "y", epochs=2, batch=500)
    np.testing.assert_allclose(steps.losses, few.losses, rtol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CHECKS if not name.startswith(TO_TEN_DIGITS)])
@pytest.mark.parametrize("device", HERE)
def test_contract_in_float32(device, name, tmp_path):
    next(check for check in contract(open_(device, single=True), tmp_path) if check.name == name).run()


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=GPU)])
def test_float32_finds_the_coefficients_of_float64(device):
    frame = hostile()
    fits = {
        "ols": lambda **where: sm.ols(f"y ~ {RIGHT}", frame, **where),
        "weighted": lambda **where: sm.ols(f"y ~ {RIGHT}", frame, weights="w", **where),
        "logistic": lambda **where: sm.glm(f"z ~ {RIGHT}", frame, "binomial", **where),
        "logistic in few rounds": lambda **where: sm.glm(f"z ~ {RIGHT}", frame, "binomial", prefer="rounds", **where),
        "gaussian": lambda **where: sm.glm(f"y ~ {RIGHT}", frame, "gaussian", **where),
    }
    for name, fit in fits.items():
        single, double = fit(engine=f"torch:{device}/float32"), fit()
        np.testing.assert_allclose(single.params, double.params, rtol=1e-10, err_msg=name)  # measured 2e-11, as gradients are float64's
        np.testing.assert_allclose(single.bse, double.bse, rtol=5e-6, err_msg=name)  # measured 4e-7: float32's 6e-8, times a condition
        assert abs(single.bse / double.bse - 1).max() > 1e-10, "these were not products in float32"


def test_few_rows_are_refined_twice():
    frame, formula = hostile(400), "y ~ far + tiny + huge + near + skewed + tied"
    single, double = sm.ols(formula, frame, engine="torch:cpu/float32"), sm.ols(formula, frame)
    assert [line.measure for line in single.rounds if not line.learns_design] == ["Gram", "Residual", "Residual"]
    np.testing.assert_allclose(single.params, double.params, rtol=1e-10)  # measured 3e-14
    np.testing.assert_allclose(single.bse, double.bse, rtol=1e-4)  # measured 7e-6: two pieces, over which no rounding averages out
    np.testing.assert_allclose([single.ssr, single.rsquared, single.llf], [double.ssr, double.rsquared, double.llf], rtol=1e-12)  # of the residuals


def test_what_float32_cannot_tell_is_asked_in_float64():
    frame = hostile(2000)
    frame["sum"] = frame.near + frame.skewed
    there, formula = "torch:cpu/float32", "y ~ near + skewed + sum + tiny"
    with pytest.warns(sm.SummableWarning, match="Aliased with columns before them, so without coefficients: sum"):
        single = sm.ols(formula, frame, engine=there)
    with pytest.warns(sm.SummableWarning):
        double = sm.ols(formula, frame, arithmetic="qr")
    np.testing.assert_allclose(single.bse, double.bse, rtol=1e-10)  # both have the R factor, of float64
    constant = sm.ols("y ~ 0 + near + sides + I(1 - sides)", frame.assign(sides=np.sin(frame.near)), engine=there)
    assert constant.solution.constant
    close = frame.assign(sum=frame.near + 1e-5 * frame.tiny / 1e-6)
    with pytest.raises(sm.Unsupported, match=r"float32 leaves the products of these columns too few digits. Leave /float32 out"):
        sm.glm("z ~ near + sum", close, "binomial", engine=there)
    with pytest.raises(sm.Unsupported, match="float32 leaves the products of these columns too few digits"):
        sm.ols("y ~ near + sum", close, engine=there, arithmetic="float")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=GPU)])
def test_products_in_float32_are_added_in_float64(device):
    x = np.ones((400_001, 3))
    x[0, 1:] = 2.0**13  # beside whose square, 2**26, a float32 sum does not notice a one
    right, there = x.T @ x, torch.from_numpy(x).to(device)
    assert np.cumsum(x[:, 1] * x[:, 2], dtype=np.float32)[-1] < 0.995 * right[1, 2]
    np.testing.assert_allclose(squares(there, there).cpu(), right, rtol=1e-5)  # the first 256 ones, of 67 million, may be lost
    x = np.random.default_rng(0).normal(size=(200_000, 5)) * [1.0, 1e-30, 1e30, 1e-6, 1e6]  # products beyond float32 on both sides
    weighted, there = np.abs(x[:, [3]]) * x, torch.from_numpy(x).to(device)
    right = weighted.T @ x
    size = np.sqrt(np.diag(right))
    found = squares(torch.from_numpy(weighted).to(device), there).cpu().numpy()
    off = np.abs(found - right) / size / size[:, None]
    assert off.max() < ROUNDED  # measured 1e-8: 256 roundings at random, of 800 pieces at random
    assert off[0].max() < 1e-13 > np.diag(off).max()  # sums and squares are those of float64, which lose a few bits
    assert off[1:, 1:].max() > 1e-12, "these were not products in float32"


def test_float32_is_asked_for_in_words_and_kept_from_what_it_would_spoil():
    frame = hostile(500)
    there = sm.engine(frame, engine="torch:cpu/float32")
    steps, few = sm.train(there, "y", features=["near"], epochs=1), sm.train([frame], "y", features=["near"], epochs=1)
    np.testing.assert_allclose(steps.losses, few.losses, rtol=1e-10)  # no product of two features is in them
    np.testing.assert_allclose(sm.ols("y ~ near", frame, engine="torch:cpu").bse, sm.ols("y ~ near", frame).bse, rtol=1e-10)
    both = sm.ols("y ~ near + tied", [there, frame])
    assert both.nobs == 1000 and "SINGLE" in both.solution.outcomes
    for ask, sentence in (
        (lambda: sm.Ridge().fit(there, "y", features=["near"]), "Ridge has no rounds in which float64 refines float32. Leave /float32 out"),
        (lambda: sm.ols("y ~ near", there).update(frame), "sums of float32 products are not refined with others"),
        (lambda: sm.glm("z ~ near", there, "binomial", firth=True), "firth=True needs determinants, of which float32 keeps too few digits"),
        (lambda: sm.engine(frame, engine="torch:cpu/float16"), "asks for 'float16'. Write float32"),
        (lambda: sm.engine(frame, engine="torch:gpu"), "names no device 'gpu' that PyTorch knows"),
        (lambda: sm.engine(frame, engine="spark:cpu"), "there is no engine 'spark:cpu'"),
    ):
        with pytest.raises(sm.Unsupported, match=sentence):
            ask()


def test_float32_of_fewer_digits_is_refused_and_left_as_it_is():
    frame = hostile(100)
    there, before = sm.engine(frame, engine="torch:cpu/float32"), torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        for ask in (lambda: sm.engine(frame, engine="torch:cpu/float32"), lambda: sm.ols("y ~ near", there)):
            with pytest.raises(sm.Unsupported, match="PyTorch is set to multiply float32 as tf32, which keeps fewer digits"):
                ask()
        sm.ols("y ~ near", frame, engine="torch:cpu")
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before)


def test_a_device_that_is_not_there_is_refused():
    data = {"x": np.arange(4.0), "y": np.arange(4.0)}
    with pytest.raises(sm.Unsupported, match=r"there is no device cuda:99: PyTorch sees \d+. Give one that it sees"):
        sm.ols("y ~ x", data, engine=torch.device("cuda:99"))
    with pytest.raises(sm.Unsupported, match="the device meta is not known to multiply in float64"):
        sm.ols("y ~ x", data, engine=torch.device("meta"))
