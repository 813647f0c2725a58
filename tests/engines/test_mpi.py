"""MPI: every rank runs the same program, and learns the same sums."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from summable.testing import contract

pytestmark = pytest.mark.slow
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_btl": "self,sm"}


def ranks(number, *command):
    """What a program on so many ranks prints."""
    mpiexec = Path(sys.executable).parent / "mpiexec"
    environment = {**os.environ, **AS_ROOT, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [mpiexec, "--oversubscribe", "-n", str(number), sys.executable, *command], capture_output=True, text=True, check=False, env=environment, timeout=500
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_ranks(tmp_path):
    draw = np.random.default_rng(8)
    (tmp_path / "rows").mkdir()
    for number in range(5):
        frame = pd.DataFrame({"x": draw.normal(size=200), "g": draw.choice(["a", "b", "c"], 200)})
        frame["y"] = frame.x + (frame.g == "a") + draw.normal(size=200)
        frame["z"] = (frame.y > 0.5).astype(int)
        frame.to_parquet(tmp_path / "rows" / f"{number}.parquet")
    printed = ranks(3, Path(__file__).parent / "ranks.py", tmp_path)
    names = [check.name for check in contract(None, "")]
    assert [line.removeprefix("kept: ") for line in printed if line.startswith("kept")] == [name for name in names if "begins no more" not in name]
    rest = [line for line in printed if not line.startswith("kept")]
    assert rest[0] == "same bits: True True"
    assert float(rest[1].removeprefix("apart: ")) < 1e-10
    assert rest[2] == "own rows: True parts: 3"
    assert rest[3].startswith("DataError on 3 ranks: column 'x' has at least 1 infinite value in shard 0 (rows 0–333), on rank 1, while taking Gram, round 2.")
    assert rest[4].startswith("Unsupported on 3 ranks: the ranks see different files under this path.")


WAITING = """
import os, sys
from pathlib import Path
import summable as sm
from mpi4py import MPI
from summable.testing.trouble import Waiting, design
Path(sys.argv[1], f"rank-{os.getpid()}").touch()
sm.engine({"y": [1.0, 2.0]}, engine="mpi").sum(Waiting(design(), sys.argv[1]))
"""


def test_ctrl_c_leaves_no_rank_running(tmp_path):
    mpiexec = Path(sys.executable).parent / "mpiexec"
    command = [mpiexec, "--oversubscribe", "-n", "2", sys.executable, "-c", WAITING, tmp_path]
    fit = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **AS_ROOT})
    while len(list(tmp_path.glob("begun-*"))) < 2:
        assert fit.poll() is None, "the ranks have ended before they were stopped"
    fit.send_signal(signal.SIGINT)
    assert fit.wait(timeout=50) != 0
    assert not any(is_running(int(path.name.removeprefix("rank-"))) for path in tmp_path.glob("rank-*"))


def is_running(process):
    """Whether there is such a process that has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_example_of_mpi():
    printed = ranks(2, EXAMPLES / "on_mpi.py")
    assert float(printed[0].split()[-1]) == pytest.approx(2.0, abs=0.1) and printed[1] == "2,000 rows on 2 ranks"


@pytest.mark.parametrize("name", ["on_spark", "on_dask", "on_ray"])
def test_an_example_of_a_cluster(name):
    done = subprocess.run([sys.executable, EXAMPLES / f"{name}.py"], capture_output=True, text=True, check=True, timeout=500)
    slopes = re.findall(r"^ +\w+: (\d\.\d{12})$", done.stdout, re.MULTILINE)
    assert slopes and all(float(slope) == pytest.approx(2.0, abs=0.1) for slope in slopes)
