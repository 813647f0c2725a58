"""Features that PyTorch keeps have the sums of those in an array, in whatever digits, and however many are made float64 at once."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

from summable.core.design import Block, Constant, Design, Numeric
from summable.core.errors import DataError
from summable.engines import held_rows, stored
from summable.engines.features import Dense
from summable.engines.held import Held, Pile
from summable.engines.held_rows import HeldRows
from summable.engines.ranks import Group
from summable.engines.stored import Stored
from summable.maths.losses import loss
from summable.measures.curvature import Curvature
from summable.measures.gram import Gram

DRAW = np.random.default_rng(8)
X = DRAW.normal(size=(53, 5)).astype(np.float32).astype(np.float64)
WEIGHTS, SEVERAL, COEF = DRAW.normal(size=53), DRAW.normal(size=(53, 3)), DRAW.normal(size=(5, 3))


@pytest.mark.parametrize("numbers", [1, 5, 64, 2**18])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [0, 1, 53])
def test_sums_are_those_of_an_array(monkeypatch, dtype, numbers, rows):
    monkeypatch.setattr(stored, "NEAR", numbers)
    kept, plain = Stored(torch.tensor(X[:rows], dtype=dtype)), Dense(X[:rows])
    some = np.arange(rows)[::3]
    assert len(kept) == rows
    for one, other in ((kept, plain), (kept.taken(some), plain.taken(some))):
        weights, several = WEIGHTS[: len(other)], SEVERAL[: len(other)]
        np.testing.assert_array_equal(one.part(slice(None)), other.part(slice(None)))
        pairs = [
            (one.project(COEF), other.project(COEF)), (one.project(COEF[:, 0]), other.project(COEF[:, 0])), (one.squares(weights), other.squares(weights)),
            (one.summed(several), other.summed(several)), (one.summed(weights), other.summed(weights)),
        ]  # fmt: skip
        for found, wanted in pairs:
            assert found.dtype == np.float64 and found.shape == wanted.shape
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13)  # sums of 53 numbers near one, in float64


def test_what_is_kept_in_float32_takes_half_the_memory():
    pile = Pile(5, 30, np.float32)  # which does not foresee all
    pile.add(X[:20])
    pile.add(X[20:])
    kept = stored.stored("cpu")(pile.whole())
    assert kept.x.nbytes == X.nbytes // 2
    np.testing.assert_array_equal(kept.part(slice(None)), X)
    np.testing.assert_array_equal([pile.least, pile.greatest], [X.min(axis=0), X.max(axis=0)])


@pytest.mark.parametrize(
    ("least", "greatest", "refused"),
    [
        (-1e38, 1.0, ""), (-4e38, 1.0, "does not hold. Measure it in another unit"), (0.0, 4e38, "does not hold"), (0.0, 0.0, ""), (0.0, 1e-29, ""),
        (-1e-31, 1e-31, "does not hold"), (1e6, 1e6, ""), (1e6, 1e6 + 250, ""), (1e6, 1e6 + 240, "tells few numbers apart. Subtract one near its mean"),
        (np.inf, -np.inf, ""),
    ],
)  # fmt: skip
def test_what_float32_does_not_hold_is_refused(least, greatest, refused):
    ends = np.array([1.0, least]), np.array([1.0, greatest])
    if not refused:
        stored.refuse_beyond(*ends, 3)
        return
    with pytest.raises(DataError, match=rf"feature 4 \(the constant is 0\) lies between .* and .*, .*{refused}"):
        stored.refuse_beyond(*ends, 3)


@pytest.mark.parametrize("features", [Dense, lambda x: Stored(torch.tensor(x, dtype=torch.float32))], ids=["float64", "float32"])
def test_compiled_kernels_read_them_where_they_lie(monkeypatch, features):
    monkeypatch.setattr(held_rows, "COMPILED", 1)
    x = np.column_stack([np.ones(53), X])
    roles = {"y": (X[:, 0] + WEIGHTS > 0).astype(float), "weight": np.abs(WEIGHTS)}
    kept, alone = Held(features(x), roles, None, 0.0, x.min(axis=0), x.max(axis=0)), Group(None, 1, 0, (0, 6))
    read, plain = HeldRows(kept, alone, 6, "", True), HeldRows(kept, alone, 6, "", False)
    assert read.columns is not None and plain.columns is None
    assert HeldRows(kept, Group(None, 2, 0, (0, 3, 6)), 6, "", True).columns is None, "others have the rest"
    assert HeldRows(kept, alone, 6, "outputs", True).columns is None and HeldRows(kept, alone, 2**14 + 1, "", True).columns is None, "moments refuse"
    design = Design((), (Constant(), Block("X", (0.0,) * 5)), (("y", Numeric("y")), ("weight", Numeric("w"))))
    for ask in (Gram(design), Curvature(design, loss("binomial"), COEF[[0, *range(5)]], np.zeros((6, 0)), np.zeros(0))):
        found, wanted = ask(read), ask(plain)
        for field in fields(found):
            rtol = 1e-6 if field.name == "pearson_slope" else 1e-12  # which the one of them has by a difference, of steps of 1e-3
            np.testing.assert_allclose(getattr(found, field.name), getattr(wanted, field.name), rtol=rtol, atol=1e-12, err_msg=field.name)
