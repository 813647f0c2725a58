"""Every source, with every type of column, weighted or not, with missing values or without, gives the fit of the same rows in pandas."""

from __future__ import annotations

import io
import itertools
import uuid
from functools import lru_cache

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import summable as sm

ROWS, PARTS = 400, 3
TOLERANCE = 1e-12  # relative; the columns below are well conditioned, so that nothing but the order of the sums differs
EIGHTHS = {  # what all types can hold without rounding
    "float64": pa.float64(), "float32": pa.float32(), "float16": pa.float16(), "decimal": pa.decimal128(8, 3), "wide": pa.decimal256(40, 3),
}  # fmt: skip
WHOLE = {"int8": pa.int8(), "int64": pa.int64(), "uint16": pa.uint16(), "uint64": pa.uint64(), "number": pa.int32()}
TEXTS = {
    "text": pa.string(), "large": pa.large_string(), "view": pa.string_view(), "dictionary": pa.dictionary(pa.int8(), pa.string()),
}  # fmt: skip
LABELS = [*TEXTS, "integer", "truth"]
NUMBERS = [*EIGHTHS, *WHOLE, "boolean"]
NUMERIC = "y ~ " + " + ".join(NUMBERS)
FORMULA = NUMERIC + "".join(f" + C({name})" for name in LABELS)


def column(name, draw):
    """Random values of a column, as plain as pandas would have them."""
    if name in EIGHTHS:
        return pa.array(draw.integers(0, 40, ROWS) / 8)
    if name in WHOLE or name == "integer":
        return pa.array(draw.integers(0, 100 if name in WHOLE else 3, ROWS))
    return pa.array(np.array(["a", "bé", 'c,"d"\ne'])[draw.integers(0, 3, ROWS)] if name in TEXTS else draw.random(ROWS) < 0.4)


def typed(name, values):
    """The same values in the type that the column is named after."""
    if pa.types.is_decimal(EIGHTHS.get(name, pa.null())):
        return pa.array([value if value is None else f"{value:.3f}" for value in values.to_pylist()]).cast(EIGHTHS[name])
    return values.dictionary_encode().cast(TEXTS[name]) if name == "dictionary" else values.cast((EIGHTHS | WHOLE | TEXTS).get(name, values.type))


@lru_cache
def rows(missing):
    """A table with a column of each type, and the same values in plain types."""
    draw = np.random.default_rng(3)
    plain = {name: column(name, draw) for name in [*NUMBERS, *LABELS]}
    if missing:
        plain = {name: pc.if_else(pa.array(draw.random(ROWS) < 0.03), None, values) for name, values in plain.items()}
    y = pa.array(plain["number"].fill_null(50).to_numpy() / 10 + draw.normal(size=ROWS))
    others = {"y": y, "w": pa.array(draw.integers(0, 4, ROWS), pa.int64())}
    return pa.table({name: typed(name, values) for name, values in plain.items()} | others), pa.table(plain | others)


@lru_cache
def expected(formula, missing, weights):
    plain = rows(missing)[1]
    complete = plain.select([name for name in plain.column_names if name in formula or name == weights]).drop_null()
    return sm.ols(formula, complete.to_pandas(), weights=weights)


def pieces(table):
    bounds = np.linspace(0, len(table), PARTS + 1).astype(int)
    return [table.slice(start, stop - start) for start, stop in itertools.pairwise(bounds.tolist())]


def as_bytes(write, table):
    sink = pa.BufferOutputStream()
    write(table, sink)
    return sink.getvalue().to_pybytes()


def arrow_file(table, sink):
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=17)


def arrow_stream(table, sink):
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=17)


def spelled(table):
    """As text can hold it: dictionaries and views as their values, half floats as floats."""
    simple = {pa.float16(): pa.float32(), pa.string_view(): pa.string(), TEXTS["dictionary"]: pa.string(), pa.decimal256(40, 3): pa.decimal128(20, 3)}
    return table.cast(pa.schema([(field.name, simple.get(field.type, field.type)) for field in table.schema]))


def csv(table, sink, delimiter=","):
    pyarrow.csv.write_csv(spelled(table), sink, pyarrow.csv.WriteOptions(delimiter=delimiter, quoting_style="needed"))


def json_lines(table, sink):
    table = spelled(table)
    decimals = [field.name for field in table.schema if pa.types.is_decimal(field.type)]
    frame = pl.from_arrow(table.cast(pa.schema([(f.name, pa.float64() if f.name in decimals else f.type) for f in table.schema])))
    buffer = io.BytesIO()
    frame.write_ndjson(buffer)
    sink.write(buffer.getvalue())


def compressed(write, codec):
    def packed(table, sink):
        with pa.CompressedOutputStream(sink, codec) as stream:
            stream.write(as_bytes(write, table))

    return packed


