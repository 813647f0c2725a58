"""Spark: the partitions of a DataFrame; shards that its tasks read themselves are in spark_files.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import monotonic
from typing import Any, TypeVar

import pyarrow as pa

from summable.core.engine import Engine, Request, Watch
from summable.core.errors import Lost, Unsupported
from summable.core.measure import PartMeasure, Question, columns
from summable.core.statistic import Statistic
from summable.engines import jobs, packed, tree
from summable.engines.answers import FAN, Answer, Row, added, one_thread, row_of, settle, total, tried
from summable.engines.kept import Kept, keep, may_be_kept
from summable.engines.packed import quoted
from summable.engines.spark_files import of_files
from summable.engines.together import Together

DRAIN = 1.0  # seconds
COLUMNS = ["first", "parts", "answer", "error"]
ANSWERS = "first long, parts long, answer binary, error string"  # the fields of a row of answers
S = TypeVar("S", bound=Statistic)
Batches = Iterator[pa.RecordBatch]
Ask = Callable[[Question[Any], Batches], tuple[int, Answer]]  # the answer of a task, with the number of its partition


class Spark:
    """Answers asked of a DataFrame's partitions by `mapInArrow`, and added up by tasks until few are left for the driver.

    The measure travels in the task, which Spark broadcasts. A task that fails is asked again as Spark is set up to
    (`spark.task.maxFailures`). Every answer says whose it is, and a sum is refused that does not hold each part once: retries
    and speculative copies cannot count twice.
    """

    def __init__(self, frame: Any, ask: Ask, arrow: pa.Schema, watch: Watch | None = None) -> None:
        self.frame, self.ask, self.schema, self.watch = frame, ask, list(arrow.names), watch
        self.parts = self.depth = 1  # as the last round found them: a plan may change
        self.keeps = True  # rows, where a program will ask for them again
        self.kept: Kept | None = None

    def sum(self, measure: Question[S]) -> S:
        """The sum over the partitions, in their order."""
        try:
            return self._sum(measure)
        except Lost:  # by an executor that is gone, or is too busy to be asked, or has no room
            self.release(wait=True)  # for the room
            self.keeps = False
            return self._sum(measure)

    def _sum(self, measure: Question[S]) -> S:
        self.depth = tree.depth(self.parts, FAN)
        answers, records = self._asked(measure, partial(_task, partial(self.ask, measure)))
        for level in range(1, self.depth):
            answers = _joined(answers, measure, FAN**level, -(-self.parts // FAN**level))
        session, name = self.frame.sparkSession, type(measure).__name__
        with jobs.batches(session, records), jobs.followed(session.sparkContext, name, self.parts, self.watch):
            rows: list[Row] = [tuple(row) for row in answers.collect()]
        if not rows:  # a plan that Spark knows to be empty has no partition that could say so
            rows = [row_of(*self.ask(measure, iter(())))]
        answer, self.parts = total(rows)
        return answer  # type: ignore[no-any-return]

    def release(self, wait: bool = False) -> None:
        """Keep no rows any longer."""
        if self.kept:
            self.kept.release(wait)
        self.kept = None

    def fingerprints(self) -> list[str]:
        """Of a DataFrame, none."""
        raise Unsupported("a Spark DataFrame cannot be told from others, as a journal needs", "Write it to Parquet files, and give those.")

    def vector(self, column: str) -> int:
        """How many numbers the vectors of a column hold, by the first row."""
        if column not in self.schema:
            raise Unsupported(f"there is no column {column!r} of vectors", f"The columns are {', '.join(self.schema)}.")
        first = self.frame.select(quoted(column)).first()
        if first is None or not hasattr(first[0], "__len__") or isinstance(first[0], str):
            raise Unsupported(f"column {column!r} holds no vectors", 'Name the features: features=["a", "b"].')
        return len(first[0])

    def _asked(self, measure: Question[Any], task: Callable[[Batches], Batches]) -> tuple[Any, int]:
        """A task for each partition, of rows that are computed or of those that are kept, and how many of these it is handed at a time."""
        names, few = columns(measure), isinstance(measure, PartMeasure) and measure.first is not None
        if self.kept and self.kept.holds(names) and not few:
            return self.kept.asked(task, ANSWERS), jobs.USUAL
        frame = _head(self._wanted(names), measure)
        records = jobs.great(len(frame.columns))
        if self.kept is None and self.keeps and measure.again and may_be_kept(self.frame):
            self.kept = keep(frame, task, ANSWERS)
            return self.kept.first, records
        return packed.asked(frame, task, ANSWERS), records

    def _wanted(self, names: Sequence[str]) -> Any:
        """The frame, less the columns that are not asked for."""
        if not names or not set(names) <= set(self.schema):
            return self.frame.selectExpr(*map(quoted, self.schema[:1])) if self.schema and not names else self.frame
        return self.frame.selectExpr(*map(quoted, names))


def _head(frame: Any, question: Question[Any]) -> Any:
    """The frame; of each partition no more than the rows that a question looks at, if it says so: Spark then computes no others."""
    first = question.first if isinstance(question, PartMeasure) else None
    if first is None or _runs_python(frame):  # whose process would be ended where its rows are not all taken
        return frame
    spark, plan = frame.sparkSession._jvm.org.apache.spark.sql, frame._jdf.queryExecution().analyzed()
    most = spark.catalyst.expressions.Literal(max(first, 1), spark.types.DataTypes.IntegerType)  # of none, Spark would leave out the partitions
    limited = spark.catalyst.plans.logical.LocalLimit(most, plan)
    return type(frame)(spark.classic.Dataset.ofRows(frame._jdf.sparkSession(), limited), frame.sparkSession)


def _runs_python(frame: Any) -> bool:
    """Whether Python computes some of its rows."""
    plan = frame._jdf.queryExecution().executedPlan().toString()
    return any(word in plan for word in ("Python", "InArrow", "InPandas"))


def _task(ask: Callable[[Batches], tuple[int, Answer]], batches: Batches) -> Batches:
    """What a task does with the partition that it is given: its answer, as one row."""
    one_thread()
    row = row_of(*ask(batches))
    settle()
    yield _batch(row)
    _drain(batches)


def _drain(batches: Batches) -> None:
    """Read on for as long as a new worker would take to start: Spark ends one that has not read everything."""
    until = monotonic() + DRAIN
    while monotonic() < until and next(batches, None) is not None:
        pass


def _batch(row: Row) -> pa.RecordBatch:
    types = pa.int64(), pa.int64(), pa.binary(), pa.string()
    return pa.RecordBatch.from_arrays([pa.array([value], type_) for value, type_ in zip(row, types, strict=True)], COLUMNS)


def _joined(answers: Any, measure: Question[Any], size: int, groups: int) -> Any:
    """The answers of neighbours brought together and added."""
    from pyspark.sql import functions

    group = functions.floor(functions.col("first") / size).cast("int")
    return answers.repartition(groups, group).mapInArrow(partial(_added, type(measure), size), ANSWERS)


def _added(_: type, size: int, batches: Batches) -> Batches:
    """A task of the tree. It is given the class of the question so that the words of its answer are known where it runs."""
    rows = (row for batch in batches for row in zip(*map(pa.Array.to_pylist, batch.columns), strict=True))
    yield from map(_batch, added(size, rows))


def _of_stream(request: Request, schema: pa.Schema, measure: Question[Any], batches: Batches) -> tuple[int, Answer]:
    """The answer of the partition that streams through this task."""
    from pyspark import TaskContext

    context = TaskContext.get()
    index, begun = (context.partitionId(), context.attemptNumber()) if context else (0, 0)
    shard = request.stream(schema, batches, isinstance(measure, PartMeasure))
    return tried(measure, shard, index, f"in partition {index}", 1, begun)


def opened(data: Any, request: Request) -> Engine:
    """The engine of DataFrames (several are their union), or of shards that the tasks of a session read."""
    if not isinstance(data, list):
        return of_files(data, _session(request.place).sparkContext, request)
    frames = [_of_frame(frame, request) for frame in data]
    return frames[0] if len(frames) == 1 else Together(frames)


def _of_frame(frame: Any, request: Request) -> Spark:
    if not hasattr(frame, "mapInArrow"):
        raise Unsupported(f"a {type(frame).__module__}.{type(frame).__name__} is no Spark DataFrame", "Give a DataFrame: .to_frame(), .toDF(), ….")
    if not hasattr(frame, "_jdf"):
        raise Unsupported("a DataFrame of Spark Connect has no jobs that could be followed", "Use a classic session, or give the files with engine='spark'.")
    schema = _arrow(frame.schema)
    lean = Request(request.part, request.stream)  # what is watched and chosen stays here
    return Spark(frame, partial(_of_stream, lean, schema), schema, request.watch)


def _session(place: Any) -> Any:
    """The session that was given, or else the one that there is."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    if not isinstance(place, str):
        return place if hasattr(place, "range") else place.sparkSession
    if SparkContext._active_spark_context is None:
        raise Unsupported("there is no Spark session", "Make one: SparkSession.builder.getOrCreate().")
    return SparkSession.builder.getOrCreate()


def _arrow(schema: Any) -> pa.Schema:
    """Spark's types as Arrow's; of those that Arrow does not know, nothing but the name."""
    from pyspark.sql.pandas.types import to_arrow_type

    def field(one: Any) -> pa.Field:
        try:
            return pa.field(one.name, to_arrow_type(one.dataType))
        except (TypeError, ValueError):
            return pa.field(one.name, pa.binary())

    return pa.schema([field(one) for one in schema.fields])
