"""K-means: k-means|| for a start, Lloyd's steps to a fixed point, the best of several runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from summable.core.data import Data
from summable.core.design import Design
from summable.core.errors import DataError
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.grouped import smallest
from summable.measures.draw import Draw
from summable.measures.nearest import Clustered, Nearest
from summable.measures.spread import Spread
from summable.solvers.centred import FAR, shifts
from summable.solvers.classes import by_class

ROUNDS, OVERSAMPLING = 5, 2  # of k-means||: rows drawn in each of the rounds, over the number of clusters
TRIES = 8  # runs of k-means++ over the rows that were drawn, at the centre


@dataclass(frozen=True, eq=False)
class Search(Data):
    """What is to be found, and how long to look for it."""

    number: int  # of clusters
    start: Array  # (number, p) where they begin; (0, p) to draw them
    spread_out: bool = True  # whether rows are drawn far from one another, or all with the same chance
    runs: int = 1
    iterations: int = 300
    tol: float = 1e-4  # of the features' mean variance: a squared move of all centres together that counts as none
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Clusters(Data):
    """Where the clusters are."""

    centres: Array  # (number, p)
    weights: Array  # (number,) of the rows nearest each
    cost: float  # Σ w d², the inertia
    iterations: int
    rows: int


@dataclass(frozen=True, eq=False)
class _Field:
    """The rows as they lie, and less what keeps the digits of their squares."""

    raw: Design
    design: Design
    place: Array  # (p,) what is taken off
    tol: float  # in squared units of the features


def kmeans(design: Design, search: Search) -> Rounds[Clusters]:
    """The best of several runs from starts that are drawn, or one from where it is told to begin.

    Cost: a round for variances; for each run seven to draw a start, one for each step, one for the cost, one more where a cluster is empty.
    Fails: DataError where there are fewer rows than clusters; Unsupported where rows may be summed but not read, unless the start is given.
    Source: Lloyd 1982; Bahmani et al. 2012.
    """
    sums = yield from by_class(replace(design, roles=()), Spread)
    rows = int(sums.total.rows[0])
    if rows < search.number:
        raise DataError(f"n_samples={rows} should be >= n_clusters={search.number}", "Ask for fewer clusters.")
    spread = sums.total.centred(sums.about)
    far = (np.square(spread.mean) * rows > FAR * spread.square).any()
    near = replace(sums.design, roles=design.roles) if far else design  # rows are read as they lie where no digit is lost by it
    field = _Field(design, near, shifts(near)[1 : design.width], search.tol * float(spread.square.mean()) / rows)
    best: Clusters | None = None
    for run in range(search.runs):
        start = search.start if len(search.start) else (yield from drawn(field, search, search.seed + run))
        found = yield from lloyd(field, start - field.place, search.iterations)
        if best is None or found.cost < best.cost:
            best = replace(found, centres=found.centres + field.place, rows=rows)
    assert best is not None
    return best


def drawn(field: _Field, search: Search, seed: int) -> Rounds[Array]:
    """A start, (number, p): rows drawn far from one another in a few rounds, and clustered at the centre.

    Cost: seven rounds, of 2 number (p + 2) numbers up; or one.
    Fails: Unsupported where rows may be summed but not read.
    Source: Bahmani et al. 2012, algorithm 2.
    """
    p = len(field.place)
    if not search.spread_out:
        first = yield from Draw(field.raw, np.zeros((0, p)), field.place, seed, search.number)
        return _filled(first.least.row, search.number)
    first = yield from Draw(field.raw, np.zeros((0, p)), field.place, seed, 1)
    candidates = first.least.row
    for step in range(1, ROUNDS + 1):
        more = yield from Draw(field.raw, candidates - field.place, field.place, seed + 7919 * step, OVERSAMPLING * search.number)
        candidates = np.concatenate([candidates, more.least.row])
    counted = yield from Nearest(field.design, _widened(candidates - field.place))
    return _filled(reclustered(candidates, counted.weights, search.number, seed), search.number)


def lloyd(field: _Field, start: Array, iterations: int) -> Rounds[Clusters]:
    """Move each centre to the mean of the rows nearest it, until they stay; the centres are about the field's place.

    Cost: one round for each step and one for the cost; one more for a step that leaves a cluster empty.
    Fails: as the rows do.
    Source: Lloyd 1982.
    """
    centres, steps, shift = start, 0, np.inf
    while steps < iterations and shift > field.tol:
        steps += 1
        found = yield from Nearest(field.design, _widened(centres))
        weights, firsts = found.weights, found.firsts[:, 1:]
        if (empty := np.flatnonzero(weights == 0)).size:
            far = yield from Draw(field.raw, centres, field.place, 0, len(empty), largest=True)
            weights, firsts = relocated(weights, firsts, centres, empty, far.least.row - field.place, far.least.weight)
        moved = np.where(weights[:, None] > 0, firsts / np.where(weights > 0, weights, 1.0)[:, None], centres)
        shift, centres = float(np.square(moved - centres).sum()), moved
    last: Clustered = yield from Nearest(field.design, _widened(centres), costs=True)
    return Clusters(centres, last.weights, float(last.costs.sum()), steps, 0)


def relocated(weights: Array, firsts: Array, centres: Array, empty: NDArray[np.int64], far: Array, heavy: Array) -> tuple[Array, Array]:
    """Give empty clusters the rows farthest from their centres, one each, as far as there are any."""
    weights, firsts = weights.copy(), firsts.copy()
    for cluster, row, weight in zip(empty, far, heavy, strict=False):
        owner = int(np.argmin(np.square(row - centres).sum(axis=1)))
        firsts[owner] -= weight * row
        weights[owner] -= weight
        firsts[cluster], weights[cluster] = weight * row, weight
    return weights, firsts


def reclustered(candidates: Array, weights: Array, number: int, seed: int) -> Array:
    """The best of a few weighted k-means over the rows that were drawn, (number, p)."""
    chance, about = np.random.RandomState(seed % 2**32), candidates.mean(axis=0)
    x, best, least = candidates - about, candidates, np.inf
    for _ in range(TRIES):
        centres = _spread_out(x, weights, number, chance)
        for _ in range(20):
            own = smallest(np.square(x[:, None] - centres).sum(axis=2))
            total = np.bincount(own, weights, len(centres))
            sums = np.array([np.bincount(own, weights * column, len(centres)) for column in x.T]).T
            centres = np.where(total[:, None] > 0, sums / np.where(total > 0, total, 1.0)[:, None], centres)
        cost = float(weights @ np.square(x[:, None] - centres).sum(axis=2).min(axis=1))
        if cost < least:
            best, least = centres + about, cost
    return best


def _spread_out(x: Array, weights: Array, number: int, chance: np.random.RandomState) -> Array:
    """Some of the rows, each drawn with a chance that grows with its squared distance from those before (Arthur & Vassilvitskii 2007)."""
    chosen = [int(chance.choice(len(x), p=weights / weights.sum()))]
    apart = np.square(x - x[chosen[0]]).sum(axis=1)
    trials = 2 + int(np.log(number))
    while len(chosen) < number and (total := float(weights @ apart)) > 0:
        tried = chance.choice(len(x), trials, p=weights * apart / total)
        left = np.minimum(apart, np.square(x[tried][:, None] - x).sum(axis=2))
        best = int(np.argmin(left @ weights))
        chosen.append(int(tried[best]))
        apart = left[best]
    return x[chosen]


def _filled(rows: Array, number: int) -> Array:
    """As many rows as wanted: the first again and again where there are too few, whose clusters are empty."""
    return rows[np.minimum(np.arange(number), len(rows) - 1)]


def _widened(centres: Array) -> Array:
    return np.column_stack([np.zeros(len(centres)), centres])
