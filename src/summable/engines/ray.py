"""Ray: datasets and lists of object references."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError

from summable.core.blas import one_blas_thread
from summable.core.engine import Request, Watch
from summable.core.errors import SourceError, SummableError, Unsupported
from summable.core.measure import Question
from summable.core.rows import Shard
from summable.core.statistic import Statistic, pairwise
from summable.engines import tree
from summable.engines.fingerprint import fingerprints
from summable.engines.part import answer

EVERY = 0.5  # seconds between two looks at how far a round is
S = TypeVar("S", bound=Statistic)


@dataclass(frozen=True)
class Ray:
    """Answers asked of objects in Ray's store where they lie, and added up in a tree of tasks.

    A dataset is computed once, when it is given; its blocks then stay in the store (or on the disks to which it spills).
    """

    objects: Sequence[Any]
    shard: Callable[[Any], Shard]
    names: Sequence[str] = ()
    shards: Sequence[Shard] = ()
    watch: Watch | None = None
    schema: Sequence[str] | None = None

    @property
    def parts(self) -> int:
        """The number of objects: blocks of a dataset, or shards."""
        return len(self.objects)

    @property
    def depth(self) -> int:
        """Levels of the tree in which answers are added up."""
        return tree.depth(self.parts)

    def sum(self, measure: Question[S]) -> S:
        """The sum over the objects, in their order."""
        question = ray.put(measure)
        places = self.names or [f"in partition {index}" for index in range(self.parts)]
        leaves = list[Any]()
        try:
            for block, place in zip(self.objects, places, strict=True):  # one by one, so that Ctrl-C finds all that have been handed over
                leaves.append(ASK.remote(question, block, self.shard, place))
            nodes = tree.grown(leaves, MERGE.remote)
            self._wait(type(measure).__name__, leaves, nodes)
            return pairwise(ray.get(nodes))  # type: ignore[no-any-return]
        except RayTaskError as error:
            raise _ours(error.cause) from error
        except RayError as error:
            raise _ours(error) from error
        finally:
            for leaf in ray.wait(leaves, num_returns=len(leaves), timeout=0)[1] if leaves else ():  # an error or Ctrl-C: let no task go on
                ray.cancel(leaf)

    def fingerprints(self) -> list[str]:
        """What tells each shard's rows from others."""
        if not self.shards:
            raise Unsupported("objects in Ray's store cannot be told from others, as a journal needs", "Write them to Parquet files, and give those.")
        return fingerprints(self.shards)

    def _wait(self, name: str, leaves: Sequence[Any], nodes: Sequence[Any]) -> None:
        """Wait for the first that fails, or for all; tell how many parts are done."""
        told, waiting = 0, list(nodes)
        while waiting:
            done, waiting = ray.wait(waiting, timeout=EVERY)
            ray.get(done)  # raises what a task has raised
            if self.watch and (found := len(ray.wait(leaves, num_returns=len(leaves), timeout=0)[0])) > told:
                told = found
                self.watch(name, told, self.parts)


def _asked(measure: Question[S], block: Any, shard: Callable[[Any], Shard], place: str) -> S:
    """A task: the answer of one object."""
    with one_blas_thread():
        return answer(measure, shard(block), place)


ASK, MERGE = ray.remote(_asked), ray.remote(tree.merged)


def _ours(error: BaseException) -> SummableError:
    if isinstance(error, SummableError):
        return error
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
    return SourceError(f"Ray could not compute an answer ({type(error).__name__}: {reason})", "Look into the data and the memory of the workers.")


def opened(data: Any, request: Request) -> Ray:
    """The engine of datasets and object references (several are their union), or of shards that Ray's workers read."""
    if not isinstance(data, list):
        names = [f"in shard {index} ({shard.name})" for index, shard in enumerate(data.shards)]
        return Ray([ray.put(shard) for shard in data.shards], request.part, names, data.shards, request.watch)
    objects = [block for one in data for block in (one.to_arrow_refs() if hasattr(one, "to_arrow_refs") else [one])]
    if strangers := [one for one in objects if not isinstance(one, ray.ObjectRef)]:
        raise Unsupported(f"a {type(strangers[0]).__name__} of Ray is no table", "Give a Dataset, or references to tables.")
    schema = data[0].schema().names if hasattr(data[0], "schema") else None
    return Ray(objects, request.part, watch=request.watch, schema=schema)
