"""The constant-only model with an offset, fitted beside another model's rounds: a problem of one number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import KroghInterpolator
from scipy.optimize import brentq

from summable.core.statistic import Array

NODES = np.cos(np.pi * (np.arange(6) + 0.5) / 6)  # Chebyshev's, between -1 and 1
AGREE = 1e-10  # of the value: what two interpolants may differ by


@dataclass(frozen=True)
class Level:
    """A constant, the loss there, and whether that is known to ten digits."""

    at: float
    value: float = np.nan
    width: float = 1.0  # of where the next constants are tried
    known: bool = False

    def tried(self, with_offset: bool) -> Array:
        """The constants to be summed next, (levels,): without an offset the answer is known beforehand."""
        return self.at + self.width * NODES if with_offset else np.array([self.at])


def advance(level: Level, tried: Array, sums: Array) -> Level:
    """The level after sums at some constants, (3, levels): value, slope and curve; by the root of the slope's interpolant."""
    if level.known:
        return level
    usable = np.isfinite(sums).all(axis=0)
    at, (value, slope, curve) = tried[usable], sums[:, usable]
    if len(at) == 0:
        return Level(level.at, np.nan, level.width, True)
    if len(tried) == 1:
        return Level(level.at, float(value[0]), level.width, True)
    order = np.argsort(at)
    at, value, slope, curve = at[order], value[order], slope[order], curve[order]
    turns = np.flatnonzero((slope[:-1] <= 0) & (slope[1:] > 0))
    if len(turns) == 0:
        lowest = int(np.argmin(value))
        return Level(float(at[lowest]), float(value[lowest]), level.width)
    low = int(turns[0])
    full = _root(at, value, slope, curve, low, list(range(len(at))))
    fewer = _root(at, value, slope, curve, low, [i for i in range(len(at)) if i in (low, low + 1) or i % 2])
    return Level(*full, level.width / 20, bool(abs(full[1] - fewer[1]) <= AGREE * max(abs(full[1]), 1e-3)))


def _root(at: Array, value: Array, slope: Array, curve: Array, low: int, used: list[int]) -> tuple[float, float]:
    """Where the slope's Hermite interpolant through some nodes is zero between two of them, and the value there."""
    polynomial = KroghInterpolator(np.repeat(at[used], 2), np.stack([slope[used], curve[used]], axis=1).ravel())
    nodes, weights = np.polynomial.legendre.leggauss(12)
    if polynomial(at[low]) * polynomial(at[low + 1]) > 0:  # a slope of zero at a node
        return float(at[low]), float(value[low])
    root = float(brentq(polynomial, at[low], at[low + 1], xtol=1e-14))
    half = (root - at[low]) / 2
    return root, float(value[low] + half * (weights @ polynomial(at[low] + half * (nodes + 1))))
