"""An engine that writes down every answer, so that a program that was killed can be run again and goes on where it was.

Resume is replay: the same program asks the same questions of the same rows, and those that were answered before are answered from
the file. Within a round each shard's answer is written as it comes; since the sum is taken by halves in the order of the shards,
sums of neighbours may stand for them, which keeps the file small, and the result has the same bits.
"""

from __future__ import annotations

import hashlib
import os
import struct
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from threading import Lock
from typing import Any, TypeVar

from summable.core.data import Data
from summable.core.engine import Engine
from summable.core.errors import SourceError, SummableWarning
from summable.core.measure import Question
from summable.core.statistic import Statistic
from summable.core.wire import decode, encode
from summable.engines.logbook import Logbook, logbook
from summable.engines.together import fingerprints, remembering

S = TypeVar("S", bound=Statistic)
HEAD = struct.Struct("<32siQB")  # SHA-256 of the question; engine among several, or WHOLE; first shard; height: the sum is of 2**height shards
WHOLE = -1  # the answer of a round, which supersedes those of its shards
ENOUGH = 2**26  # bytes of shards' answers after which neighbours are added up, so that wide models do not fill the disk
LOSS = "{path} ended in a record that was cut short, as by a kill: its {bytes} bytes were dropped, and what they held is asked again."

Sum = tuple[int, bytes]  # height, and the statistic as it crosses wires
Span = tuple[int, int]  # engine, first shard


@dataclass(frozen=True)
class Heading(Data):
    """Whose answers a journal holds: the settings of a program by name, and what tells each shard from others."""

    program: tuple[tuple[str, str], ...]
    shards: tuple[str, ...]


@contextmanager
def journalled(engine: Engine, path: str | os.PathLike[str], program: Mapping[str, str]) -> Iterator[Journal]:
    """The engine with a journal at `path`, which is begun there, or taken up where it ends.

    Raises `SourceError` when the journal is another program's, of other data, damaged, or in use; `Unsupported` when the engine
    cannot tell its data from others. A last record that was cut short is dropped with a `SummableWarning`.
    """
    heading = Heading(tuple(program.items()), tuple(fingerprints(engine)))
    with logbook(path) as book:
        first, *records = book.read() or [encode(heading)]
        _refuse_others(book.path, decode(first), heading)
        if not book.size:
            book.replace([first])
        if book.torn:
            warnings.warn(LOSS.format(path=path, bytes=book.torn), SummableWarning, stacklevel=4)
        yield Journal(engine, book, [first], records)


