"""Moments by group, beside the same moments of each group's rows alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from summable.core.design import Block, Category, Column, Constant, Design, Numeric, Product
from summable.core.errors import Unsupported
from summable.core.rows import Groups
from summable.open import scan
from summable.sources import arrays, matrix

NAMES = ("a", "b", "far")


def drawn(rows):
    draw = np.random.default_rng(rows)
    x = draw.normal((0.0, 5.0, 1e6), size=(rows, 3))
    return x, draw.integers(0, 4, rows) % 3 * 2, draw.uniform(0.5, 2.0, rows)  # of five groups, two are empty


def of_arrays(x, weight):
    (shard,) = arrays.shards(dict(zip(NAMES, x.T, strict=True)) | {"w": weight})
    terms = (Constant(), *(Product((Numeric(name, shift),)) for name, shift in zip(NAMES, (0.0, 5.0, 1e6), strict=True)))
    return next(shard.rows(Design((*map(Column, NAMES), Column("w")), terms, (("weight", Numeric("w")),))))


def of_matrix(x, weight):
    (shard,) = matrix.shards(x, None, weight)
    return next(shard.rows(Design((), (Constant(), Block("X", (0.0, 5.0, 1e6))), (("weight", Numeric("w")),))))


@pytest.mark.slow
@pytest.mark.parametrize("rows", [0, 1, 500, 20_000])
@pytest.mark.parametrize("place", [of_arrays, of_matrix])
@pytest.mark.parametrize("weighted", [False, True])
def test_each_group_is_summed_as_if_alone(rows, place, weighted):
    x, codes, weight = drawn(rows)
    block = place(x, weight)
    about = np.column_stack([np.zeros(5), np.linspace(-1, 1, 15).reshape(5, 3)])
    by, weight = Groups(codes, about), weight if weighted else np.float64(1.0)
    full = np.broadcast_to(weight, rows)
    several = np.column_stack([full, full**2])
    for order in (0, 1, 2):
        found = block.moment(order, weight, by)
        for group in range(5):
            own = codes == group
            away = np.column_stack([np.ones(own.sum()), x[own] - [0.0, 5.0, 1e6]]) - about[group]
            square = (away.T * full[own]) @ away
            expected = [full[own].sum(), full[own] @ away, square[np.triu_indices(4)]][order]
            np.testing.assert_allclose(found[group], expected, rtol=1e-10, atol=1e-8)
            np.testing.assert_allclose(block.moment(2, weight, replace(by, crossed=False))[group], np.diag(square), rtol=1e-10, atol=1e-8)
            if order == 0:
                np.testing.assert_allclose(block.moment(0, several, by)[group], several[own].sum(axis=0), rtol=1e-12)


def test_labels_that_play_a_role_are_positions_among_their_levels():
    (shard,) = arrays.shards({"g": np.array(["b", "a", "c", "a"]), "w": np.array([1.0, 1.0, 0.0, 2.0])})
    design = Design((Column("g", "text"), Column("w")), (Constant(),), (("class", Category("g", ("a", "b"))), ("weight", Numeric("w"))))
    np.testing.assert_array_equal(next(shard.rows(design)).column("class"), [1, 0, 0])


@pytest.mark.parametrize("labels", [["b", "a", None, "b"], [3, 1, None, 3], [1.5, 0.0, None, 1.5], [True, False, None, True]])
@pytest.mark.parametrize("encoded", [False, True])
def test_sums_are_kept_by_label(labels, encoded):
    column = pa.array(labels).dictionary_encode() if encoded else pa.array(labels)
    (shard,) = scan(pa.table({"g": column, "w": [1.0, 2.0, 4.0, 8.0]})).shards
    kind = {str: "text", int: "integer", float: "float", bool: "boolean"}[type(labels[0])]
    rows = next(shard.rows(Design((Column("g", kind), Column("w")), (Constant(),), (("weight", Numeric("w")),), "keep")))
    assert rows.moment(0, rows.column("weight"), "g") == {labels[0]: 9.0, labels[1]: 2.0}
    with pytest.raises(Unsupported, match="a matrix of numbers has no labels"):
        of_matrix(np.ones((2, 3)), np.ones(2)).moment(0, 1.0, "g")
