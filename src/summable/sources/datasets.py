"""PyArrow datasets, with the partition keys and filters that they carry: a fragment is a shard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from summable.core.design import Design
from summable.core.errors import SourceError
from summable.core.rows import Rows
from summable.sources import encode
from summable.sources.pieces import first_line

BATCH = 2**16  # rows read at once


@dataclass(frozen=True, eq=False)
class Fragment:
    """A fragment of a dataset, read with the schema of the whole; or all of a dataset that is filtered."""

    source: Any
    schema: pa.Schema
    name: str
    whole: bool

    def kinds(self) -> Mapping[str, str]:
        return encode.kinds(self.schema)

    def rows(self, design: Design, limit: int | None = None) -> Iterator[Rows]:
        return encode.blocks(design, self._batches(list(dict.fromkeys(design.names)), limit))

    def _batches(self, names: list[str], limit: int | None) -> Iterator[pa.RecordBatch]:
        options: dict[str, Any] = {} if self.whole else {"schema": self.schema}
        if limit is not None:
            options |= {"batch_readahead": 0, "fragment_readahead": 0}
        try:
            yield from self.source.scanner(columns=names, batch_size=min(BATCH, limit or BATCH), use_threads=False, **options).to_batches()
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{self.name} cannot be read ({first_line(error)})", "Write the file again, or make the dataset anew.") from error


def shards(data: Any) -> list[Fragment]:
    """The fragments of a dataset; one shard, if it is filtered: Arrow does not part with the fragments then."""
    try:
        found = list(data.get_fragments())
    except ValueError:
        return [Fragment(data, data.schema, "the filtered dataset", True)]
    if not found:
        raise SourceError("the dataset holds no file", "Look at the folder and the pattern that it was made with.")
    return [Fragment(one, data.schema, getattr(one, "path", None) or f"fragment {index}", False) for index, one in enumerate(found)]
