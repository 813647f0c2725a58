"""Arrow files, datasets, DuckDB relations, and iterators that can be read once."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.feather
import pytest

import summable as sm


def same(fit, table, formula="y ~ a + C(g)", **options):
    expected = sm.ols(formula, table, **options)
    assert list(fit.params.index) == list(expected.params.index) and fit.nobs == expected.nobs
    np.testing.assert_allclose(fit.params, expected.params, rtol=1e-11, atol=1e-11)


def ipc(table, path, kind="file", rows=100):
    arrow = pa.Table.from_pandas(table)
    with (pa.ipc.new_file if kind == "file" else pa.ipc.new_stream)(path, arrow.schema) as writer:
        writer.write_table(arrow, max_chunksize=rows)
    return path


def test_a_big_arrow_file_is_several_shards(table, tmp_path, monkeypatch):
    monkeypatch.setattr("summable.sources.ipc.SHARD", 40_000)
    dataset = sm.scan(ipc(table, tmp_path / "a.arrow"))
    assert len(dataset) > 3 and dataset.shards[1].name.startswith("a.arrow, batches ")
    same(sm.ols("y ~ a + C(g)", dataset), table)
    assert len(sm.scan(ipc(table, tmp_path / "b.arrow", "stream"))) == 1


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_an_arrow_file_cut_anywhere_is_refused(table, tmp_path, kind):
    whole = ipc(table, tmp_path / "a.arrow", kind, rows=500).read_bytes()
    for keep in (0, 3, 8, 1000, len(whole) // 2, len(whole) - 8, len(whole) - 1):
        (tmp_path / "a.arrow").write_bytes(whole[:keep])
        with pytest.raises(sm.SourceError, match=r"a.arrow cannot be read as Arrow"):
            sm.ols("y ~ a", tmp_path)


def test_the_end_of_a_batch_is_not_the_end_of_a_stream(table, tmp_path):
    arrow, sink = pa.Table.from_pandas(table), pa.BufferOutputStream()
    writer = pa.ipc.new_stream(sink, arrow.schema)
    writer.write_table(arrow, max_chunksize=500)
    half = sink.tell()
    writer.write_table(arrow)
    writer.close()
    (tmp_path / "a.ipc").write_bytes(sink.getvalue().to_pybytes()[:half])
    with pytest.raises(sm.SourceError, match="no Arrow file, or cut short"):
        sm.ols("y ~ a", tmp_path)


def test_the_first_feather_format_is_named(table, tmp_path):
    (tmp_path / "a.feather").write_bytes(b"FEA1" + bytes(100) + b"FEA1")
    with pytest.raises(sm.SourceError, match=r"a.feather is of the first Feather format. Write it again"):
        sm.scan(tmp_path)


def test_another_schema_in_an_arrow_file_is_named(table, tmp_path):
    ipc(table, tmp_path / "a.arrow")
    ipc(table.drop(columns="a"), tmp_path / "b.arrow")
    with pytest.raises(sm.DataError, match=r"no column 'a' in shard 1 \(b.arrow\)"):
        sm.ols("y ~ a", tmp_path)


def test_a_dataset_keeps_its_filter_and_its_keys(table, tmp_path):
    pads.write_dataset(
        pa.Table.from_pandas(table), tmp_path, format="parquet", partitioning=["h"], partitioning_flavor="hive", max_rows_per_file=300, max_rows_per_group=300
    )
    dataset = pads.dataset(tmp_path, partitioning="hive")
    same(sm.ols("y ~ a + C(h)", dataset), table, "y ~ a + C(h)")
    some = dataset.filter((pads.field("h") != 2) & (pads.field("a") > 1.5))
    same(sm.ols("y ~ a + C(h)", some), table[(table["h"] != 2) & (table["a"] > 1.5)], "y ~ a + C(h)")
    same(sm.ols("y ~ a", pads.dataset(pa.Table.from_pandas(table))), table, "y ~ a")
    (tmp_path / "empty").mkdir()
    with pytest.raises(sm.SourceError, match="the dataset holds no file"):
        sm.scan(pads.dataset(tmp_path / "empty"))


def test_a_spoilt_file_of_a_dataset_is_named(table, tmp_path):
    pads.write_dataset(pa.Table.from_pandas(table), tmp_path, format="parquet", basename_template="part-{i}.parquet")
    dataset = pads.dataset(tmp_path)
    data = bytearray((tmp_path / "part-0.parquet").read_bytes())
    data[4:20_000] = bytes(19_996)
    (tmp_path / "part-0.parquet").write_bytes(data)
    with pytest.raises(sm.SourceError, match=r"part-0.parquet cannot be read"):
        sm.ols("y ~ a", dataset)


def test_duckdb_reads_the_wanted_columns_in_every_pass(table):
    connection = duckdb.connect()
    connection.register("flights", pa.Table.from_pandas(table))
    relation = connection.sql("select *, a * 2 as double from flights where b > 1")
    some = table[table["b"] > 1]
    same(sm.ols("y ~ a + C(g)", relation, weights="weight"), some, weights="weight")
    both = [connection.sql("select * from flights where a > 2"), connection.sql("select * from flights where a <= 2"), table[:100]]
    same(sm.ols("y ~ a + C(g)", both, workers=3), pd.concat([table, table[:100]]))
    assert dict(sm.scan(relation).schema)["double"] == "number"
    with pytest.raises(sm.DataError, match="there is no column 'nothing'"):
        sm.ols("y ~ nothing", relation)
    with pytest.raises(sm.FormulaError, match="column 'd' holds dates"):
        sm.ols("y ~ d", connection.sql("select y, date '2013-01-01' as d from flights"))


def test_a_duckdb_query_that_fails_is_one_sentence(table):
    connection = duckdb.connect()
    connection.register("flights", pa.Table.from_pandas(table))
    bad = connection.sql("select y, case when a > 4 then error('too far') else a end as a from flights")
    with pytest.raises(sm.SourceError, match=r"the relation .* cannot be read .*too far"):
        sm.ols("y ~ a", bad)
    good = connection.sql("select * from flights")
    connection.close()
    with pytest.raises(sm.SourceError, match=r"cannot be read"):
        sm.ols("y ~ a", good)


def frames(table, made=None):
    for start in range(0, len(table), 300):
        if made is not None:
            made.append(start)
        part = table[start : start + 300]
        yield [part, pl.from_pandas(part), pa.Table.from_pandas(part), {name: part[name].to_numpy() for name in part}][start // 300 % 4]


def test_an_iterator_is_read_once(table):
    made = []
    fit = sm.ols("y ~ a + far", frames(table, made), weights="weight")
    same(fit, table, "y ~ a + far", weights="weight")
    assert made == [0, 300, 600, 900, 1200, 1500, 1800]


def test_a_scan_of_an_iterator_takes_but_its_first_frame(table):
    made = []
    dataset = sm.scan(frames(table, made))
    assert made == [] and dataset.schema["g"] == "text" and made == [0] and len(dataset) == 1
    same(sm.ols("y ~ a", dataset), table, "y ~ a")
    with pytest.raises(sm.DataError, match=r"the iterator has been read, and another pass over its rows is needed.*Give a list of frames"):
        sm.ols("y ~ a", dataset)


def test_a_second_pass_over_an_iterator_is_refused(table):
    with pytest.raises(sm.DataError, match=r"another pass .* while taking Gram, round 3. Give a list of frames, or write them to Parquet"):
        sm.ols("y ~ a + C(g)", frames(table))
    same(sm.ols("y ~ a + C(g)", list(frames(table))), table)


def test_an_iterator_joins_a_union(table):
    same(sm.ols("y ~ a", [frames(table[:1000]), table[1000:]]), table, "y ~ a")


def test_iterators_that_fail_or_have_nothing(table):
    def broken():
        yield table[:10]
        raise OSError("the cable is cut")

    with pytest.raises(sm.DataError, match=r"the iterator failed after 1 frames \(OSError: the cable is cut\)"):
        sm.ols("y ~ a", broken())
    with pytest.raises(sm.DataError, match="the iterator gave no frame"):
        sm.ols("y ~ a", iter([]))
    with pytest.raises(sm.DataError, match="frame 2 of the iterator has no column 'a'"):
        sm.ols("y ~ a", iter([table, table.drop(columns="a")]))
    with pytest.raises(sm.Unsupported, match="a int is not data that can be opened"):
        sm.ols("y ~ a", iter(range(3)))


def test_odd_types_are_refused_or_arrive(table):
    odd = pa.table({
        "y": table["y"], "when": pd.date_range("2013-01-01", periods=len(table)), "big": pa.array([2**64 - 1 - i % 3 for i in range(len(table))], pa.uint64()),
        "took": pa.array([i % 7 for i in range(len(table))], pa.duration("s")),
        "cost": pa.array([f"{i % 5}.25" for i in range(len(table))]).cast(pa.decimal128(6, 2)),
    })  # fmt: skip
    for name in ("when", "took"):
        for term in (name, f"C({name})"):
            with pytest.raises(sm.FormulaError, match=f"column '{name}' holds dates"):
                sm.ols(f"y ~ {term}", odd)
    assert list(sm.ols("y ~ C(cost)", odd).params.index)[1:3] == ["C(cost)[T.1.25]", "C(cost)[T.2.25]"]
    with pytest.raises(sm.SummableError, match="'big'"):
        sm.ols("y ~ C(big)", odd)
