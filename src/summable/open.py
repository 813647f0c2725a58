"""Data to engines: one visible table of sources, named as text and imported when first used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from itertools import groupby
from typing import Any, TypeVar

import numpy as np

from summable.core.engine import Engine, Request, Watch
from summable.core.errors import Unsupported
from summable.core.html import table
from summable.core.rows import Shard
from summable.core.sample import RowGroups

B = TypeVar("B")
TEXT = {
    ".csv": "summable.sources.csv:shards",
    ".tsv": "summable.sources.csv:shards",
    ".jsonl": "summable.sources.jsonl:shards",
    ".ndjson": "summable.sources.jsonl:shards",
    ".json": "summable.sources.jsonl:shards",
}
FILES = {
    ".parquet": "summable.sources.parquet:shards",
    ".pq": "summable.sources.parquet:shards",
    ".arrow": "summable.sources.ipc:shards",
    ".feather": "summable.sources.ipc:shards",
    ".ipc": "summable.sources.ipc:shards",
    **TEXT,
    **{ending + packed: source for ending, source in TEXT.items() for packed in (".gz", ".bz2", ".zst")},
}
OBJECTS = {  # told by a method that they alone have, so that nothing is imported that was not given
    "get_fragments": "summable.sources.datasets:shards",
    "to_arrow_reader": "summable.sources.duckdb:shards",
}
ENGINES = {  # also those that the entry points of the group "summable.engines" add
    "threads": "summable.engines.threads:opened",
    "spark": "summable.engines.spark:opened",
    "dask": "summable.engines.dask:opened",
    "ray": "summable.engines.ray:opened",
    "mpi": "summable.engines.mpi:opened",
    "torch": "summable.engines.torch:opened",
}
HOMES = {"pyspark": "spark", "dask": "dask", "distributed": "dask", "ray": "ray", "mpi4py": "mpi", "torch": "torch"}  # package of a type to engine
TABLES = "summable.sources.frames:shards"
ARRAYS = "summable.sources.arrays:shards"
MATRICES = "summable.sources.matrix:shards"
COPIES = "summable.sources.copies:copied"
ITERATORS = "summable.sources.iterators:shards"
STREAMS, UNION, TOGETHER = "summable.sources.streams:stream", "summable.sources.union:Union", "summable.engines.together:Together"


@dataclass(frozen=True)
class Dataset:
    """Shards of local data, whose rows have not been read."""

    shards: tuple[Shard, ...]
    drawn: RowGroups | None = None  # where these are some row groups, of more

    def sample(self, share: float, seed: int = 0) -> Dataset:
        """A share of the row groups of Parquet files, at least two, chosen by hashes of their names: no other is read.

        `sm.ols` and `sm.glm` of it tell in `fit.sampling` how far that may be from all rows, by how much the groups differ. Raises Unsupported
        where there are no row groups.
        """
        shards, drawn = _load("summable.sources.parquet:drawn")(self.shards, share, seed)
        return Dataset(tuple(shards), drawn)

    def __len__(self) -> int:
        return len(self.shards)

    @property
    def nbytes(self) -> int | None:
        """What their files weigh on disk, if they lie in files."""
        return nbytes(self.shards)

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

    `data` is a path, a glob, a folder or a URI of Parquet, Arrow, CSV or JSON lines files; a pandas, Polars or Arrow table, or anything
    with the Arrow stream interface; a PyArrow dataset or DuckDB relation; a 2-D array (columns x0, x1, …) or a mapping of names to 1-D
    arrays; an iterator of tables, which can be read once; or a list of any of these, which is their union. See docs/sources.md.
    """
    return Dataset(tuple(_shards(data)))


def matrices(x: Any, y: Any, weight: Any) -> Dataset:
    """The shards of a matrix X, dense or sparse, with its targets and weights: numbers that have been checked."""
    return Dataset(tuple(_load(MATRICES)(x, y, weight)))


def rows_known(shards: Iterable[Shard]) -> int | None:
    """How many rows the shards hold, if all of them know it without reading (in a footer)."""
    counts: list[Any] = [getattr(_inner(shard), "rows_known", None) for shard in shards]
    return None if None in counts else sum(counts)


