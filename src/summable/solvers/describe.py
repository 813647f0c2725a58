"""What a table holds, in two rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from summable.core.design import CATEGORY, Column, Design, Numeric
from summable.core.errors import DataError
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.formula import label_kind
from summable.maths import expressions
from summable.measures.glance import NUMBERS, Glance
from summable.measures.header import Header
from summable.measures.histogram import Binned, Histogram
from summable.measures.sketch import Levels
from summable.measures.summary import Held, Summary
from summable.solvers.centred import FAR, centres
from summable.solvers.settle import spreads

DISTINCT = 4096  # values of a column that are kept with their counts; of more, their number is known to 1.6 %
BINS = 2048  # between the least and the greatest of more
PAIRED = 200  # columns at most whose correlations are taken


@dataclass(frozen=True, eq=False)
class Told:
    """What is known of a column; moments and quantiles of numbers alone."""

    name: str
    kind: str
    count: int  # values that are neither missing nor infinite
    missing: int
    infinite: int
    levels: Levels | None  # of one that is neither numbers nor labels, none are known
    moments: Array  # (4,) mean, standard deviation, skewness, excess kurtosis
    low: float
    high: float
    quantiles: Array  # (probabilities,)
    error: float  # at most, of any of them


@dataclass(frozen=True, eq=False)
class Account:
    """What is known of a table."""

    rows: int
    columns: tuple[Told, ...]
    numbers: tuple[str, ...]  # the columns that are correlated
    correlations: Array  # (numbers, numbers) over rows in which both are there


def describe(names: Sequence[str] | None, probabilities: Sequence[float]) -> Rounds[Account]:
    """Learn the columns' kinds, sum what adds, and count those numbers in bins of which too many differ.

    Cost: one or two rounds that read no more than a few rows, one pass, and another if a column has more than 4096 distinct numbers.
    Fails: DataError where a column is missing.
    Source: Gray et al. 1997, §5.
    """
    header = (yield from Header()).names()
    wanted = tuple(header if names is None else names)
    glimpse = yield from Glance(wanted, tuple(map(expressions.quoted, wanted)))
    kinds = {name: one_kind(found) for name, found in zip(wanted, glimpse.kinds.sets, strict=True)}
    numbers = [name for name in wanted if kinds[name] in NUMBERS and kinds[name] != "nothing"]
    words = [name for name in wanted if kinds[name] not in (*NUMBERS, "date", "other")]
    place = centres(glimpse.seen, glimpse.centre, glimpse.spread)
    middles = tuple(float(place[wanted.index(name)]) for name in numbers)
    design = drafted(wanted, kinds, numbers)
    held = yield from Summary(design, middles, tuple(words), DISTINCT, len(numbers) <= PAIRED)
    asked = [i for i in range(len(numbers)) if not held.levels.of[i].whole or strayed(held.powers[i])]
    binned = (yield from binning(design, held, asked, middles, [spreads(glimpse)[wanted.index(numbers[i])] for i in asked])) if asked else None
    finer = {i: position for position, i in enumerate(asked)}
    told = []
    for name in wanted:
        missing = int(held.missing[design.names.index(name)])
        if name in numbers:
            i = numbers.index(name)
            told.append(number(name, kinds[name], missing, held, i, middles[i], binned, finer.get(i), probabilities))
        else:
            levels = held.levels.of[len(numbers) + words.index(name)] if name in words else None
            told.append(wordy(name, kinds[name], int(held.rows) - missing, missing, levels, len(probabilities)))
    return Account(int(held.rows), tuple(told), tuple(numbers) if len(numbers) <= PAIRED else (), correlations(held.pairs))


def wordy(name: str, kind: str, count: int, missing: int, levels: Levels | None, probabilities: int) -> Told:
    """What is known of a column that does not hold numbers."""
    return Told(name, kind, count, missing, 0, levels, np.full(4, np.nan), np.nan, np.nan, np.full(probabilities, np.nan), 0.0)


def one_kind(found: frozenset[object]) -> str:
    """The one kind that a column's parts have: numbers, labels, dates, or "other" for what is not one kind."""
    kinds = {str(kind) for kind in found} - {"nothing"}
    if kinds <= set(NUMBERS):
        return next(iter(kinds)) if len(kinds) == 1 else "number" if kinds else "nothing"
    return next(iter(kinds)) if len(kinds) == 1 else "other"


def drafted(wanted: Sequence[str], kinds: dict[str, str], numbers: Sequence[str]) -> Design:
    """A design of all columns in which each number plays a role of its own."""
    columns = tuple(Column(name, "number" if kinds[name] in NUMBERS else _read_as(name, kinds[name])) for name in wanted)
    roles = tuple((str(i), Numeric(expressions.quoted(name))) for i, name in enumerate(numbers))
    return Design(columns, (), roles, "keep")


def _read_as(name: str, kind: str) -> str:
    return "text" if kind in ("date", "other") else label_kind(name, frozenset({kind.removesuffix(CATEGORY)}))


