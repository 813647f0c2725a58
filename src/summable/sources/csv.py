"""CSV files (also .tsv, also compressed), read in blocks; types are those that the design asks for, else Arrow's guess from the first block."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc

from summable.core.design import Column
from summable.core.errors import DataError, SourceError
from summable.sources import encode
from summable.sources.files import File
from summable.sources.pieces import Piece, first_line, refuse_absent, told
from summable.sources.ranges import MOST, Range, block, parsed, ranges

HEAD = 2**16  # bytes in which the header is looked for
DELIMITERS = ",;\t|"
CELL = re.compile(r"CSV column #(\d+):(?: Row #(\d+):)? CSV conversion error to (\w+)\S*: invalid value (.*)", re.DOTALL)
NOUNS = {"double": "numbers", "int64": "integers", "bool": "true or false", "string": "text in UTF-8"}


@dataclass(frozen=True)
class Head:
    """What the first lines of a file tell of the others."""

    delimiter: str
    kinds: Mapping[str, str]


@dataclass(frozen=True)
class Csv:
    """A range of lines of a CSV file with a header."""

    range: Range

    @property
    def file(self) -> File:
        return self.range.file

    @property
    def name(self) -> str:
        return self.range.name

    def kinds(self) -> Mapping[str, str]:
        self.file.checked()
        return _head(self.file).kinds

    def batches(self, columns: Sequence[Column], limit: int | None) -> Iterator[pa.RecordBatch]:
        head = _head(self.file)
        types = _types(columns, head.kinds)
        refuse_absent(self.file, list(types), list(head.kinds))

        def read(size: int) -> Iterator[pa.RecordBatch]:
            with self.range.opened(head.delimiter) as stream:
                if stream is not None:
                    names = list(head.kinds) if self.range.index else None
                    yield from _reader(stream, head.delimiter, size, types, names)

        with told(self.file, "CSV", "Write the file again."), _named(self, head):
            for batch in parsed(read, block(self.file)):
                yield batch if limit is None else batch.slice(0, limit)


def _types(columns: Sequence[Column], guess: Mapping[str, str]) -> dict[str, pa.DataType]:
    """The types to read columns as; words for true and false are no numbers to Arrow, so they are read as themselves."""
    types = {column.name: encode.KINDS.get(column.kind, pa.string()) for column in reversed(columns)}
    return {name: pa.bool_() if guess.get(name) == "boolean" and type_ == pa.float64() else type_ for name, type_ in types.items()}


def _reader(stream: Any, delimiter: str, size: int, types: Mapping[str, pa.DataType], names: list[str] | None = None) -> pc.CSVStreamingReader:
    """Arrow's reader of a stream, whose first line is the header unless names are given."""
    convert = pc.ConvertOptions(column_types=types, include_columns=list(types) or None, strings_can_be_null=True)
    read = pc.ReadOptions(block_size=size, use_threads=False, column_names=names)
    return pc.open_csv(stream, read, pc.ParseOptions(delimiter=delimiter, newlines_in_values=True), convert)


@lru_cache(maxsize=65536)
def _head(file: File) -> Head:
    with told(file, "CSV"):
        with file.opened() as source:
            start = file.plain(source).read(HEAD)
        text = start.decode("utf-8-sig", "replace").lstrip("\r\n")
        header = text.splitlines()[0] if text else ""
        if not header.strip():
            raise SourceError(f"{file} is empty", "A CSV file starts with a line of column names.")
        head = Head(_delimiter(header, file.ending.startswith(".tsv")), {})
        with _named(file, head):
            if len(start) < HEAD:  # that was all of it
                return Head(head.delimiter, encode.kinds(_reader(pa.BufferReader(start), head.delimiter, HEAD, {}).schema))
            return Head(head.delimiter, encode.kinds(_first(file, head.delimiter, block(file))))


def _first(file: File, delimiter: str, size: int) -> pa.Schema:
    """Arrow's guess of the types, from a block that holds a line at least."""
    try:
        with file.opened() as source:
            return _reader(file.plain(source), delimiter, size, {}).schema
    except pa.ArrowInvalid as error:
        if "straddling" not in str(error) or size >= MOST:
            raise
        return _first(file, delimiter, size * 8)


def _delimiter(header: str, is_tsv: bool) -> str:
    """The one that the header uses most, outside quotes."""
    if is_tsv and "\t" in header:
        return "\t"
    return max(DELIMITERS, key="".join(header.split('"')[::2]).count)


@contextmanager
def _named(where: Csv | File, head: Head) -> Iterator[None]:
    """Say which file, column and value, where Arrow counts columns."""
    file, part = (where, "") if isinstance(where, File) else (where.file, f" (in {where.name})" * (where.range.of > 1))
    try:
        yield
    except pa.ArrowInvalid as error:
        cell, names = CELL.search(str(error)), list(head.kinds)
        if cell is None or int(cell[1]) >= len(names):
            advice = "Mend that line; a column must hold one type in the whole file."
            raise DataError(f"{file} cannot be read as CSV ({first_line(error)}){part}", advice) from error
        name, value, noun = names[int(cell[1])], cell[4].strip(), NOUNS.get(cell[3], cell[3])
        raise DataError(
            f"{file} cannot be read: column {name!r} holds {value} where its first rows hold {noun}, or the formula needs them{part}",
            "Mend that value; a column must hold one type in the whole file (Parquet and Arrow files see to that).",
        ) from error


def shards(file: File) -> list[Piece]:
    """The file, or ranges of its lines if it is big."""
    if file.size == 0:
        raise SourceError(f"{file} is empty", "A CSV file starts with a line of column names.")
    return [Piece(Csv(part)) for part in ranges(file)]
