"""NumPy arrays: a mapping of 1-D arrays, a structured array, or a 2-D array with columns x0, x1, …"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from summable.core.design import Design
from summable.core.errors import DataError
from summable.core.rows import Rows
from summable.sources import encode

SHARD = 2**18  # rows: enough work to keep a core busy for milliseconds, few enough to share out evenly
BATCH = 2**16  # rows converted at once, so that memory stays bounded whatever the array


@dataclass(frozen=True, eq=False)
class Arrays:
    """A range of rows of named 1-D arrays."""

    arrays: Mapping[str, np.ndarray[Any, Any]]
    start: int
    stop: int

    @property
    def name(self) -> str:
        return f"rows {self.start}–{self.stop}"

    def kinds(self) -> Mapping[str, str]:
        return {name: self._kind(name) for name in self.arrays}

    def _kind(self, name: str) -> str:
        try:
            return encode.kind(_arrow(name, self.arrays[name][self.start : self.stop][:BATCH]).type)
        except DataError:
            return "other"  # it matters only if a formula asks for it

    def rows(self, design: Design, limit: int | None = None) -> Iterator[Rows]:
        stop = self.stop if limit is None else min(self.stop, self.start + limit)
        return encode.blocks(design, self._batches(tuple(dict.fromkeys(design.names)), stop))

    def _batches(self, names: tuple[str, ...], stop: int) -> Iterator[pa.RecordBatch]:
        for start in range(self.start, stop, BATCH):
            rows = slice(start, min(start + BATCH, stop))
            yield pa.RecordBatch.from_arrays([_arrow(name, self.arrays[name][rows]) for name in names], list(names))


def shards(data: Any) -> list[Arrays]:
    """Ranges of rows of the arrays."""
    arrays = _named(data)
    sizes = {name: len(values) for name, values in arrays.items()}
    if len(set(sizes.values())) > 1:
        raise DataError(f"the arrays have different lengths ({', '.join(f'{k}: {n}' for k, n in sizes.items())})", "Give one value to every row.")
    rows = next(iter(sizes.values()), 0)
    return [Arrays(arrays, start, min(start + SHARD, rows)) for start in range(0, max(rows, 1), SHARD)]


def _named(data: Any) -> dict[str, np.ndarray[Any, Any]]:
    if isinstance(data, Mapping):
        return {str(name): values if isinstance(values, np.ma.MaskedArray) else np.atleast_1d(values) for name, values in data.items()}
    if data.dtype.names:
        return {name: data[name] for name in data.dtype.names}
    if data.ndim != 2:
        raise DataError(f"an array of {data.ndim} dimensions is not a table", "Give rows by columns, or a mapping of names to 1-D arrays.")
    return {f"x{j}": data[:, j] for j in range(data.shape[1])}


def _arrow(name: str, values: np.ndarray[Any, Any]) -> pa.Array:
    try:
        if isinstance(values, np.ma.MaskedArray):
            return pa.array(values.data, mask=np.ma.getmaskarray(values))
        if values.dtype in (np.float64, np.float32) and values.ndim == 1:
            return pa.array(np.ascontiguousarray(values))  # a NaN among numbers is told from them where they are read, without a copy
        return pa.array(values if values.dtype != object else values.tolist(), from_pandas=True)
    except pa.ArrowException as error:
        raise DataError(f"array {name!r} cannot be read as a column ({error})", "Give it one type, and one dimension.") from error
