"""Which rows are looked at, decided by what they hold: the same ones wherever they lie and however they are cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from summable.core.data import Data
from summable.core.design import Design
from summable.core.statistic import Array

Keys = NDArray[np.uint64]  # (rows,) what tells rows from others; rows of the same values have the same
STRIDE = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: distinct for every column


@dataclass(frozen=True)
class Sample(Data):
    """The rows whose keys fall between two shares of all, once they are mixed with a seed.

    Shares that meet end to end are mini-batches: every row is in one of them. Rows that are equal fall together.
    """

    seed: int
    low: float
    high: float
    within: Sample | None = None  # of whose rows alone: by another seed, so that the one choice does not tell the other


@dataclass(frozen=True)
class RowGroups(Data):
    """Whole groups of rows that are looked at, of more that are not read: as good as fewer rows, where those of a group are alike."""

    seed: int
    share: float  # of the groups that was asked for
    groups: int
    of: int
    rows: float  # of all groups


@dataclass(frozen=True)
class Sampled(Design):
    """A design of which only some rows are looked at: the others are as if they were not there.

    The keys are made of the columns that play the role "key"; without one, of all that are read but the weight.
    """

    sample: Sample = Sample(0, 0.0, 1.0)


def sampled(design: Design, sample: Sample) -> Sampled:
    """The design with a sample, whichever it had."""
    return Sampled(**{field.name: getattr(design, field.name) for field in fields(Design)}, sample=sample)


def unsampled(design: Design) -> Design:
    """The design of all rows."""
    return Design(*(getattr(design, field.name) for field in fields(Design)))


def keys(columns: Iterable[Any], rows: int, first: int = 0) -> Keys:
    """Σ mixed(value, position) over columns of numbers, (rows,) each: no column's bits can be told from their place in memory."""
    total = np.zeros(rows, np.uint64)
    for position, values in enumerate(columns, first):
        bits = values if values.dtype == np.uint64 else canonical(values)
        total += mixed(bits + np.uint64((position + 1) * int(STRIDE) % 2**64))
    return total


def canonical(values: Any) -> Keys:
    """The bits of numbers as float64, one zero and one NaN."""
    plain = np.array(values, np.float64) + 0.0  # minus zero is zero
    plain[np.isnan(plain)] = np.nan
    return plain.view(np.uint64)


def uniform(found: Keys, seed: int) -> Array:
    """Keys mixed with a seed, as shares in [0, 1)."""
    return np.asarray((mixed(found ^ mixed(np.array([seed], np.uint64))) >> np.uint64(11)) * 2.0**-53)


def chosen(found: Keys, sample: Sample) -> NDArray[np.bool_]:
    """Which rows a sample looks at, (rows,)."""
    share = uniform(found, sample.seed)
    here = np.asarray((sample.low <= share) & (share < sample.high))
    return here if sample.within is None else here & chosen(found, sample.within)


def mixed(bits: Keys) -> Keys:
    """Every bit in depends on every bit out: the finalizer of SplitMix64 (Steele, Lea & Flood 2014)."""
    z = bits + STRIDE
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))
