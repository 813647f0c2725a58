"""Arrow batches that come once, as those of a partition of a cluster do: read as they come, and kept where they are needed again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO

import pyarrow as pa

from summable.core.design import Block, Design
from summable.core.rows import Rows
from summable.sources import encode, vectors

MEMORY = 2**26  # bytes of batches that are kept in memory; more go to a temporary file
MERGED = 2**20  # numbers to which small batches are joined: what Python spends on each is then small beside the arithmetic


@dataclass(eq=False)
class Store:
    """Batches in the order in which they came: the first in temporary files, the last in memory."""

    files: list[IO[bytes]] = field(default_factory=list)
    held: list[pa.RecordBatch] = field(default_factory=list)
    weight: int = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Keep one more."""
        self.held.append(batch)
        self.weight += batch.nbytes
        if self.weight > MEMORY:
            file = TemporaryFile()  # noqa: SIM115  # closed, and with it deleted, when nobody needs it any more
            with pa.ipc.new_stream(pa.PythonFile(file, "w"), batch.schema) as sink:
                for one in self.held:
                    sink.write_batch(one)
            self.files.append(file)
            self.held, self.weight = [], 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for file in self.files:
            file.seek(0)
            yield from pa.ipc.open_stream(pa.PythonFile(file, "r"))
        yield from self.held


@dataclass(eq=False)
class Stream:
    """The rows of one partition, in bounded memory; `again` says whether they will be asked for more than once."""

    schema: pa.Schema  # of all columns, those that are not among the batches too
    batches: Iterator[pa.RecordBatch]
    again: bool
    kept: Store = field(default_factory=Store)

    @property
    def name(self) -> str:
        return "a stream"

    def kinds(self) -> Mapping[str, str]:
        return encode.kinds(self.schema)

    def rows(self, design: Design, limit: int | None = None) -> Iterator[Rows]:
        found = self._all() if limit is None else self._head(limit)
        if any(isinstance(term, Block) for term in design.terms):
            return vectors.blocks(design, found)
        return encode.blocks(design, found)

    def _all(self) -> Iterator[pa.RecordBatch]:
        yield from self.kept
        for batch in self.batches:
            if self.again:
                self.kept.add(batch)
            yield batch

    def _head(self, limit: int) -> Iterator[pa.RecordBatch]:
        """The first rows, which stay where they are."""
        seen = 0
        for batch in self.kept:
            yield batch.slice(0, limit - seen)
            seen += batch.num_rows
            if seen >= limit:
                return
        for batch in self.batches:
            self.kept.add(batch)
            yield batch.slice(0, limit - seen)
            seen += batch.num_rows
            if seen >= limit:
                return


def stream(schema: pa.Schema, batches: Iterator[pa.RecordBatch], again: bool) -> Stream:
    """Batches as one shard."""
    return Stream(schema, _merged(batches), again)


def _merged(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of some size, the first as it comes."""
    some, numbers, least = list[pa.RecordBatch](), 0, 1
    for batch in batches:
        if not batch.num_rows:
            continue
        some.append(batch)
        numbers += batch.num_rows * batch.num_columns
        if numbers >= least:
            yield some[0] if len(some) == 1 else pa.concat_batches(some)
            some, numbers, least = [], 0, MERGED
    if some:
        yield pa.concat_batches(some)
