"""Arrow IPC files (.arrow, .ipc, .feather), of the file or the stream format: batches read from mapped memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.ipc

from summable.core.design import Column
from summable.core.errors import SourceError
from summable.sources import encode
from summable.sources.files import LOCAL, File
from summable.sources.pieces import Piece, refuse_absent, told

SHARD = 2**25  # bytes of a shard, about
MAGIC, OLD = b"ARROW1", b"FEA1"
ENDS = (b"\xff\xff\xff\xff\x00\x00\x00\x00", b"\x00\x00\x00\x00")  # of a stream, as written today and long ago
ADVICE = "Write the file again."


@dataclass(frozen=True)
class Ipc:
    """Some record batches of an Arrow file; all of a stream."""

    file: File
    start: int
    stop: int
    of: int  # batches in the file; 0 for a stream

    @property
    def name(self) -> str:
        return self.file.name if self.stop - self.start == self.of else f"{self.file.name}, batches {self.start}–{self.stop - 1}"

    def kinds(self) -> Mapping[str, str]:
        self.file.checked()
        return encode.kinds(_schema(self.file))

    def batches(self, columns: Sequence[Column], limit: int | None) -> Iterator[pa.RecordBatch]:
        names, there = list(dict.fromkeys(column.name for column in columns)), _schema(self.file).names
        refuse_absent(self.file, names, there)
        with _opened(self.file, sorted(there.index(name) for name in names), whole=limit is None) as reader:
            for batch in (reader.get_batch(i) for i in range(self.start, self.stop)) if self.of else reader:
                yield batch if limit is None else batch.slice(0, limit)


@lru_cache(4096)
def _schema(file: File) -> pa.Schema:
    with _opened(file) as reader:
        return reader.schema


@contextmanager
def _opened(file: File, fields: list[int] | None = None, whole: bool = False) -> Iterator[Any]:
    """A reader of some fields, of either format; a file from far away is fetched whole, as its columns would be hundreds of requests."""
    options = pa.ipc.IpcReadOptions(included_fields=fields)
    with told(file, "Arrow", ADVICE), file.opened(mapped=True) as bytes_:
        source = pa.BufferReader(bytes_.read()) if whole and file.place != LOCAL else bytes_
        if _is_file(file, source):
            yield pa.ipc.open_file(source, options=options)
        else:
            yield pa.ipc.open_stream(source, options=options)


def _is_file(file: File, source: Any) -> bool:
    """Whether it is of the file format; and refuse a stream that is cut short, which Arrow would not notice between batches."""
    start = source.read(len(MAGIC))
    if start[: len(OLD)] == OLD:
        raise SourceError(f"{file} is of the first Feather format", "Write it again: Feather's second format is Arrow's own.")
    if start != MAGIC:
        source.seek(max(0, file.size - 8))
        if not source.read(8).endswith(ENDS):
            raise SourceError(f"{file} cannot be read as Arrow (it is no Arrow file, or cut short)", ADVICE)
    source.seek(0)
    return bool(start == MAGIC)


def shards(file: File) -> list[Piece]:
    """The file's batches in runs of about 32 MB; a stream as one."""
    with _opened(file) as reader:
        count = getattr(reader, "num_record_batches", 0)
    run = max(1, count * SHARD // max(file.size, 1) if file.place == LOCAL else count)
    return [Piece(Ipc(file, start, min(start + run, count), count)) for start in range(0, max(count, 1), run)]