def nbytes(shards: Iterable[Shard]) -> int | None:
    """What the files of the shards weigh on disk, if they lie in files; of several shards in one, the file counts once."""
    found = {getattr(_inner(shard), "file", None) for shard in shards}
    return None if None in found else sum(file.size for file in found if file)


def _inner(shard: Shard) -> Any:
    """What a shard wraps, if it does: it is that which knows."""
    return getattr(shard, "table", shard)


def engine(data: Any, workers: int | None = None, watch: Watch | None = None, engine: Any = None) -> Engine:
    """The engine that holds the data: itself, if it is one; the cluster in which they lie; threads over local shards; or several together.

    `engine` overrides what the data say: "threads", "spark", "dask", "ray", "mpi", "torch", the name of an entry point in the group
    "summable.engines", or a Spark session, a Dask client, an MPI communicator, a DeviceMesh, a torch.device; "torch:cuda" is such a device,
    and "torch:cuda/float32" multiplies there in float32; under torchrun, "torch:2x2" is a mesh of four processes, and "torch:2x2/float32" one that
    holds features, which are rounded to it, in float32, and multiplies in float64. Local data are then read by the workers there, as shards.
    """
    if workers is not None and workers < 1:
        raise Unsupported(f"workers={workers} is no number of threads", "Give one or more, or leave it out for all cores.")
    return _engine(data, Request(part, _load(STREAMS), workers, watch, engine, copied))


def part(data: Any) -> Shard:
    """Any local data as one shard."""
    found = (data,) if hasattr(data, "kinds") else scan(data).shards
    return found[0] if len(found) == 1 else _load(UNION)(found)


def copied(shard: Shard, path: str, begin: bool) -> Shard:
    """A shard of a file, read from a copy of what was decoded: one whose path begins so, and which is made on the way if it is to be."""
    return _load(COPIES)(shard, path, begin)  # type: ignore[no-any-return]


def _engine(data: Any, request: Request) -> Engine:
    if _is_engine(data):
        return data  # type: ignore[no-any-return]
    items = list(data) if isinstance(data, list | tuple) else [data]
    homes = [_home(item) for item in items]
    if any(homes) or any(map(_is_engine, items)):
        found = [_placed(home, items_, request) for home, items_ in _runs(homes, items)]
        return found[0] if len(found) == 1 else _load(TOGETHER)(found)
    name = "threads" if request.place is None else _named(request.place)
    return _opener(name)(scan(data), request)  # type: ignore[no-any-return]


def _placed(home: str | None, items: list[Any], request: Request) -> Engine:
    """The engine of neighbours that lie in one place."""
    if home is None:
        return _engine(items[0], request)
    if request.place is not None and _named(request.place) != home:
        raise Unsupported(f"a {type(items[0]).__name__} lies in {home}, not in {_named(request.place)}", "Leave engine= out, or give files.")
    return _opener(home)(items, request)  # type: ignore[no-any-return]


def _runs(homes: list[str | None], items: list[Any]) -> Iterator[tuple[str | None, list[Any]]]:
    """Neighbours of one home together; what has none, one by one."""
    for (_, home), pairs in groupby(zip(homes, items, strict=True), lambda pair: (pair[0] or id(pair[1]), pair[0])):
        yield home, [item for _, item in pairs]


def _home(data: Any) -> str | None:
    """The engine in which data lie, told by the package of their type; None for local data."""
    package = type(data).__module__.partition(".")[0]
    return HOMES.get(package) or (package if package in _plugins() else None)


def _named(place: Any) -> str:
    """The name of an engine that was given as such, or by a session, a client or a communicator of its own."""
    if isinstance(place, str):
        return "torch" if place.startswith("torch:") else place
    if (found := _home(place)) is None:
        raise Unsupported(f"engine={place!r} is none", f"Give one of {', '.join(ENGINES)}, or a session, a client or a communicator of theirs.")
    return found


