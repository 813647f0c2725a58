"""What a table holds, beside what pandas says of it."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import summable as sm
from summable.cli import app
from summable.core.design import Column, Design, Numeric
from summable.measures.histogram import Histogram
from summable.measures.sketch import of_numbers
from summable.measures.summary import Summary
from summable.testing import hostile_tables, laws

DESIGN = Design(
    (*map(Column, ("x", "far", "same")), Column("g", "text")), (), tuple((str(i), Numeric(name)) for i, name in enumerate(("x", "far", "same"))), "keep"
)
HISTOGRAM = Histogram(DESIGN, ("0", "1"), (0.0, 1e6), (0.7, 0.5), (-4.0, 1e6 - 1), (4.0, 1e6 + 1), (0.1, 1e6), 16)
MEASURES = {"all": Summary(DESIGN, (0.0, 1e6, 7.0), ("g",), 1000), "some": Summary(DESIGN, (0.0, 1e6, 7.0), ("g",), 10, False), "bins": HISTOGRAM}


@pytest.mark.parametrize("law", [pytest.param(law, id=f"{name} {law.name}") for name, m in MEASURES.items() for law in laws(m, hostile_tables())])
def test_law(law):
    law.check()


@pytest.fixture(scope="module")
def table():
    draw, rows = np.random.default_rng(0), 20_000
    table = pd.DataFrame(
        {
            "near": draw.normal(size=rows), "far": draw.normal(1e6, 1, rows), "heavy": draw.lognormal(0, 3, rows) * draw.choice([-1, 1], rows),
            "k": draw.integers(-3, 9, rows), "flag": draw.random(rows) < 0.3, "g": draw.choice(["x", "y", "z z"], rows, p=[0.5, 0.3, 0.2]),
            "id": [f"u{i}" for i in range(rows)], "none": [None] * rows, "when": pd.date_range("2020", periods=rows, freq="h"), "same": 7.0,
        }
    )  # fmt: skip
    table["sum"] = table["near"] + 0.5 * draw.normal(size=rows)
    table.loc[::7, "near"] = np.nan
    table.loc[::5, "g"] = None
    return table


NUMBERS = ["near", "far", "heavy", "k", "same", "sum"]


@pytest.fixture(scope="module", params=[1, 3])
def found(table, request):
    edges = np.linspace(0, len(table), request.param + 1).astype(int)
    return sm.describe([table[a:b] for a, b in pairwise(edges)], quantiles=(0.01, 0.5, 0.75))


def test_moments_and_extremes_are_those_of_pandas(table, found):
    frame, numbers = found.frame.loc[NUMBERS], table[NUMBERS]
    expected = {
        "count": numbers.count(),
        "missing": numbers.isna().sum(),
        "mean": numbers.mean(),
        "sd": numbers.std(),
        "min": numbers.min(),
        "max": numbers.max(),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(frame[name], values, rtol=1e-9, atol=1e-12, err_msg=name)
    uneven = [name for name in NUMBERS if name != "same"]
    for name, values in {"skewness": numbers[uneven].skew(), "kurtosis": numbers[uneven].kurt()}.items():
        np.testing.assert_allclose(frame.loc[uneven, name], values, rtol=1e-6, atol=1e-8, err_msg=name)
    assert found.rows == 20_000 and found.frame.loc["same", "sd"] == 0 and found.frame.loc["flag", "mean"] == pytest.approx(table["flag"].mean())


def test_quantiles_are_as_near_as_is_said(table, found):
    for name in NUMBERS:
        line = found.frame.loc[name]
        for p in (0.01, 0.5, 0.75):
            assert abs(line[f"{100 * p:g}%"] - table[name].quantile(p)) <= line["quantile_error"] + 1e-9 * abs(table[name].quantile(p))
    assert found.frame.loc["k", "quantile_error"] == found.frame.loc["same", "quantile_error"] == 0
    assert found.frame.loc["near", "quantile_error"] < 0.01 and found.frame.loc["far", "quantile_error"] < 0.01


def test_distinct_values_and_levels(table, found):
    frame = found.frame
    assert dict(found.levels("g")) == dict(table["g"].value_counts()) and list(found.levels("g").index) == ["x", "y", "z z"]
    assert frame.loc["g", "top"] == "x" and frame.loc["k", "distinct"] == 12 and frame.loc["same", "distinct"] == 1
    for name in ("id", "far", "heavy"):
        assert abs(frame.loc[name, "distinct"] / 20_000 - 1) < 4 * frame.loc[name, "distinct_error"] < 0.1
    assert frame.loc["none", ["kind", "count", "missing"]].tolist() == ["nothing", 0, 20_000]
    assert frame.loc["when", ["kind", "count"]].tolist() == ["date", 20_000]


def test_correlations_are_those_of_pandas(table, found):
    names = [name for name in NUMBERS if name != "same"]
    np.testing.assert_allclose(found.correlations.loc[names, names], table[names].corr(), atol=1e-9)
    assert found.correlations.loc["same"].isna().all()


def test_it_takes_two_readings_or_one(table, found):
    assert [line.measure for line in found.ledger.fitting] == ["Summary", "Histogram"]
    assert [line.measure for line in sm.describe(table, ["k", "g"]).ledger.fitting] == ["Summary"]


def test_the_sharding_does_not_matter(table, found):
    other = sm.describe([table[part::4] for part in range(4)], quantiles=(0.01, 0.5, 0.75)).frame
    pd.testing.assert_frame_equal(found.frame[["count", "missing", "distinct", "min", "max"]], other[["count", "missing", "distinct", "min", "max"]])
    np.testing.assert_allclose(found.frame.loc[NUMBERS, "mean"], other.loc[NUMBERS, "mean"], rtol=1e-12)


def test_a_sketch_counts_well():
    draw = np.random.default_rng(1)
    for distinct in (500, 50_000):
        values = draw.integers(0, distinct, 200_000).astype(float)
        levels = of_numbers(values[:70_000], 4096) + of_numbers(values[70_000:], 4096)
        true = len(np.unique(values))
        assert (levels.distinct == true) if levels.whole else abs(levels.distinct / true - 1) < 4 * levels.error
        some = dict(zip(levels.numbers[:20].tolist(), levels.counts[:20].tolist(), strict=True))
        assert all((values == value).sum() == count for value, count in some.items())


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_rows(rows):
    found = sm.describe({"x": np.arange(float(rows)), "g": np.array(["a"] * rows, dtype="U1")})
    assert found.rows == rows and repr(found) and found.frame.loc["x", "count"] == rows
    assert np.isnan(found.frame.loc["x", "sd"]) == (rows < 2) and found.levels("g").sum() == rows


def test_infinities_are_told_and_left_out():
    line = sm.describe({"x": np.array([1.0, np.inf, -np.inf, np.nan, 3.0])}).frame.loc["x"]
    assert line[["count", "infinite", "missing", "mean", "max"]].tolist() == [2, 2, 1, 2.0, 3.0]


def test_a_column_that_is_not_there_is_said(table):
    with pytest.raises(sm.DataError, match="there is no column 'nope'"):
        sm.describe(table, ["nope"])
    with pytest.raises(sm.DataError, match="not all between 0 and 1"):
        sm.describe(table, quantiles=(50,))


def test_notebooks_and_the_command_line_show_it(table, found, tmp_path):
    assert "<caption>What the columns hold</caption>" in found._repr_html_() and "≈" in repr(found)
    table.drop(columns="none").to_parquet(tmp_path / "all.parquet")
    done = CliRunner().invoke(app, ["describe", str(tmp_path / "all.parquet"), "--columns", "k,g,near", "--quantiles", "0.1,0.9"])
    assert done.exit_code == 0 and "z z (" in done.stdout and "90%" in done.stdout and "Strongest correlations: k–near" in done.stdout
    told = json.loads(CliRunner().invoke(app, ["describe", str(tmp_path), "--json"]).stdout)
    assert told["rows"] == 20_000 and told["columns"]["g"]["levels"][0][0] == "x" and told["correlations"]["near"]["sum"] > 0.8
    assert told["columns"]["g"]["mean"] is None