class Journal:
    """Answers from the journal's file, and from the engine those that it lacks."""

    def __init__(self, engine: Engine, book: Logbook, first: list[bytes], records: list[bytes]) -> None:
        self.replayed = 0
        self._book, self._kept = book, first  # the heading, and a record for each round that is done
        self._turn, self._question = 1, b""
        self._sums: dict[Span, Sum] = {}  # of the round that is being asked
        self._fresh, self._lock = 0, Lock()
        for record in records:
            self._take(record)
        numbers = count()
        self.engine = remembering(engine, lambda: Part(self, next(numbers)))

    @property
    def parts(self) -> int:
        """The parts of the engine."""
        return self.engine.parts

    @property
    def depth(self) -> int:
        """Of the engine's tree."""
        return getattr(self.engine, "depth", 1)

    def sum(self, measure: Question[S]) -> S:
        """The sum over all parts, as far as it is known, and asked of the engine where it is not."""
        question = hashlib.sha256(encode(measure)).digest()
        if self._turn < len(self._kept):
            self._refuse_question(HEAD.unpack_from(self._kept[self._turn])[0], question)
            self._turn, self.replayed = self._turn + 1, self.parts
            return decode(self._kept[self._turn - 1][HEAD.size :])  # type: ignore[no-any-return]
        if self._sums:
            self._refuse_question(self._question, question)
        self._question, self.replayed = question, sum(1 << height for height, _ in self._sums.values())
        answer = self.engine.sum(measure)
        self._finish(encode(answer))
        return answer

    def known(self, part: int) -> dict[int, tuple[int, Callable[[], Any]]]:
        """First shard to the height of a sum that is known from there on, and a way to it."""
        return {first: (height, partial(decode, answer)) for (owner, first), (height, answer) in self._sums.items() if owner == part}

    def record(self, part: int, shard: int, answer: Statistic) -> None:
        """Write down the answer of a shard to the question that is being asked."""
        body = encode(answer)
        with self._lock:
            self._book.append(HEAD.pack(self._question, part, shard, 0) + body)
            self._sums[part, shard] = 0, body
            self._fresh += len(body)
            if self._fresh > ENOUGH:
                self._fresh, self._sums = 0, merged(self._sums)
                self._compact()

    def _take(self, record: bytes) -> None:
        """Take up what was written before."""
        question, part, first, height = HEAD.unpack_from(record)
        if part == WHOLE:
            self._kept.append(record)
            self._sums.clear()
        else:
            self._question, self._sums[part, first] = question, (height, record[HEAD.size :])

    def _finish(self, answer: bytes) -> None:
        """Write down the answer of a round; it supersedes those of its shards."""
        with self._lock:
            self._kept.append(HEAD.pack(self._question, WHOLE, 0, 0) + answer)
            self._book.append(self._kept[-1])
            self._turn, self._fresh, self._sums = len(self._kept), 0, {}
            self._compact()

    def _compact(self) -> None:
        """Write the file anew where more of it is superseded than not, so that it grows no faster than what it must hold."""
        sums = [HEAD.pack(self._question, *span, height) + answer for span, (height, answer) in self._sums.items()]
        if self._book.size > 2 * sum(map(len, [*self._kept, *sums])):
            self._book.replace([*self._kept, *sums])

    def _refuse_question(self, known: bytes, asked: bytes) -> None:
        if known != asked:
            raise SourceError(
                f"{self._book.path} holds the answer to another question", "Finish with the releases that began it, or delete it and fit again."
            ).at(f"in round {self._turn}")


@dataclass(frozen=True)
class Part:
    """The memory of one engine among those that a journal stands before."""

    journal: Journal
    number: int

    def known(self) -> dict[int, tuple[int, Callable[[], Any]]]:
        """First shard to the height of a sum that is known from there on, and a way to it."""
        return self.journal.known(self.number)

    def record(self, shard: int, answer: Statistic) -> None:
        """Write down the answer of a shard."""
        self.journal.record(self.number, shard, answer)


def merged(sums: dict[Span, Sum]) -> dict[Span, Sum]:
    """The same sums with neighbours added up as `pairwise` would: two of one height, the first at an even place."""
    left, height = dict(sums), 0
    while any(known >= height for known, _ in left.values()):
        for part, first in [span for span, (known, _) in left.items() if known == height]:
            other = part, first + (1 << height)
            if first % (2 << height) == 0 and left.get(other, (WHOLE,))[0] == height:
                total = decode(left[part, first][1]) + decode(left.pop(other)[1])
                left[part, first] = height + 1, encode(total)
        height += 1
    return left


def _refuse_others(path: str, known: Heading, asked: Heading) -> None:
    """Refuse a journal of another program or other data."""
    advice = "Give this fit a journal of its own, or delete that one."
    before, now = dict(known.program), dict(asked.program)
    for name in before | now:
        if before.get(name) != now.get(name):
            raise SourceError(f"{path} is the journal of another fit ({name} was {before.get(name)!r}, and is {now.get(name)!r})", advice)
    if len(known.shards) != len(asked.shards):
        raise SourceError(f"{path} is the journal of other data ({len(known.shards)} shards, and these are {len(asked.shards)})", advice)
    for index, (there, here) in enumerate(zip(known.shards, asked.shards, strict=True)):
        if there != here:
            raise SourceError(f"{path} is the journal of other data (shard {index} is not what it was)", advice)
