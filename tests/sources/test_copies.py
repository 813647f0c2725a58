from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import summable as sm
from summable.core.design import Category, Column, Constant, Design, Numeric, Product
from summable.engines.threads import Threads
from summable.measures.gram import Gram
from summable.open import copied, scan
from summable.sources import copies

COLUMNS = Column("y"), Column("x"), Column("g", "text")
TERMS = Constant(), Product((Numeric("x"),)), Product((), (Category("g", ("a", "b", "c")),))
DESIGN = Design(COLUMNS, TERMS, (("y", Numeric("y")),), missing="drop")


@pytest.fixture(params=["parquet", "csv"])
def files(request, tmp_path):
    """Two files, of several row groups whose labels have dictionaries of their own, with missing values."""
    draw, folder = np.random.default_rng(0), tmp_path / "files"
    folder.mkdir()
    for number, labels in enumerate((["a", "b"], ["c", None, "b"])):
        x, y = draw.normal(size=(2, 500))
        table = pa.table({"x": pa.array(x, mask=draw.random(500) < 0.1), "y": y, "g": pa.array([labels[i % len(labels)] for i in range(500)]), "z": y})
        if request.param == "parquet":
            pq.write_table(table, folder / f"{number}.parquet", row_group_size=200)
        else:
            pa.csv.write_csv(table, folder / f"{number}.csv")
    return folder


@pytest.fixture
def decoded(files, monkeypatch):
    """The names of what was decoded."""
    kind, told = type(scan(files).shards[0].table), []
    usual = kind.batches

    def batches(self, columns, limit):
        told.append(self.name)
        return usual(self, columns, limit)

    monkeypatch.setattr(kind, "batches", batches)
    return told


def with_copies(files, folder, begin=True):
    folder.mkdir(exist_ok=True)
    return [copied(shard, str(folder / str(index)), begin) for index, shard in enumerate(scan(files).shards)]


def test_rows_are_decoded_once_and_their_sums_have_the_same_bits(files, decoded, tmp_path):
    shards = with_copies(files, tmp_path / "copies")
    wanted = Threads(scan(files).shards).sum(Gram(DESIGN))
    assert wanted.rows[1] > 0, "some rows are dropped"
    decoded.clear()
    for _ in range(3):
        found = Threads(shards).sum(Gram(DESIGN))
        assert (found.xx.tobytes(), found.xy.tobytes()) == (wanted.xx.tobytes(), wanted.xy.tobytes())
    assert len(decoded) == len(shards) == len(os.listdir(tmp_path / "copies"))
    Threads(shards).sum(Gram(Design((Column("y"), Column("z")), (Constant(), Product((Numeric("z"),))), (("y", Numeric("y")),))))
    assert len(decoded) == 2 * len(shards), "other columns are decoded for themselves"


def test_those_who_are_not_to_begin_copies_read_what_there_is(files, decoded, tmp_path):
    later = with_copies(files, tmp_path / "copies", begin=False)
    Threads(later).sum(Gram(DESIGN))
    assert not os.listdir(tmp_path / "copies")
    Threads(with_copies(files, tmp_path / "copies")).sum(Gram(DESIGN))
    decoded.clear()
    Threads(later).sum(Gram(DESIGN))
    assert not decoded


def test_what_is_not_read_to_its_end_leaves_no_copy(files, tmp_path):
    shard = with_copies(files, tmp_path / "copies")[0]
    assert list(shard.rows(DESIGN, 10)) and not os.listdir(tmp_path / "copies")
    rows = shard.table.batches(COLUMNS, None)
    next(rows)
    assert os.listdir(tmp_path / "copies"), "it has begun"
    rows.close()
    assert not os.listdir(tmp_path / "copies")


