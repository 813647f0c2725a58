from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from summable.core.design import Block, Constant, Design
from summable.core.errors import DataError
from summable.core.measure import Measure
from summable.core.run import run
from summable.core.statistic import Statistic, pairwise
from summable.core.wire import digest, encode


@dataclass(frozen=True, eq=False)
class Number(Statistic):
    value: np.ndarray


@dataclass(frozen=True)
class Ask(Measure[Number]):
    what: float
    design: Design = Design()


class Echo:
    parts = 3

    def sum(self, measure):
        if measure.what < 0:
            raise DataError("less than nothing was asked", "Ask for more.").at("in shard 2 (here)")
        return Number(np.array([3 * measure.what]))


def double_twice(start):
    first = yield from Ask(start)
    second = yield from Ask(first.value[0])
    return second.value[0]


def test_a_program_is_a_conversation_and_the_ledger_its_account():
    result, ledger = run(double_twice(2.0), Echo())
    assert result == 18.0
    assert [line.measure for line in ledger.rounds] == ["Ask", "Ask"]
    assert [line.up for line in ledger.rounds] == [8, 8]
    first, second = len(encode(Ask(2.0))), len(encode(Ask(6.0), {digest(Design())}))
    assert [line.down for line in ledger.rounds] == [first, second]
    assert ledger.nbytes == 3 * (first + second + 16)


@dataclass(frozen=True, eq=False)
class CountedRows(Statistic):
    rows: np.ndarray  # kept; dropped


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def allowed(design):
    yield from Ask(1.0, design)
    return blas_threads()


def test_between_rounds_no_thread_of_blas_spins_beside_the_rows_but_wide_solves_have_them_all():
    wide = Design((), (Constant(), Block("X", (0.0,) * 1000)))
    with threadpool_limits(2, "blas"):
        assert run(allowed(Design()), Echo())[0] == {1}
        assert run(allowed(wide), Echo())[0] == {2}
        assert blas_threads() == {2}


def test_the_ledger_tells_how_many_rows_a_second_where_answers_do():
    class Counting(Echo):
        def sum(self, measure):
            return CountedRows(np.array([40.0, 2.0]))

    def program(question):
        return (yield from question)

    (line,) = run(program(Ask(1.0)), Counting())[1].rounds
    assert line.rows == 42 and line.rows_per_second == 42 / line.seconds
    (line,) = run(program(Ask(1.0)), Echo())[1].rounds
    assert line.rows is None and line.rows_per_second is None


def test_an_error_says_what_where_when_and_what_to_do():
    with pytest.raises(DataError) as caught:
        run(double_twice(-1.0), Echo())
    assert str(caught.value) == "less than nothing was asked in shard 2 (here), while taking Ask, round 1. Ask for more."


def test_pairwise_is_a_tree_and_keeps_the_order():
    assert "".join(pairwise(list("abcdefg"))) == "abcdefg"
    ones = [0.1] * 10_000
    assert pairwise(ones) == pytest.approx(1000.0, abs=1e-11, rel=0)


def test_statistics_add_with_sum():
    assert sum([Number(np.array([1.0])), Number(np.array([2.0]))]).value[0] == 3.0
    with pytest.raises(TypeError):
        Number(np.zeros(1)) + Other(np.zeros(1))


@dataclass(frozen=True, eq=False)
class Other(Statistic):
    value: np.ndarray
