"""What a rank of a mesh reads and keeps of its rows: its features, and no more than it must."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest

from summable.core.design import Block, Category, Column, Constant, Design, Numeric, Product
from summable.core.sample import Sample, sampled
from summable.engines.held import Pile, held, narrowed
from summable.open import matrices, scan

DRAW = np.random.default_rng(5)
X, Y = DRAW.normal(size=(50, 6)), DRAW.normal(size=50)
TABLE = {**{f"x{i}": X[:, i] for i in range(6)}, "y": Y, "w": np.arange(50.0) % 3}
ROLES = (("y", Numeric("y")), ("weight", Numeric("w")))
COLUMNS = tuple(map(Column, TABLE))
NAMED = Design(COLUMNS, (Constant(), *(Product((Numeric(f"x{i}", 0.5 * i),)) for i in range(6))), ROLES, missing="raise")
MATRIX = Design((), (Constant(), Block("X", (0.0, 0.5, 1.0, 1.5, 2.0, 2.5))), ROLES, missing="raise")
CASES = {"a table": (NAMED, scan(TABLE).shards), "a matrix": (MATRIX, matrices(X, Y[:, None], TABLE["w"]).shards)}
WHOLE = np.column_stack([np.ones(50), X - 0.5 * np.arange(6)])[TABLE["w"] > 0]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("first", "last"), [(0, 7), (0, 1), (0, 0), (0, 3), (1, 4), (3, 3), (4, 7), (7, 7)])
def test_slices_of_features_are_those_of_the_whole(case, first, last):
    design, shards = CASES[case]
    found = held(shards, design, slice(first, last), None)
    np.testing.assert_array_equal(found.x.part(slice(None)), WHOLE[:, first:last])
    np.testing.assert_array_equal(found.roles["y"], Y[TABLE["w"] > 0])
    np.testing.assert_array_equal(found.roles["weight"], TABLE["w"][TABLE["w"] > 0])


def test_rows_are_counted_where_no_column_of_theirs_is_kept():
    design = replace(NAMED, roles=())
    found = held(scan(TABLE).shards, design, slice(0, 1), None)
    np.testing.assert_array_equal(found.x.part(slice(None)), np.ones((50, 1)))


@dataclass(frozen=True)
class Noted:
    """A shard that notes which columns are read."""

    shard: object
    read: set

    name = "noted"

    def kinds(self):
        return self.shard.kinds()

    def rows(self, design, limit=None):
        self.read.update(design.names)
        return self.shard.rows(design, limit)


@pytest.mark.parametrize(
    ("design", "read"),
    [
        (NAMED, {"x2", "x3", "y", "w"}),
        (replace(NAMED, missing="drop"), set(TABLE)),  # a value that is missing elsewhere drops the row here
        (sampled(NAMED, Sample(0, 0.0, 0.5)), set(TABLE)),  # the sample is told by all columns
        (replace(NAMED, terms=(*NAMED.terms, Product((), (Category("x0", (0.0,)),)))), set(TABLE)),
    ],
    ids=["plain", "where rows are dropped", "of a sample", "with a category"],
)
def test_columns_of_others_are_read_only_where_they_matter(design, read):
    noted = Noted(scan(TABLE).shards[0], set())
    shard, lesser, features = narrowed(noted, design, slice(3, 5))
    rows = next(iter(shard.rows(lesser)))
    assert noted.read == read
    if read != set(TABLE):
        np.testing.assert_array_equal(rows.matrix()[:, features], WHOLE[:, 3:5])


@pytest.mark.parametrize("room", [0, 3, 5, 9])
def test_a_pile_holds_what_was_put_on_it(room):
    blocks, pile = [np.full((rows, 2), float(rows)) for rows in (2, 0, 1, 3)], Pile(2, room)
    for block in blocks:
        pile.add(block)
    np.testing.assert_array_equal(pile.whole(), np.concatenate(blocks))


@pytest.mark.parametrize("cuts", [[0.0, 1.0], [0.0, 1 / 3, 2 / 3, 1.0], [0.0, 1e-6, 0.5, 0.5 + 2**-17, 1.0]])
def test_the_rows_of_a_sample_are_those_that_it_chooses(cuts):
    (shard,) = scan(TABLE).shards
    for seed in (1, 2):
        for low, high in pairwise(cuts):
            sample = Sample(seed, low, high)
            found = held([shard], sampled(NAMED, sample), slice(None), None).looked_at(sample)
            (rows,) = shard.rows(sampled(NAMED, sample))
            np.testing.assert_array_equal(found.x.part(slice(None)), rows.matrix())
            np.testing.assert_array_equal(found.roles["y"], rows.column("y"))
