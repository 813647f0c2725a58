"""JSON lines (.jsonl, .ndjson, also compressed): an object a line; types are those that the design asks for, else Arrow's guess from the first block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.json as pj

from summable.core.design import Column
from summable.core.errors import DataError, SourceError
from summable.sources import encode
from summable.sources.files import File
from summable.sources.pieces import Piece, first_line, refuse_absent, told
from summable.sources.ranges import MOST, Range, block, parsed, ranges


@dataclass(frozen=True)
class JsonLines:
    """A range of lines of a file, each an object."""

    range: Range

    @property
    def file(self) -> File:
        return self.range.file

    @property
    def name(self) -> str:
        return self.range.name

    def kinds(self) -> Mapping[str, str]:
        self.file.checked()
        return _kinds(self.file)

    def batches(self, columns: Sequence[Column], limit: int | None) -> Iterator[pa.RecordBatch]:
        guess = _schema(self.file)
        refuse_absent(self.file, [column.name for column in columns], guess.names)
        schema = pa.schema({column.name: _type(column, guess.field(column.name).type) for column in reversed(columns)})

        def read(size: int) -> Iterator[pa.RecordBatch]:
            with self.range.opened(None) as stream:
                if stream is not None:
                    yield from _reader(stream, size, schema)

        with told(self.file, "JSON lines"), _named(self.file, self.range):
            for batch in parsed(read, block(self.file)):
                yield batch if limit is None else batch.slice(0, limit)


def _type(column: Column, guess: pa.DataType) -> pa.DataType:
    """The type to read a column as; what cannot be read as that stays what it is, to be refused as such."""
    found = encode.kind(guess)
    numeric = found in ("number", "integer") and column.kind in ("number", "float")
    return encode.KINDS.get(column.kind, guess) if numeric or found == "nothing" else guess


def _reader(stream: Any, size: int, schema: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
    parse = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="infer" if schema is None else "ignore")
    return pj.open_json(stream, pj.ReadOptions(block_size=size, use_threads=False), parse)  # type: ignore[no-any-return]


def _kinds(file: File) -> Mapping[str, str]:
    return encode.kinds(_schema(file))


@lru_cache(maxsize=65536)
def _schema(file: File) -> pa.Schema:
    with told(file, "JSON lines"), _named(file):
        return _first(file, block(file))


def _first(file: File, size: int) -> pa.Schema:
    """Arrow's guess of the types, from a block that holds a line at least."""
    try:
        with file.opened() as source:
            return _reader(file.plain(source), size).schema  # type: ignore[attr-defined]
    except pa.ArrowInvalid as error:
        if "straddling" not in str(error) or size >= MOST:
            raise
        return _first(file, size * 8)


@contextmanager
def _named(file: File, part: Range | None = None) -> Iterator[None]:
    """Say which file, and what is wrong with it in its terms."""
    try:
        yield
    except pa.ArrowInvalid as error:
        if "Empty JSON" in str(error):
            raise SourceError(f"{file} is empty", "A file of JSON lines has an object on each line.") from error
        where = f" in {part.name}" if part and part.of > 1 else ""
        raise DataError(
            f"{file} cannot be read as JSON lines ({first_line(error)}{where})", "Each line is one object, and a field holds one type in the whole file."
        ) from error


def shards(file: File) -> list[Piece]:
    """The file, or ranges of its lines if it is big."""
    if file.size == 0:
        raise SourceError(f"{file} is empty", "A file of JSON lines has an object on each line.")
    return [Piece(JsonLines(part)) for part in ranges(file)]
