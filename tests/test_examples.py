"""Every example runs as it stands, and finds what it put into its data."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SOURCES = ("arrays_and_frames", "csv_files", "hive_folder", "duckdb_query", "far_files", "one_pass")


@pytest.mark.parametrize("name", SOURCES)
def test_an_example_of_a_source_finds_its_slope(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    slopes = [float(slope) for slope in re.findall(r"(?:^\d+ +x |: )+ *(\d\.\d+)", capsys.readouterr().out, re.MULTILINE)]
    assert slopes and all(slope == pytest.approx(3 if name == "csv_files" else 2, abs=0.1) for slope in slopes)


def test_every_example_is_run():
    assert {path.stem for path in EXAMPLES.glob("*.py")} >= {*SOURCES, "flights"}
