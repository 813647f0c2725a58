"""Data frames: pandas, Polars, Arrow tables, and whatever else narwhals or the Arrow C interface knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pyarrow as pa

from summable.core.design import Design
from summable.core.errors import DataError, Unsupported
from summable.core.rows import Rows
from summable.sources import encode
from summable.sources.arrays import SHARD

HEAD = 1024  # rows that tell a column's kind, unless all of them are missing


@dataclass(frozen=True, eq=False)
class Frame:
    """A range of rows of a data frame."""

    frame: Any
    start: int
    stop: int

    @property
    def name(self) -> str:
        return f"rows {self.start}–{self.stop}"

    def kinds(self) -> Mapping[str, str]:
        return {name: self._kind(name) for name in self._frame().columns if isinstance(name, str)}

    def _kind(self, name: str) -> str:
        """By the first rows; by all of them, if those are missing."""
        try:
            kind = encode.kind(self._table((name,), min(self.stop, self.start + HEAD)).schema.field(name).type)
            return kind if kind != "nothing" else encode.kind(self._table((name,), self.stop).schema.field(name).type)
        except DataError:
            return "other"  # it matters only if a formula asks for it

    def rows(self, design: Design, limit: int | None = None) -> Iterator[Rows]:
        stop = self.stop if limit is None else min(self.stop, self.start + limit)
        return encode.blocks(design, iter(self._table(design.names, stop).to_batches()))

    def _frame(self) -> Any:
        return nw.from_native(self.frame, eager_only=True)

    def _table(self, names: tuple[str, ...], stop: int) -> pa.Table:
        names = tuple(dict.fromkeys(names))
        part = self._frame()[self.start : stop].select(*names)
        try:
            table: pa.Table = part.to_arrow().select(list(names))  # a pandas index would come along
        except (pa.ArrowException, TypeError) as error:
            raise DataError(f"a column cannot be read ({error.args[0]})", "Give every column one type.") from error
        return table


def shards(data: Any) -> list[Frame]:
    """Ranges of rows of a frame."""
    if hasattr(data, "collect") and not hasattr(data, "shape"):
        raise Unsupported("a lazy frame holds no rows yet", "Call .collect() on it, or give the files it reads.")
    names = list(getattr(data, "column_names", getattr(data, "columns", ())))
    if doubled := [name for name in names if isinstance(name, str) and names.count(name) > 1]:
        raise DataError(*encode.doubled(doubled[0]))
    if not _known(data):
        data = pa.table(data)  # the Arrow C interface
    rows = len(nw.from_native(data, eager_only=True))
    return [Frame(data, start, min(start + SHARD, rows)) for start in range(0, max(rows, 1), SHARD)]


def _known(data: Any) -> bool:
    return isinstance(nw.from_native(data, eager_only=True, pass_through=True), nw.DataFrame)
