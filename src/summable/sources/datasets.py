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
    """A fragment of a dataset, read with the schema of the whole."""

    fragment: Any
    schema: pa.Schema
    filter: Any
    index: int

    @property
    def name(self) -> str:
        return getattr(self.fragment, "path", None) or f"fragment {self.index}"

    def kinds(self) -> Mapping[str, str]:
        return encode.kinds(self.schema)

    def rows(self, design: Design, limit: int | None = None) -> Iterator[Rows]:
        return encode.blocks(design, self._batches(list(dict.fromkeys(design.names)), limit))

    def _batches(self, names: list[str], limit: int | None) -> Iterator[pa.RecordBatch]:
        size = min(BATCH, limit or BATCH)
        ahead = {"batch_readahead": 0, "fragment_readahead": 0} if limit else {}
        try:
            scanner = self.fragment.scanner(schema=self.schema, columns=names, filter=self.filter, batch_size=size, use_threads=False, **ahead)
            yield from scanner.to_batches()
        except (pa.ArrowException, OSError) as error:
            raise SourceError(f"{self.name} cannot be read ({first_line(error)})", "Write the file again, or make the dataset anew.") from error


def shards(data: Any) -> list[Fragment]:
    """The fragments of a dataset that its filter, if any, does not rule out."""
    options = getattr(data, "_scan_options", None) or {}
    found = list(data.get_fragments())
    if not found:
        raise SourceError("the dataset holds no file", "Look at the folder and the pattern that it was made with.")
    return [Fragment(fragment, data.schema, options.get("filter"), index) for index, fragment in enumerate(found)]
