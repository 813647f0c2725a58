"""What was aimed at, beside what one run found."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.contenders import OURS
from benchmarks.race import Time, Work

EXACT = 1e-8  # the relative error of an answer that counts
FASTER = {12: 3.0, 50: 2.0, 100: 1.8, 500: 1.2}  # least squares against NumPy's X'X, by columns
Found = dict[Work, dict[str, Time]]


def aims(found: Found, parquet: dict[str, dict], start: dict[str, float]) -> list[str]:
    """A table: the work, its aim, and what came of it."""
    lines = ["### Against what was aimed at", "", "| work | aim | here |", "|---|---|---|"]
    lines += [line for work, told in found.items() for line in _lines(work, told)]
    ours, base = parquet["summable.ols"], parquet["decode only"]
    lines.append(f"| least squares from Parquet | ≤ 1.4 × decoding, ≤ 400 MB | {ours['seconds'] / base['seconds']:.2f} ×, {ours['peak'] / 1e6:.0f} MB |")
    lines += [f"| {name} | ≤ 0.6 s | {seconds:.2f} s |" for name, seconds in start.items()]
    return [*lines, ""]


def _lines(work: Work, told: dict[str, Time]) -> list[str]:
    ours = told[OURS]
    if work.kind == "least squares":
        lines = [_faster(work, ours, told["NumPy X'X"], "NumPy's X'X", FASTER[work.columns])]
        if work.columns == 12:
            share = told["reading X"].seconds / ours.seconds
            lines.append(f"| {work.name}, share of the time that reading takes | ≥ 0.8 | {share:.2f} |")
        if work.columns == 500:
            rate, most = work.rows * work.columns**2 / ours.seconds / 1e9, peak()
            lines.append(f"| {work.name}, p² a row, of the float64 peak of {most:.0f} GFLOP/s | ≥ 0.6 | {rate / most:.2f} |")
        return lines
    exact = {name: one for name, one in told.items() if name != OURS and one.error <= EXACT}
    if not exact:
        return [f"| {work.name} | | no peer came to {EXACT:g} |"]
    name = min(exact, key=lambda peer: exact[peer].seconds)
    lines = [_faster(work, ours, exact[name], name, 5.0 if work.kind == "logistic" else 2.0)]
    if work.order == "levels":
        lines.append(f"| {work.name}, memory against {name} | less | {ours.peak / 1e6:.0f} MB against {exact[name].peak / 1e6:.0f} |")
    return lines


def _faster(work: Work, ours: Time, other: Time, name: str, aim: float) -> str:
    return f"| {work.name}, against {name} | ≥ {aim:g} times faster | {other.seconds / ours.seconds:.2f} (CPU: {other.cpu / ours.cpu:.2f}) |"


def peak() -> float:
    """GFLOP/s of BLAS's product of square matrices."""
    square, least = np.random.default_rng(0).normal(size=(2000, 2000)), np.inf
    for _ in range(3):
        start = time.perf_counter()
        square @ square
        least = min(least, time.perf_counter() - start)
    return 2 * 2000**3 / least / 1e9
