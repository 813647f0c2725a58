"""The command line, as a user's shell sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import summable as sm


def summable(*words, **options):
    command = [sys.executable, "-m", "summable", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "100"}, **options)


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for i, rows in enumerate(np.array_split(np.arange(len(table)), 4)):
        table.iloc[rows].to_parquet(folder / f"{i}.parquet")
    return folder


def test_a_fit_prints_its_summary_and_nothing_else(folder):
    done = summable("fit", "y ~ a + C(g)", folder, "--weights", "weight")
    assert done.returncode == 0 and done.stderr == ""
    fit = sm.ols("y ~ a + C(g)", folder, weights="weight")
    until = fit.summary().index("What it cost")  # seconds differ
    assert done.stdout[:until] == fit.summary()[:until]


def test_json_is_json(folder):
    done = summable("fit", "y ~ a", f"{folder}/*.parquet", "--json")
    told, fit = json.loads(done.stdout), sm.ols("y ~ a", folder)
    assert told["params"] == dict(fit.params) and told["bse"] == dict(fit.bse)
    assert told["rsquared"] == fit.rsquared and told["rounds"][1]["measure"] == "Gram" and told["nbytes"] == fit.ledger.nbytes


def test_quiet_and_save(folder, tmp_path):
    done = summable("fit", "y ~ a", folder / "0.parquet", folder / "1.parquet", "-q", "--save", tmp_path / "fit.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sm.load(tmp_path / "fit.json").nobs == 1000


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("y ~ nope", "DATA"), "there is no column 'nope' in shard 0 (0.parquet), while taking Glance, round 1. The columns are"),
        (("y ~ a", "nowhere/*.csv"), "nowhere/*.csv matches no file. Give a file, a folder or a glob of"),
        (("y ~ blah(a)", "DATA"), "the formula function 'blah'"),
        (("y ~ log(g)", "DATA"), "column 'g' holds text, and log(g) needs numbers"),
        (("y ~ a", "DATA", "--weights", "off"), "the weight off is negative in"),
        (("y ~ a", "DATA", "--save", "no/such/folder/fit.json"), "no/such/folder/fit.json cannot be written"),
    ],
)
def test_errors_are_one_sentence_on_stderr(folder, words, sentence):
    done = summable("fit", *(folder if word == "DATA" else word for word in words))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("summable: ") and sentence in done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1


def test_ctrl_c_ends_in_one_line(folder):
    code = "import summable.models.linear as m, sys\ndef ols(*a, **k): raise KeyboardInterrupt\nm.ols = ols\nsys.argv = ['summable', 'fit', 'y ~ a', 'x']\n"
    done = subprocess.run([sys.executable, "-c", code + "from summable.cli import main; main()"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "summable: stopped; nothing was written. With --journal FILE, a fit that is stopped can be run again and goes on where it was.\n")


def test_warnings_are_told_once(folder):
    done = summable("fit", "y ~ a + I(2*a)", folder, "--json")
    assert done.stderr == "summable: Aliased with columns before them, so without coefficients: I(2 * a).\n"
    assert json.loads(done.stdout)["params"]["I(2 * a)"] is None


def test_help_has_examples_and_wrong_usage_its_own_code():
    done = summable("fit", "--help")
    assert done.returncode == 0 and "Examples" in done.stdout and "flights/*.parquet" in done.stdout
    assert summable("fit").returncode == 2
    assert summable("--version").stdout.strip() == sm.__version__


def test_importing_loads_nothing_heavy():
    code = (
        "import sys, summable, summable.cli; print([m for m in ('numpy', 'pandas', 'scipy', 'pyarrow', 'sklearn', 'numba', 'formulaic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
