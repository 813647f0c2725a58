"""Parquet files, read by row groups: four times faster than small batches, at the memory of one group a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

import pyarrow as pa
import pyarrow.parquet as pq

from summable.core.design import Column
from summable.core.errors import DataError, Unsupported
from summable.core.rows import Shard
from summable.core.sample import RowGroups
from summable.sources import encode
from summable.sources.files import LOCAL, File
from summable.sources.pieces import Piece, refuse_absent, told

SHARD = 2**20  # rows in a shard, at most, where row groups allow: a big file is several shards
GROUP = 2**27  # bytes of a row group's wanted columns above which it is read in batches instead, which need as much memory for their buffers
BATCH = 2**16  # rows of such a batch
FOOTERS = 256  # kept: those of remote files need not be fetched again for every round


@dataclass(frozen=True)
class Parquet:
    """Some row groups of a Parquet file."""

    file: File
    groups: tuple[int, ...]
    of: int  # shards that the file is cut into

    @property
    def name(self) -> str:
        return self.file.name if self.of == 1 else f"{self.file.name}, row groups {self.groups[0]}–{self.groups[-1]}"

    @property
    def rows_known(self) -> int:
        """How many rows, by the footer."""
        footer = _footer(self.file)
        return sum(footer.row_group(group).num_rows for group in self.groups)

    def kinds(self) -> Mapping[str, str]:
        if self.file.place != LOCAL:
            return encode.kinds(_footer(self.file).schema.to_arrow_schema())
        with _opened(self.file) as file:
            return encode.kinds(file.schema_arrow)

    def batches(self, columns: Sequence[Column], limit: int | None) -> Iterator[pa.RecordBatch]:
        names = list(dict.fromkeys(column.name for column in columns))
        labels = [column.name for column in columns if column.kind == "text"]
        with _opened(self.file, labels, glance=limit is not None) as file:
            refuse_absent(self.file, names, file.schema_arrow.names)
            for group in self.groups:
                if limit is not None or _weight(file, group, names) > GROUP:
                    yield from file.iter_batches(min(BATCH, limit or BATCH), row_groups=[group], columns=names, use_threads=False)
                else:
                    yield from self._group(file, group, names).to_batches()

    def _group(self, file: pq.ParquetFile, group: int, names: list[str]) -> pa.Table:
        """A row group: column by column where the file is near, as fast as at once and in little more memory than its values take."""
        if self.file.place != LOCAL:
            return file.read_row_group(group, names, use_threads=False)
        return pa.table({name: file.read_row_group(group, [name], use_threads=False).column(name) for name in names})


@contextmanager
def _opened(file: File, dictionary: Sequence[str] = (), glance: bool = False) -> Iterator[pq.ParquetFile]:
    """The file; mapped into memory for a glance, which touches few of its pages."""
    far = file.place != LOCAL
    with told(file, "Parquet"), file.opened(mapped=glance) as source:
        footer = _footer(file) if far else None
        yield pq.ParquetFile(source, metadata=footer, read_dictionary=list(dictionary), pre_buffer=far)


@lru_cache(FOOTERS)
def _footer(file: File) -> pq.FileMetaData:
    with told(file, "Parquet"), file.opened() as source:
        return pq.read_metadata(source)


def _weight(file: pq.ParquetFile, group: int, names: list[str]) -> int:
    meta = file.metadata.row_group(group)
    columns = [meta.column(i) for i in range(meta.num_columns)]
    return sum(column.total_uncompressed_size for column in columns if column.path_in_schema in names)


def shards(file: File) -> list[Piece]:
    """The file's row groups, in runs of about a million rows."""
    footer = _footer(file)
    sizes = [footer.row_group(i).num_rows for i in range(footer.num_row_groups)]
    runs: list[list[int]] = [[]]
    for group, _ in enumerate(sizes):
        if runs[-1] and sum(sizes[g] for g in runs[-1]) + sizes[group] > SHARD:
            runs.append([])
        runs[-1].append(group)
    return [Piece(Parquet(file, tuple(run), len(runs))) for run in runs]


def drawn(shards: Sequence[Shard], share: float, seed: int) -> tuple[list[Shard], RowGroups]:
    """A share of the row groups, at least two, as shards of their own: those whose names have the least hashes."""
    if not 0 < share < 1:
        raise Unsupported(f"{share!r} is no share of the row groups", "Give a number between zero and one.")
    tables = list(map(_parquet, shards))
    pieces = [Piece(Parquet(one.file, (group,), _footer(one.file).num_row_groups)) for one in tables for group in one.groups]
    number = max(2, round(share * len(pieces)))
    if number > len(pieces):
        raise DataError(f"there is only {len(pieces)} row group", "Give sample=… to the fit, which chooses rows.")
    times, hashes = Counter[str](), list[bytes]()
    for piece in pieces:
        times[piece.name] += 1  # files in several folders may have one name
        hashes.append(sha256(f"{seed} {piece.name} {times[piece.name]}".encode()).digest())
    chosen = sorted(sorted(range(len(pieces)), key=hashes.__getitem__)[:number])
    rows = sum(one.rows_known for one in tables)
    return [pieces[index] for index in chosen], RowGroups(seed, share, number, len(pieces), float(rows))


def _parquet(shard: Shard) -> Parquet:
    table = getattr(shard, "table", None)
    if not isinstance(table, Parquet):
        raise Unsupported(f"{shard.name} has no row groups", "Give Parquet files; or sample=… to the fit, which chooses rows of anything.")
    return table