def _opener(name: str) -> Callable[..., Any]:
    """What opens data in an engine: (data, request) -> engine."""
    if name not in ENGINES and name not in _plugins():
        raise Unsupported(f"there is no engine {name!r}", f"Give one of {', '.join([*ENGINES, *_plugins()])}.")
    try:
        return _load(ENGINES[name]) if name in ENGINES else _plugins()[name].load()
    except ModuleNotFoundError as error:
        raise Unsupported(f"the engine {name} needs the package {error.name}", f"pip install 'summable[{name}]'") from error


@lru_cache(1)
def _plugins() -> dict[str, Any]:
    """Engines of third parties, by name: that of the package whose types are their data."""
    return {point.name: point for point in entry_points(group="summable.engines")}


def journalled(engine: Engine, path: str | os.PathLike[str] | None, program: Mapping[str, str]) -> AbstractContextManager[Engine]:
    """The engine with a journal of the answers to a program, if a path is given for it."""
    return nullcontext(engine) if path is None else _load("summable.engines.journal:journalled")(engine, path, program)


def torch_linear(coef: Any, intercept: Any) -> Any:
    """PyTorch's linear layer of these numbers, (q, p) and (q,)."""
    return _torch("a layer of PyTorch", "linear")(coef, intercept)


def torch_ranks(shape: str) -> AbstractContextManager[tuple[Any, bool]]:
    """The engine of a mesh of the processes that torchrun started, and whether this is the one that speaks; what several fail by is said by one of them."""
    return _torch("a mesh", "ranks")(shape)  # type: ignore[no-any-return]


def _torch(what: str, name: str) -> Any:
    try:
        return _load(f"summable.engines.torch:{name}")
    except ModuleNotFoundError as error:
        raise Unsupported(f"{what} needs the package {error.name}", "pip install 'summable[torch]'") from error


def in_order(read: Callable[[Shard], Iterator[B]], shards: Sequence[Shard], workers: int | None, watch: Watch | None) -> Iterator[B]:
    """What `read` makes of each shard, block by block, in the order of the shards; `workers` of them are read at a time, by default one."""
    return _load("summable.engines.stream:in_order")(read, shards, workers, watch)  # type: ignore[no-any-return]


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
        if any(isinstance(item, Dataset) and item.drawn for item in data):
            raise Unsupported("some row groups are to be added to other data", "Take a sample of all together: scan([…]).sample(…).")
        return [shard for item in data for shard in _shards(item)]
    if home := _home(data):
        raise Unsupported(f"a {type(data).__name__} lies in {home}, and cannot be scanned here", "Give it to a fit, which is taken there.")
    if isinstance(data, np.ndarray | Mapping):
        return _load(ARRAYS)(data)  # type: ignore[no-any-return]
    for mark, source in OBJECTS.items():
        if hasattr(data, mark):
            return _load(source)(data)  # type: ignore[no-any-return]
    if any(hasattr(data, mark) for mark in ("__arrow_c_stream__", "collect", "columns")):
        return _load(TABLES)(data)  # type: ignore[no-any-return]
    if isinstance(data, Iterator):
        return _load(ITERATORS)(data, _shards)  # type: ignore[no-any-return]
    raise Unsupported(f"a {type(data).__name__} is not data that can be opened", "Give a path, a glob, a data frame, a 2-D array, or a list of these.")


def _from_path(path: str | os.PathLike[str]) -> Iterable[Shard]:
    shards = []
    for file in _load("summable.sources.files:find")(path, FILES):
        if file.ending not in FILES:
            raise Unsupported(f"{file} ends in {file.ending or 'nothing'}, which is not read", f"Give {_load('summable.sources.files:spelled')(FILES)} files.")
        shards += _load(FILES[file.ending])(file)
    return shards


def _is_matrix(data: Sequence[Any]) -> bool:
    """Whether a list is rows of numbers, and not a union of data."""
    return all(isinstance(row, list | tuple) and row and all(isinstance(value, int | float) for value in row) for row in data)


def _is_engine(data: Any) -> bool:
    return hasattr(data, "sum") and hasattr(data, "parts") and not hasattr(data, "columns")


def _load(name: str) -> Callable[..., Any]:
    module, attribute = name.split(":")
    return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