@pytest.mark.parametrize("trouble", ["no room", "some room", "a full disk"])
def test_where_there_is_no_room_rows_are_decoded_again(files, decoded, tmp_path, monkeypatch, trouble):
    wanted = Threads(scan(files).shards).sum(Gram(DESIGN))
    if trouble == "a full disk":
        monkeypatch.setattr(copies.pa.ipc.RecordBatchStreamWriter, "write_batch", full, raising=False)
    else:
        usual, most = copies._room, 5000 * (trouble == "some room")
        monkeypatch.setattr(copies, "_room", lambda folder: min(usual(folder), most - sum(file.stat().st_size for file in Path(folder).iterdir())))
    shards = with_copies(files, tmp_path / "copies")
    decoded.clear()
    for _ in range(2):
        found = Threads(shards).sum(Gram(DESIGN))
        assert found.xx.tobytes() == wanted.xx.tobytes()
    assert len(decoded) == 2 * len(shards) and not os.listdir(tmp_path / "copies")


def full(*_):
    raise OSError(28, "No space left on device")


def test_a_copy_that_cannot_be_ended_is_given_up(files, tmp_path, monkeypatch):
    monkeypatch.setattr(copies.os, "replace", full)
    assert Threads(with_copies(files, tmp_path / "copies")).sum(Gram(DESIGN)).rows[0] > 0
    assert not os.listdir(tmp_path / "copies")


def test_where_no_folder_can_be_made_rows_are_decoded(files, tmp_path):
    (tmp_path / "file").write_text("")
    shards = [copied(shard, str(tmp_path / "file" / "copies" / "0"), True) for shard in scan(files).shards]
    assert Threads(shards, tries=1).sum(Gram(DESIGN)).xx.tobytes() == Threads(scan(files).shards).sum(Gram(DESIGN)).xx.tobytes()


def test_batches_that_are_not_alike_are_not_copied(tmp_path, monkeypatch):
    schema = pa.schema([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64())])
    with pq.ParquetWriter(tmp_path / "a.parquet", schema) as writer:  # a row group that is read in batches, and one that is read at once
        for rows in (2000, 10):
            writer.write_table(pa.table({"x": np.arange(float(rows)), "y": np.ones(rows)}, schema))
    monkeypatch.setattr("summable.sources.parquet.GROUP", 10_000)
    design = Design((Column("x"), Column("y")), (Constant(), Product((Numeric("x"),))), (("y", Numeric("y")),))
    shards = [copied(shard, str(tmp_path / "copies" / "0"), True) for shard in scan(tmp_path / "a.parquet").shards]
    assert Threads(shards, tries=1).sum(Gram(design)).rows[0] == 2010
    assert not os.listdir(tmp_path / "copies")


def test_room_is_a_share_of_the_memory_and_of_the_disk(tmp_path, monkeypatch):
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = {"free": 4 * memory}
    monkeypatch.setattr(copies.shutil, "disk_usage", lambda folder: type("Usage", (), free))
    assert copies._room(str(tmp_path)) == memory // 4
    (tmp_path / "copy").write_bytes(b"x" * 1000)
    assert copies._room(str(tmp_path)) == memory // 4 - 1000
    free["free"] = 7000
    assert copies._room(str(tmp_path)) == 1000
    scandir = os.scandir
    monkeypatch.setattr(copies.os, "scandir", lambda folder: [*scandir(folder), Gone()])
    assert copies._room(str(tmp_path)) == 1000


class Gone:
    def stat(self):
        raise FileNotFoundError


def test_a_file_that_has_changed_is_refused_beside_its_copy(files, tmp_path):
    shards = with_copies(files, tmp_path / "copies")
    Threads(shards).sum(Gram(DESIGN))
    os.utime(shards[0].table.file.path, (1, 1))
    with pytest.raises(sm.SourceError, match="has changed since it was scanned"):
        Threads(shards).sum(Gram(DESIGN))


def test_what_lies_as_arrow_reads_it_is_not_copied(tmp_path):
    table = pa.table({"x": [1.0, 2.0]})
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as file:
        file.write_table(table)
    for data in (str(tmp_path / "a.arrow"), table, {"x": np.ones(2)}):
        (shard,) = scan(data).shards
        assert copied(shard, str(tmp_path / "copy"), True) is shard
