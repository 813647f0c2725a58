"""Firth's method on the data by which it is known, with the numbers that R prints for them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import summable as sm

DATA = json.loads(Path(__file__).with_name("firth.json").read_text())


def frame(name):
    return pd.DataFrame(DATA[name]["rows"], columns=DATA[name]["columns"])


@pytest.mark.parametrize("prefer", ["time", "rounds"])
def test_urinary_tract_infections(prefer):
    """Foxman et al. 1997, of 239 students, as in R's help of logistf (data sex2): the covariate dia separates. Here rows that are alike are counted."""
    data = frame("sex2")
    fit = sm.glm(
        "case ~ age + oc + vic + vicl + vis + dia", [data[::2], data[1::2]], "binomial", weights="n", weight_kind="frequency", firth=True, prefer=prefer
    )
    names = ["Intercept", "age", "oc", "vic", "vicl", "vis", "dia"]
    printed = [0.12025404, -1.10598130, -0.06881673, 2.26887464, -2.11140816, -0.78831694, 3.09601166]
    np.testing.assert_allclose(fit.params[names], printed, atol=2e-7)  # logistf stops where no score is beyond 1e-5
    np.testing.assert_allclose(fit.bse[names], [0.485542, 0.42366, 0.443793, 0.548416, 0.543082, 0.417368, 1.67501], rtol=2e-6)
    assert fit.penalised_llf == pytest.approx(-132.5394, abs=5e-5)
    assert fit.nobs == 239 and fit.outcome is sm.Outcome.FIRTH


def test_endometrial_cancer():
    """Heinze & Schemper 2002, table II, as in the vignettes of R's brglm2: NV separates the grades."""
    data = frame("endometrial")
    fit = sm.glm("HG ~ NV + PI + EH", data, "binomial", firth=True)
    np.testing.assert_allclose(fit.params, [3.77456, 2.92927, -0.03475, -2.60416], atol=5e-6)
    np.testing.assert_allclose(fit.bse, [1.48869, 1.55076, 0.03958, 0.77602], atol=5e-6)
    assert fit.null_deviance == pytest.approx(104.903, abs=5e-4) and fit.deviance == pytest.approx(56.575, abs=5e-4)
    with pytest.warns(sm.SummableWarning, match=r"^NV separates the outcomes.*Use firth=True"):
        assert sm.glm("HG ~ NV + PI + EH", data, "binomial").separating == ["NV"]
