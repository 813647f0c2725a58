"""Answers of Spark's tasks as rows that say whose they are, so that a sum is refused that does not hold each part once; and what tasks do around them."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from functools import cache
from typing import Any

from threadpoolctl import threadpool_limits

from summable.core.errors import SourceError, SummableError
from summable.core.measure import Question
from summable.core.rows import Shard
from summable.core.statistic import Statistic, pairwise
from summable.core.wire import decode, encode
from summable.engines import jobs
from summable.engines.part import HOPELESS, answer

FAN = 32  # answers that a task adds, and that the driver receives at most
Answer = Statistic | SummableError
Row = tuple[int, int, bytes | None, str | None]  # a sum of the answers of so many parts, from the first on: first, parts, sum; or why there is none


def row_of(index: int, found: Answer) -> Row:
    """A part's answer."""
    return (index, 1, None, jobs.spelled(found)) if isinstance(found, SummableError) else (index, 1, encode(found), None)


def one(rows: list[Row], first: int = 0) -> Row:
    """The answers of neighbours as one, or the first error among them; refuses a part that is missing or comes twice."""
    rows.sort(key=lambda row: row[0])
    end = first
    for begin, parts, _, _ in rows:
        if begin != end:
            raise SourceError(f"the answer of partition {min(begin, end)} is missing, or there twice", "The data must not change: fit again.")
        end += parts
    error = next((error for _, _, _, error in rows if error is not None), None)
    return first, end - first, None if error else encode(pairwise([decode(body) for _, _, body, _ in rows if body is not None])), error


def added(size: int, rows: Iterable[Row]) -> list[Row]:
    """What a task of the tree makes of its rows: one for each `size` parts that are neighbours."""
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[0] // size, []).append(row)
    return [one(group, number * size) for number, group in groups.items()]


def total(rows: list[Row]) -> tuple[Any, int]:
    """The sum that the driver makes of its rows, and of how many parts it is; or the error that one of them met."""
    _, parts, body, error = one(rows)
    if body is None:
        raise jobs.read(str(error)) or SourceError(str(error))
    return decode(body), parts


def tried(measure: Question[Any], shard: Shard, index: int, place: str, tries: int, begun: int) -> tuple[int, Answer]:
    """A part's answer. An error that would come again is an answer too, so that Spark does not try; others are raised, so that it does."""
    try:
        return index, answer(measure, shard, place, tries, begun=begun)
    except SummableError as error:
        if isinstance(error.__cause__, HOPELESS):
            return index, error
        raise RuntimeError(jobs.spelled(error)) from None


@cache
def one_thread() -> Any:
    """Hold BLAS to one thread in this worker, for good."""
    return threadpool_limits(1, "blas")


def settle() -> None:
    """Leave out of the worker's garbage collections, of which Spark has one after every task, what was imported: 0.1 s each."""
    _settled(len(sys.modules))


@cache
def _settled(_: int) -> None:
    gc.freeze()
