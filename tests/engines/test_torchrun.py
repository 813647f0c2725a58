"""The command line in several processes: one speaks, and the numbers are those of one process."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import summable as sm
from launching import launched

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 4, "-m", "summable", "fit")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder, draw = tmp_path_factory.mktemp("rows"), np.random.default_rng(4)
    for number in range(3):
        x = draw.normal(size=70)
        g = draw.choice(["a", "b"], 70)
        frame = pd.DataFrame({"x": x, "g": g, "y": x + (g == "a") + draw.normal(size=70)})
        frame.assign(z=(frame.y > 0.5).astype(int)).to_parquet(folder / f"{number}.parquet")
    return folder


@pytest.mark.slow
def test_a_fit_on_a_mesh_is_printed_and_saved_once(folder, tmp_path):
    saved = tmp_path / "fit.json"
    status, out, err = launched(*TORCHRUN, "z ~ x + g", folder, "--family", "binomial", "--mesh", "2x2", "--json", "--save", saved, timeout=200)
    assert status == 0, err[-3000:]
    told, alone = json.loads(out), sm.glm("z ~ x + g", folder, "binomial")
    np.testing.assert_allclose(list(told["params"].values()), alone.params, rtol=1e-12)
    np.testing.assert_allclose(list(told["bse"].values()), alone.bse, rtol=1e-12)
    assert {line["parts"] for line in told["rounds"]} == {4} and sum(line["inside"] for line in told["rounds"]) > 0
    np.testing.assert_allclose(sm.load(saved).params, alone.params, rtol=1e-12)


@pytest.mark.slow
def test_what_all_ranks_fail_by_is_said_once(folder):
    bad = pd.read_parquet(folder / "2.parquet").assign(x=np.inf)
    bad.to_parquet(folder.parent / "bad.parquet")
    status, out, err = launched(*TORCHRUN, "y ~ x", folder, folder.parent / "bad.parquet", "--mesh", "2x2", timeout=200)
    said = [line for line in err.splitlines() if line.startswith("summable: ")]
    assert status != 0 and out == ""
    assert len(said) == 1 and "column 'x' has at least 70 infinite values" in said[0] and "on rank" in said[0], err[-3000:]
