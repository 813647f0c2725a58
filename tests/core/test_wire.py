from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from summable.core.data import Data
from summable.core.design import Column, Constant, Design, Numeric, Product
from summable.core.errors import Unsupported
from summable.core.statistic import Extent, Labels
from summable.core.wire import decode, digest, encode, from_json, to_json
from summable.measures.gram import Gram, Products
from summable.measures.residual import Residual

DESIGN = Design((Column("x"), Column("y")), (Constant(), Product((Numeric("x", 2.5),))), (("y", Numeric("y")),))
PRODUCTS = Products(np.array([3.0, 1.0]), np.array(0.5), np.array(2.0), np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0]))


@pytest.mark.parametrize(
    "value", [DESIGN, Gram(DESIGN), Residual(DESIGN, np.array([1.0, -0.0]), 0.5), PRODUCTS, Labels((frozenset({"a", "é"}), frozenset({1, 2})))]
)
def test_what_is_decoded_is_what_was_encoded(value):
    for there, back in ((encode, decode), (to_json, from_json)):
        again = back(there(value))
        assert type(again) is type(value)
        assert there(again) == there(value)


def test_infinities_cross():
    extent = decode(encode(Extent(np.array([np.inf]), np.array([-np.inf]))))
    assert extent.low[0] == np.inf and extent.high[0] == -np.inf
    assert from_json(to_json(extent)).low[0] == np.inf


def test_arrays_are_raw_little_endian():
    data = encode(np.array([1.0, 2.0], dtype=">f8"))
    assert data.endswith(np.array([1.0, 2.0], dtype="<f8").tobytes())


def test_a_design_is_sent_once_and_then_named():
    name = digest(DESIGN)
    first, later = encode(Gram(DESIGN)), encode(Gram(DESIGN), {name})
    assert len(later) < len(first) and name.encode() in later
    assert decode(later, {name: DESIGN}) == Gram(DESIGN)
    with pytest.raises(Unsupported, match="is not known here"):
        decode(later)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"pickle", "not a summable message"),
        (encode(PRODUCTS)[:-1], "cut short"),
        (encode(PRODUCTS)[:30], "cut short"),
        (b"summable\x09\x00" + b"\0" * 8, "version 9"),
    ],
)
def test_what_is_not_a_message_is_refused(data, reason):
    with pytest.raises(Unsupported, match=reason):
        decode(data)


def test_only_agreed_words_are_understood():
    with pytest.raises(Unsupported, match="'Gram' is not in this place's vocabulary"):
        decode(encode(Gram(DESIGN)), vocabulary={"Design": Design})


@pytest.mark.parametrize("value", [print, object(), lambda: 0, np.array(["text"])])
def test_code_and_strange_arrays_do_not_cross(value):
    with pytest.raises((Unsupported, TypeError, AttributeError)):
        decode(encode(value))


def test_two_words_of_one_name_are_refused():
    with pytest.raises(TypeError, match="already calls a class 'Gram'"):

        @dataclass(frozen=True)
        class Gram(Data):
            pass
