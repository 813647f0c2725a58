"""CSV and JSON lines: cut into ranges of whole lines, compressed, and hostile in all the ways that text can be."""

from __future__ import annotations

import bz2
import gzip
import json
import random

import numpy as np
import pyarrow as pa
import pytest

import summable as sm
from summable.core.design import Column, Design
from summable.sources import ranges

WORDS = ["plain", "", "comma, in", 'a "quoted" word', "two\nlines", "\n\n", "windows\r\nline", '"', '""', 'ends"', "é¿", ";", "x" * 300]


def as_csv(values, newline="\n", quote_all=False):
    def cell(text):
        return '"' + text.replace('"', '""') + '"' if quote_all or any(c in text for c in ',"\r\n') else text

    return newline.join(f"{cell(word)},{number}" for word, number in values)


def read(path, kind="text"):
    """Every row of every shard, in order: (label or None, number)."""
    dataset = sm.scan(path)
    found = []
    for shard in dataset.shards:
        for rows in shard.rows(Design((Column("g", kind), Column("x")), missing="keep")):
            found += list(zip(rows.batch["g"].to_pylist(), rows.batch["x"].to_pylist(), strict=True))
    return found, len(dataset)


def rows(seed, count=200):
    draw = random.Random(seed)
    return [(draw.choice(WORDS), float(draw.randrange(1000))) for _ in range(count)]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_cut_file_has_the_rows_of_the_whole_one(tmp_path, monkeypatch, newline, end, mark):
    path = tmp_path / "hostile.csv"
    for seed, size in enumerate((37, 64, 100, 333, 1000)):
        table = rows(seed)
        path.write_bytes((mark + "g,x" + newline + as_csv(table, newline, quote_all=seed % 2 == 1) + end).encode())
        monkeypatch.setattr(ranges, "SHARD", size)
        monkeypatch.setattr(ranges, "CHUNK", 41)
        monkeypatch.setattr(ranges, "LINE", 17)
        found, shards = read(path)
        assert shards == -(-path.stat().st_size // size) > 3
        assert found == [(word or None, number) for word, number in table]
        assert max(np.diff(ranges.cuts(sm.scan(path).shards[0].table.file, shards, ","))) < path.stat().st_size / 2, "it is cut indeed"


def test_every_place_to_cut_is_right(tmp_path, monkeypatch):
    """Among them exactly before, within and after a line's end, and within quotes."""
    path = tmp_path / "small.csv"
    path.write_bytes(b'g,x\r\n"a\r\n",1\r\n\r\n"b""\n,",2\r\nc,3')
    for size in range(1, path.stat().st_size + 1):
        monkeypatch.setattr(ranges, "SHARD", size)
        assert read(path)[0] == [("a\r\n", 1.0), ('b"\n,', 2.0), ("c", 3.0)]


def test_quotes_within_plain_fields_are_letters(tmp_path, monkeypatch):
    """Where quotes do not pair, nobody can cut without reading from the start, so the first shard reads all."""
    path = tmp_path / "inches.csv"
    table = [('5" pipe', 1.0), ("two\nlines", 2.0), ('¿" odd', 3.0), ("plain", 4.0), ("three\nmore\nlines", 5.0)] * 30
    path.write_text("g,x\n" + "\n".join(f'"{word}",{number}' if "\n" in word else f"{word},{number}" for word, number in table))
    monkeypatch.setattr(ranges, "SHARD", 50)
    found, shards = read(path)
    assert found == table and shards > 10


def test_a_line_longer_than_a_block(tmp_path, monkeypatch):
    monkeypatch.setattr(ranges, "BLOCK", 2**10)
    monkeypatch.setattr(ranges, "SMALL", 2**8)
    monkeypatch.setattr("summable.sources.csv.HEAD", 2**8)
    table = [("a", float(i)) for i in range(500)] + [("long " * 4000, 1.0)] + [("b", float(i)) for i in range(500)]
    for size in (2**30, 5000):
        monkeypatch.setattr(ranges, "SHARD", size)
        for name, text in (("a.csv", "g,x\n" + as_csv(table)), ("a.jsonl", "\n".join(json.dumps({"g": g, "x": x}) for g, x in table))):
            (tmp_path / f"{size}{name}").write_text(text)
            assert read(tmp_path / f"{size}{name}")[0] == table


def test_json_lines_are_cut_at_lines(tmp_path, monkeypatch):
    table = rows(5)
    path = tmp_path / "all.jsonl"
    for end in ("", "\n", "\r\n\r\n"):
        path.write_text("\n".join(json.dumps({"x": x, "other": {"deep": [1]}, "g": g}) for g, x in table) + end, newline="")
        for size in (60, 1000):
            monkeypatch.setattr(ranges, "SHARD", size)
            found, shards = read(path)
            assert found == table and shards > 3


def test_types_hold_in_every_range(tmp_path, monkeypatch):
    monkeypatch.setattr(ranges, "BLOCK", 2**10)
    monkeypatch.setattr(ranges, "SMALL", 2**8)
    monkeypatch.setattr("summable.sources.csv.HEAD", 2**8)
    monkeypatch.setattr(ranges, "SHARD", 2**11)
    values = [*range(1000), *(i + 0.5 for i in range(1000))]
    (tmp_path / "a.csv").write_text("y,x\n" + "".join(f"{3 * v},{v}\n" for v in values))
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"y": 3 * v, "x": v}) + "\n" for v in values))
    for name in ("a.csv", "a.jsonl"):
        fit = sm.ols("y ~ x", tmp_path / name)
        assert fit.nobs == 2000 and fit.params["x"] == pytest.approx(3)
    (tmp_path / "late.csv").write_text("y,g\n" + "".join(f"{i},{i % 3}\n" for i in range(1000)) + "1,oops\n")
    with pytest.raises(sm.DataError, match=r"late.csv cannot be read: column 'g' holds 'oops' where its first rows hold integers.*part \d of \d.*Mend that"):
        sm.ols("y ~ C(g)", tmp_path / "late.csv")
    (tmp_path / "late.jsonl").write_text("".join(json.dumps({"y": i, "g": i % 3}) + "\n" for i in range(1000)) + '{"y": 1, "g": "oops"}\n')
    with pytest.raises(sm.DataError, match=r"late.jsonl cannot be read as JSON lines \(.*changed from number to string.*one type in the whole file"):
        sm.ols("y ~ C(g)", tmp_path / "late.jsonl")


