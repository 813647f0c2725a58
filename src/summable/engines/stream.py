"""Shards read by several threads, and what is made of their rows handed on in order, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Full, Queue
from threading import Event
from typing import Generic, TypeVar

from summable.core.blas import one_blas_thread
from summable.core.rows import Shard
from summable.engines.threads import Watch

B = TypeVar("B")
AHEAD = 2  # blocks of a shard that may wait to be taken, beside the one in hand
PATIENCE = 0.1  # seconds after which a full queue looks whether anybody still wants it


@dataclass
class _Pipe(Generic[B]):
    """The blocks of one shard, from the thread that makes them to the one that takes them."""

    stop: Event
    queue: Queue[B | BaseException | None] = field(default_factory=lambda: Queue(AHEAD))

    def fill(self, blocks: Callable[[], Iterator[B]]) -> None:
        """Make blocks as long as they are wanted; an error is handed on, to be raised where they are taken."""
        try:
            if not all(self._put(block) for block in blocks()):
                return
        except BaseException as error:
            self._put(error)
        else:
            self._put(None)

    def take(self) -> Iterator[B]:
        """The blocks, until there are no more."""
        while (item := self.queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def _put(self, item: B | BaseException | None) -> bool:
        while not self.stop.is_set():
            try:
                self.queue.put(item, timeout=PATIENCE)
            except Full:
                continue
            return True
        return False


def in_order(read: Callable[[Shard], Iterator[B]], shards: Iterable[Shard], workers: int | None = None, watch: Watch | None = None) -> Iterator[B]:
    """What `read` makes of each shard, block by block, in the order of the shards; so many are read at a time, by default one.

    Each thread holds what its shard reads at once (a row group) and a few blocks; one keeps the taker of the blocks busy while
    that writes them, which is soon what all wait for.
    """
    todo, stop, workers = list(shards), Event(), workers or 1
    with one_blas_thread(), ThreadPoolExecutor(workers) as pool:

        def begin(shard: Shard) -> _Pipe[B]:
            pipe: _Pipe[B] = _Pipe(stop)
            pool.submit(pipe.fill, lambda: read(shard))
            return pipe

        waiting = deque(map(begin, todo[:workers]))
        try:
            for done in range(1, len(todo) + 1):
                yield from waiting.popleft().take()
                waiting.extend(map(begin, todo[done + workers - 1 : done + workers]))
                if watch:
                    watch("predict", done, len(todo))
        finally:  # an error, Ctrl-C, or enough: let no worker go on
            stop.set()
