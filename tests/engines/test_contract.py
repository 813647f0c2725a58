"""Threads keep the contract that every engine keeps, with all families; and the contract asks all that fits can ask."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

import summable.measures as package
from summable.core.data import Data
from summable.core.engine import Engine
from summable.core.measure import Measure, PartMeasure
from summable.engines.threads import Threads
from summable.measures.serial import Serial
from summable.open import ENGINES
from summable.testing import contract
from summable.testing.contract import FAMILIES, asked, threads
from tests_support import submodules

CHECKS = [check.name for check in contract(threads, "", tuple(FAMILIES))]


@pytest.mark.slow
@pytest.mark.parametrize("name", CHECKS)
def test_threads(name, tmp_path):
    next(check for check in contract(threads, tmp_path, tuple(FAMILIES)) if check.name == name).run()


@dataclass(frozen=True)
class Twice:
    """Counts the partition before the last twice."""

    engine: Engine

    @property
    def parts(self):
        return self.engine.parts

    def sum(self, measure):
        return self.engine.sum(measure) + Threads(self.engine.shards[-2:-1]).sum(measure)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["answers what fits ask, as threads do", "least squares plain", "binomial, for time"])
def test_a_contract_that_is_broken_is_told(name, tmp_path):
    check = next(check for check in contract(lambda tables: Twice(threads(tables)), tmp_path) if check.name == name)
    with pytest.raises(AssertionError):
        check.run()


@pytest.mark.slow
def test_the_contract_asks_every_measure():
    submodules(package)
    everyone = {word for word in Data.vocabulary.values() if issubclass(word, Measure | PartMeasure) and word.__module__.startswith("summable.measures.")}
    assert everyone - {type(question) for question in asked()} == {Serial}  # which has a check of its own


@pytest.mark.slow
def test_the_documented_table_says_of_every_engine_and_measure_what_the_contract_asks():
    page = (Path(__file__).parents[2] / "docs" / "engines.md").read_text()
    shown = re.search(r"<!-- scripts/engines_table.py -->\n(.*?)<!-- end -->", page, re.DOTALL)[1]
    head, _, *lines, last = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown.splitlines()]
    places = [name for name in ENGINES if name != "torch"]  # whose ranks keep the contract in test_torch
    assert head == ["measure", *places]
    names = sorted({type(question).__name__ for question in asked()} | {"Serial"})  # which has a check of its own
    assert lines == [[f"`{name}`", *["yes"] * len(places)] for name in names]  # as the checks of all engines assert
    assert last[0] == "an idle round, ms" and all(float(cell) > 0 for cell in last[1:]) and len(last) == len(head)
