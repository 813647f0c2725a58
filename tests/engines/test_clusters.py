"""Spark, Dask and Ray keep the contract; data decide the engine, and data of several are one fit."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import summable as sm
from summable.core.errors import Lost
from summable.core.run import run
from summable.core.statistic import Labels
from summable.core.wire import encode
from summable.engines import kept, packed
from summable.engines.answers import one as together
from summable.engines.spark import _head as few
from summable.engines.spark_files import tasks_for
from summable.measures.glance import Glance, Glimpse
from summable.testing import contract
from summable.testing.contract import partitions as contract_tables
from summable.testing.trouble import Broken, Rowcount, design

pytestmark = pytest.mark.slow
NAMES = [check.name for check in contract(None, "")]


def spark_frame(session, tables):
    """A DataFrame whose partitions are these tables, made where they are asked for."""
    from pyspark.sql.pandas.types import from_arrow_schema

    def emit(batches):
        for number in (number for batch in batches for number in batch.column(0).to_pylist()):
            yield from tables[number].to_batches()

    return session.range(0, len(tables), 1, len(tables)).mapInArrow(emit, from_arrow_schema(tables[0].schema))


@pytest.fixture(scope="session")
def places(spark, dask, ray):
    from dask import delayed

    return {
        "spark": lambda tables: sm.engine(spark_frame(spark, tables)),
        "dask": lambda tables: sm.engine([delayed(table.to_pandas()) for table in tables]),
        "ray": lambda tables: sm.engine([ray.put(table) for table in tables]),
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["spark", "dask", "ray"])
def test_contract(places, place, name, tmp_path):
    next(check for check in contract(places[place], tmp_path) if check.name == name).run()


# -- data decide


@pytest.fixture(scope="session")
def flights(tmp_path_factory):
    """Flights-like rows as files, and as one frame."""
    draw, rows = np.random.default_rng(3), 6000
    frame = pd.DataFrame(
        {"dep_delay": draw.gamma(1.0, 30.0, rows) - 10, "distance": draw.uniform(90, 5000, rows), "carrier": draw.choice(list("ABCDEFGH"), rows)}
    )
    frame["month"] = draw.integers(1, 13, rows)
    frame["arr_delay"] = -4.6 + 1.02 * frame.dep_delay - 0.001 * frame.distance + frame.carrier.map(ord) / 9 + draw.normal(0, 17, rows)
    frame["late"] = (frame.arr_delay > 30).astype("int64")
    frame.loc[draw.choice(rows, 150), "arr_delay"] = np.nan
    folder = tmp_path_factory.mktemp("flights")
    for number, part in enumerate(np.array_split(np.arange(rows), 40)):
        frame.iloc[part].to_parquet(folder / f"{number:02d}.parquet")
    return folder, frame


OLS, GLM = "arr_delay ~ dep_delay + distance + C(carrier) + C(month)", "late ~ dep_delay + distance + C(carrier)"


def assert_equal(data, frame, **options):
    """Least squares and a logistic regression have the answers of one machine."""
    for fit, one in ((sm.ols(OLS, data, **options), sm.ols(OLS, frame)), (sm.glm(GLM, data, "binomial", **options), sm.glm(GLM, frame, "binomial"))):
        np.testing.assert_allclose(fit.params, one.params, rtol=1e-10)
        np.testing.assert_allclose(fit.bse, one.bse, rtol=1e-10)
        assert fit.nobs == one.nobs and fit.dropped == one.dropped


@pytest.mark.parametrize("name", ["spark", "dask", "ray"])
def test_files_are_read_by_the_workers(name, flights, spark, dask, ray):
    folder, frame = flights
    assert_equal(folder, frame, engine={"spark": spark, "dask": dask, "ray": "ray"}[name])
    fit, here = sm.ols(OLS, folder, engine=name), sm.ols(OLS, folder)
    assert [line.parts for line in fit.ledger.rounds] == [40, 40, 40]
    assert fit.params.tolist() == here.params.tolist(), "the tree has changed the bits"
    assert fit.ledger.rounds[-1].depth == (1 if name == "spark" else 2)  # whose tasks read several shards


def test_a_spark_frame_is_enough(flights, spark):
    folder, frame = flights
    data = spark.read.parquet(str(folder))
    assert_equal(data, frame)
    cached = data.repartition(3).cache()
    assert_equal(cached, frame)
    assert sm.ols(OLS, cached).ledger.rounds[-1].parts == 3
    assert_equal(data.groupBy("dep_delay", "distance", "carrier", "month", "arr_delay", "late").count(), frame)  # partitions that Spark settles as it runs


def test_a_spark_frame_is_computed_once_for_all_rounds_and_then_let_go(flights, spark):
    _, frame = flights
    some, rows = frame[["late", "dep_delay", "distance"]], spark.sparkContext.accumulator(0)
    data = spark.createDataFrame(some).repartition(3)

    def counted(batches):
        for batch in batches:
            rows.add(batch.num_rows)
            yield batch

    computed, before, files = data.mapInArrow(counted, data.schema), set(spark.sparkContext._jsc.getPersistentRDDs()), kept_files(spark)
    fit = sm.glm("late ~ dep_delay + distance", computed, "binomial", prefer="time")
    glance, *others = fit.ledger.rounds
    assert glance.measure == "Glance" and len(others) >= 3
    assert rows.value == 2 * len(some), "the glance has computed them, and one of the others"
    assert_let_go(spark, files)
    assert set(spark.sparkContext._jsc.getPersistentRDDs()) == before
    np.testing.assert_allclose(fit.params, sm.glm("late ~ dep_delay + distance", frame, "binomial").params, rtol=1e-10)


def kept_files(spark):
    """The rows on the executor's disks: of fits that are not over, and of questions that were asked of an engine by hand."""

    def found(_):
        return [str(path) for place in os.environ["SPARK_LOCAL_DIRS"].split(",") for path in Path(place).glob("summable-*/*")]

    return set(spark.sparkContext.parallelize([0], 1).flatMap(found).collect())


