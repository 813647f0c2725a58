"""The only loop: a program asks, an engine answers, the ledger keeps the account."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

from summable.core.blas import one_blas_thread
from summable.core.data import Data
from summable.core.engine import Branching, Counting, Engine, Keeping, Remembering, Slicing, is_short
from summable.core.errors import SummableError
from summable.core.html import table
from summable.core.measure import Asked, FeatureMeasure, Question, Rounds
from summable.core.statistic import Statistic
from summable.core.wire import digest, encode

R = TypeVar("R")
Foretell = Callable[[Question[Any]], int | None]  # bytes, or None where only the rows know
WIDE = 1000  # features from which a solve gains more by all threads of BLAS than rows lose by those that go on spinning after it, for some 30 ms


@dataclass(frozen=True)
class Round(Data):
    """A line of the ledger: one question, answered by all parts."""

    measure: str
    parts: int
    down: int  # bytes to each part
    up: int  # bytes from each part
    numbers: int  # numbers (or labels) from each part
    seconds: float
    learns_design: bool = False
    replayed: int = 0  # parts that were not asked: a journal had their answers
    foretold: int | None = None  # bytes from each part, as they were known before it was asked
    depth: int = 1  # levels of the tree in which answers were added up on their way
    rows: int | None = None  # that all parts read, kept or not, where the answer tells
    inside: int = 0  # bytes that each part gave to collectives while it answered
    short: bool = False  # whether it was answered of features rounded to float32

    @property
    def rows_per_second(self) -> float | None:
        """How fast all parts together read, where the answer tells."""
        return None if self.rows is None or self.seconds <= 0 else self.rows / self.seconds


@dataclass
class Ledger:
    """What every round asked, weighed and took; so also what was disclosed."""

    rounds: list[Round] = field(default_factory=list)

    @property
    def nbytes(self) -> int:
        """Bytes sent, both ways, by all parts in all rounds."""
        return sum(line.parts * (line.down + line.up + line.inside) for line in self.rounds)

    @property
    def replayed(self) -> int:
        """Those of the bytes that were sent in an earlier run, and replayed from its journal in this one."""
        return sum(line.replayed * (line.down + line.up) for line in self.rounds)

    @property
    def fitting(self) -> list[Round]:
        """The rounds that fit; the others only learnt the design (kinds, shifts, levels)."""
        return [line for line in self.rounds if not line.learns_design]

    def _repr_html_(self) -> str:
        """For notebooks."""
        head = ("round", "parts", "numbers each", "bytes down", "bytes up", "foretold", "depth", "seconds", "rows/s")
        note = f"{self.nbytes:,} bytes were sent by all parts, both ways."
        return table("What it cost to distribute", head, map(_cells, self.rounds), note)


def _cells(line: Round) -> tuple[str, ...]:
    name = line.measure + (" (design)" if line.learns_design else "")
    return (
        name,
        f"{line.parts:,}",
        f"{line.numbers:,}",
        f"{line.down:,}",
        f"{line.up:,}",
        "" if line.foretold is None else f"{line.foretold:,}",
        f"{line.depth}",
        f"{line.seconds:.3f}",
        "" if line.rows_per_second is None else f"{line.rows_per_second:,.0f}",
    )


def run(program: Rounds[R], engine: Engine, foretell: Foretell | None = None) -> tuple[R, Ledger]:
    """Run a program on an engine; the only caller of `Engine.sum`.

    A question's weight is that of its bytes, with each design spelled out once; an answer's is that of its fields. What is asked of
    coefficients alone is a round only of an engine that slices them. With `foretell`, which tells what an answer will weigh, the ledger
    has that beside what it weighed. An engine that keeps rows between questions may forget them afterwards.
    """
    try:
        return _run(program, engine, foretell)
    finally:
        if isinstance(engine, Keeping):
            engine.release()


def _run(program: Rounds[R], engine: Engine, foretell: Foretell | None) -> tuple[R, Ledger]:
    ledger, sent, answer, wide = Ledger(), set[str](), None, False
    memory, tree = engine if isinstance(engine, Remembering) else None, engine if isinstance(engine, Branching) else None
    while True:
        try:
            with nullcontext() if wide else one_blas_thread():
                measure = program.send(answer)
        except StopIteration as stop:
            return stop.value, ledger
        wide = measure.design.width >= WIDE
        if isinstance(measure, FeatureMeasure) and not isinstance(engine, Slicing):
            answer = measure()  # no round: coefficients are whole here
            continue
        name, start = type(measure).__name__, time.perf_counter()
        foretold = foretell(measure) if foretell and not isinstance(measure, FeatureMeasure) else None
        try:
            answer = _answer(engine, measure)
        except SummableError as error:
            raise error.at(f"while taking {name}, round {len(ledger.rounds) + 1}") from error.__cause__
        seconds = time.perf_counter() - start
        down, up, inside = _weighed(engine, measure, answer, sent)
        known, depth = memory.replayed if memory else 0, tree.depth if tree else 1
        short = is_short(engine) and not measure.learns_design
        ledger.rounds.append(
            Round(name, engine.parts, down, up, answer.numbers, seconds, measure.learns_design, known, foretold, depth, answer.rows_read, inside, short)
        )


def _answer(engine: Engine, measure: Asked) -> Any:
    if isinstance(measure, FeatureMeasure) and isinstance(engine, Slicing):
        return engine.over(measure)
    return engine.sum(measure)  # type: ignore[arg-type]  # what is asked of coefficients alone comes no further elsewhere


def _weighed(engine: Engine, measure: Asked, answer: Statistic, sent: set[str]) -> tuple[int, int, int]:
    """Bytes down, up and inside, each part's."""
    if isinstance(engine, Counting):
        return 0, *engine.moved
    down = len(encode(measure, sent))
    sent.add(digest(measure.design))
    return down, answer.nbytes, 0
