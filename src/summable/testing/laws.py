"""Laws that every measure obeys, as checks that anyone can run on a measure of their own.

    for law in summable.testing.laws(MyMeasure(design), tables):
        law.check()

A test suite turns each into a test of its name. `hostile_tables` draws rows that have broken sums before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from summable.core.measure import Measure, Question
from summable.core.statistic import Array, Statistic
from summable.core.wire import decode, encode
from summable.engines.threads import fold
from summable.sources import arrays

S = TypeVar("S", bound=Statistic)
Table = Mapping[str, "np.ndarray[Any, Any]"]
View = Callable[[Any], Sequence[Any]]

ROUNDING = 1e-11  # of a field's greatest number: a thousand terms, each rounded to 1e-16, with room for a shift a few spreads off


@dataclass(frozen=True)
class Law:
    """A named check, which raises AssertionError when the law is broken."""

    name: str
    check: Callable[[], None]


def laws(measure: Question[S], tables: Sequence[Table], view: View | None = None, weighted: View | None = None) -> Iterator[Law]:
    """The laws of a measure, to be checked on tables of rows (at least two, some of them empty).

    `view` turns a statistic into the numbers that determine it, where its fields are not unique (an R factor up to rounding);
    `weighted`, into those in which a row of weight 2 counts twice. Without it that law is not stated.
    """
    look = view or (lambda statistic: statistic.values())
    answers = [_answer(measure, table) for table in tables]

    def same(left: S, right: S, what: str) -> None:
        assert_close(look(left), look(right), what)

    def associates() -> None:
        for a, b, c in zip(answers, answers[1:], answers[2:], strict=False):
            same((a + b) + c, a + (b + c), "(a + b) + c and a + (b + c)")

    def commutes() -> None:
        for a, b in pairwise(answers):
            same(a + b, b + a, "a + b and b + a")

    def wire() -> None:
        assert encode(decode(encode(measure))) == encode(measure), "a measure is not the same after crossing a wire"
        for answer in answers:
            assert encode(decode(encode(answer))) == encode(answer), "a statistic is not the same after crossing a wire"

    yield Law("associates", associates)
    if answers[0].commutes:
        yield Law("commutes", commutes)
    yield Law("crosses a wire", wire)
    if isinstance(measure, Measure):
        yield from _laws_of_rows(measure, tables, answers, same, weighted)


def _laws_of_rows(
    measure: Measure[S], tables: Sequence[Table], answers: Sequence[S], same: Callable[[S, S, str], None], weighted: View | None
) -> Iterator[Law]:
    """What holds for sums over rows, and not for sums over parts."""
    empty = _answer(measure, _take(tables[0], slice(0, 0)))

    def adds() -> None:
        for i, j in zip(range(len(tables)), range(1, len(tables)), strict=False):
            same(_answer(measure, _join(tables[i], tables[j])), answers[i] + answers[j], "the answer of a union and the sum of answers")

    def identity() -> None:
        for answer in answers:
            same(empty + answer, answer, "the empty answer plus another and that other")

    def bounded() -> None:
        for table, answer in zip(tables, answers, strict=True):
            assert _answer(measure, _join(table, table)).nbytes == answer.nbytes, "a statistic grows with the rows"

    yield Law("adds", adds)
    yield Law("has an identity", identity)
    yield Law("is bounded", bounded)
    weight = next((numeric.expression for numeric in measure.design.role("weight")), None)
    if weight is not None:
        yield Law("weight 0 is no row", lambda: _weight_zero(measure, tables, weight, same))
    if weight is not None and weighted is not None:
        yield Law("weight 2 is the row twice", lambda: _weight_two(measure, tables, weight, weighted))


def _weight_zero(measure: Measure[S], tables: Sequence[Table], weight: str, same: Callable[[S, S, str], None]) -> None:
    for table in tables:
        ghost = dict(table) | {weight: np.zeros(len(table[weight]))}
        same(_answer(measure, _join(table, ghost)), _answer(measure, table), "rows with and without others of weight 0")


def _weight_two(measure: Measure[S], tables: Sequence[Table], weight: str, weighted: View) -> None:
    for table in tables:
        double = dict(table) | {weight: 2 * table[weight]}
        twice = _answer(measure, _join(table, table))
        assert_close(weighted(_answer(measure, double)), weighted(twice), "rows of weight 2 and the same rows twice")


def hostile_tables(seed: int = 0) -> list[Table]:
    """Tables of the columns y, x, far (1e6 ± 1), same (constant), g (labels) and w (weights, some zero): none, one and many rows."""
    draw = np.random.default_rng(seed)

    def table(rows: int) -> Table:
        return {
            "y": draw.normal(3.0, 2.0, rows), "x": draw.normal(0.0, 1.0, rows), "far": 1e6 + draw.uniform(-1.0, 1.0, rows),
            "same": np.full(rows, 7.0), "g": draw.choice(["a", "b", "c"], rows), "w": draw.choice([0.0, 0.5, 1.0, 3.0], rows),
        }  # fmt: skip

    many = table(300)
    return [table(1), many, table(0), {name: np.repeat(values[:4], 25) for name, values in many.items()}, table(17)]


def _answer(measure: Question[S], table: Table) -> S:
    (shard,) = arrays.shards(table)
    return fold(measure, shard)


def _join(left: Table, right: Table) -> Table:
    return {name: np.concatenate([left[name], right[name]]) for name in left}


def _take(table: Table, rows: slice) -> Table:
    return {name: values[rows] for name, values in table.items()}


def assert_close(left: Sequence[Any], right: Sequence[Any], what: str) -> None:
    """Two lists of fields agree, numbers up to rounding."""
    for a, b in zip(left, right, strict=True):
        if isinstance(a, np.ndarray):
            _assert_arrays(a, b, what)
        else:
            assert encode(a) == encode(b), f"{what} differ: {a} and {b}"


def _assert_arrays(a: Array, b: Array, what: str) -> None:
    assert a.shape == b.shape, f"{what} have shapes {a.shape} and {b.shape}"
    scale = max(float(np.abs(a).max(initial=0.0)), float(np.abs(b).max(initial=0.0)))
    apart = float(np.abs(a - b).max(initial=0.0))
    assert apart <= ROUNDING * scale, f"{what} are {apart:.1e} apart, at a magnitude of {scale:.1e}"


__all__ = ["Law", "assert_close", "hostile_tables", "laws"]
