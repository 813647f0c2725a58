"""Folders that spell columns, and files far away: found, read by columns, and missed when they change."""

from __future__ import annotations

import http.server
import pickle
import sys
import threading
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import summable as sm
from summable.core.design import Column, Design
from summable.sources import remote

ENDINGS = {
    "parquet": lambda frame, path: frame.to_parquet(path), "csv": lambda frame, path: frame.to_csv(path, index=False),
    "feather": lambda frame, path: frame.reset_index(drop=True).to_feather(path),
    "jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
}  # fmt: skip


def hive(table, folder, ending="parquet", **renamed):
    """A file for each label g and number h of the table, which the files themselves do not hold."""
    for (g, h), rows in table.groupby(["g", "h"]):
        place = folder / f"g={renamed.get(g, g)}" / f"h={h}"
        place.mkdir(parents=True)
        ENDINGS[ending](rows.drop(columns=["g", "h"]), place / f"part.{ending}")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_keys_of_folders_are_columns(table, tmp_path, ending):
    dataset = sm.scan(hive(table, tmp_path, ending))
    assert dataset.schema["g"] == "text" and dataset.schema["h"] == "integer" and dataset.shards[0].name == f"g=u/h=1/part.{ending}"
    for formula in ("y ~ a + g + C(h)", "y ~ a + g:h", "h ~ C(g)"):
        fit, expected = sm.ols(formula, dataset), sm.ols(formula, table)
        assert list(fit.params.index) == list(expected.params.index)
        np.testing.assert_allclose(fit.params, expected.params, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(sorted(sm.ols("y ~ C(h)", table).predict(dataset)), sorted(sm.ols("y ~ C(h)", table).predict(table)), rtol=1e-11)


def test_keys_are_decoded_and_may_be_missing(table, tmp_path):
    where = hive(table, tmp_path, u="a%20b%2Fc", v="__HIVE_DEFAULT_PARTITION__")
    fit = sm.ols("y ~ a + g", where)
    assert list(fit.params.index) == ["Intercept", "g[T.w]", "a"] or list(fit.params.index) == ["Intercept", "a", "g[T.w]"]
    assert fit.dropped == (table["g"] == "v").sum() and fit.design.terms[-1].categories[0].levels == ("a b/c", "w")


def test_keys_are_integers_only_if_all_are(table, tmp_path):
    for index, value in enumerate(["1", "02", "__HIVE_DEFAULT_PARTITION__"]):
        (tmp_path / f"k={value}").mkdir()
        table[index::3].to_parquet(tmp_path / f"k={value}" / "a.parquet")
    assert sm.scan(tmp_path).schema["k"] == "integer"
    assert sm.ols("y ~ k", tmp_path).dropped == len(table[2::3])
    (tmp_path / "k=x").mkdir()
    table.to_parquet(tmp_path / "k=x" / "a.parquet")
    assert sm.scan(tmp_path).schema["k"] == "text"
    assert sm.scan(tmp_path / "k=1" / "a.parquet").schema["k"] == "integer", "one file knows its keys too"


def test_a_column_of_the_file_goes_before_a_key_of_the_path(table, tmp_path):
    (tmp_path / "a=5").mkdir()
    table.to_parquet(tmp_path / "a=5" / "a.parquet")
    np.testing.assert_allclose(sm.ols("y ~ a", tmp_path).params, sm.ols("y ~ a", table).params, rtol=1e-12)


def parquet_bytes(table, **options):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), sink, **options)
    return sink.getvalue().to_pybytes()


