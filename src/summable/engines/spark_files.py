"""Shards that the tasks of a Spark session read themselves: plain jobs, for which no query has to be planned."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from summable.core.engine import Request, Watch
from summable.core.errors import Lost
from summable.core.measure import Question
from summable.core.rows import Shard
from summable.core.statistic import Statistic
from summable.engines import jobs, tree
from summable.engines.answers import FAN, Row, added, one, one_thread, row_of, settle, total, tried
from summable.engines.fingerprint import fingerprints
from summable.engines.kept import forget, may_be_written, new_folder, place
from summable.engines.part import asked_of

TASKS = 4  # for each core, at most: enough to share out evenly, few enough for what Spark spends on each,
EACH = 2**29  # and of no fewer bytes of files: a second's work, less than tenfold what it spends
TRIES = 3  # of a shard within a task
S = TypeVar("S", bound=Statistic)
Copied = Callable[[Shard, str, bool], Shard]


class SparkFiles:
    """Answers asked of shards by tasks, some shards each, and added up by other tasks until few are left for the driver.

    The measure travels in the task, which Spark broadcasts. A task that fails is asked again as Spark is set up to (`spark.task.maxFailures`).
    Where a program will ask for them again, tasks keep copies of what they decode, in folders that are gone with the fit.
    """

    def __init__(self, context: Any, shards: Sequence[Shard], tasks: int, copied: Copied | None = None, watch: Watch | None = None) -> None:
        self.context, self.shards, self.watch = context, shards, watch
        self.parts, self.run = len(shards), run_of(len(shards), tasks)
        self.depth = tree.depth(-(-self.parts // self.run), FAN)
        self.ask = partial(_rows, [pickle.dumps(shard) for shard in shards], self.run, copied)
        self.keeps, self.copies = copied is not None, ""

    def sum(self, measure: Question[S]) -> S:
        """The sum over the shards, in their order."""
        try:
            return self._sum(measure)
        except Lost:  # copies, or room for them
            self.release(wait=True)
            self.keeps = False
            return self._sum(measure)

    def release(self, wait: bool = False) -> None:
        """Keep no copies any longer."""
        if self.copies:
            forget(self.context, self.copies, wait)
        self.copies = ""

    def fingerprints(self) -> list[str]:
        """What tells each shard's rows from others."""
        return fingerprints(self.shards)

    def _sum(self, measure: Question[S]) -> S:
        if self.keeps and measure.again and not self.copies:
            self.keeps = may_be_written(self.context)
            self.copies = new_folder() if self.keeps else ""
        firsts = range(0, self.parts, self.run)
        answers = self.context.parallelize(firsts, len(firsts)).mapPartitions(partial(self.ask, measure, self.copies))
        for level in range(1, self.depth):
            size = self.run * FAN**level
            answers = answers.keyBy(partial(_group, size)).partitionBy(-(-self.parts // size)).values().mapPartitions(partial(_added, type(measure), size))
        with jobs.followed(self.context, type(measure).__name__, self.parts, self.watch, self.run):
            rows: list[Row] = answers.collect()
        return total(rows)[0]  # type: ignore[no-any-return]


def _rows(shards: Sequence[bytes], run: int, copied: Copied | None, measure: Question[Any], copies: str, firsts: Iterable[int]) -> Iterator[Row]:
    """What a task makes of the shards from that on whose number it is given: one row."""
    one_thread()
    rows = list[Row]()
    for index in (index for first in firsts for index in range(first, min(first + run, len(shards)))):
        shard = pickle.loads(shards[index])  # which this process's own driver made
        if copied and copies:
            shard = copied(shard, os.path.join(place(copies, index), str(index)), measure.again)
        rows.append(row_of(*tried(asked_of(measure, index, len(shards)), shard, index, f"in shard {index} ({shard.name})", TRIES, 0)))
    settle()
    yield one(rows, rows[0][0])


def _group(size: int, row: Row) -> int:
    """Whose answers are added to this one's."""
    return row[0] // size


def _added(_: type, size: int, rows: Iterable[Row]) -> list[Row]:
    """A task of the tree. It is given the class of the question so that the words of its answer are known where it runs."""
    return added(size, rows)


def of_files(data: Any, context: Any, request: Request) -> SparkFiles:
    """The engine of data whose shards the tasks of a context read."""
    return SparkFiles(context, data.shards, tasks_for(data.nbytes, context.defaultParallelism), request.copied, request.watch)


def tasks_for(weight: int | None, cores: int) -> int:
    """How many tasks read files of so many bytes, if that is known."""
    return cores * (TASKS if weight is None else max(1, min(TASKS, weight // (EACH * cores))))


def run_of(shards: int, tasks: int) -> int:
    """How many shards a task reads: a power of two, so that sums have the same bits however they are shared out."""
    return next(1 << height for height in range(64) if shards <= tasks << height)
