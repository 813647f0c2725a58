"""CSV files (also .tsv), read in blocks; types are those that the design asks for, else Arrow's guess from the first block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.csv as pc

from summable.core.design import Design
from summable.core.errors import DataError, SourceError
from summable.core.rows import Rows
from summable.sources import encode
from summable.sources.files import File

BLOCK = 2**22  # bytes read at once
DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Csv:
    """A whole CSV file with a header."""

    file: File
    delimiter: str

    @property
    def name(self) -> str:
        return self.file.name

    def kinds(self) -> Mapping[str, str]:
        self.file.checked()
        return _kinds(self)

    def rows(self, design: Design, limit: int | None = None) -> Iterator[Rows]:
        return encode.blocks(design, self._batches(design, limit))

    def _batches(self, design: Design, limit: int | None) -> Iterator[pa.RecordBatch]:
        with self._reader(design) as reader:
            while True:
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    return
                except pa.ArrowInvalid as error:
                    raise DataError(
                        f"{self.file.path} cannot be read ({_line(error)})", "Mend that line; a column must hold one type in the whole file."
                    ) from error
                yield batch if limit is None else batch.slice(0, limit)

    def _types(self, design: Design) -> dict[str, pa.DataType]:
        """The types to read columns as; words for true and false are no numbers to Arrow, so they are read as themselves."""
        guess = self.kinds()
        types = {column.name: encode.KINDS[column.kind] for column in reversed(design.columns)}
        return {name: pa.bool_() if guess.get(name) == "boolean" and type_ == pa.float64() else type_ for name, type_ in types.items()}

    def _reader(self, design: Design | None) -> pc.CSVStreamingReader:
        types = {} if design is None else self._types(design)
        convert = pc.ConvertOptions(column_types=types, include_columns=list(types) or None, strings_can_be_null=True)
        read, parse = pc.ReadOptions(block_size=BLOCK, use_threads=False), pc.ParseOptions(delimiter=self.delimiter)
        try:
            return pc.open_csv(self.file.checked(), read, parse, convert)
        except pa.ArrowInvalid as error:
            raise DataError(
                f"{self.file.path} cannot be read as CSV ({_line(error)})", "Mend that line; a column must hold one type in the whole file."
            ) from error
        except pa.ArrowKeyError as error:
            raise SourceError(f"{self.file.path} lacks a column ({error.args[0]})", "Give every file the same columns.") from error


@lru_cache(maxsize=65536)
def _kinds(csv: Csv) -> Mapping[str, str]:
    with csv._reader(None) as reader:
        return encode.kinds(reader.schema)


def shards(file: File) -> list[Csv]:
    """The file, and the delimiter that its header uses most."""
    with open(file.checked(), encoding="utf-8", errors="replace") as stream:
        header = stream.readline()
    if not header.strip():
        raise SourceError(f"{file.path} is empty", "A CSV file starts with a line of column names.")
    return [Csv(file, max(DELIMITERS, key=header.count))]


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]
