"""The rows of a Spark DataFrame as Arrow wrote them, kept by its executors for as long as a fit lasts: in memory, and on disk what has no room.

Spark computes a DataFrame anew for every job, and turns its rows into Arrow's columns one by one, which costs many times what a sum of them
does. A program that asks several times of the same columns therefore has them computed once, as MLlib's do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from summable.engines import packed

NUMBERS = 2**20  # of a stream: 8 MB
AT_ONCE = 1  # streams that a task is handed: Spark copies what it hands over again and again while it grows
Batches = Iterator[pa.RecordBatch]


@dataclass(frozen=True)
class Kept:
    """Some columns of a frame: for each of its partitions, streams of Arrow batches."""

    names: frozenset[str]
    streams: Any  # a DataFrame of rows that hold one stream each

    def holds(self, names: Sequence[str]) -> bool:
        """Whether all these columns are there."""
        return self.names.issuperset(names)

    def compute(self) -> None:
        """Compute them all."""
        self.streams.count()

    def asked(self, task: Callable[[Batches], Batches], schema: str) -> Any:
        """What a task makes of each partition's batches, as `mapInArrow` of the frame would tell it."""
        return self.streams.mapInArrow(partial(_asked, task), schema)

    def release(self) -> None:
        """Keep them no longer; a session that has ended keeps none."""
        from py4j.protocol import Py4JError

        with suppress(Py4JError, OSError):
            self.streams.unpersist()


def keep(frame: Any) -> Kept:
    """Keep a frame: nothing is computed before something is asked."""
    from pyspark import StorageLevel

    streams = packed.asked(frame, _written, "stream binary").persist(StorageLevel.MEMORY_AND_DISK)
    return Kept(frozenset(frame.columns), streams)


def is_kept(frame: Any) -> bool:
    """Whether its owner has cached the frame."""
    level = frame.storageLevel
    return bool(level.useMemory or level.useDisk)


def _written(batches: Batches) -> Batches:
    """Some rows at a time, each as a stream of its own."""
    for batch in batches:
        step = max(NUMBERS // batch.num_columns, 1)
        for start in range(0, batch.num_rows, step):
            yield pa.RecordBatch.from_arrays([_stream(batch.slice(start, step))], ["stream"])


def _stream(batch: pa.RecordBatch) -> pa.Array:
    """One value, which holds a batch."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    written = sink.getvalue()
    ends = pa.py_buffer(np.array([0, written.size], np.int32))
    return pa.Array.from_buffers(pa.binary(), 1, [None, ends, written])


def _asked(task: Callable[[Batches], Batches], kept: Batches) -> Batches:
    """What a task makes of the batches that a partition's streams hold, read where they lie."""
    yield from task(batch for streams in kept for stream in streams.column(0) for batch in pa.ipc.open_stream(stream.as_buffer()))
