"""Shards on this machine, one after another on every core."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from threading import Event
from typing import Any, Protocol, TypeVar

from summable.core.blas import one_blas_thread
from summable.core.engine import Request, Watch
from summable.core.measure import Question
from summable.core.rows import Shard
from summable.core.statistic import Statistic, joined
from summable.engines.fingerprint import fingerprints
from summable.engines.part import answer, asked_of, fold

S = TypeVar("S", bound=Statistic)
AHEAD = 2**27  # bytes of answers that wait for one before them


class Memory(Protocol):
    """What is known of the shards' answers to the question that is being asked."""

    def known(self) -> Mapping[int, tuple[int, Callable[[], Any]]]:
        """First shard to (height, a way to the sum of it and the shards after it, 2**height in all)."""

    def record(self, shard: int, answer: Statistic) -> None:
        """Remember the answer of a shard; called by several threads."""


@dataclass(frozen=True)
class Threads:
    """Local shards, summed by a pool of threads; the same bits for any number of them.

    NumPy, BLAS and Arrow release the interpreter's lock; BLAS itself is held to one thread, or each worker would start a
    pool of its own. A shard that fails is asked again, `tries` times in all, and then named in one error.
    """

    shards: Sequence[Shard]
    workers: int | None = None
    tries: int = 3
    watch: Watch | None = None
    memory: Memory | None = None

    @property
    def parts(self) -> int:
        """The number of shards."""
        return len(self.shards)

    def sum(self, measure: Question[S]) -> S:
        """The sum over the shards, in their order."""
        return joined(self._answers(measure))

    def remembering(self, memory: Callable[[], Memory]) -> Threads:
        """The same, with a memory of its own."""
        return replace(self, memory=memory())

    def fingerprints(self) -> list[str]:
        """What tells each shard's rows from others."""
        return fingerprints(self.shards)

    def _answers(self, measure: Question[S]) -> Iterator[tuple[int, S]]:
        """The shards' answers in order, or known sums of them with their heights; a few are ahead of the one that is wanted."""
        workers, stop, done = self.workers or os.cpu_count() or 1, Event(), 0
        with one_blas_thread(), ThreadPoolExecutor(workers) as pool:
            submit = ((height, pool.submit(ask)) for height, ask in self._plan(measure, stop))
            waiting: deque[tuple[int, Future[S]]] = deque(islice(submit, workers))
            try:
                while waiting:
                    height, future = waiting.popleft()
                    found = future.result()
                    waiting.extend(islice(submit, max(0, workers + ahead(found, workers) - len(waiting))))
                    yield height, found
                    done += 1 << height
                    if self.watch:
                        self.watch(type(measure).__name__, done, self.parts)
            finally:  # an error or Ctrl-C: let no worker go on
                stop.set()
                for _, future in waiting:
                    future.cancel()

    def _plan(self, measure: Question[S], stop: Event) -> Iterator[tuple[int, Callable[[], S]]]:
        """What is to be done for every shard in order: recall what is known, ask for the rest."""
        known, first = self.memory.known() if self.memory else {}, 0
        while first < self.parts:
            height, ask = known.get(first, (0, partial(self._noted, measure, first, stop)))
            yield height, ask
            first += 1 << height

    def _noted(self, measure: Question[S], index: int, stop: Event) -> S:
        answer = self._answer(measure, index, stop)
        if self.memory:
            self.memory.record(index, answer)
        return answer

    def _answer(self, measure: Question[S], index: int, stop: Event) -> S:
        shard = self.shards[index]
        return answer(asked_of(measure, index, self.parts), shard, f"in shard {index} ({shard.name})", self.tries, stop)


def ahead(found: Statistic, workers: int) -> int:
    """How many answers may wait to be added while all workers are busy: what a slow one holds up, but no more than a share of memory."""
    return min(3 * workers, AHEAD // max(found.nbytes, 1))


def opened(data: Any, request: Request) -> Threads:
    """Threads over local shards."""
    return Threads(data.shards, workers=request.workers, watch=request.watch)


__all__ = ["Memory", "Threads", "Watch", "fold", "opened"]
