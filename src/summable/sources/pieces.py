"""What all files have in common: columns in, Arrow batches out, and the keys of their folders beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from summable.core.design import Column, Design
from summable.core.errors import SourceError, SummableError
from summable.core.rows import Rows
from summable.sources import encode
from summable.sources.files import File
from summable.sources.partitions import Key


class Table(Protocol):
    """Some rows of a file: what a format must be able to do."""

    @property
    def file(self) -> File:
        """The file that holds them."""

    @property
    def name(self) -> str:
        """What an error calls them: the file's name, and which part of it."""

    def kinds(self) -> Mapping[str, str]:
        """Column to kind, without reading the rows (or but the first)."""

    def batches(self, columns: Sequence[Column], limit: int | None) -> Iterator[pa.RecordBatch]:
        """The rows of these columns, in bounded memory; about `limit` rows if given."""


@dataclass(frozen=True)
class Piece:
    """Some rows of a file as a shard. A column of the file goes before a key of its name in the path."""

    table: Table

    @property
    def name(self) -> str:
        return self.table.name

    def kinds(self) -> Mapping[str, str]:
        return {**{key.name: key.kind for key in self.table.file.keys}, **self.table.kinds()}

    def rows(self, design: Design, limit: int | None = None) -> Iterator[Rows]:
        return encode.blocks(design, self._batches(design.columns, limit))

    def _batches(self, columns: Sequence[Column], limit: int | None) -> Iterator[pa.RecordBatch]:
        if not self.table.file.keys:
            yield from self.table.batches(columns, limit)
            return
        own = self.table.kinds()
        keys = [key for key in self.table.file.keys if key.name not in own and any(column.name == key.name for column in columns)]
        names = {key.name for key in keys}
        wanted = [column for column in columns if column.name not in names] or [Column(next(iter(own)), "any")]  # to count the rows
        for batch in self.table.batches(wanted, limit):
            yield _beside(batch, keys)


def _beside(batch: pa.RecordBatch, keys: Sequence[Key]) -> pa.RecordBatch:
    for key in keys:
        batch = batch.append_column(key.name, key.column(batch.num_rows))
    return batch


@contextmanager
def told(file: File, format_: str, advice: str = "Write the file again.") -> Iterator[None]:
    """Say which file, where Arrow only says what is wrong with it."""
    try:
        yield
    except SummableError:
        raise
    except (pa.ArrowException, OSError, EOFError) as error:
        raise SourceError(f"{file} cannot be read as {format_} ({first_line(error)})", advice) from error


def first_line(error: Exception) -> str:
    """What an error says, as a part of a sentence."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")


def refuse_absent(file: File, names: Sequence[str], there: Sequence[str]) -> None:
    """Refuse a file that lacks a column."""
    if absent := [name for name in names if name not in there]:
        raise SourceError(f"{file} has no column {absent[0]!r}", "Give every file the same columns.")
