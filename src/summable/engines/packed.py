"""The rows of a Spark DataFrame on their way to Python: its numbers in one array a row, which Spark hands over faster than columns.

Column by column, every number of a row goes to a place of its own in memory; those of an array lie side by side, and are turned into columns
in the cache of the task that asked for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

NUMBERS = "numbers of summable"  # the array's name, which no column of the frame should have
Batches = Iterator[pa.RecordBatch]


def asked(frame: Any, task: Callable[[Batches], Batches], schema: str) -> Any:
    """What a task makes of the frame's batches, as `mapInArrow` would tell it."""
    fields = frame.schema.fields
    order, names = [field.name for field in fields], [field.name for field in fields if field.dataType.typeName() == "double"]
    if len(names) < 2:
        return frame.mapInArrow(task, schema)
    array = f"array({', '.join(map(quoted, names))}) AS {quoted(NUMBERS)}"  # as text: hundreds of columns, one by one, would take as many messages
    packed = frame.selectExpr(array, *(quoted(name) for name in order if name not in names))
    return packed.mapInArrow(partial(_asked, task, names, order), schema)


def quoted(name: str) -> str:
    """A column's name, as Spark reads it."""
    return "`" + name.replace("`", "``") + "`"


def _asked(task: Callable[[Batches], Batches], names: list[str], order: list[str], batches: Batches) -> Batches:
    yield from task(_unpacked(batch, names, order) for batch in batches)


def _unpacked(batch: pa.RecordBatch, names: list[str], order: list[str]) -> pa.RecordBatch:
    """The columns that a batch had, in their order; what was null is null."""
    packed = batch.column(NUMBERS).flatten()
    shape = batch.num_rows, len(names)
    columns = np.ascontiguousarray(packed.to_numpy(zero_copy_only=False).reshape(shape).T)
    nulls = packed.is_null().to_numpy(zero_copy_only=False).reshape(shape).T if packed.null_count else [None] * len(names)
    numbers = {name: pa.array(column, mask=null) for name, column, null in zip(names, columns, nulls, strict=True)}
    return pa.RecordBatch.from_pydict({name: numbers[name] if name in numbers else batch.column(name) for name in order})
