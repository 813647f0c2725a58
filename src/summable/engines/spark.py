"""Spark: the partitions of a DataFrame, or shards that its tasks read themselves."""

from __future__ import annotations

import gc
import os
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from time import monotonic
from typing import Any, TypeVar

import pyarrow as pa
from threadpoolctl import threadpool_limits

from summable.core.engine import Engine, Request, Watch
from summable.core.errors import Lost, SourceError, SummableError, Unsupported
from summable.core.measure import PartMeasure, Question, columns
from summable.core.rows import Shard
from summable.core.statistic import Statistic, pairwise
from summable.core.wire import decode, encode
from summable.engines import jobs, packed, tree
from summable.engines.fingerprint import fingerprints
from summable.engines.kept import Kept, forget, keep, may_be_kept, may_be_written, new_folder, place
from summable.engines.packed import quoted
from summable.engines.part import HOPELESS, answer, asked_of
from summable.engines.together import Together

FAN = 32  # answers that a task adds, and that the driver receives at most
TASKS = 4  # for each core, at most: enough to share out evenly, few enough for what Spark spends on each,
EACH = 2**29  # and of no fewer bytes of files: a second's work, less than tenfold what it spends
DRAIN = 1.0  # seconds
TRIES = 3  # of a shard within a task; rows that stream through it are asked again by Spark alone
COLUMNS = ["first", "parts", "answer", "error"]
ANSWERS = "first long, parts long, answer binary, error string"  # a sum of the answers of so many parts, from the first on; or why there is none
S = TypeVar("S", bound=Statistic)
Batches = Iterator[pa.RecordBatch]
Answer = Statistic | SummableError
Copied = Callable[[Shard, str, bool], Shard]
Row = tuple[int, int, bytes | None, str | None]
Ask = Callable[[Question[Any], Batches], Iterator[tuple[int, Answer]]]  # the answers of a task, each with the number of its part


