"""Several responses by the same terms: one Gram, and each fit as if it were alone."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import summable as sm


@pytest.fixture(scope="module")
def wide():
    draw = np.random.default_rng(8)
    table = pd.DataFrame({"a": draw.normal(size=300), "far": 1e6 + draw.normal(size=300), "g": draw.choice(list("uvw"), 300), "w": draw.uniform(0, 2, 300)})
    table["y"] = 1 + 2 * table["a"] + draw.normal(size=300)
    table["second one"] = 1e5 - table["far"] / 3 + draw.normal(size=300)
    table["exact"] = 3 - table["a"]
    return table


@pytest.mark.parametrize("right", ["a + far + C(g)", "0 + C(g):a", "a + I(2*a) + far", "poly(a, 2) + far"])
@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.filterwarnings("ignore::summable.core.errors.SummableWarning")
def test_each_is_the_fit_alone(wide, right, weights):
    together = sm.ols(f"y + `second one` + log(y + 20) ~ {right}", [wide[:100], wide[100:]], weights=weights)
    assert list(together) == ["y", "second one", "log(y + 20)"]
    for response, written in (("y", "y"), ("second one", "`second one`"), ("log(y + 20)", "log(y + 20)")):
        alone = sm.ols(f"{written} ~ {right}", wide, weights=weights)
        np.testing.assert_allclose(together[response].params, alone.params, rtol=1e-9)
        np.testing.assert_allclose(together[response].bse, alone.bse, rtol=1e-9)
        assert together[response].rsquared == pytest.approx(alone.rsquared, rel=1e-10)
    assert together.params.shape == (len(alone.params), 3) and together.bse.loc[:, "y"].equals(together["y"].bse)


def test_one_round_and_a_row_less_for_each_response_more(wide):
    one, two = (sm.ols(f"{left} ~ a + far", wide).ledger.fitting for left in ("y", "y + w"))
    assert len(one) == len(two) == 1
    assert two[0].numbers == one[0].numbers + 3 + 1  # its products with three features, and its square


def test_a_perfect_response_beside_a_noisy_one(wide):
    fits = sm.ols("y + exact ~ a", wide)
    np.testing.assert_allclose(fits["exact"].params, [3, -1], rtol=1e-12)
    assert fits["exact"].ssr < 1e-20 and fits["y"].ssr == pytest.approx(sm.ols("y ~ a", wide).ssr, rel=1e-10)


def test_saved_loaded_predicted_and_shown(wide, tmp_path):
    fits = sm.ols("y + `second one` ~ a + C(g)", wide)
    fits.save(tmp_path / "fits.json")
    again = sm.load(tmp_path / "fits.json")
    assert again.params.equals(fits.params)
    np.testing.assert_array_equal(again.predict(wide)[:, 1], fits["second one"].predict(wide))
    assert fits.summary().count("Response:") == 2


@pytest.mark.slow
def test_on_the_command_line(wide, tmp_path):
    def run(*words):
        return subprocess.run([sys.executable, "-m", "summable", *words], cwd=tmp_path, capture_output=True, text=True, check=False)

    wide.to_parquet(tmp_path / "wide.parquet")
    done = run("fit", "y + w ~ a", "wide.parquet", "--json", "--save", "f.json")
    assert json.loads(done.stdout)["w"]["params"] == pytest.approx(dict(sm.ols("w ~ a", wide).params), rel=1e-12)
    done = run("predict", "f.json", "wide.parquet", "-o", "p.csv")
    assert (done.returncode, done.stderr) == (1, "summable: f.json holds the fits of several responses. Fit and save one response at a time.\n")
