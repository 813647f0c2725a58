"""Every example runs as it stands, and finds what it put into its data."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from launching import launched

EXAMPLES = Path(__file__).parents[1] / "examples"
SOURCES = ("arrays_and_frames", "csv_files", "hive_folder", "duckdb_query", "far_files", "one_pass")


@pytest.mark.parametrize("name", SOURCES)
def test_an_example_of_a_source_finds_its_slope(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    slopes = [float(slope) for slope in re.findall(r"(?:^\d+ +x |: )+ *(\d\.\d+)", capsys.readouterr().out, re.MULTILINE)]
    assert slopes and all(slope == pytest.approx(3 if name == "csv_files" else 2, abs=0.1) for slope in slopes)


def test_every_example_is_run():
    assert {path.stem for path in EXAMPLES.glob("*.py")} >= {*SOURCES, "flights", "churn", "mesh"}


@pytest.mark.slow
def test_churn_is_fitted_in_few_rounds_to_the_pooled_answer(tmp_path):
    done = subprocess.run([sys.executable, EXAMPLES / "churn.py", "demo/churn"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(list((tmp_path / "demo" / "churn").glob("*.parquet"))) == 51 and "Observations:                  5,000" in done.stdout
    assert 1 < int(re.search(r"^Rounds: (\d+) to fit", done.stdout, re.MULTILINE)[1]) <= 4
    apart = re.search(r"^coefficients (\S+), standard errors (\S+)$", done.stdout, re.MULTILINE)
    assert max(map(float, apart.groups())) <= 1e-9


@pytest.mark.slow
def test_four_processes_print_and_draw_what_the_page_on_parallelism_shows(tmp_path):
    page = (EXAMPLES.parent / "docs" / "parallelism.md").read_text()
    shown = re.search(r"<!-- examples/mesh.py -->\n```\n(.*?)```", page, re.DOTALL)[1]
    status, out, err = launched(EXAMPLES / "mesh.py", tmp_path)
    assert status == 0, err[-3000:]
    assert out == shown
    for name in ("parallelism-slices.svg", "parallelism-losses.svg"):
        assert f"({name})" in page and (tmp_path / name).read_text() == (EXAMPLES.parent / "docs" / name).read_text()


def test_a_demo_that_there_is_not_is_refused():
    done = subprocess.run([EXAMPLES.parent / "scripts" / "demo", "chrun"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr == "There is no demo called chrun. Write scripts/demo, or scripts/demo churn.\n"
