"""DuckDB relations: a query that is asked again in every pass, for the wanted columns alone, and streams its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

import pyarrow as pa

from summable.core.design import Design
from summable.core.errors import SourceError
from summable.core.rows import Rows
from summable.sources import encode
from summable.sources.pieces import first_line

BATCH = 2**17  # rows fetched at once
ONE_QUERY = Lock()  # a connection streams one result at a time, and a relation does not tell which connection is its own


@dataclass(frozen=True, eq=False)
class Relation:
    """The rows of a relation."""

    relation: Any

    @property
    def name(self) -> str:
        return str(self.relation.alias)

    def kinds(self) -> Mapping[str, str]:
        with _told(self.name):
            return encode.kinds(self.relation.limit(0).to_arrow_table().schema)

    def rows(self, design: Design, limit: int | None = None) -> Iterator[Rows]:
        return encode.blocks(design, self._batches(list(dict.fromkeys(design.names)), limit))

    def _batches(self, names: list[str], limit: int | None) -> Iterator[pa.RecordBatch]:
        import duckdb

        with _told(self.name):
            wanted = self.relation.select(*map(duckdb.ColumnExpression, names))
            yield from (wanted if limit is None else wanted.limit(limit)).to_arrow_reader(BATCH)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """One query at a time, and one sentence for what goes wrong in it."""
    import duckdb

    try:
        with ONE_QUERY:
            yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        advice = "Look whether its tables and its connection still stand."
        raise SourceError(f"the relation {name} cannot be read ({first_line(error)})", advice) from error


def shards(data: Any) -> list[Relation]:
    """The relation, as one shard: DuckDB itself uses all cores."""
    return [Relation(data)]
