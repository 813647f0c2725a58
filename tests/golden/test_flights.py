"""The flights of 2013: equal to statsmodels, whoever holds the rows and however they are cut."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.formula.api as smf

import summable as sm

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from flights import FORMULA, flights

pytestmark = pytest.mark.slow
USED = ["arr_delay", "dep_delay", "distance", "hour", "carrier", "origin", "month"]


@pytest.fixture(scope="module")
def table():
    return flights()[USED]


@pytest.fixture(scope="module")
def expected(table):
    return smf.ols(FORMULA, table).fit()


def parquet(table, folder):
    table.to_parquet(folder / "part.parquet", index=False)


def csv(table, folder):
    table.to_csv(folder / "part.csv", index=False)


SOURCES = {
    "pandas": lambda part, _: part, "polars": lambda part, _: pl.from_pandas(part), "arrays": lambda part, _: {name: part[name].to_numpy() for name in part},
    "parquet": parquet, "csv": csv,
}  # fmt: skip


@pytest.mark.parametrize("parts", [1, 7, 40])
@pytest.mark.parametrize("source", SOURCES)
def test_equal_to_statsmodels(table, expected, tmp_path, source, parts):
    pieces = []
    for number, rows in enumerate(np.array_split(np.arange(len(table)), parts)):
        folder = tmp_path / f"{number:02d}"
        folder.mkdir()
        pieces.append(SOURCES[source](table.iloc[rows], folder))
    fit = sm.ols(FORMULA, tmp_path if source in ("parquet", "csv") else pieces)
    assert set(fit.params.index) == set(expected.params.index)  # patsy puts categories first
    np.testing.assert_allclose(fit.params, expected.params[fit.params.index], rtol=1e-9)
    np.testing.assert_allclose(fit.bse, expected.bse[fit.params.index], rtol=1e-9)
    assert fit.nobs == 327_346 and fit.dropped == 9_430
    assert [line.measure for line in fit.ledger.rounds] == ["Glance", "Profile", "Gram"]
    assert fit.ledger.rounds[-1].numbers == 36 * 37 // 2 + 3  # 35 features with all levels and the constant, and y


def test_identical_bits_on_one_and_two_threads(table, tmp_path):
    for number, rows in enumerate(np.array_split(np.arange(len(table)), 40)):
        table.iloc[rows].to_parquet(tmp_path / f"{number:02d}.parquet")
    one, two = (sm.ols(FORMULA, tmp_path, workers=workers) for workers in (1, 2))
    assert one.params.to_numpy().tobytes() == two.params.to_numpy().tobytes()
    assert one.bse.to_numpy().tobytes() == two.bse.to_numpy().tobytes()
