"""Predictions for new rows: streamed, in order, whoever reads."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import summable as sm
from summable import files
from summable.engines import stream
from summable.engines.stream import in_order

FORMULA = "y ~ a*C(g) + far"


@pytest.fixture
def folder(table, tmp_path):
    for i, rows in enumerate(np.array_split(np.arange(len(table)), 9)):
        table.iloc[rows].to_parquet(tmp_path / f"{i}.parquet")
    return tmp_path


@pytest.mark.parametrize("interval", [None, "confidence", "prediction"])
def test_the_same_for_any_cut_and_any_number_of_threads(table, folder, interval):
    fit = sm.ols(FORMULA, table)
    whole = np.asarray(fit.predict(table, interval))
    for workers in (1, 2, 7):
        np.testing.assert_allclose(np.asarray(fit.predict(folder, interval, workers=workers)), whole, rtol=1e-13)
    batches = list(fit.predict_batches(folder, interval, keep=["g", "h", "y"], workers=3))
    assert len(batches) == 9 and batches[0].schema.names[:3] == ["g", "h", "y"]
    np.testing.assert_allclose(np.concatenate([batch.column("mean").to_numpy() for batch in batches]), whole.reshape(len(table), -1)[:, 0], rtol=1e-13)
    for name in ("g", "h", "y"):
        assert [value for batch in batches for value in batch.column(name).to_pylist()] == table[name].tolist()


def test_no_rows_give_no_predictions(table):
    fit = sm.ols(FORMULA, table)
    assert fit.predict(table[:0]).shape == (0,)
    assert list(fit.predict(table[:0], "confidence").columns) == ["mean", "se", "lower", "upper"]
    (batch,) = fit.predict_batches(table[:0], keep=["g"])
    assert batch.num_rows == 0 and batch.schema.names == ["g", "mean"]


def test_kept_columns_come_as_they_are(table):
    frame = table[:4].assign(
        when=pd.date_range("2024-01-01", periods=4), kind=pd.Categorical(["p", "q", "p", None]), count=pd.array([1, None, 3, 2**60 + 1], "Int64")
    )
    (batch,) = sm.ols("y ~ a", table).predict_batches(frame, keep=["when", "kind", "count", "a"])
    back = batch.to_pandas()
    assert back["when"].tolist() == frame["when"].tolist() and batch.column("kind").to_pylist() == ["p", "q", "p", None]
    assert batch.column("count").to_pylist() == [1, None, 3, 2**60 + 1] and back["a"].tolist() == frame["a"].tolist()


def test_what_cannot_be_is_refused_before_a_row_is_read(table):
    fit = sm.ols("y ~ a", table)
    with pytest.raises(sm.DataError, match="there is no column 'nope'"):
        fit.predict_batches(table, keep=["nope"])
    with pytest.raises(sm.Unsupported, match="the column 'mean' cannot be kept beside a prediction of that name"):
        fit.predict_batches(table.assign(mean=1.0), keep=["mean"])
    with pytest.raises(sm.Unsupported, match="the classical standard error does not apply"):
        sm.ols("y ~ a", table, weights="weight", weight_kind="sampling").predict_batches(table, "confidence")


@dataclass
class Named:
    name: int


def test_threads_run_no_further_ahead_than_agreed_and_end_when_nobody_takes():
    made, before = [], threading.active_count()

    def read(shard):
        for block in range(1000):
            made.append((shard.name, block))
            yield shard.name, block

    blocks = in_order(read, [Named(i) for i in range(50)], workers=3)
    assert [next(blocks) for _ in range(5)] == [(0, i) for i in range(5)]
    blocks.close()
    assert len(made) <= 5 + 3 * (stream.AHEAD + 2) and {shard for shard, _ in made} <= {0, 1, 2}
    assert threading.active_count() == before


def test_an_error_comes_in_its_turn():
    def read(shard):
        yield shard.name
        if shard.name == 2:
            raise sm.DataError("this shard is bad", "Mend it.")

    taken = []
    with pytest.raises(sm.DataError, match="this shard is bad"):
        for block in in_order(read, [Named(i) for i in range(6)], workers=4):
            taken.append(block)
    assert taken == [0, 1, 2]


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "out"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), files.replacing(path) as beside:
        with open(beside, "w") as half:
            half.write("half")
        raise KeyboardInterrupt
    assert path.read_text() == "before" and [entry.name for entry in tmp_path.iterdir()] == ["out"]
    with files.replacing(path) as beside, open(beside, "w") as whole:
        whole.write("after")
    assert path.read_text() == "after" and path.stat().st_mode & 0o777 == 0o666 & ~files._umask()