class Spark:
    """Answers asked of a DataFrame's partitions by `mapInArrow`, and added up by tasks until few are left for the driver.

    The measure travels in the task, which Spark broadcasts. A task that fails is asked again as Spark is set up to
    (`spark.task.maxFailures`). Every answer says whose it is, and a sum is refused that does not hold each part once: retries
    and speculative copies cannot count twice.
    """

    def __init__(self, frame: Any, ask: Ask, shards: Sequence[Shard] = (), run: int = 1, arrow: pa.Schema | None = None, watch: Watch | None = None) -> None:
        self.frame, self.ask, self.shards, self.arrow, self.watch, self.run = frame, ask, shards, arrow, watch, run
        self.parts = len(shards) or 1  # of a frame, as the last round found them: a plan may change
        self.depth = self._depth()
        self.keeps = True  # rows, where a program will ask for them again: those of a frame,
        self.kept: Kept | None = None
        self.copies = ""  # or those that shards decode, in folders of this name

    @property
    def schema(self) -> list[str] | None:
        """The columns of the DataFrame."""
        return None if self.arrow is None else list(self.arrow.names)

    def sum(self, measure: Question[S]) -> S:
        """The sum over the parts, in their order."""
        try:
            return self._sum(measure)
        except Lost:  # by an executor that is gone, or is too busy to be asked, or has no room
            self.release()
            self.keeps = False
            return self._sum(measure)

    def _sum(self, measure: Question[S]) -> S:
        self.depth = self._depth()
        answers, records = self._asked(measure, partial(_task, partial(self.ask, measure, **self._copies(measure))))
        for level in range(1, self.depth):
            size = self.run * FAN**level
            answers = _joined(answers, measure, size, -(-self.parts // size))
        with self._job(type(measure).__name__, records):
            rows: list[Row] = [tuple(row) for row in answers.collect()]
        if not rows:  # a plan that Spark knows to be empty has no partition that could say so
            rows = [_row(index, total) for index, total in self.ask(measure, iter(()))]
        _, self.parts, body, error = _one(rows)
        if body is None:
            raise jobs.read(str(error)) or SourceError(str(error))
        return decode(body)  # type: ignore[no-any-return]

    def release(self) -> None:
        """Keep no rows any longer."""
        if self.kept:
            self.kept.release()
        if self.copies:
            with suppress(Exception):  # when the session ends, they do
                forget(self.frame.sparkSession.sparkContext, self.copies)
        self.kept, self.copies = None, ""

    def fingerprints(self) -> list[str]:
        """What tells each shard's rows from others."""
        if not self.shards:
            raise Unsupported("a Spark DataFrame cannot be told from others, as a journal needs", "Write it to Parquet files, and give those.")
        return fingerprints(self.shards)

    def vector(self, column: str) -> int:
        """How many numbers the vectors of a column hold, by the first row."""
        if column not in (self.schema or ()):
            raise Unsupported(f"there is no column {column!r} of vectors", f"The columns are {', '.join(self.schema or ['those of files'])}.")
        first = self.frame.select(quoted(column)).first()
        if first is None or not hasattr(first[0], "__len__") or isinstance(first[0], str):
            raise Unsupported(f"column {column!r} holds no vectors", 'Name the features: features=["a", "b"].')
        return len(first[0])

    def _asked(self, measure: Question[Any], task: Callable[[Batches], Batches]) -> tuple[Any, int]:
        """A task for each part, of rows that are computed or of those that are kept, and how many of these it is handed at a time."""
        names, few = columns(measure), isinstance(measure, PartMeasure) and measure.first is not None
        if self.kept and self.kept.holds(names) and not few:
            return self.kept.asked(task, ANSWERS), jobs.USUAL
        frame = _head(self._wanted(names), measure)
        records = jobs.USUAL if self.shards else jobs.great(len(frame.columns))
        if self.kept is None and self.keeps and not self.shards and measure.again and may_be_kept(self.frame):
            self.kept = keep(frame, task, ANSWERS)
            return self.kept.first, records
        return packed.asked(frame, task, ANSWERS), records

    @contextmanager
    def _job(self, name: str, records: int) -> Iterator[None]:
        """A job of Spark's, told and cancelled as `jobs.followed` does, whose tasks are handed so many rows at a time."""
        session = self.frame.sparkSession
        with jobs.batches(session, records), jobs.followed(session.sparkContext, name, self.parts, self.watch):
            yield

    def _copies(self, measure: Question[Any]) -> dict[str, Any]:
        """Where shards have copies of what they decode, and whether they shall make some."""
        if self.shards and self.keeps and measure.again and not self.copies and may_be_written(self.frame.sparkSession.sparkContext):
            self.copies = new_folder()
        return {"copies": (self.copies, measure.again)} if self.copies else {}

    def _depth(self) -> int:
        return tree.depth(-(-self.parts // self.run), FAN)

    def _wanted(self, names: Sequence[str]) -> Any:
        """The frame, less the columns that are not asked for."""
        known = self.schema or []
        if not names or not set(names) <= set(known):
            return self.frame.selectExpr(*map(quoted, known[:1])) if known and not names else self.frame
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


def _task(ask: Callable[[Batches], Iterator[tuple[int, Answer]]], batches: Batches) -> Batches:
    """What a task does with the partition that it is given: its answers, as one row."""
    one_thread()
    rows = [_row(index, found) for index, found in ask(batches)]
    settle(len(sys.modules))
    if rows:
        yield _batch(_one(rows, rows[0][0]))
    _drain(batches)


def _drain(batches: Batches) -> None:
    """Read on for as long as a new worker would take to start: Spark ends one that has not read everything."""
    until = monotonic() + DRAIN
    while monotonic() < until and next(batches, None) is not None:
        pass


@cache
def settle(_: int) -> None:
    """Leave out of the worker's garbage collections, of which Spark has one after every task, what was imported: 0.1 s each."""
    gc.freeze()


@cache
def one_thread() -> Any:
    """Hold BLAS to one thread in this worker, for good."""
    return threadpool_limits(1, "blas")


def _row(index: int, found: Answer) -> Row:
    return (index, 1, None, jobs.spelled(found)) if isinstance(found, SummableError) else (index, 1, encode(found), None)


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
    groups: dict[int, list[Row]] = {}
    for row in (row for batch in batches for row in zip(*map(pa.Array.to_pylist, batch.columns), strict=True)):
        groups.setdefault(row[0] // size, []).append(row)
    for rows in groups.values():
        yield _batch(_one(rows, min(rows)[0] // size * size))


def _one(rows: list[Row], first: int = 0) -> Row:
    """The answers of neighbours as one, or the first error among them; refuses a part that is missing or comes twice."""
    rows.sort(key=lambda row: row[0])
    end = first
    for begin, parts, _, _ in rows:
        if begin != end:
            raise SourceError(f"the answer of partition {min(begin, end)} is missing, or there twice", "The DataFrame must not change: fit again.")
        end += parts
    error = next((error for _, _, _, error in rows if error is not None), None)
    return first, end - first, None if error else encode(pairwise([decode(body) for _, _, body, _ in rows if body is not None])), error


def _tried(measure: Question[Any], shard: Shard, index: int, place: str, tries: int, begun: int) -> tuple[int, Answer]:
    """A part's answer. An error that would come again is an answer too, so that Spark does not try; others are raised, so that it does."""
    try:
        return index, answer(measure, shard, place, tries, begun=begun)
    except SummableError as error:
        if isinstance(error.__cause__, HOPELESS):
            return index, error
        raise RuntimeError(jobs.spelled(error)) from None


def _of_stream(request: Request, schema: pa.Schema, measure: Question[Any], batches: Batches) -> Iterator[tuple[int, Answer]]:
    """The answer of the partition that streams through this task."""
    from pyspark import TaskContext

    context = TaskContext.get()
    index, begun = (context.partitionId(), context.attemptNumber()) if context else (0, 0)
    shard = request.stream(schema, batches, isinstance(measure, PartMeasure))
    yield _tried(measure, shard, index, f"in partition {index}", 1, begun)


def _of_shards(
    shards: Sequence[bytes], run: int, copied: Copied | None, measure: Question[Any], batches: Batches, copies: tuple[str, bool] = ("", False)
) -> Iterator[tuple[int, Answer]]:
    """The answers of the shards from that on whose number this task is given."""
    (folder, begin), firsts = copies, [first for batch in batches for first in batch.column(0).to_pylist()]
    for index in (index for first in firsts for index in range(first, min(first + run, len(shards)))):
        shard = pickle.loads(shards[index])  # which this process's own driver made
        if copied and folder:
            shard = copied(shard, os.path.join(place(folder, index), str(index)), begin)
        yield _tried(asked_of(measure, index, len(shards)), shard, index, f"in shard {index} ({shard.name})", TRIES, 0)


def opened(data: Any, request: Request) -> Engine:
    """The engine of DataFrames (several are their union), or of shards that the tasks of a session read."""
    if not isinstance(data, list):
        return _of_files(data.shards, data.nbytes, request)
    frames = [_of_frame(frame, request) for frame in data]
    return frames[0] if len(frames) == 1 else Together(frames)


def _of_frame(frame: Any, request: Request) -> Spark:
    if not hasattr(frame, "mapInArrow"):
        raise Unsupported(f"a {type(frame).__module__}.{type(frame).__name__} is no Spark DataFrame", "Give a DataFrame: .to_frame(), .toDF(), ….")
    if not hasattr(frame, "_jdf"):
        raise Unsupported("a DataFrame of Spark Connect has no jobs that could be followed", "Use a classic session, or give the files with engine='spark'.")
    schema = _arrow(frame.schema)
    lean = Request(request.part, request.stream)  # what is watched and chosen stays here
    return Spark(frame, partial(_of_stream, lean, schema), arrow=schema, watch=request.watch)


def _of_files(shards: Sequence[Shard], weight: int | None, request: Request) -> Spark:
    session = _session(request.place)
    run = _run(len(shards), _tasks(weight, session.sparkContext.defaultParallelism))
    ask = partial(_of_shards, [pickle.dumps(shard) for shard in shards], run, request.copied)
    return Spark(session.range(0, len(shards), run, -(-len(shards) // run)), ask, shards, run, watch=request.watch)


def _tasks(weight: int | None, cores: int) -> int:
    """How many tasks read files of so many bytes, if that is known."""
    return cores * (TASKS if weight is None else max(1, min(TASKS, weight // (EACH * cores))))


def _session(place: Any) -> Any:
    """The session that was given, or else the one that there is."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    if not isinstance(place, str):
        return place if hasattr(place, "range") else place.sparkSession
    if SparkContext._active_spark_context is None:
        raise Unsupported("there is no Spark session", "Make one: SparkSession.builder.getOrCreate().")
    return SparkSession.builder.getOrCreate()


def _run(shards: int, tasks: int) -> int:
    """How many shards a task reads: a power of two, so that sums have the same bits however they are shared out."""
    return next(1 << height for height in range(64) if shards <= tasks << height)


def _arrow(schema: Any) -> pa.Schema:
    """Spark's types as Arrow's; of those that Arrow does not know, nothing but the name."""
    from pyspark.sql.pandas.types import to_arrow_type

    def field(one: Any) -> pa.Field:
        try:
            return pa.field(one.name, to_arrow_type(one.dataType))
        except (TypeError, ValueError):
            return pa.field(one.name, pa.binary())

    return pa.schema([field(one) for one in schema.fields])
