"""Sums by class, driven by hand, and what they come to where two samples are joined."""

from __future__ import annotations

import numpy as np
import pytest

from summable.core.design import Category, Column, Constant, Design, Numeric, Product
from summable.core.errors import DataError
from summable.engines.threads import fold
from summable.measures.class_middle import ClassMiddle
from summable.measures.class_sums import Centred
from summable.solvers.classes import with_levels
from summable.sources import arrays
from summable.testing import hostile_tables, laws

DESIGN = Design(
    (*map(Column, ("x", "far", "w")), Column("g", "text")),
    (Constant(), Product((Numeric("x"),)), Product((Numeric("far"),))),
    (("class", Category("g", ("a", "b", "c"))), ("weight", Numeric("w"))),
)


@pytest.mark.parametrize("law", [pytest.param(law, id=law.name) for law in laws(ClassMiddle(DESIGN), hostile_tables())])
def test_law(law):
    law.check()


def drive(program, table):
    """Answer a program from one table; the questions it asked, and its solution."""
    (shard,) = arrays.shards(table)
    asked, answer = [], None
    while True:
        try:
            measure = program.send(answer)
        except StopIteration as stop:
            return asked, stop.value
        asked.append(type(measure).__name__)
        answer = fold(measure, shard)


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (np.array(["b", "a", "b"]), ("a", "b")), (np.array([10, 2, 10]), (2, 10)), (np.array([1.5, -1.0, 1.5]), (-1.0, 1.5)),
        (np.array([True, False, True]), (False, True)),
    ],
)  # fmt: skip
def test_labels_are_learnt_in_their_own_type(values, levels):
    asked, design = drive(with_levels(Design((), (Constant(),), (("class", Category("g", ())),))), {"g": values})
    assert design.label("class").levels == levels and asked == ["Glance", "Profile"]
    assert drive(with_levels(design), {"g": values})[0] == []


def test_an_identifier_is_no_class():
    with pytest.raises(DataError, match="column 'g' has more than 1000 distinct values"):
        drive(with_levels(Design((), (Constant(),), (("class", Category("g", ())),))), {"g": np.arange(2000)})


@pytest.mark.parametrize("crossed", [False, True])
def test_joined_samples_are_one_sample(crossed):
    draw = np.random.default_rng(1)
    x = draw.normal(1e6, 1.0, size=(300, 3))

    def centred(x):
        away = x - x.mean(axis=0)
        return Centred(np.array([float(len(x))]), x.mean(axis=0)[None], (away.T @ away)[None] if crossed else np.square(away).sum(axis=0)[None])

    nothing = Centred(np.zeros(1), np.zeros((1, 3)), 0 * centred(x).square)
    joined = nothing + (centred(x[:40]) + centred(x[40:])) + nothing
    for found, expected in zip(joined.values(), centred(x).values(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-7)