def far(name, s3, memory):
    """(write, uri, delete) of a place."""
    if name == "s3":
        return s3.write, s3.uri, s3.delete
    return (lambda path, data: memory(f"/{path}", data)), (lambda path: f"memory://{path}"), (lambda path: memory.__self__.rm(f"/{path}"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["s3", "memory"])
def test_files_folders_and_globs_far_away(table, s3, memory, name):
    write, uri, _ = far(name, s3, memory)
    for index in range(3):
        write(f"tables/year={index}/a.parquet", parquet_bytes(table[index::3]))
    write("tables/_SUCCESS/x.parquet", b"no data")
    write("tables/.hidden.parquet", b"no data")
    write("tables/year=0/readme.txt", b"no data")
    for path, files in {
        "tables": 3, "tables/": 3, "tables/year=1": 1, "tables/year=1/a.parquet": 1, "tables/*/a.parquet": 3,
        "tables/**/a.par*": 3, "tables/year=*/*.parquet": 3,
    }.items():  # fmt: skip
        dataset = sm.scan(uri(path))
        assert len(dataset) == files and dataset.schema["year"] == "integer"
        pickle.loads(pickle.dumps(dataset.shards))
    np.testing.assert_allclose(sm.ols("y ~ a + C(g)", uri("tables")).params, sm.ols("y ~ a + C(g)", table).params, rtol=1e-11)
    for path in ("tables/nothing", "empty/", "tables/*.csv"):
        with pytest.raises(sm.SourceError, match=rf"^{name}://[a-z/]*{path.replace('*', '.').rstrip('/')}/? matches no file. Give a file"):
            sm.scan(uri(path))


@pytest.mark.parametrize("name", ["s3", "memory"])
@pytest.mark.parametrize("how", ["changed", "vanished"])
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_far_file_that_changes_between_rounds_is_named(table, s3, memory, name, how, ending):
    write, uri, delete = far(name, s3, memory)
    data = parquet_bytes(table) if ending == "parquet" else table.to_csv(index=False).encode()
    write(f"{how}/a.{ending}", data)
    dataset = sm.scan(uri(f"{how}/a.{ending}"))
    assert sm.ols("y ~ a", dataset).nobs == 2000
    delete(f"{how}/a.{ending}")
    if how == "changed":
        write(f"{how}/a.{ending}", data + b"\n")
    with pytest.raises(sm.SourceError, match=rf"{name}://.*{how}/a.{ending} has {how} since it was scanned"):
        sm.ols("y ~ a", dataset)


def test_a_far_file_of_the_same_size_is_told_by_its_stamp(table, memory):
    memory("/a.csv", b"y,x\n1,2\n3,4\n4,9\n")
    dataset = sm.scan("memory://a.csv")
    memory("/a.csv", b"y,x\n1,2\n3,4\n4,8\n")
    with pytest.raises(sm.SourceError, match=r"memory://a.csv has changed since it was scanned"):
        sm.ols("y ~ x", dataset)


def test_far_parquet_is_read_by_columns(table, memory, monkeypatch):
    """Everything but the footer and the wanted columns may be spoilt."""
    data = bytearray(parquet_bytes(table, compression="none"))
    footer = pq.read_metadata(pa.BufferReader(bytes(data)))
    columns = [footer.row_group(0).column(i) for i in range(footer.num_columns)]
    for column in columns:
        if column.path_in_schema not in ("y", "a", "g"):
            start = min(column.data_page_offset, column.dictionary_page_offset or column.data_page_offset)
            data[start : start + column.total_compressed_size] = b"?" * column.total_compressed_size
    memory("/spoilt.parquet", bytes(data))
    np.testing.assert_allclose(sm.ols("y ~ a + g", "memory://spoilt.parquet").params, sm.ols("y ~ a + g", table).params, rtol=1e-12)
    with pytest.raises(sm.SummableError, match=r"memory://spoilt.parquet cannot be read as Parquet"):
        sm.ols("y ~ b", "memory://spoilt.parquet")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.mark.slow
def test_http(table, tmp_path):
    table.to_csv(tmp_path / "a b.csv", index=False)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    here = f"http://127.0.0.1:{server.server_port}"
    try:
        np.testing.assert_allclose(sm.ols("y ~ a", f"{here}/a%20b.csv").params, sm.ols("y ~ a", table).params, rtol=1e-11)
        with pytest.raises(sm.SourceError, match=r"nothing.csv matches no file"):
            sm.scan(f"{here}/nothing.csv")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    with pytest.raises(sm.SourceError, match=r"http://127.0.0.1:.*cannot be reached .*Check the address"):
        sm.scan(f"{here}/a%20b.csv")


def test_a_file_uri_is_a_path(table, tmp_path):
    folder = tmp_path / "a b"
    folder.mkdir()
    table.to_parquet(folder / "x.parquet")
    assert len(sm.scan(folder.as_uri())) == len(sm.scan(f"{folder.as_uri()}/*.parquet")) == 1
    with pytest.raises(sm.SourceError, match=r"a b/none.csv matches no file"):
        sm.scan(f"{folder.as_uri()}/none.csv")


def test_schemes_and_packages_that_are_not_there(monkeypatch, tmp_path):
    with pytest.raises(sm.Unsupported, match=r"^xyz:// is no scheme that is read. Give s3://"):
        sm.scan("xyz://somewhere/a.csv")
    with pytest.raises(sm.Unsupported, match=r"^dropbox:// needs a package that is not installed \(.*dropbox.*Install it with pip"):
        sm.scan("dropbox://somewhere/a.csv")
    remote._spec.cache_clear()
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(sm.Unsupported, match=r"^memory:// needs the package fsspec. Install it: pip install 'summable\[remote\]'."):
        sm.scan("memory://somewhere/a.csv")


def test_secrets_stay_out_of_errors(s3):
    with pytest.raises(sm.SummableError) as caught:
        sm.scan(f"s3://me:secret@bucket/none?{s3.query}")
    assert "secret" not in str(caught.value) and str(caught.value).startswith("s3://bucket/none ")
    s3.write("open/a.csv", b"y,x\n1,2\n3\n")
    with pytest.raises(sm.SummableError) as caught:
        sm.ols("y ~ x", f"s3://me:secret@bucket/open?{s3.query}")
    assert "secret" not in str(caught.value) and "s3://bucket/open/a.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "pattern", "wanted"),
    [("a/b.csv", "a/*.csv", True), ("a/c/b.csv", "a/*.csv", False), ("a/c/b.csv", "a/**/*.csv", True), ("a/b.csv", "a/**/*.csv", True), ("a", "a/*", False)],
)
def test_stars_stay_within_a_name_and_two_of_them_do_not(path, pattern, wanted):
    assert remote.matches(path.split("/"), pattern.split("/")) is wanted


def test_a_key_alone_still_counts_the_rows(table, tmp_path):
    for ending in ENDINGS:
        where = hive(table[["y", "g", "h"]], tmp_path / ending, ending)
        for shard in sm.scan(where).shards[:2]:
            rows = next(iter(shard.rows(Design((Column("h", "integer"),)))))
            assert rows.count()[0] == ((table["g"] == "u") & (table["h"] == int(shard.name.split("/")[1][2:]))).sum()
