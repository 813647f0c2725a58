"""What a round costs on a wire: latency and bandwidth of the ways to add numbers that lie in many places."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, inf, log2

from summable.core.data import Data
from summable.core.errors import Unsupported

SHAPES = ("star", "tree", "ring")


@dataclass(frozen=True)
class Network(Data):
    """Links of one latency and one bandwidth, and the shape in which a question goes out and the sum of the answers comes back.

    With K parts, latency a, bandwidth B, a question of d bytes and an answer of u (Thakur, Rabenseifner & Gropp 2005, §3):

        star   2 a + K (d + u) / B             every part speaks with the centre, whose link all of it must pass
        tree   ⌈log₂ K⌉ (2 a + (d + u) / B)    halves speak with halves, down and up again
        ring   2 (K − 1) (a + u / (K B))       every part adds a K-th and hands it on; all know the sum, so that no question is sent
    """

    name: str
    latency: float  # seconds
    bandwidth: float  # bytes a second
    shape: str

    def seconds(self, parts: int, down: float, up: float) -> float:
        """How long a round takes on the wire, between parts that answer at once; one part alone has no wire."""
        if parts == 1:
            return 0.0
        if self.shape == "star":
            return 2 * self.latency + parts * (down + up) / self.bandwidth
        if self.shape == "tree":
            return ceil(log2(parts)) * (2 * self.latency + (down + up) / self.bandwidth)
        return 2 * (parts - 1) * (self.latency + up / parts / self.bandwidth)


NETWORKS = {
    "machine": Network("machine", 0.0, inf, "star"),  # all parts in one: no wire
    "rack": Network("rack", 5e-6, 12.5e9, "ring"),  # 100 Gbit/s
    "datacentre": Network("datacentre", 50e-6, 1.25e9, "tree"),  # 10 Gbit/s
    "internet": Network("internet", 20e-3, 12.5e6, "star"),  # 100 Mbit/s
}


def named(network: str | Network, shape: str | None = None) -> Network:
    """The network of a name, if need be of another shape."""
    if isinstance(network, str):
        if network not in NETWORKS:
            raise Unsupported(f"network={network!r} is not known", f"Choose from {', '.join(NETWORKS)}, or give summable.Network(name, latency, …).")
        network = NETWORKS[network]
    if shape is not None:
        network = replace(network, shape=shape)
    if network.shape not in SHAPES:
        raise Unsupported(f"shape={network.shape!r} is not known", f"Choose from {', '.join(SHAPES)}.")
    if not (network.latency >= 0 and network.bandwidth > 0):
        raise Unsupported(f"a network of latency {network.latency} and bandwidth {network.bandwidth} is none", "Give seconds, and bytes a second.")
    return network
