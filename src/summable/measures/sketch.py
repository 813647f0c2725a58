"""The distinct values of a column with their counts: all of them, or those of the least hashes where there are too many."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from summable.core.data import Data
from summable.core.statistic import Array
from summable.measures.draw import mixed

SPAN = 2.0**64


@dataclass(frozen=True, eq=False)
class Levels(Data):
    """Distinct values and how often each is there. Adds by union; of more than `most`, those of the least hashes stay, whose counts are whole.

    Source: Bar-Yossef et al. 2002, §2.1 (k minimum values).
    """

    most: int
    hashes: NDArray[np.uint64]  # (values ≤ most,) ascending
    counts: Array  # (values,)
    numbers: Array  # (values,) of a column of numbers
    labels: tuple[str, ...] = ()  # of one of labels

    def __add__(self, other: Levels) -> Levels:
        hashes = np.append(self.hashes, other.hashes)
        unique, first, place = np.unique(hashes, return_index=True, return_inverse=True)
        counts = np.asarray(np.bincount(place, np.append(self.counts, other.counts), len(unique))[: self.most], np.float64)
        kept = first[: self.most]
        labels = (*self.labels, *other.labels)
        numbers = np.append(self.numbers, other.numbers)
        return Levels(self.most, unique[: self.most], counts, numbers[kept] if len(numbers) else numbers, tuple(labels[i] for i in kept) if labels else ())

    @property
    def size(self) -> int:
        return 2 * self.hashes.size + self.numbers.size + len(self.labels)

    @property
    def nbytes(self) -> int:
        return self.hashes.nbytes + self.counts.nbytes + self.numbers.nbytes + sum(len(label.encode()) for label in self.labels)

    @property
    def whole(self) -> bool:
        """Whether every distinct value is here."""
        return len(self.hashes) < self.most

    @property
    def distinct(self) -> float:
        """How many distinct values there are: exactly, or within `error` of it as one standard deviation."""
        return float(len(self.hashes)) if self.whole else (self.most - 1) * SPAN / float(self.hashes[-1])

    @property
    def error(self) -> float:
        """The relative standard deviation of `distinct`; zero where all values are here."""
        return 0.0 if self.whole else float(1 / np.sqrt(self.most - 2))


def of_numbers(values: Array, most: int) -> Levels:
    """The levels of numbers, none of them missing."""
    hashes = mixed((values + 0.0).view(np.uint64))  # minus zero is zero
    ordered = np.sort(hashes)
    new = np.ones(len(ordered), bool)
    new[1:] = ordered[1:] != ordered[:-1]
    least = ordered[new][:most]
    chosen = np.flatnonzero(hashes <= least[-1]) if len(least) else np.zeros(0, np.int64)
    unique, first, counts = np.unique(hashes[chosen], return_index=True, return_counts=True)
    return Levels(most, unique, counts.astype(np.float64), values[chosen][first] + 0.0)


def of_labels(counts: Mapping[str, float], most: int) -> Levels:
    """The levels of labels with their counts."""
    hashes = np.array([int.from_bytes(hashlib.blake2b(label.encode(), digest_size=8).digest(), "little") for label in counts], np.uint64)
    order = np.argsort(hashes)[:most]
    labels = list(counts)
    return Levels(most, hashes[order], np.array(list(counts.values()), np.float64)[order], np.zeros(0), tuple(labels[i] for i in order))
