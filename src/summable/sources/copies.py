"""Copies of what files hold, as Arrow has decoded it, for fits that read it several times: they are mapped into memory.

Decoding Parquet takes as long as the sums that are wanted of it, or longer, and reading text takes ten times as long.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from tempfile import mkstemp
from typing import Any

import pyarrow as pa
import pyarrow.ipc

from summable.core.design import Column
from summable.core.rows import Shard
from summable.sources.files import File
from summable.sources.ipc import Ipc
from summable.sources.pieces import Piece, Table

SHARE = 4  # of the memory, which then holds them, and of what is free on the disk, copies in a folder take no more than one part in so many
STEP = 2**26  # bytes for which room is looked up at once
TROUBLE = OSError, pa.ArrowException  # no copy is made: the disk is full or refuses; or batches are not alike


@dataclass(frozen=True)
class Copied:
    """Some rows of a file, which are read from a copy once one has been made."""

    table: Table
    path: str  # what names of copies begin with: one for each choice of columns
    begin: bool  # whether one is to be made

    @property
    def file(self) -> File:
        return self.table.file

    @property
    def name(self) -> str:
        return self.table.name

    def kinds(self) -> Mapping[str, str]:
        return self.table.kinds()

    def batches(self, columns: Sequence[Column], limit: int | None) -> Iterator[pa.RecordBatch]:
        copy = f"{self.path}-{sha256(repr(list(columns)).encode()).hexdigest()[:16]}"
        if limit is None and os.path.exists(copy):
            self.file.checked()
            with pa.memory_map(copy) as source, pa.ipc.open_stream(source) as batches:
                yield from batches
            return
        batches = self.table.batches(columns, limit)
        yield from _copied(batches, copy) if limit is None and self.begin else batches


def copied(shard: Shard, path: str, begin: bool) -> Shard:
    """The shard; if its rows must be decoded, with a copy whose path begins so, and which is made when all of them are read, if it is to be."""
    if not isinstance(shard, Piece) or isinstance(shard.table, Ipc):
        return shard
    return replace(shard, table=Copied(shard.table, path, begin))


def _copied(batches: Iterator[pa.RecordBatch], path: str) -> Iterator[pa.RecordBatch]:
    """Batches as they come, and a copy once all have come; where there is no room for it, they come all the same."""
    copy: _Copy | None = _Copy(path)
    try:
        for batch in batches:
            if copy and not copy.holds(batch):
                copy = None
            yield batch
        if copy:
            copy.keep()
            copy = None
    finally:
        if copy:
            copy.drop()


class _Copy:
    """A file that is there once it is whole."""

    def __init__(self, path: str) -> None:
        self.path, self.temporary, self.granted = path, "", 0
        self.file: Any = None
        self.stream: Any = None

    def holds(self, batch: pa.RecordBatch) -> bool:
        """Whether the file has a batch too; if not, it is given up."""
        try:
            if self._has_room(batch.nbytes):
                self._begun(batch.schema).write_batch(batch)
                return True
        except TROUBLE:
            pass
        self.drop()
        return False

    def keep(self) -> None:
        """All is there."""
        try:
            for one in (self.stream, self.file):
                if one is not None:
                    one.close()
            if self.temporary:
                os.replace(self.temporary, self.path)
        except TROUBLE:
            self.drop()

    def drop(self) -> None:
        """Leave nothing."""
        for one in (self.stream, self.file):
            with suppress(*TROUBLE):
                if one is not None:
                    one.close()
        with suppress(OSError):
            os.unlink(self.temporary)

    def _begun(self, schema: pa.Schema) -> Any:
        if self.stream is None:
            number, self.temporary = mkstemp(dir=os.path.dirname(self.path))
            os.close(number)
            self.file = pa.OSFile(self.temporary, "wb")
            self.stream = pa.ipc.new_stream(self.file, schema)
        return self.stream

    def _has_room(self, size: int) -> bool:
        """Whether there is room for so many bytes more; others take some meanwhile."""
        if size > self.granted:
            self.granted = min(_room(os.path.dirname(self.path)), max(size, STEP))
        self.granted -= size
        return self.granted >= 0


def _room(folder: str) -> int:
    """Bytes that copies in a folder may still take; none where nobody says how much memory there is. The folder is made if there is none yet."""
    if not hasattr(os, "sysconf"):
        return 0
    os.makedirs(folder, mode=0o700, exist_ok=True)
    memory, taken = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), 0
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):  # it has been renamed
            taken += entry.stat().st_size
    return min(memory, shutil.disk_usage(folder).free + taken) // SHARE - taken
