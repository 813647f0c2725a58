"""Exact quantiles of columns that are split, from counts alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from summable.core.design import Design
from summable.core.measure import Rounds
from summable.measures.tally import Tallied, Tally, key

BINS = 1024  # of an interval, 24 kB: more would save a round of four or five at many times the weight
GREATEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Ask:
    """What is wanted of a role's values between two bounds: quantiles at some probabilities; count and extent in any case."""

    role: str
    low: float = -GREATEST
    high: float = GREATEST
    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True)
class Portion:
    """What was found of it."""

    count: int
    low: float  # the least value; inf if there is none
    high: float
    quantiles: tuple[float, ...]  # linear between neighbours, as NumPy's default


@dataclass(frozen=True)
class _Place:
    """An interval of keys, of one ask, in which the value of some rank stands."""

    ask: int
    low: int
    high: int


def quantiles(design: Design, asks: Sequence[Ask]) -> Rounds[list[Portion]]:
    """The quantiles that `asks` name, exactly: an interval is cut until the value wanted is its least or its greatest.

    Cost: one round for counts and extents; for quantiles some two to five more, of 3072 numbers for each interval.
    Fails: as the rows do.
    Source: Munro & Paterson 1980, §3.
    """
    bins = BINS if any(ask.probabilities for ask in asks) else 1
    places = [_Place(i, key(ask.low), key(ask.high)) for i, ask in enumerate(asks)]
    tally = first = yield from _tally(design, asks, places, bins)
    found: dict[tuple[int, int], float] = {}
    wanted = {(i, rank): (places[i], rank) for i, ask in enumerate(asks) for rank in _ranks(ask, _count(first, i))}
    while wanted:
        narrowed = {name: _narrow(tally, places.index(place), place, rank) for name, (place, rank) in wanted.items()}
        found |= {name: value for name, value in narrowed.items() if isinstance(value, float)}
        wanted = {name: value for name, value in narrowed.items() if not isinstance(value, float)}
        if wanted:
            places = list(dict.fromkeys(place for place, _ in wanted.values()))
            tally = yield from _tally(design, asks, places, bins)
    return [_portion(first, i, ask, found) for i, ask in enumerate(asks)]


def _tally(design: Design, asks: Sequence[Ask], places: Iterable[_Place], bins: int) -> Rounds[Tallied]:
    roles, low, high = zip(*((asks[place.ask].role, place.low, place.high) for place in places), strict=True)
    total = yield from Tally(design, roles, low, high, bins)
    return total


def _narrow(tally: Tallied, row: int, place: _Place, rank: int) -> float | tuple[_Place, int]:
    """The value of a rank in an interval, or the narrower interval in which it stands and its rank there."""
    until = np.cumsum(tally.count[row])
    bin_ = int(np.searchsorted(until, rank, side="right"))
    inside = rank - int(until[bin_] - tally.count[row, bin_])
    low, high = float(tally.extent.low[row, bin_]), float(tally.extent.high[row, bin_])
    if inside == 0 or low == high:
        return low
    return high if inside == tally.count[row, bin_] - 1 else (_Place(place.ask, key(low), key(high)), inside)


def _count(tally: Tallied, row: int) -> int:
    return int(tally.count[row].sum())


def _positions(ask: Ask, count: int) -> Iterator[tuple[int, int, float]]:
    """Between which ranks each quantile lies, and how far from the first to the second."""
    for probability in ask.probabilities:
        position = probability * (count - 1)
        below = int(np.floor(position))
        yield below, min(below + 1, count - 1), position - below


def _ranks(ask: Ask, count: int) -> set[int]:
    return {rank for below, above, _ in _positions(ask, count) for rank in (below, above)} if count else set()


def _portion(tally: Tallied, row: int, ask: Ask, found: Mapping[tuple[int, int], float]) -> Portion:
    count = _count(tally, row)
    values = [_between(found[row, below], found[row, above], share) for below, above, share in _positions(ask, count)] if count else []
    return Portion(count, float(tally.extent.low[row].min()), float(tally.extent.high[row].max()), tuple(values))


def _between(low: float, high: float, share: float) -> float:
    """As NumPy interpolates, to the last bit."""
    return high - (high - low) * (1 - share) if share >= 0.5 else low + (high - low) * share
