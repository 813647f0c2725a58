"""What a round costs on a wire, by hand."""

from __future__ import annotations

import pytest

from summable.core.errors import Unsupported
from summable.maths.network import NETWORKS, SHAPES, Network, named


def test_star_tree_and_ring_by_hand():
    """A thousand parts, 10 ms, 1 MB/s, a question of 2,000 bytes and an answer of 8,000."""
    wires = {shape: Network("by hand", 0.01, 1e6, shape) for shape in SHAPES}
    assert wires["star"].seconds(1000, 2000, 8000) == pytest.approx(0.02 + 1000 * 0.01)
    assert wires["tree"].seconds(1000, 2000, 8000) == pytest.approx(10 * (0.02 + 0.01))
    assert wires["ring"].seconds(1000, 2000, 8000) == pytest.approx(2 * 999 * (0.01 + 8e-6))
    assert all(wire.seconds(1, 2000, 8000) == 0 for wire in wires.values())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["rack", "datacentre", "internet"])
def test_more_of_anything_takes_longer(name, shape):
    wire = named(name, shape)
    seconds = wire.seconds(40, 1000, 1000)
    assert wire.seconds(80, 1000, 1000) > seconds and wire.seconds(40, 1000, 2000) > seconds > 0
    assert wire.seconds(40, 2000, 1000) > seconds or shape == "ring"  # where no question is sent
    assert Network("slower", wire.latency * 2, wire.bandwidth, shape).seconds(40, 1000, 1000) > seconds
    assert Network("narrower", wire.latency, wire.bandwidth / 2, shape).seconds(40, 1000, 1000) > seconds


def test_one_machine_has_no_wire():
    assert NETWORKS["machine"].seconds(40, 1e9, 1e9) == 0


def test_what_is_no_network_is_refused():
    with pytest.raises(Unsupported, match="network='carrier pigeon' is not known"):
        named("carrier pigeon")
    with pytest.raises(Unsupported, match="shape='web' is not known"):
        named("rack", "web")
    with pytest.raises(Unsupported, match="a network of latency -1 and bandwidth 1 is none"):
        named(Network("no", -1, 1, "star"))
