"""Every source gives the same fit, and refuses what it cannot read in one sentence."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import summable as sm

FORMULA = "y ~ a + C(g)*far + C(h) + flag"


def parquet(table, folder):
    for i, rows in enumerate(np.array_split(np.arange(len(table)), 5)):
        table.iloc[rows].to_parquet(folder / f"{i}.parquet", row_group_size=100)
    return folder


def csv(table, folder):
    for i, rows in enumerate(np.array_split(np.arange(len(table)), 3)):
        table.iloc[rows].to_csv(folder / f"{i}.csv", index=False, float_format="%.17g")
    return f"{folder}/*.csv"


def tsv(table, folder):
    table.to_csv(folder / "all.tsv", sep="\t", index=False)
    return folder / "all.tsv"


def semicolons(table, folder):
    table.to_csv(folder / "all.csv", sep=";", index=False)
    return str(folder / "all.csv")


def structured(table, folder):
    return table.to_records(index=False, column_dtypes={"g": "U1"})


SOURCES = {
    "parquet": parquet, "csv": csv, "tsv": tsv, "semicolons": semicolons,
    "pandas": lambda t, _: t, "polars": lambda t, _: pl.from_pandas(t), "arrow": lambda t, _: pa.table(t),
    "categories": lambda t, _: t.astype({"g": "category", "h": "category"}),
    "odd index": lambda t, _: t.set_index(pd.Index(np.arange(len(t))[::-1], name="index")),
    "mapping": lambda t, _: {name: t[name].to_numpy() for name in t}, "structured": structured,
    "stream": lambda t, _: pa.table(t).to_reader(max_chunksize=77),
    "list": lambda t, _: [t[:500], pl.from_pandas(t[500:900]), pa.table(t[900:])], "dataset": lambda t, f: sm.scan(parquet(t, f)),
    "float32 and int8": lambda t, _: pa.table(t).set_column(4, "h", pa.table(t)["h"].cast(pa.int8())),
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_gives_the_same_fit(table, tmp_path, name):
    expected, fit = sm.ols(FORMULA, table), sm.ols(FORMULA, SOURCES[name](table, tmp_path))
    assert list(fit.params.index) == list(expected.params.index)
    np.testing.assert_allclose(fit.params, expected.params, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(fit.bse, expected.bse, rtol=1e-11)


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_drops_and_counts_missing_rows(table, tmp_path, name):
    holes = table.astype({"h": float if name in ("mapping", "structured") else "Int64"}).copy()
    holes.loc[3:9, "a"] = np.nan
    holes.loc[1990:, "y"] = np.nan
    if name not in ("mapping", "structured"):
        holes.loc[100:119, "g"] = None
        holes.loc[200:204, "h"] = pd.NA
    complete = holes.dropna()
    fit = sm.ols(FORMULA, SOURCES[name](holes, tmp_path))
    expected = sm.ols(FORMULA, complete.astype({"h": int}))
    assert fit.dropped == len(table) - len(complete) and fit.nobs == len(complete)
    np.testing.assert_allclose(fit.params, expected.params, rtol=1e-10, atol=1e-10)
    with pytest.raises(sm.DataError, match="missing value"):
        sm.ols(FORMULA, SOURCES[name](holes, tmp_path), missing="raise")


def test_a_matrix_has_columns_x0_x1(table):
    matrix = table[["y", "a", "far"]].to_numpy()
    for array in (matrix, np.asfortranarray(matrix), matrix.astype(np.float32).astype(float)[:, :]):
        np.testing.assert_allclose(sm.ols("x0 ~ x1 + x2", array).params, sm.ols("y ~ a + far", table).params, rtol=1e-4 if array is not matrix else 1e-12)


def test_scanning_reads_no_rows(table, tmp_path):
    dataset = sm.scan(parquet(table, tmp_path))
    assert len(dataset) == 5 and dataset.schema["g"] == "text" and dataset.schema["h"] == "integer"
    assert "5 shards" in repr(dataset)
    for path in tmp_path.iterdir():  # keep the footer, spoil the rows
        data = bytearray(path.read_bytes())
        data[4:200] = bytes(196)
        path.write_bytes(data)
    assert len(sm.scan(tmp_path)) == 5


def test_a_big_file_is_several_shards(table, tmp_path, monkeypatch):
    monkeypatch.setattr("summable.sources.parquet.SHARD", 500)
    table.to_parquet(tmp_path / "one.parquet", row_group_size=250)
    dataset = sm.scan(tmp_path)
    assert [shard.name for shard in dataset.shards][:2] == ["one.parquet, row groups 0–1", "one.parquet, row groups 2–3"]
    np.testing.assert_allclose(sm.ols(FORMULA, dataset).params, sm.ols(FORMULA, table).params, rtol=1e-11, atol=1e-11)


def test_a_huge_row_group_is_read_in_batches(table, tmp_path, monkeypatch):
    monkeypatch.setattr("summable.sources.parquet.GROUP", 10)
    monkeypatch.setattr("summable.sources.parquet.BATCH", 300)
    fit = sm.ols(FORMULA, parquet(table, tmp_path))
    np.testing.assert_allclose(fit.params, sm.ols(FORMULA, table).params, rtol=1e-11, atol=1e-11)


def test_columns_outside_the_formula_are_not_read(table, tmp_path):
    strange = pa.table(table).append_column("blob", pa.array([{"deep": [1]}] * len(table)))
    pq.write_table(strange, tmp_path / "strange.parquet")
    fit = sm.ols("y ~ a", tmp_path)
    assert set(fit.design.names) == {"y", "a"}
    for data in (table.assign(junk=[1, "x"] * 1000), {name: table[name].to_numpy() for name in table} | {"junk": np.ones(2000, complex)}):
        np.testing.assert_allclose(sm.ols("y ~ a", data).params, fit.params, rtol=1e-12)
    with pytest.raises(sm.FormulaError, match="column 'blob' holds values of a type that is not read"):
        sm.ols("y ~ blob", tmp_path)


def test_parquet_decodes_the_columns_asked_for(table, tmp_path, monkeypatch):
    asked, read = [], pq.ParquetFile.read_row_group
    monkeypatch.setattr(pq.ParquetFile, "read_row_group", lambda self, group, columns, **how: asked.extend(columns) or read(self, group, columns, **how))
    sm.ols("y ~ a", parquet(table, tmp_path))
    assert set(asked) == {"y", "a"}


def test_csv_columns_are_what_the_formula_takes_them_for(tmp_path):
    rows = 300_000  # more than a block, so that the first block's guess (integers) would be wrong later
    (tmp_path / "late.csv").write_text("y,x\n" + "".join(f"{i},{i % 7}\n" for i in range(rows)) + "0.5,0.25\n,3\n")
    fit = sm.ols("y ~ x", tmp_path / "late.csv")
    assert fit.nobs == rows + 1 and fit.dropped == 1


def test_a_label_column_has_one_type_everywhere(table, tmp_path):
    parquet(table, tmp_path)
    table.assign(h=table["h"].astype(str)).to_parquet(tmp_path / "9.parquet")
    with pytest.raises(sm.DataError, match=r"column 'h' holds \w+ here and \w+ elsewhere in shard \d \(\d.parquet\).*one type in all sources"):
        sm.ols("y ~ C(h)", tmp_path)


def spoiled(folder):
    return [path for path in sorted(folder.iterdir()) if path.suffix == ".parquet"]


def test_a_truncated_file_is_named(table, tmp_path):
    victim = spoiled(parquet(table, tmp_path))[3]
    victim.write_bytes(victim.read_bytes()[:5000])
    with pytest.raises(sm.SourceError, match=r"3.parquet cannot be read as Parquet"):
        sm.ols(FORMULA, tmp_path)


def test_a_file_with_spoiled_rows_is_named(table, tmp_path):
    victim = spoiled(parquet(table, tmp_path))[3]
    data = bytearray(victim.read_bytes())
    data[4:4000] = bytes(3996)
    victim.write_bytes(data)
    with pytest.raises(sm.SourceError, match=r"shard 3 \(3.parquet\)"):
        sm.ols(FORMULA, tmp_path)


def test_another_schema_is_named(table, tmp_path):
    parquet(table, tmp_path)
    table.drop(columns="far").to_parquet(tmp_path / "9.parquet")
    with pytest.raises(sm.DataError, match=r"there is no column 'far' in shard 5 \(9.parquet\), while taking Glance, round 1. The columns are a, b"):
        sm.ols(FORMULA, tmp_path)
    table.assign(far="text").to_parquet(tmp_path / "9.parquet")
    with pytest.raises(sm.DataError, match=r"column 'far' holds text where numbers are needed in shard 5 \(9.parquet\)"):
        sm.ols("y ~ a + far", tmp_path)


@pytest.mark.parametrize("what", ["changed", "vanished"])
def test_a_file_that_changes_between_rounds_is_named(table, tmp_path, what):
    dataset = sm.scan(parquet(table, tmp_path))
    victim = tmp_path / "2.parquet"
    if what == "vanished":
        victim.unlink()
    else:
        table[:7].to_parquet(victim)
        os.utime(victim, ns=(1, 1))
    with pytest.raises(sm.SourceError, match=f"2.parquet has {what} since it was scanned"):
        sm.ols(FORMULA, dataset)


def test_a_touched_file_counts_as_changed(table, tmp_path):
    dataset = sm.scan(parquet(table, tmp_path))
    os.utime(tmp_path / "2.parquet", ns=(1, 1))
    with pytest.raises(sm.SourceError, match=r"2.parquet has changed since it was scanned"):
        sm.ols(FORMULA, dataset)


def test_a_folder_may_hold_folders_and_broken_links(table, tmp_path):
    (tmp_path / "spark.parquet").mkdir()
    table.to_parquet(tmp_path / "spark.parquet" / "part-0.parquet")
    (tmp_path / "gone.parquet").symlink_to(tmp_path / "nowhere")
    assert [shard.name for shard in sm.scan(tmp_path).shards] == ["part-0.parquet"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("nowhere/*.parquet", "matches no file"), ("nowhere.csv", "matches no file"), ([], "the list of data is empty"), (7, "a int is not data"),
        (np.zeros(3), "an array of 1 dimensions is not a table"), ({"y": np.zeros(3), "a": np.zeros(2)}, "different lengths"),
        (pl.LazyFrame({"y": [1.0]}), "a lazy frame holds no rows yet"),
        ({"y": np.zeros(2), "a": np.array([1, "x"], object)}, "holds values of a type that is not read"),
    ],
)  # fmt: skip
def test_what_is_not_data_ends_in_one_sentence(data, reason):
    with pytest.raises(sm.SummableError, match=reason):
        sm.ols("y ~ a", data)


def test_an_unknown_ending_and_an_empty_file(tmp_path):
    (tmp_path / "a.xlsx").write_text("x")
    (tmp_path / "b.csv").write_text("")
    with pytest.raises(sm.Unsupported, match=r"ends in .xlsx"):
        sm.scan(tmp_path / "a.xlsx")
    with pytest.raises(sm.SourceError, match="is empty"):
        sm.scan(tmp_path / "b.csv")


def test_no_rows_are_refused(table):
    with pytest.raises(sm.DataError, match="no rows are left to fit"):
        sm.ols("y ~ a", table[:0])
    with pytest.raises(sm.DataError, match="all 2000 had a missing value"):
        sm.ols("y ~ a", table.assign(a=np.nan))
    with pytest.raises(sm.DataError, match="column 'g' has no value in any row"):
        sm.ols("y ~ C(g)", table.assign(g=pd.Series([None] * len(table), dtype="str")))


def test_infinities_and_negative_weights_are_refused(table):
    with pytest.raises(sm.DataError, match="column 'a' has at least 1 infinite value"):
        sm.ols("y ~ a", table.assign(a=table["a"].where(table.index != 5, np.inf)))
    with pytest.raises(sm.DataError, match="the weight weight is negative in at least 2000 rows"):
        sm.ols("y ~ a", table.assign(weight=-1.0), weights="weight")
    with pytest.raises(sm.FormulaError, match="weight is given as a ndarray"):
        sm.ols("y ~ a", table, weights=np.ones(3))


def test_a_categorical_type_makes_a_category_of_a_bare_column(table):
    fit = sm.ols("y ~ h", table.astype({"h": "category"}))
    assert list(fit.params.index) == ["Intercept", "h[T.2]", "h[T.10]"]
    assert list(sm.ols("y ~ h", table).params.index) == ["Intercept", "h"]


def test_numbers_spoilt_by_a_word_are_no_category(tmp_path):
    (tmp_path / "bad.csv").write_text("y,a\n" + "".join(f"{i},{i * i}\n" for i in range(9)) + "3,oops\n")
    with pytest.raises(sm.FormulaError, match=r"column 'a' holds 'oops' among numbers. Mend or cast it, or write C\(a\)"):
        sm.ols("y ~ a", tmp_path / "bad.csv")
    (tmp_path / "more.csv").write_text((tmp_path / "bad.csv").read_text())
    assert len(sm.ols("y ~ C(a)", tmp_path).params) == 10


def test_two_columns_of_one_name_are_refused(table, tmp_path):
    (tmp_path / "two.csv").write_text("y,a,a\n1,2,3\n")
    twice = pd.concat([table, table[["a"]]], axis=1)
    for data in (tmp_path / "two.csv", twice, pa.table([[1.0], [2.0], [3.0]], names=["y", "a", "a"])):
        with pytest.raises(sm.DataError, match="two columns are called 'a'"):
            sm.ols("y ~ a", data)


def test_odd_numbers_arrive_right(table):
    odd = pa.table({"y": table["y"], "a": table["a"].round(3)})
    whole = sm.ols("y ~ a", odd).params
    decimals = odd["a"].cast(pa.string()).cast(pa.decimal128(10, 3))
    np.testing.assert_allclose(sm.ols("y ~ a", odd.set_column(1, "a", decimals)).params, whole, rtol=1e-12)
    big = {"y": np.arange(4.0), "a": np.array([2**63, 2**63 + 2**40, 2**63 + 2**41, 2**63 + 3 * 2**40], np.uint64)}
    assert sm.ols("y ~ a", big).params["a"] == pytest.approx(2.0**-40, rel=1e-9)
    assert sm.ols("x0 ~ x1", [[1, 2], [3, 4], [5, 7]]).params["x1"] == pytest.approx(15 / 19)


def test_sums_beyond_float64_are_refused(table):
    with pytest.raises(sm.DataError, match="greater than float64 can hold"):
        sm.ols("y ~ a", table.assign(a=table["a"] * 1e300))


def test_masked_values_are_missing():
    values = np.ma.masked_array([1.0, 2.0, 99.0, 4.0, 5.0], [0, 0, 1, 0, 0])
    fit = sm.ols("y ~ a", {"y": np.array([1.0, 2.5, 0.0, 4.0, 5.0]), "a": values})
    assert fit.dropped == 1 and fit.params["a"] == pytest.approx(0.95)


def test_whole_numbers_that_a_hole_made_floats_are_still_labels(table):
    fit = sm.ols("y ~ C(h)", table)
    new = pd.DataFrame({"h": [1.0, np.nan, 10.0]})
    got = fit.predict(new)
    assert np.isnan(got[1]) and got[2] - got[0] == pytest.approx(fit.params["C(h)[T.10]"])
    assert len(sm.ols("y ~ C(z)", table.assign(z=np.resize([0.0, -0.0, 1.5], len(table)))).params) == 2
