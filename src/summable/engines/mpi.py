"""MPI: every rank holds its rows, runs the same program, and learns the same sums."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from mpi4py import MPI

from summable.core.engine import Engine, Request
from summable.core.errors import Unsupported
from summable.core.measure import Question
from summable.core.statistic import Statistic
from summable.engines.part import named
from summable.engines.threads import Threads
from summable.engines.together import fingerprints

S = TypeVar("S", bound=Statistic)


@dataclass(frozen=True)
class Mpi:
    """What the engines of all ranks hold: each sums its own, then one all-reduce adds them up.

    Fields that are plain numbers are added by MPI itself in one buffer, anything else by its own `+` in the order of the ranks, at one
    rank, which sends it to all. Before it, ranks tell in one integer whether all of them have an answer, so that an error on one is
    raised on all.
    """

    own: Engine
    comm: Any = field(default_factory=lambda: MPI.COMM_WORLD)

    @property
    def parts(self) -> int:
        """The number of ranks."""
        return int(self.comm.size)

    def sum(self, measure: Question[S]) -> S:
        """The sum over the ranks, the same bits on all of them."""
        mine: Any = None
        failure: BaseException | None = None
        try:
            mine = self.own.sum(measure) if self.own.parts else None
        except (Exception, KeyboardInterrupt) as error:
            failure = error
        if self._agree(mine, failure):
            return self._added(mine)  # type: ignore[no-any-return]
        return self.comm.allreduce(mine, _plus)  # type: ignore[no-any-return]

    def fingerprints(self) -> list[str]:
        """What tells every rank's rows from others."""
        return [text for texts in self.comm.allgather(fingerprints(self.own)) for text in texts]

    def _agree(self, mine: Any, failure: BaseException | None) -> bool:
        """Whether all ranks have an answer of plain numbers. Raises on all of them what the first to fail has met."""
        size, rank = self.comm.size, self.comm.rank
        least = self.comm.allreduce(rank if failure else size + _is_plain(mine), MPI.MIN)
        if least >= size:
            return bool(least > size)
        told: Any = named(failure, 1).at(f"on rank {rank}") if isinstance(failure, Exception) else failure
        raise self.comm.bcast(told if least == rank else None, least) from failure

    def _added(self, mine: S) -> S:
        """Fields of numbers, added in one buffer."""
        values = mine.values()
        total = np.concatenate([np.ravel(value) for value in values])
        self.comm.Allreduce(MPI.IN_PLACE, total, MPI.SUM)
        parts = np.split(total, np.cumsum([value.size for value in values])[:-1])
        return type(mine)(*(part.reshape(value.shape) for part, value in zip(parts, values, strict=True)))


def _is_plain(answer: Statistic | None) -> bool:
    """Whether an answer adds field by field, number by number: then MPI can. Classes that say otherwise have a + of their own."""
    own = getattr(type(answer), "__add__", None) is not Statistic.__add__
    return answer is not None and not own and all(isinstance(value, np.ndarray) and value.dtype == np.float64 for value in answer.values())


def _plus(left: Any, right: Any) -> Any:
    """The sum, where a rank without rows has none."""
    return right if left is None else left if right is None else left + right


def opened(data: Any, request: Request) -> Mpi:
    """Shards that every rank sees are shared out; rows in memory are the rank's own, and so is what an engine of its own holds."""
    comm = MPI.COMM_WORLD if request.place is None or isinstance(request.place, str) else request.place
    shards = list(data.shards)
    if all(hasattr(shard, "table") for shard in shards):
        _refuse_others(comm, fingerprints(Threads(shards)))
        share = [len(shards) * rank // comm.size for rank in (comm.rank, comm.rank + 1)]
        shards = shards[slice(*share)]
    own = Threads(shards, workers=request.workers or 1, watch=request.watch if comm.rank == 0 else None)
    return Mpi(own, comm)


def _refuse_others(comm: Any, texts: list[str]) -> None:
    """Refuse files that are not the same on all ranks."""
    digest = hashlib.blake2b("".join(texts).encode(), digest_size=16).hexdigest()
    if len(set(comm.allgather(digest))) > 1:
        raise Unsupported("the ranks see different files under this path", "Let each open its own: Mpi(sm.engine(path)), of summable.engines.mpi.")


__all__ = ["Mpi", "opened"]
