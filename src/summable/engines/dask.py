"""Dask: frames, arrays and delayed objects, on any scheduler or a cluster's client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import dask
from dask.base import tokenize
from dask.callbacks import Callback
from dask.delayed import Delayed, delayed

from summable.core.blas import one_blas_thread
from summable.core.engine import Request, Watch
from summable.core.errors import SourceError, SummableError, Unsupported
from summable.core.measure import Question, columns
from summable.core.rows import Shard
from summable.core.statistic import Statistic, pairwise
from summable.engines import tree
from summable.engines.part import answer

S = TypeVar("S", bound=Statistic)
Wanted = Callable[[tuple[str, ...]], list[Any]]  # columns to the delayed partitions that have them


@dataclass
class Dask:
    """Answers asked of partitions where they are computed, and added up in a tree of tasks.

    Without a client the graph runs on the scheduler that Dask is set up with, or that of the process.
    """

    wanted: Wanted
    parts: int  # as the last round found them: Dask reads several small files as one partition where few columns are asked for
    shard: Callable[[Any], Shard]
    names: Sequence[str] = ()
    tokens: Sequence[str] = ()
    client: Any = None
    watch: Watch | None = None
    schema: Sequence[str] | None = None

    @property
    def depth(self) -> int:
        """Levels of the tree in which answers are added up."""
        return tree.depth(self.parts)

    def sum(self, measure: Question[S]) -> S:
        """The sum over the partitions, in their order."""
        nodes, leaves = self._graph(measure)
        client, told = self.client or _client(), _Told(self.watch, type(measure).__name__, self.parts)
        try:
            return pairwise(_on_client(client, nodes, leaves, told) if client else _here(nodes, told))  # type: ignore[no-any-return]
        except SummableError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise SourceError(f"Dask could not compute the partitions ({reason})", "Look into the data: does .compute() work?") from error

    def _graph(self, measure: Question[S]) -> tuple[list[Any], list[Any]]:
        """The few sums that come here as delayed objects, and the answers of the parts."""
        ask, merge = delayed(_asked, pure=False, traverse=False), delayed(tree.merged, pure=False, traverse=False)
        run = uuid4().hex
        question = delayed(measure, traverse=False, name=f"summable-question-{run}")
        blocks = self.wanted(columns(measure))
        self.parts = len(blocks)
        tasks = zip(blocks, self.names or [f"in partition {index}" for index in range(self.parts)], strict=True)
        leaves = [ask(question, block, self.shard, place, dask_key_name=f"summable-part-{run}-{index}") for index, (block, place) in enumerate(tasks)]
        return tree.grown(leaves, merge), leaves

    def fingerprints(self) -> list[str]:
        """What tells each partition's rows from others: the names that Dask gives them."""
        return list(self.tokens)


@dataclass(frozen=True)
class _Told:
    """Whom to tell how many partitions are done."""

    watch: Watch | None
    name: str
    parts: int

    def __call__(self, done: int) -> None:
        if self.watch:
            self.watch(self.name, done, self.parts)


def _asked(measure: Question[S], block: Any, shard: Callable[[Any], Shard], place: str) -> S:
    """A task: the answer of one partition."""
    with one_blas_thread():
        return answer(measure, shard(block), place)


def _on_client(client: Any, nodes: list[Any], leaves: Sequence[Any], told: _Told) -> Any:
    """The nodes' values from a cluster; whatever ends the wait cancels what has not run."""
    from distributed import as_completed

    futures = client.compute(leaves) if told.watch else []
    wanted = client.compute(nodes)
    try:
        for done, leaf in enumerate(as_completed(futures), 1):
            if leaf.status == "error":
                break
            leaf.release()
            told(done)
        return client.gather(wanted)
    except BaseException:
        client.cancel([*wanted, *futures], force=True)
        raise


class _Counted(Callback):  # type: ignore[misc]
    """Dask's own hook, called after every task of a local scheduler."""

    def __init__(self, told: _Told) -> None:
        self.told, self.done = told, 0

    def _posttask(self, key: Any, *_: Any) -> None:
        if str(key).startswith("summable-part-"):
            self.done += 1
            self.told(self.done)


def _here(nodes: list[Any], told: _Told) -> Any:
    """The nodes' values from a scheduler of this machine."""
    with _Counted(told) if told.watch else nullcontext():
        return dask.compute(*nodes, optimize_graph=True)


def _client() -> Any:
    """The client that Dask would use, if there is one."""
    if dask.config.get("scheduler", None) not in (None, "dask.distributed", "distributed"):
        return None
    try:
        from distributed import default_client

        return default_client()
    except (ImportError, ValueError):
        return None


def opened(data: Any, request: Request) -> Dask:
    """The engine of Dask's collections (several are their union), or of shards that its workers read."""
    client = None if request.place is None or isinstance(request.place, str) else request.place
    if not isinstance(data, list):
        from summable.engines.fingerprint import fingerprints

        shards = data.shards
        names = [f"in shard {index} ({shard.name})" for index, shard in enumerate(shards)]
        blocks = [delayed(shard, traverse=False) for shard in shards]
        return Dask(lambda _: blocks, len(shards), request.part, names, fingerprints(shards), client, request.watch)
    pieces = [_pieces(one) for one in data]
    wanted = [piece for piece, _, _ in pieces]
    tokens = [token for _, some, _ in pieces for token in some]
    return Dask(lambda names: [block for one in wanted for block in one(names)], len(tokens), request.part, (), tokens, client, request.watch, pieces[0][2])


def _pieces(data: Any) -> tuple[Wanted, list[str], Sequence[str] | None]:
    """How to get the partitions of a collection, what names them, and its columns."""
    if isinstance(data, Delayed):
        return lambda _: [data], [str(data.key)], None
    if hasattr(data, "npartitions") and hasattr(data, "columns"):
        return lambda names: _frame(data, names), [f"{tokenize(data)}-{i}" for i in range(data.npartitions)], list(data.columns)
    if hasattr(data, "ndim") and data.ndim == 2:
        rows = data.rechunk({1: -1})
        blocks = rows.to_delayed().ravel().tolist()
        return lambda _: blocks, [f"{rows.name}-{i}" for i in range(len(blocks))], None
    raise Unsupported(f"a {type(data).__name__} of Dask is no table", "Give a DataFrame, a 2-D array, or delayed frames.")


def _frame(data: Any, names: tuple[str, ...]) -> list[Any]:
    """A frame's partitions, less the columns that are not asked for."""
    known = set(data.columns)
    lean = data[list(names)] if names and known.issuperset(names) else data
    return list(lean.to_delayed())


__all__ = ["Dask", "opened"]