def test_a_delimiter_is_looked_for_outside_quotes(tmp_path):
    (tmp_path / "a.csv").write_text('y;"a,b,c,d"\n1;2\n2;3.5\n4;5\n')
    (tmp_path / "b.tsv").write_text("y,with,commas\ta\n1\t2\n2\t3.5\n4\t5\n")
    assert dict(sm.scan(tmp_path / "a.csv").schema) == {"y": "integer", "a,b,c,d": "number"}
    assert dict(sm.scan(tmp_path / "b.tsv").schema) == {"y,with,commas": "integer", "a": "number"}


def packed(text, ending):
    if ending == "zst":
        return pa.compress(text, "zstd", asbytes=True)
    return {"gz": gzip, "bz2": bz2}[ending].compress(text)


@pytest.mark.parametrize("ending", ["gz", "bz2", "zst"])
def test_compressed_files_cut_short_are_refused(tmp_path, ending):
    draw = np.random.default_rng(1)
    text = "y,x\n" + "".join(f"{a},{b}\n" for a, b in draw.normal(size=(5000, 2)))
    whole = packed(text.encode(), ending)
    (tmp_path / f"a.csv.{ending}").write_bytes(whole)
    assert sm.ols("y ~ x", tmp_path).nobs == 5000
    for keep in (10, len(whole) // 2, len(whole) - 2):
        (tmp_path / f"a.csv.{ending}").write_bytes(whole[:keep])
        with pytest.raises(sm.SourceError, match=rf"a.csv.{ending} cannot be read as CSV \(Truncated compressed stream\)"):
            sm.ols("y ~ x", tmp_path)
    (tmp_path / f"a.csv.{ending}").write_bytes(whole[:100] + bytes(100) + whole[200:])
    with pytest.raises(sm.SummableError, match=rf"a.csv.{ending} cannot be read as CSV"):
        sm.ols("y ~ x", tmp_path)


def test_gzip_members_one_after_another_are_one_file(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"y,x\n1,2\n") + gzip.compress(b"2,3.5\n4,5\n"))
    assert sm.ols("y ~ x", tmp_path).nobs == 3


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.jsonl", '{"y": 1, "x": 2}\n{"y": 1, "x"\n', r"a.jsonl cannot be read as JSON lines \(JSON parse error.*row 1\).*Each line is one object"),
        ("a.json", '[{"y": 1, "x": 2}]', r"a.json cannot be read as JSON lines"),
        ("a.jsonl", "", "a.jsonl is empty"), ("a.jsonl", "\n\n", "a.jsonl is empty"), ("a.csv", "\n\n", "a.csv is empty"),
        ("a.jsonl", '{"y": 1}\n', "there is no column 'x'"), ("a.csv", "y,x\n1,2\n3\n", r"a.csv cannot be read as CSV \(.*Expected 2 columns, got 1"),
        ("a.csv", "y,x\n1,2\n3,4\n\n5,6,7\n", "Mend that line"), ("a.csv", "y,x\n1,\xff\n", "column 'x' holds values of a type that is not read"),
        ("a.jsonl", '{"y": 1, "x": {"deep": 2}}\n', "column 'x' holds values of a type that is not read"),
        ("a.csv.gz", "y,x\n1,2\n", r"a.csv.gz cannot be read as CSV"),
    ],
)  # fmt: skip
def test_malformed_text_ends_in_one_sentence(tmp_path, name, text, reason):
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(sm.SummableError, match=reason):
        sm.ols("y ~ x", tmp_path / name)


def test_a_spoilt_range_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(ranges, "SHARD", 4000)
    monkeypatch.setattr(ranges, "BLOCK", 2**10)
    monkeypatch.setattr(ranges, "SMALL", 2**8)
    monkeypatch.setattr("summable.sources.csv.HEAD", 2**8)
    text = bytearray("y,x\n" + "".join(f"{i},{i * i}\n" for i in range(2000)), "ascii")
    text[9000:9010] = b"\x00" * 10
    (tmp_path / "a.csv").write_bytes(text)
    with pytest.raises(sm.SummableError, match=r"a.csv cannot be read.*in a.csv, part 3 of 6.*shard 2"):
        sm.ols("y ~ x", tmp_path / "a.csv")


def test_words_for_true_and_false_are_numbers_in_json_too(tmp_path):
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"y": i * 1.5, "flag": i % 3 == 0}) + "\n" for i in range(9)))
    assert list(sm.ols("y ~ flag", tmp_path).params.index) == ["Intercept", "flag"]


def test_a_folder_does_not_take_any_json_for_data(tmp_path):
    (tmp_path / "notes.json").write_text("{}")
    (tmp_path / "a.csv").write_text("y,x\n1,2\n2,3.5\n4,5\n")
    assert len(sm.scan(tmp_path)) == 1
