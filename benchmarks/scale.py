"""Thousands of workers' answers added up in the tree, as a cluster would: real statistics, a simulated network.

    python -m benchmarks.scale [--quick]

Time is that of the additions, measured here for a node of the tree and counted once a level, plus what the network's cost model
(a latency for each message, bytes over a bandwidth, a node taking in one answer after another) says of the answers.
Memory is what the driver holds at once. The flat columns have every answer come to the driver itself. The last two add up as many
answers, at most a thousand, one after the other on this machine, with no network: measured, and predicted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from summable.core.statistic import pairwise
from summable.engines.tree import FAN, depth
from summable.measures.gram import Products

MEASURED = 1000  # answers that are really added up here, at most
LATENCY, BANDWIDTH = 1e-3, 1e9  # seconds a message; bytes a second: a task's start and 10 Gbit/s


def answer(p: int, number: int) -> Products:
    """A worker's answer to least squares of p columns."""
    draw = np.random.default_rng(number)
    return Products(np.ones(2), np.zeros(()), np.ones(()), draw.normal(size=p), draw.normal(size=p * (p + 1) // 2))


def timed(ask: Callable[[], object]) -> float:
    """The least of three."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        ask()
        times.append(time.perf_counter() - start)
    return min(times)


def levels(workers: int, fan: int) -> list[int]:
    """How many answers a node takes in at each level."""
    found = []
    while workers > 1:
        found.append(min(fan, workers))
        workers = -(-workers // fan)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the workers")
    options = parser.parse_args()
    print(f"{'p':>5}{'workers':>9}{'bytes each':>12}{'depth':>7}{'tree s':>9}{'flat s':>9}{'driver MB':>11}{'flat MB':>9}{'here s':>9}{'predicted':>11}")
    for p in (12, 100, 1000):
        some = [answer(p, number) for number in range(FAN)]
        one, weight = timed(lambda some=some: pairwise(some)) / (FAN - 1), some[0].nbytes
        for workers in (100, 1000) if options.quick else (1_000, 10_000):
            message = LATENCY + weight / BANDWIDTH
            tree = sum(many * message + (many - 1) * one for many in levels(workers, FAN))
            flat = workers * message + (workers - 1) * one
            count = min(workers, MEASURED)
            here = timed(lambda count=count, some=some: pairwise(some[number % FAN] for number in range(count)))
            held = levels(workers, FAN)[-1] * weight / 1e6
            figures = f"{tree:>9.3f}{flat:>9.2f}{held:>11.2f}{workers * weight / 1e6:>9.1f}{here:>9.3f}{(count - 1) * one:>11.3f}"
            print(f"{p:>5}{workers:>9,}{weight:>12,}{depth(workers):>7}{figures}", flush=True)


if __name__ == "__main__":
    main()