FILES = {
    "parquet": pq.write_table, "csv": csv, "csv.gz": compressed(csv, "gzip"), "csv.zst": compressed(csv, "zstd"), "csv.bz2": compressed(csv, "bz2"),
    "tsv": lambda table, sink: csv(table, sink, "\t"), "tsv.gz": compressed(lambda table, sink: csv(table, sink, "\t"), "gzip"),
    "jsonl": json_lines, "ndjson.gz": compressed(json_lines, "gzip"), "arrow": arrow_file, "ipc": arrow_stream,
    "feather": lambda table, sink: pyarrow.feather.write_feather(table, sink, compression="lz4"),
}  # fmt: skip


def folder_of(ending):
    def make(table, place):
        for index, part in enumerate(pieces(table)):
            (place.folder / f"{index}.{ending}").write_bytes(as_bytes(FILES[ending], part))
        return place.folder

    return make


def hive(ending):
    """In folders that spell the month, which the file does not hold."""

    def make(table, place):
        for index, part in enumerate(pieces(table)):
            (place.folder / f"month={index}").mkdir()
            (place.folder / f"month={index}" / f"part.{ending}").write_bytes(as_bytes(FILES[ending], part))
        return f"{place.folder}/month=*/*.{ending}"

    return make


def cut(ending):
    """One file, cut into ranges of a few lines."""

    def make(table, place):
        place.patch.setattr("summable.sources.ranges.SHARD", 3000)
        path = place.folder / f"all.{ending}"
        path.write_bytes(as_bytes(FILES[ending], table))
        data = sm.scan(path)
        assert len(data) > 2
        return data

    return make


def in_bucket(ending):
    def make(table, place):
        name = uuid.uuid4().hex
        for index, part in enumerate(pieces(table)):
            place.s3.write(f"{name}/k={index}/a.{ending}", as_bytes(FILES[ending], part))
        return place.s3.uri(f"{name}/**/*.{ending}")

    return make


def in_memory(ending):
    def make(table, place):
        for index, part in enumerate(pieces(table)):
            place.memory(f"/data/{index}.{ending}", as_bytes(FILES[ending], part))
        return "memory://data"

    return make


def dataset(table, place):
    pyarrow.dataset.write_dataset(spelled(table), place.folder, format="parquet", partitioning=["w"], partitioning_flavor="hive")
    return pyarrow.dataset.dataset(place.folder, partitioning="hive")


class Stream:
    """Nothing but the Arrow stream interface."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def relation(table, place):
    connection = duckdb.connect()
    place.keep.append(connection)
    flat = spelled(table)
    return connection.from_arrow(flat)


SOURCES = {
    **{f"folder of {ending}": folder_of(ending) for ending in FILES},
    **{f"hive of {ending}": hive(ending) for ending in ("parquet", "csv", "jsonl", "arrow")},
    **{f"cut {ending}": cut(ending) for ending in ("csv", "tsv", "jsonl")},
    **{f"bucket of {ending}": in_bucket(ending) for ending in ("parquet", "csv.gz", "feather")},
    **{f"memory of {ending}": in_memory(ending) for ending in ("parquet", "csv", "jsonl")},
    "file uri": lambda table, place: folder_of("parquet")(table, place).as_uri(),
    "arrow": lambda table, _: table, "record batches": lambda table, _: table.to_batches(max_chunksize=50), "stream": lambda table, _: Stream(table),
    "polars": lambda table, _: pl.from_arrow(spelled(table)),
    "list": lambda table, _: [part if i else pl.from_arrow(spelled(part)) for i, part in enumerate(pieces(table))],
    "dataset": dataset, "duckdb": relation,
}  # fmt: skip


class Place:
    def __init__(self, folder, s3, memory, patch):
        self.folder, self.s3, self.memory, self.patch, self.keep = folder, s3, memory, patch, []


@pytest.fixture
def place(tmp_path, s3, memory, monkeypatch):
    return Place(tmp_path, s3, memory, monkeypatch)


def expect_same(fit, formula, missing, weights):
    want = expected(formula, missing, weights)
    assert list(fit.params.index) == list(want.params.index) and fit.nobs == want.nobs
    np.testing.assert_allclose(fit.params, want.params, rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_allclose(fit.bse, want.bse, rtol=TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("missing", [False, True], ids=["whole", "holes"])
def test_every_type_gives_the_same_fit(source, missing, place):
    data = SOURCES[source](rows(missing)[0], place)
    for weights in (None, "w"):
        expect_same(sm.ols(FORMULA, data, weights=weights), FORMULA, missing, weights)


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("missing", [False, True], ids=["whole", "holes"])
def test_an_iterator_gives_the_same_fit(missing, weights):
    frames = (frame if i else pl.from_arrow(spelled(frame)) for i, frame in enumerate(pieces(rows(missing)[0])))
    expect_same(sm.ols(NUMERIC, frames, weights=weights), NUMERIC, missing, weights)


def test_holes_leave_rows():
    assert 0.4 * ROWS < expected(FORMULA, True, None).nobs < 0.8 * ROWS and expected(FORMULA, False, None).nobs == ROWS
