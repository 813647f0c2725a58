"""Data to engines: one visible table of sources, named as text and imported when first used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from summable.core.engine import Engine
from summable.core.errors import Unsupported
from summable.core.html import table
from summable.core.rows import Shard

if TYPE_CHECKING:
    from summable.engines.threads import Watch

FILES = {
    ".parquet": "summable.sources.parquet:shards",
    ".pq": "summable.sources.parquet:shards",
    ".csv": "summable.sources.csv:shards",
    ".tsv": "summable.sources.csv:shards",
}
TABLES = "summable.sources.frames:shards"
ARRAYS = "summable.sources.arrays:shards"


@dataclass(frozen=True)
class Dataset:
    """Shards of local data, whose rows have not been read."""

    shards: tuple[Shard, ...]

    def __len__(self) -> int:
        return len(self.shards)

    @property
    def schema(self) -> Mapping[str, str]:
        """Column to kind, as the first shard has it."""
        return self.shards[0].kinds()

    def __repr__(self) -> str:
        columns = ", ".join(f"{name}: {kind}" for name, kind in self.schema.items())
        return f"Dataset of {len(self)} shards, from {self.shards[0].name} to {self.shards[-1].name} ({columns})"

    def _repr_html_(self) -> str:
        """For notebooks."""
        caption = f"Dataset of {len(self)} shards, from {self.shards[0].name} to {self.shards[-1].name}"
        return table(caption, ("column", "kind"), self.schema.items())


def scan(data: Any) -> Dataset:
    """The shards of any local data: schemas and footers are read, rows are not.

    `data` is a path, a glob or a folder of Parquet or CSV files; a pandas, Polars or Arrow table; a 2-D array (columns x0, x1, …)
    or a mapping of names to 1-D arrays; or a list of any of these, which is their union.
    """
    return Dataset(tuple(_shards(data)))


def engine(data: Any, workers: int | None = None, watch: Watch | None = None) -> Engine:
    """The engine that holds the data: itself, if it is one; threads over local shards; or several together."""
    if workers is not None and workers < 1:
        raise Unsupported(f"workers={workers} is no number of threads", "Give one or more, or leave it out for all cores.")
    if _is_engine(data):
        return data  # type: ignore[no-any-return]
    if isinstance(data, list | tuple) and any(map(_is_engine, data)):
        return _load("summable.engines.together:Together")([engine(item, workers, watch) for item in data])  # type: ignore[no-any-return]
    return _load("summable.engines.threads:Threads")(scan(data).shards, workers=workers, watch=watch)  # type: ignore[no-any-return]


def _shards(data: Any) -> Iterable[Shard]:
    if isinstance(data, Dataset):
        return data.shards
    if isinstance(data, str | os.PathLike):
        return _from_path(data)
    if isinstance(data, list | tuple):
        if not data:
            raise Unsupported("the list of data is empty", "Give at least one file or table.")
        if _is_matrix(data):
            return _load(ARRAYS)(np.array(data))  # type: ignore[no-any-return]
        return [shard for item in data for shard in _shards(item)]
    if isinstance(data, np.ndarray | Mapping):
        return _load(ARRAYS)(data)  # type: ignore[no-any-return]
    if any(hasattr(data, mark) for mark in ("__arrow_c_stream__", "collect", "columns")):
        return _load(TABLES)(data)  # type: ignore[no-any-return]
    raise Unsupported(f"a {type(data).__name__} is not data that can be opened", "Give a path, a glob, a data frame, a 2-D array, or a list of these.")


def _from_path(path: str | os.PathLike[str]) -> Iterable[Shard]:
    shards = []
    for file in _load("summable.sources.files:find")(path, FILES):
        ending = os.path.splitext(file.path)[1].lower()
        if ending not in FILES:
            raise Unsupported(f"{file.path} ends in {ending or 'nothing'}, which is not read", f"Give {', '.join(FILES)} files.")
        shards += _load(FILES[ending])(file)
    return shards


def _is_matrix(data: Sequence[Any]) -> bool:
    """Whether a list is rows of numbers, and not a union of data."""
    return all(isinstance(row, list | tuple) and row and all(isinstance(value, int | float) for value in row) for row in data)


def _is_engine(data: Any) -> bool:
    return hasattr(data, "sum") and hasattr(data, "parts") and not hasattr(data, "columns")


def _load(name: str) -> Callable[..., Any]:
    module, attribute = name.split(":")
    return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
