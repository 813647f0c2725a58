"""Rows drawn by chance, the same ones however they lie: each row's luck is a hash of its own numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from summable.core.data import Data
from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Statistic

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MULTIPLIERS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


@dataclass(frozen=True, eq=False)
class Least(Data):
    """The rows of the least keys, each once, in the order of their keys. Adds by keeping the least of both; equal rows have equal keys."""

    most: int
    key: Array  # (rows ≤ most,)
    row: Array  # (rows, p)
    weight: Array  # (rows,) of all rows that are equal to it

    def __add__(self, other: Least) -> Least:
        return least(self.most, np.append(self.key, other.key), np.concatenate([self.row, other.row]), np.append(self.weight, other.weight))

    @property
    def size(self) -> int:
        return self.key.size + self.row.size + self.weight.size

    @property
    def nbytes(self) -> int:
        return self.key.nbytes + self.row.nbytes + self.weight.nbytes


@dataclass(frozen=True, eq=False)
class Drawn(Statistic):
    """Rows drawn, and the cost of the centres that there were."""

    rows: Array  # (2,) kept; dropped for a missing value
    cost: Array  # () Σ w d²
    least: Least  # the rows of the least keys


@dataclass(frozen=True)
class Draw(Measure[Drawn]):
    """The rows whose −log u / d² is least, u a hash of the row's numbers and the seed, d the distance from the nearest centre.

    So distinct rows are drawn without replacement, each with a chance that grows as d², and a row twice is a row of weight 2; without
    centres, d is one. `largest` draws those of the largest d² instead, ties by their numbers.

    Cost: one pass; p numbers down for each centre, p + 2 up for each row drawn.
    Fails: Unsupported where rows may be summed but not read (a database); as the rows do.
    Source: Bahmani et al. 2012, §3.3 (k-means||); Efraimidis & Spirakis 2006 (weighted sampling by keys).
    """

    design: Design
    centres: Array  # (centres, p) less `about`
    about: Array  # (p,) where the rows lie, roughly, so that distances keep their digits
    seed: int
    most: int
    largest: bool = False

    def __call__(self, rows: Rows) -> Drawn:
        x, weight = np.ascontiguousarray(rows.matrix()[:, 1:]) + 0.0, rows.column("weight")  # minus zero is zero
        apart = distances(x - self.about, self.centres)
        with np.errstate(divide="ignore"):
            key = -apart.astype(np.float32).astype(np.float64) if self.largest else -np.log(luck(x, self.seed)) / apart
        possible = np.flatnonzero(apart > 0)
        chosen = possible[_smallest(key[possible], self.most)]
        weights = np.broadcast_to(weight, len(x))[chosen]
        return Drawn(rows.count(), np.asarray((weight * apart).sum()), least(self.most, key[chosen], x[chosen], weights))


def distances(x: Array, centres: Array) -> Array:
    """The squared distance of each row from the nearest centre, (rows,); one, if there are none. A row that is a centre has none left."""
    if not len(centres):
        return np.ones(len(x))
    scores = np.square(centres).sum(axis=1) - 2 * (x @ centres.T)
    near = centres[np.argmin(scores, axis=1)] if len(x) else x
    return np.asarray(np.square(x - near).sum(axis=1))


def least(most: int, key: Array, row: Array, weight: Array) -> Least:
    """Those of the least keys, equal rows as one; of equal keys, in the order of the rows' numbers."""
    order = np.lexsort((*row.T[::-1], key))
    key, row, weight = key[order], row[order], weight[order]
    new = np.ones(len(key), bool)
    new[1:] = (key[1:] != key[:-1]) | (row[1:] != row[:-1]).any(axis=1)
    first = np.flatnonzero(new)
    total = np.add.reduceat(weight, first) if len(first) else weight
    return Least(most, key[first][:most], row[first][:most], total[:most])


def luck(x: Array, seed: int) -> Array:
    """A number between 0 and 1 for each row, (rows,), by the bits of its numbers and the seed alone (SplitMix64, Steele et al. 2014)."""
    bits = np.full(len(x), mixed(np.array([seed], np.uint64))[0], np.uint64)
    for column in x.T:
        bits = mixed(bits ^ np.ascontiguousarray(column).view(np.uint64))
    return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Bits that are as good as drawn by chance, the same for the same (SplitMix64)."""
    with np.errstate(over="ignore"):
        bits = bits + GOLDEN
        for shift, by in zip(SHIFTS, MULTIPLIERS, strict=False):
            bits = (bits ^ (bits >> shift)) * by
    return bits ^ (bits >> SHIFTS[2])


def _smallest(key: Array, most: int) -> NDArray[np.int64]:
    """Which keys are among the `most` least that differ, or equal to one of them."""
    if len(key) <= most:
        return np.arange(len(key))
    distinct = np.unique(key)
    return np.flatnonzero(key <= distinct[min(most, len(distinct)) - 1])
