"""What every engine does with one part: ask it, ask again where that may help, and say which part it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

import numpy as np

from summable.core.errors import SourceError, SummableError
from summable.core.measure import PartMeasure, Question
from summable.core.rows import Rows, Shard
from summable.core.statistic import Statistic, pairwise

HOPELESS = (ValueError, TypeError, LookupError, ArithmeticError, MemoryError)  # asking again would not help; our own errors of data are among them
R = TypeVar("R")
S = TypeVar("S", bound=Statistic)


class Stop(Protocol):
    """Something that knows whether the answer is still wanted."""

    def is_set(self) -> bool:
        """Whether to give up."""


def answer(measure: Question[S], shard: Shard, place: str, tries: int = 3, stop: Stop | None = None, begun: int = 0) -> S:
    """A part's answer, asked for up to `tries` times; what fails for good ends in one error that names the place.

    `begun` counts the attempts that others made before.
    """
    for attempt in range(1, tries + 1):
        try:
            return fold(measure, shard, stop)
        except HOPELESS as error:
            raise named(error, begun + attempt).at(place) from error
        except Exception as error:
            if attempt == tries or (stop is not None and stop.is_set()):
                raise named(error, begun + attempt).at(place) from error
    raise AssertionError("tries is at least one")


def asked_of(measure: Question[S], index: int, parts: int) -> Question[S]:
    """What is asked of one of so many parts: where there are more than `enough`, that many look at their rows, evenly apart."""
    if not isinstance(measure, PartMeasure):
        return measure
    looks = parts <= measure.enough or index * measure.enough // parts != (index + 1) * measure.enough // parts
    return measure if looks else measure.brief()


def insisted(call: Callable[[int], R], tries: int = 3) -> R:
    """What a call gives, which is told how often it has been called; called again where that may help, up to `tries` times."""
    for attempt in range(1, tries):
        try:
            return call(attempt)
        except HOPELESS:
            raise
        except Exception:  # once more; the last one is raised
            continue
    return call(tries)


def fold(measure: Question[S], shard: Shard, stop: Stop | None = None) -> S:
    """A measure's answer on one shard."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # it is an infinity or a NaN in the sum, and refused where it is used
        if isinstance(measure, PartMeasure):
            return measure(shard)
        return pairwise(measure(rows) for rows in _until(stop, shard.rows(measure.design)))


def named(error: Exception, attempts: int) -> SummableError:
    """Any error as one of ours."""
    if isinstance(error, SummableError):
        return error
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    tried = f"{attempts} attempt{'s' * (attempts > 1)}"
    return SourceError(f"no answer after {tried} ({reason})", "Look into that shard.")


def _until(stop: Stop | None, rows: Iterator[Rows]) -> Iterator[Rows]:
    for block in rows:
        if stop is not None and stop.is_set():
            raise InterruptedError("another shard failed, or the user stopped the fit")
        yield block
