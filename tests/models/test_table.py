"""What every model of the table must pass, and what is written from the table."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import summable as sm
from summable.models.table import MODELS

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("tables", ROOT / "scripts" / "tables.py")
tables = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tables)


@pytest.mark.slow
@parametrize_with_checks([getattr(sm, name)() for name in MODELS])
def test_what_scikit_learn_asks_of_every_estimator(estimator, check):
    if isinstance(estimator, sm.QuadraticDiscriminantAnalysis) and "array_api" in str(check):
        estimator.set_params(reg_param=1.0)  # as scikit-learn asks of its own: a class has fewer rows than features there
    check(estimator)


@pytest.mark.parametrize("name", MODELS)
def test_parameters_and_defaults_are_scikit_learns(name):
    theirs = getattr(importlib.import_module(f"sklearn.{MODELS[name].beside}"), name)
    assert {k: repr(v) for k, v in getattr(sm, name)().get_params().items()} == {k: repr(v) for k, v in theirs().get_params().items()}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("p", "k"), [(2, 2), (5, 3)])
def test_each_part_sends_what_the_table_says(name, p, k):
    model = MODELS[name]
    assert tables.numbers(model, p, k) in {line.numbers for line in tables.fitted(name, p, k).ledger_.fitting if line.measure == model.asks}


@pytest.mark.slow
def test_what_is_written_from_the_table_is_as_it_would_be_written():
    assert tables.STUB.read_text() == tables.stub()
    assert tables.PAGE.read_text() == tables.page()
