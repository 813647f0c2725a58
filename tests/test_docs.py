"""Everything the documentation shows is run, and what it prints is what is printed."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECONDS = re.compile(r" +\d+\.\d{3}$", re.MULTILINE)  # the last column of a ledger


@pytest.mark.parametrize("page", [pytest.param(path, id=path.name) for path in sorted((ROOT / "docs").glob("*.md"))])
def test_snippets_do_what_they_say(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert tried and not failed


@pytest.mark.slow
def test_the_readme_shows_what_the_demo_prints(tmp_path):
    readme = (ROOT / "README.md").read_text()
    shown = re.search(r"<!-- scripts/demo -->\n```\n(.*?)```", readme, re.DOTALL)[1]
    done = subprocess.run([sys.executable, ROOT / "examples" / "flights.py", "demo/flights"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert comparable(shown) == comparable(done.stdout)


def comparable(text):
    """Without seconds, and without the digits of a difference that is rounding."""
    return re.sub(r"errors: \d\.\de-1\d", "errors: rounding", SECONDS.sub("", text)).split("\n")


def test_the_readme_snippets_run(table, tmp_path, monkeypatch):
    (tmp_path / "flights").mkdir()
    renamed = table.rename(columns={"y": "arr_delay", "a": "dep_delay", "g": "carrier", "weight": "w"})
    renamed.to_parquet(tmp_path / "flights" / "all.parquet")
    monkeypatch.chdir(tmp_path)
    for snippet in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL):
        exec(compile(snippet, "README.md", "exec"), {})


@pytest.mark.slow
def test_the_formula_example_runs(tmp_path):
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run([sys.executable, ROOT / "examples" / "formulas.py", tmp_path / "towns"], capture_output=True, text=True, check=True, env=environment)
    assert "R² = 0.9163" in done.stdout and "16,000 rows" in done.stdout and (tmp_path / "towns" / "coefficients.png").stat().st_size > 10_000


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/how-it-works.md", "docs/formulas.md"])
def test_links_lead_somewhere(name):
    page = ROOT / name
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / link).exists(), f"{name} links to {link}"
