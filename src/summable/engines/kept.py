"""The rows of a Spark DataFrame as Arrow wrote them, kept by its executors for as long as a fit lasts, in files beside those that Spark spills.

Spark computes a DataFrame anew for every job, and hands its rows to Python one by one, which costs many times what a sum of them does. A program
that asks several times of the same columns therefore has its first question answered while they are computed, and they are written down on the way.
Later questions map the files into memory, past Spark, which hands over the rows of its own cache by copying them again for each question. Spark
keeps where they lie: it sends a task to the executor that has them, and computes them anew where that one is lost.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from tempfile import gettempdir, mkstemp
from threading import Thread
from typing import Any
from uuid import uuid4

import pyarrow as pa

from summable.core.errors import Lost
from summable.engines import packed

PLACE = "place"  # the column that says where a partition's rows lie
Batches = Iterator[pa.RecordBatch]


@dataclass(frozen=True)
class Kept:
    """Some columns of a frame, and what the question was answered for which they were computed."""

    names: frozenset[str]
    folder: str  # the name of each executor's folder of files
    answers: Any  # a DataFrame that Spark keeps: of each partition what its task told, and the place of its rows

    def holds(self, names: Sequence[str]) -> bool:
        """Whether all these columns are there."""
        return self.names.issuperset(names)

    @property
    def first(self) -> Any:
        """What the first task made of each partition's batches."""
        return self.answers.drop(PLACE)

    def asked(self, task: Callable[[Batches], Batches], schema: str) -> Any:
        """What a task makes of each partition's batches, as `mapInArrow` of the frame would tell it."""
        return self.answers.select(PLACE).mapInArrow(partial(_asked, task), schema)

    def release(self, wait: bool = False) -> None:
        """Keep them no longer. Nothing that may go wrong here matters: when the session ends, they do."""
        with suppress(Exception):
            self.answers.unpersist()
            forget(self.answers.sparkSession.sparkContext, self.folder, wait)


def keep(frame: Any, task: Callable[[Batches], Batches], schema: str) -> Kept:
    """A task's answers about a frame, whose rows are kept on the way: nothing is computed before somebody looks at them."""
    from pyspark import StorageLevel

    folder = new_folder()
    answers = packed.asked(frame, partial(_answered, task, folder), f"{schema}, {PLACE} string")
    return Kept(frozenset(frame.columns), folder, answers.persist(StorageLevel.MEMORY_AND_DISK))


def may_be_kept(frame: Any) -> bool:
    """Whether rows are better kept than computed anew: not those that their owner has cached."""
    level = frame.storageLevel
    return not (level.useMemory or level.useDisk) and may_be_written(frame.sparkSession.sparkContext)


def may_be_written(context: Any) -> bool:
    """Whether rows may lie on disks in the clear: not where those that Spark spills are encrypted."""
    return bool(context.getConf().get("spark.io.encryption.enabled", "false") != "true")


def new_folder() -> str:
    """The name of a fit's folders."""
    return f"summable-{uuid4().hex}"


def place(folder: str, number: int) -> str:
    """Where a folder of that name lies, in one of those that Spark has made for what it spills: the executor deletes them when it ends."""
    folders = os.environ.get("SPARK_LOCAL_DIRS", gettempdir()).split(",")
    return os.path.join(folders[number % len(folders)], folder)


def forget(context: Any, folder: str, wait: bool = False) -> None:
    """Have the files of a fit deleted; while nobody waits, if not asked to, for the memory that they lie in takes a while to be given back."""
    if wait:
        return _forgotten(context, folder)
    with suppress(RuntimeError):  # no thread can be started
        Thread(target=_forgotten, args=(context, folder), daemon=True).start()  # a process that ends does not wait either


def _forgotten(context: Any, folder: str) -> None:
    """Delete them, by a task for each core, so that each executor has some. Nothing that may go wrong here matters: it deletes the rest when it ends."""
    with suppress(Exception):
        tasks = context.defaultParallelism
        context.parallelize(range(tasks), tasks).foreach(partial(_forget, folder))


def _answered(task: Callable[[Batches], Batches], folder: str, batches: Batches) -> Batches:
    """What a task makes of a partition's batches, and where they have been written meanwhile."""
    path = _file(folder)
    try:
        written = _written(batches, path)
        told = list(task(written))
        for _ in written:  # what the task has not looked at
            pass
    except BaseException:
        with suppress(OSError):  # the folder is gone already, where the fit was given up
            os.unlink(path)
        raise
    for answers in told:
        yield answers.append_column(PLACE, pa.array([path] * answers.num_rows))


def _file(folder: str) -> str:
    """A new file for a partition's rows."""
    here = place(folder, os.getpid())
    os.makedirs(here, mode=0o700, exist_ok=True)
    number, path = mkstemp(".arrows", dir=here)
    os.close(number)
    return path


def _written(batches: Batches, path: str) -> Batches:
    """Batches as they come, each of which is written to a file first."""
    try:
        for first in batches:
            with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, first.schema) as stream:
                for batch in chain([first], batches):
                    stream.write_batch(batch)
                    yield batch
    except OSError as error:
        raise Lost(f"rows could not be kept ({error})", "Fit again.") from error


def _asked(task: Callable[[Batches], Batches], kept: Batches) -> Batches:
    """What a task makes of the batches that a partition's file holds, read where they lie."""
    yield from task(batch for places in kept for path in places.column(PLACE).to_pylist() for batch in _read(path))


def _read(path: str) -> Batches:
    try:
        if os.path.getsize(path):  # or the partition is empty
            with pa.memory_map(path) as file, pa.ipc.open_stream(file) as batches:
                yield from batches
    except OSError as error:  # Spark has sent the task to another machine, for want of a place on this one
        raise Lost(f"rows that were kept are not where they were ({error})", "Fit again.") from error


def _forget(folder: str, _: int) -> None:
    """Delete an executor's files of a fit."""
    for place in os.environ.get("SPARK_LOCAL_DIRS", gettempdir()).split(","):
        shutil.rmtree(os.path.join(place, folder), ignore_errors=True)
