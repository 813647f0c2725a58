"""Blocks multiplied where PyTorch does it give what they give here. What is said of a GPU is said where there is one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import summable as sm
from summable.engines.device import OnDevice
from summable.engines.threads import Threads
from summable.open import scan
from summable.testing import contract

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU here, so nothing is said of one")
HERE = ["cpu", "cuda"][: 1 + torch.cuda.is_available()]
CHECKS = [check.name for check in contract(None, "")]


def open_(device):
    return lambda tables: Threads([OnDevice(shard, device) for table in tables for shard in scan(table).shards])


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


def test_a_device_that_is_not_there_is_refused():
    data = {"x": np.arange(4.0), "y": np.arange(4.0)}
    with pytest.raises(sm.Unsupported, match=r"there is no device cuda:99: PyTorch sees \d+. Give one that it sees"):
        sm.ols("y ~ x", data, engine=torch.device("cuda:99"))
    with pytest.raises(sm.Unsupported, match="the device meta is not known to multiply in float64"):
        sm.ols("y ~ x", data, engine=torch.device("meta"))