def strayed(powers: Array) -> bool:
    """Whether a column lies so far from its shift that its powers lost digits."""
    count, first, second = powers[:3]
    return bool(count and first * first / count > FAR * max(second - first * first / count, 0.0) and second > 0)


def binning(design: Design, held: Held, asked: Sequence[int], middles: Sequence[float], ranges: Sequence[float]) -> Rounds[Binned]:
    """The counts of those numbers that are asked, in bins between their least and greatest."""
    middle, spread = np.array(middles)[asked], np.array(ranges) / 2
    low, high = held.extent.low[asked], held.extent.high[asked]
    spread = np.where(spread > 0, spread, np.where(high > low, (high - low) / BINS, 1.0))
    mean = middle + held.powers[asked, 1] / np.maximum(held.powers[asked, 0], 1.0)
    found = [tuple(one.tolist()) for one in (middle, spread, low, np.where(high > low, high, low + 1.0), mean)]
    total = yield from Histogram(design, tuple(map(str, asked)), found[0], found[1], found[2], found[3], found[4], BINS)
    return total


def number(
    name: str, kind: str, missing: int, held: Held, i: int, middle: float, binned: Binned | None, at: int | None, probabilities: Sequence[float]
) -> Told:
    """What is known of a column of numbers, by its levels if they are all known, else by its bins."""
    levels, centre, powers = held.levels.of[i], middle, held.powers[i]
    if binned is not None and at is not None:
        powers = binned.powers[at]
        centre = middle + held.powers[i, 1] / max(held.powers[i, 0], 1.0)
    if levels.whole:
        order = np.argsort(levels.numbers)
        low = high = levels.numbers[order]
        counts = levels.counts[order]
    else:
        assert binned is not None and at is not None
        used = binned.count[at] > 0
        low, high, counts = binned.extent.low[at][used], binned.extent.high[at][used], binned.count[at][used]
    quantiles, error = placed(low, high, counts, probabilities)
    ends = float(held.extent.low[i]), float(held.extent.high[i])
    ends = ends if powers[0] else (np.nan, np.nan)
    return Told(name, kind, int(powers[0]), missing, int(held.infinite[i]), levels, moments(powers, centre), *ends, quantiles, error)


def moments(powers: Array, centre: float) -> Array:
    """Mean, standard deviation, skewness and excess kurtosis, as unbiased as they can be, of Σ 1, d, d², d³, d⁴ about a centre, (4,)."""
    n, nan = powers[0], np.nan
    if n == 0:
        return np.full(4, nan)
    shift = powers[1] / n
    second = powers[2] / n - shift**2
    third = powers[3] / n - 3 * shift * powers[2] / n + 2 * shift**3
    fourth = powers[4] / n - 4 * shift * powers[3] / n + 6 * shift**2 * powers[2] / n - 3 * shift**4
    second = second if second > 1e-15 * max(powers[2] / n, 0.0) else 0.0
    sd = np.sqrt(second * n / (n - 1)) if n > 1 else nan
    skew = np.sqrt(n * (n - 1)) / (n - 2) * third / second**1.5 if n > 2 and second > 0 else nan
    kurt = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (fourth / second**2 - 3) + 6) if n > 3 and second > 0 else nan
    return np.array([centre + shift, sd, skew, kurt])


def placed(low: Array, high: Array, counts: Array, probabilities: Sequence[float]) -> tuple[Array, float]:
    """Quantiles, linear between neighbours as NumPy's default, of numbers in intervals that follow one another; and how far off they may be."""
    total = int(counts.sum())
    if not total:
        return np.full(len(probabilities), np.nan), 0.0
    until, found, error = np.cumsum(counts), [], 0.0
    for probability in probabilities:
        position = probability * (total - 1)
        pair = []
        for rank in (int(np.floor(position)), min(int(np.floor(position)) + 1, total - 1)):
            bin_ = int(np.searchsorted(until, rank, side="right"))
            inside = (rank - (until[bin_] - counts[bin_])) / max(counts[bin_] - 1, 1)
            pair.append(low[bin_] + inside * (high[bin_] - low[bin_]))
            error = max(error, float(high[bin_] - low[bin_]) if 0 < inside < 1 else 0.0)
        found.append(pair[0] + (position - np.floor(position)) * (pair[1] - pair[0]))
    return np.array(found), error


def correlations(pairs: Array) -> Array:
    """Pearson's, over the rows in which both columns are finite, (numbers, numbers)."""
    count, first, second, product = pairs
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = product - first * first.T / count
        variance = second - first**2 / count
        variance[variance <= 1e-15 * second] = np.nan
        return np.asarray(np.clip(covariance / np.sqrt(variance * variance.T), -1.0, 1.0))


def refuse_probabilities(probabilities: Sequence[float]) -> None:
    """Refuse what is no probability."""
    if not all(0 <= probability <= 1 for probability in probabilities):
        raise DataError(f"quantiles {list(probabilities)} are not all between 0 and 1", "Write 0.5 for the median.")