def assert_let_go(spark, others, within=60.0):
    """That a fit's rows have been deleted, for which nobody waits but a test."""
    until = time.monotonic() + within
    while left := kept_files(spark) - others:
        assert time.monotonic() < until, f"these are still there: {left}"


def test_rows_that_were_kept_and_are_gone_are_computed_anew(flights, spark):
    _, frame = flights
    some, gone, others = frame[["late", "dep_delay", "distance"]], [], kept_files(spark)

    def vanish(name, done, parts):
        files = kept_files(spark) - others if done == parts else []
        for path in files:
            os.unlink(path)
        gone.append((name, len(files)))

    fit = sm.glm("late ~ dep_delay + distance", spark.createDataFrame(some).repartition(3), "binomial", watch=vanish)
    assert [files for _, files in gone if files] == [3], "they were kept once, and were gone where they were asked for"
    assert gone[-1][1] == 0 and len(gone) > 3
    np.testing.assert_allclose(fit.params, sm.glm("late ~ dep_delay + distance", some, "binomial").params, rtol=1e-10)


@pytest.mark.parametrize("lost", [False, True], ids=["there", "lost"])
def test_files_that_are_read_several_times_are_decoded_once_by_tasks_of_spark(flights, spark, lost):
    folder, _ = flights
    others, there = kept_files(spark), []

    def look(name, done, parts):
        if done == parts:
            files = kept_files(spark) - others
            there.append((name, len(files)))
            for path in files if lost else ():
                os.unlink(path)

    fit = sm.glm(GLM, folder, "binomial", engine=spark, watch=look)
    names = [name for name, _ in there]
    assert [files for _, files in there[: names.index("Working")]] == [0] * names.index("Working"), "those that are asked once make no copies"
    assert len(there) >= 4 and {files for _, files in there[names.index("Working") :]} == {40}
    assert_let_go(spark, others)
    assert fit.params.tolist() == sm.glm(GLM, folder, "binomial").params.tolist()


def test_rows_are_not_written_where_spilt_ones_are_encrypted_nor_where_they_are_cached():
    def frame(encrypted, cached):
        context = SimpleNamespace(getConf=lambda: {"spark.io.encryption.enabled": encrypted})
        return SimpleNamespace(storageLevel=SimpleNamespace(useMemory=cached, useDisk=False), sparkSession=SimpleNamespace(sparkContext=context))

    assert kept.may_be_kept(frame("false", False))
    assert not kept.may_be_kept(frame("true", False)) and not kept.may_be_kept(frame("false", True))


def test_few_bytes_are_read_by_few_tasks_and_many_are_shared_out():
    assert [tasks_for(weight, 2) for weight in (None, 0, 10**9, 3 * 10**9, 10**12)] == [8, 2, 2, 4, 8]


