"""The rows of a Spark DataFrame as Arrow wrote them, kept by its executors for as long as a fit lasts: in memory, and on disk what has no room.

Spark computes a DataFrame anew for every job, and turns its rows into Arrow's columns one by one, which costs many times what a sum of them
does. A program that asks several times of the same columns therefore has them computed once, as MLlib's do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

Batches = Iterator[pa.RecordBatch]


@dataclass(frozen=True)
class Kept:
    """Some columns of a frame: for each of its partitions, streams of Arrow batches."""

    session: Any
    names: frozenset[str]
    streams: Any  # an RDD of rows that hold one stream each

    def holds(self, names: Sequence[str]) -> bool:
        """Whether all columns are there; of none, whether the rows that are counted are."""
        return self.names.issuperset(names)

    def asked(self, task: Callable[[Batches], Iterable[pa.RecordBatch]], schema: str) -> Any:
        """What a task makes of each partition's batches, as `mapInArrow` of the frame would tell it."""
        return self.session.createDataFrame(self.streams.mapPartitions(partial(_asked, task)), schema)

    def release(self) -> None:
        """Keep them no longer."""
        self.streams.unpersist()


def keep(frame: Any) -> Kept:
    """Keep a frame: nothing is computed before something is asked."""
    from pyspark import StorageLevel

    streams = frame.mapInArrow(_written, "stream binary").rdd
    return Kept(frame.sparkSession, frozenset(frame.columns), streams.persist(StorageLevel.MEMORY_AND_DISK))


def is_kept(frame: Any) -> bool:
    """Whether its owner has cached the frame."""
    level = frame.storageLevel
    return bool(level.useMemory or level.useDisk)


def _written(batches: Batches) -> Batches:
    """Each batch as a stream of its own."""
    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        yield pa.RecordBatch.from_arrays([pa.array([sink.getvalue().to_pybytes()], pa.binary())], ["stream"])


def _asked(task: Callable[[Batches], Iterable[pa.RecordBatch]], rows: Iterator[Any]) -> Iterator[tuple[Any, ...]]:
    """A task's rows, from the streams of a partition."""
    batches = (batch for row in rows for batch in pa.ipc.open_stream(row[0]))
    for found in task(batches):
        yield from zip(*(column.to_pylist() for column in found.columns), strict=True)
