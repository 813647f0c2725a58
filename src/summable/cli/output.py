"""Arrow batches to a file, in the format that its ending names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from summable.core.errors import DataError, Unsupported

if TYPE_CHECKING:
    import pyarrow as pa

GROUP = 2**17  # rows written at once: a row group of Parquet, a batch of Arrow


class Writer(Protocol):
    """What writes tables of one schema."""

    def write_table(self, table: pa.Table) -> None:
        """Add the rows of a table."""

    def close(self) -> None:
        """End the file."""


def _parquet(path: str, schema: pa.Schema) -> Writer:
    import pyarrow.parquet as pq

    return pq.ParquetWriter(path, schema)  # type: ignore[no-any-return]


def _arrow(path: str, schema: pa.Schema) -> Writer:
    import pyarrow as pa

    return pa.ipc.new_file(path, schema)  # type: ignore[no-any-return]


def _csv(delimiter: str) -> Callable[[str, pa.Schema], Writer]:
    def opened(path: str, schema: pa.Schema) -> Writer:
        import pyarrow.csv as pc

        return pc.CSVWriter(path, schema, write_options=pc.WriteOptions(delimiter=delimiter))  # type: ignore[no-any-return]

    return opened


class _JsonLines:
    """An object on a line for each row; what JSON has no word for is its text."""

    def __init__(self, path: str, schema: pa.Schema) -> None:
        self.stream = open(path, "w", encoding="utf-8")  # noqa: SIM115

    def write_table(self, table: pa.Table) -> None:
        """Add the rows of a table."""
        self.stream.writelines(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in table.to_pylist())

    def close(self) -> None:
        """End the file."""
        self.stream.close()


FORMATS: dict[str, Callable[[str, Any], Writer]] = {
    ".parquet": _parquet, ".pq": _parquet, ".csv": _csv(","), ".tsv": _csv("\t"),
    ".arrow": _arrow, ".feather": _arrow, ".ipc": _arrow, ".jsonl": _JsonLines, ".ndjson": _JsonLines,
}  # fmt: skip


def format_of(path: Path) -> Callable[[str, Any], Writer]:
    """What writes a file of this name."""
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise Unsupported(f"{path} ends in {ending or 'nothing'}, which is not written", f"Give it one of {', '.join(FORMATS)}.")
    return FORMATS[ending]


def write(path: Path, batches: Iterator[pa.RecordBatch]) -> tuple[int, int]:
    """Write all batches, in bounded memory; the file is there when it is whole. Gives how many rows, and those without a mean."""
    from summable import files

    opened, rows, missing = format_of(path), 0, 0
    with files.replacing(path) as beside:
        writer = None
        try:
            for table in _tables(batches):
                writer = writer or opened(beside, table.schema)
                writer.write_table(table)
                rows, missing = rows + table.num_rows, missing + table.column("mean").null_count
        finally:
            if writer is not None:
                writer.close()
    return rows, missing


def _tables(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The batches in tables of about `GROUP` rows, all of the first one's schema; at least one."""
    import pyarrow as pa

    schema, waiting = None, list[Any]()
    for batch in batches:
        table = _plain(pa.table(batch))
        schema = schema or table.schema
        waiting.append(_as(table, schema))
        if sum(table.num_rows for table in waiting) >= GROUP:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def _plain(table: pa.Table) -> pa.Table:
    """Without dictionaries, which differ from block to block; a column that is all missing so far may turn out to be text."""
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(field.type.value_type))
        elif pa.types.is_null(field.type):
            table = table.set_column(i, field.name, table.column(i).cast(pa.string()))
    return table.replace_schema_metadata()


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    try:
        return table.cast(schema)
    except pa.ArrowException as error:
        raise DataError(f"a kept column has another type in one file than in the first ({error.args[0]})", "Leave it out, or cast it.") from error