def test_rows_for_which_there_is_no_room_are_said_to_be_lost(tmp_path):
    batch = pa.RecordBatch.from_pydict({"x": [1.0]})
    with pytest.raises(Lost, match="rows could not be kept"):
        list(kept._written(iter([batch]), str(tmp_path / "nowhere" / "file")))
    with pytest.raises(Lost, match="not where they were"):
        list(kept._read(str(tmp_path / "nowhere")))


def test_a_spark_session_that_has_ended_hides_no_error(spark):
    from py4j.protocol import Py4JNetworkError

    class Gone:
        def unpersist(self):
            raise Py4JNetworkError("Answer from Java side is empty")

    def fails():
        raise sm.DataError("the rows are at fault", "Mend them.")
        yield

    engine = sm.engine(spark.range(4))
    engine.kept = kept.Kept(frozenset(), "", Gone())
    with pytest.raises(sm.DataError, match="the rows are at fault"):
        run(fails(), engine)
    assert engine.kept is None


def test_doubles_of_a_spark_frame_come_as_they_are(spark):
    table = pa.table({
        "a.b": pa.array([1.0, None, float("nan"), -0.0, float("inf")]), "text": ["u", None, "", "v", "u"], "back`tick": [5.0, 6.0, 7.0, 8.0, 9.0],
        "whole": pa.array([1, 2, None, 4, 5], pa.int64()), "none": pa.array([None] * 5, pa.float64()), "small": pa.array([1.5] * 5, pa.float32()),
    })  # fmt: skip

    def spelled(batches):
        for batch in batches:
            yield pa.RecordBatch.from_pydict({"names": [" ".join(batch.schema.names)], "values": [repr(batch.to_pylist())]})

    rows = packed.asked(spark_frame(spark, [table, table[:0], table[3:]]), spelled, "names string, values string").collect()
    assert [row["values"] for row in rows if row["values"] != "[]"] == [repr(table.to_pylist()), repr(table[3:].to_pylist())]
    assert {row["names"] for row in rows} == {" ".join(table.schema.names)}


def test_a_deep_tree_of_spark_has_the_bits_of_threads(spark):
    tables = [table for table in contract_tables() for _ in range(5)]
    engine = sm.engine(spark_frame(spark, tables))
    fit = sm.ols("y ~ x + C(g)", engine)
    assert (fit.ledger.rounds[-1].parts, fit.ledger.rounds[-1].depth) == (40, 2)
    assert fit.params.tolist() == sm.ols("y ~ x + C(g)", tables).params.tolist()
    with pytest.raises(sm.DataError, match=r"there is no column 'nope' in partition 0, while taking Glance"):
        sm.ols("y ~ nope", engine)


def test_a_glance_at_a_spark_frame_computes_few_rows(spark):
    glance = Glance(("x",), ("x",))
    numbers = spark.range(0, 10**6, 1, 2).selectExpr("id * 1.0 AS x")
    assert few(numbers, glance).count() == 2 * glance.first
    glimpse = sm.engine(numbers).sum(glance)
    assert glimpse.seen.tolist() == [2.0] and glimpse.centre.tolist() == [500_000 + 2 * 511.5]  # of the first 1024 rows of each half
    assert few(numbers, Broken(design(), 0.0)) is numbers
    by_python = numbers.mapInArrow(lambda batches: batches, "x double")
    assert few(by_python, glance) is by_python  # or its process would be ended with rows at hand


def test_batches_of_a_spark_frame_are_great_unless_their_size_is_chosen(spark):
    name = "spark.sql.execution.arrow.maxRecordsPerBatch"
    data, chosen = spark.range(0, 60000, 1, 1).selectExpr("id * 1.0 AS y"), spark.conf.get(name)
    engine = sm.engine(data)
    engine.ask = lambda _, batches: (0, Rowcount(np.array(float(max(batch.num_rows for batch in batches)))))

    def asked():
        return float(engine.sum(Broken(design(), 0.0)).rows)

    assert asked() == 60000 and spark.conf.get(name) == chosen
    spark.conf.set(name, "7000")
    try:
        assert asked() == 7000 and spark.conf.get(name) == "7000"
    finally:
        spark.conf.set(name, chosen)


