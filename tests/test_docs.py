"""Everything the documentation shows is run, and what it prints is what is printed."""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from summable.cli import main

ROOT = Path(__file__).parents[1]
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
SECONDS = re.compile(r" +\d+\.\d{3}$", re.MULTILINE)  # the last column of a ledger


@pytest.mark.parametrize("page", [pytest.param(path, id=path.name) for path in sorted((ROOT / "docs").glob("*.md"))])
def test_snippets_do_what_they_say(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = CONSOLE.sub(as_doctest, page.read_text())
    test = doctest.DocTestParser().get_doctest(text, {"shell": shell}, page.name, str(page), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    failed, tried = runner.run(test)
    assert tried and not failed


@pytest.mark.slow
@pytest.mark.parametrize("page", [pytest.param(path, id=path.name) for path in sorted((ROOT / "docs").glob("*.ipynb"))])
def test_cells_of_a_notebook_print_what_is_kept_below_them(page, monkeypatch):
    monkeypatch.chdir(page.parent)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    cells = [cell for cell in json.loads(page.read_text())["cells"] if cell["cell_type"] == "code"]
    names = {}
    assert cells
    for cell in cells:
        kept = "".join(line for output in cell["outputs"] for line in output["text"])
        assert printed("".join(cell["source"]), names) == kept


def printed(source, names):
    """What a cell prints, and its last expression as the notebook shows it."""
    tree, out = ast.parse(source), io.StringIO()
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(out):
        exec(compile(tree, "cell", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None
        if value is not None:
            print(value)
    return out.getvalue()


def as_doctest(block):
    """Commands after $, and what they print."""
    return "".join(f">>> shell({line[2:].strip()!r})\n" if line.startswith("$ ") else line for line in block[1].splitlines(keepends=True)) + "\n"


def shell(command):
    """Run a `summable` command in this process."""
    with mock.patch.object(sys, "argv", shlex.split(command)), contextlib.suppress(SystemExit):
        main()


@pytest.mark.slow
def test_a_killed_fit_is_resumed_in_the_example(tmp_path):
    done = subprocess.run([sys.executable, ROOT / "examples" / "resume.py", tmp_path], capture_output=True, text=True, check=True)
    assert "The first fit was killed" in done.stdout and "nothing disturbed: True" in done.stdout
    replayed = int(re.search(r"Gram +(\d+) of 60 parts replayed", done.stdout)[1])
    assert 30 <= replayed < 60


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
    renamed = table.rename(columns={"y": "arr_delay", "a": "dep_delay", "b": "distance", "g": "carrier", "weight": "w"}).dropna()
    renamed.to_parquet(tmp_path / "flights" / "all.parquet")
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(snippets) > 1
    exec(compile("\n".join(snippets), "README.md", "exec"), {})


@pytest.mark.slow
def test_the_formula_example_runs(tmp_path):
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run([sys.executable, ROOT / "examples" / "formulas.py", tmp_path / "towns"], capture_output=True, text=True, check=True, env=environment)
    assert "R² = 0.9163" in done.stdout and "16,000 rows" in done.stdout and (tmp_path / "towns" / "coefficients.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / link).exists(), f"{page.name} links to {link}"
