"""The solver driven by hand: no engine, no files, answers sent to a generator."""

from __future__ import annotations

import numpy as np
import pytest

from summable.core.design import Block, Coding, Column, Constant, Design, Numeric, Product
from summable.core.errors import DataError, Unsupported
from summable.engines.threads import fold
from summable.maths.losses import loss
from summable.measures.gram import Gram
from summable.measures.residual import Residual
from summable.measures.rfactor import RFactor
from summable.solvers.centred import centred
from summable.solvers.least_squares import least_squares
from summable.solvers.penalised import Shrinkage, penalised
from summable.solvers.start import opening_of
from summable.sources import arrays


def design(*names):
    return Design(tuple(map(Column, (*names, "y"))), (Constant(), *(Product((Numeric(name),)) for name in names)), (("y", Numeric("y")),))


def coding(width):
    identity = np.arange(width)
    return Coding(tuple(f"b{i}" for i in range(width)), identity, identity, identity, np.ones(width), np.zeros(width, bool))


def drive(program, table):
    """Answer a program from one table; the questions it asked, and its solution."""
    (shard,) = arrays.shards(table)
    asked, answer = [], None
    while True:
        try:
            measure = program.send(answer)
        except StopIteration as stop:
            return asked, stop.value
        asked.append(type(measure))
        answer = fold(measure, shard)


def drawn(rows=200, noise=1.0):
    draw = np.random.default_rng(3)
    a, b = draw.normal(size=(2, rows))
    return {"a": a, "b": b, "y": 1 + 2 * a - b + noise * draw.normal(size=rows)}


def test_one_round_is_enough():
    table = drawn()
    asked, solution = drive(least_squares(design("a", "b"), coding(3)), table)
    x = np.column_stack([np.ones(200), table["a"], table["b"]])
    assert asked == [Gram]
    np.testing.assert_allclose(solution.coef, np.linalg.lstsq(x, table["y"], rcond=None)[0], rtol=1e-13)
    assert solution.outcomes == ("EXACT",)
    np.testing.assert_allclose(x.T @ (table["y"] - x @ solution.coef), 0, atol=1e-11)


def test_the_numbers_sent_are_those_promised():
    (shard,) = arrays.shards(drawn())
    p = 3
    statistic = fold(Gram(design("a", "b")), shard)
    assert statistic.numbers == (p + 1) * (p + 2) // 2 + 3
    assert fold(RFactor(design("a", "b")), shard).numbers == (p + 1) * (p + 2) // 2
    assert statistic.nbytes == 8 * statistic.numbers


def test_near_collinear_columns_cost_one_round_for_the_r_factor():
    table = drawn()
    table["b"] = table["a"] + 1e-6 * table["b"]
    table["y"] = 1 + 2 * table["a"] - table["b"] + np.random.default_rng(4).normal(size=200)
    asked, solution = drive(least_squares(design("a", "b"), coding(3)), table)
    x = np.column_stack([np.ones(200), table["a"], table["b"]])
    q, r = np.linalg.qr(x)
    assert asked == [Gram, RFactor] and solution.outcomes == ("FACTORED",)
    np.testing.assert_allclose(solution.coef, np.linalg.solve(r, q.T @ table["y"]), rtol=1e-8)
    asked, _ = drive(least_squares(design("a", "b"), coding(3), "float"), table)
    assert asked == [Gram]


def test_a_nearly_perfect_fit_costs_one_round_for_its_residuals():
    table = drawn(noise=1e-9)
    asked, solution = drive(least_squares(design("a", "b"), coding(3)), table)
    x = np.column_stack([np.ones(200), table["a"], table["b"]])
    left = table["y"] - x @ np.linalg.lstsq(x, table["y"], rcond=None)[0]
    assert asked == [Gram, Residual] and "REFINED" in solution.outcomes
    np.testing.assert_allclose(solution.square, left @ left, rtol=1e-5)  # the residuals themselves are rounded at 1e-16 / 1e-9


def test_a_doubled_column_is_left_out_and_the_others_stand():
    table = drawn()
    table["b"] = 2 * table["a"]
    asked, solution = drive(least_squares(design("a", "b"), coding(3)), table)
    assert asked == [Gram, RFactor]
    assert list(solution.independent) == [0, 1]
    np.testing.assert_allclose(solution.relation, [[1, 0, 0], [0, 1, 2]], atol=1e-12)


def test_a_column_of_zeros_needs_no_second_round():
    table = drawn()
    table["b"] = np.zeros(200)
    asked, solution = drive(least_squares(design("a", "b"), coding(3)), table)
    assert asked == [Gram] and list(solution.independent) == [0, 1]


def test_no_rows_are_refused():
    with pytest.raises(DataError, match="no rows are left to fit"):
        drive(least_squares(design("a", "b"), coding(3)), {name: np.zeros(0) for name in "aby"})


def test_what_fits_no_memory_is_refused_before_a_row_is_read():
    wide = Design((), (Constant(), Block("X", (0.0,) * 40_000)), (("y", Numeric("y0")),))
    nothing = Coding((), *np.zeros((4, 0), np.int64), np.zeros(0, bool))
    for program in (
        least_squares(wide, nothing),
        centred(wide),
        penalised(wide, loss("poisson"), Shrinkage(1.0)),
        opening_of(wide, nothing, loss("poisson"), "time"),
    ):
        with pytest.raises(Unsupported, match=r"X'X of 40,001 features takes 13 GB.* L-BFGS"):
            next(program)