def test_a_part_that_is_missing_or_comes_twice_is_refused():
    answer = encode(Glimpse(Labels(()), *np.zeros((3, 0))))
    rows = [(index, 1, answer, None) for index in range(3)]
    assert together(list(rows))[:2] == (0, 3)
    for wrong, number in (([*rows, rows[1]], 1), ([rows[0], rows[2]], 1), ([(0, 2, answer, None), rows[1], rows[2]], 1)):
        with pytest.raises(sm.SourceError, match=f"the answer of partition {number} is missing, or there twice"):
            together(wrong)


def test_vectors_of_mllib(spark):
    from pyspark.ml.linalg import Vectors

    draw = np.random.default_rng(5)
    x, weight = draw.normal(size=(300, 4)) * (draw.random((300, 4)) < 0.5), draw.integers(0, 3, 300).astype(float)
    y = x @ [1.0, 2.0, 0.0, -1.0] + 3 + draw.normal(size=300)
    for form in (lambda i: Vectors.dense(x[i]), lambda i: Vectors.sparse(4, {j: v for j, v in enumerate(x[i]) if v}) if i % 3 else Vectors.dense(x[i])):
        data = spark.createDataFrame([(float(y[i]), float(weight[i]), form(i)) for i in range(300)], ["label", "w", "features"]).repartition(3)
        model = sm.LinearRegression().fit(data, "label", features="features", sample_weight="w")
        there = sm.LinearRegression().fit(x, y, weight)
        np.testing.assert_allclose(model.coef_, there.coef_, rtol=1e-10)
        np.testing.assert_allclose(model.intercept_, there.intercept_, rtol=1e-10)


def test_dask_frames_and_arrays(flights, dask):
    import dask.array as da
    import dask.dataframe as dd
    from dask import config

    folder, frame = flights
    data = dd.read_parquet(folder)
    assert_equal(data, frame)
    with config.set(scheduler="threads"):
        assert_equal(data, frame)
    matrix = frame[["late", "dep_delay", "distance"]].to_numpy()
    fit = sm.ols("x0 ~ x1 + x2", da.from_array(matrix, chunks=(1000, 2)))
    np.testing.assert_allclose(fit.params, sm.ols("x0 ~ x1 + x2", matrix).params, rtol=1e-10)


def test_ray_datasets(flights, ray):
    import ray.data

    _, frame = flights
    assert_equal(ray.data.from_pandas([frame[:1000], frame[1000:]]), frame)


def test_a_list_of_everything_is_one_fit(flights, spark, dask, ray, tmp_path):
    import dask.dataframe as dd

    _, frame = flights
    frame[4500:].to_parquet(tmp_path / "rest.parquet")
    data = [
        spark.createDataFrame(frame[:1500].drop(columns="arr_delay").assign(arr_delay=frame.arr_delay[:1500])), dd.from_pandas(frame[1500:3000], npartitions=3),
        ray.put(frame[3000:4000]), ray.put(frame[4000:4500]), tmp_path / "rest.parquet",
    ]  # fmt: skip
    assert_equal(data, frame)


@pytest.mark.parametrize("name", ["spark", "dask", "ray"])
def test_whoever_watches_is_told(name, flights, spark, dask, ray):
    told = []
    sm.ols("arr_delay ~ dep_delay", flights[0], engine=name, watch=lambda *what: told.append(what))
    assert {what[0] for what in told} == {"Glance", "Gram"} and ("Gram", 40, 40) in told
    assert [what[1] for what in told if what[0] == "Gram"] == sorted(what[1] for what in told if what[0] == "Gram")


def test_what_does_not_go_together_is_refused(spark, dask, flights):
    data = spark.range(3)
    for ask, sentence in (
        (lambda: sm.ols("y ~ x", data, engine="dask"), "a DataFrame lies in spark, not in dask. Leave engine= out"),
        (lambda: sm.scan(data), "a DataFrame lies in spark, and cannot be scanned here"),
        (lambda: sm.ols("y ~ x", flights[0], engine="sparc"), "there is no engine 'sparc'. Give one of threads, spark, dask, ray, mpi"),
        (lambda: sm.ols("y ~ x", flights[0], engine=7), "engine=7 is none"),
        (lambda: sm.ols("y ~ x", data.rdd), "is no Spark DataFrame"),
    ):
        with pytest.raises(sm.Unsupported, match=re.escape(sentence)):
            ask()
