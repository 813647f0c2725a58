"""What the sums of classes have in common, and what they come to at the centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from summable.core.design import Design
from summable.core.rows import Rows
from summable.core.statistic import Array, Statistic


class ClassSums(Statistic):
    """Sums over the rows of each class, of features about a point of its own."""

    def places(self) -> tuple[Array, Array, Array]:
        """Σ w, (classes,), Σ w (x − about) and Σ w (x − about)², (classes, width) each: which tell how far off the points were."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Centred(Statistic):
    """Weights, means and centred squares of some features in each class. Adds as samples are joined, about the mean of both.

    Source: Chan, Golub & LeVeque 1983, §2.
    """

    weight: Array  # (classes,)
    mean: Array  # (classes, p)
    square: Array  # (classes, p) sums about the mean, or (classes, p, p) with their products

    def __add__(self, other: Self) -> Self:
        weight = self.weight + other.weight
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.nan_to_num(other.weight / weight)
        apart = other.mean - self.mean
        both = apart * apart if self.square.ndim == 2 else apart[:, :, None] * apart[:, None, :]
        between = (self.weight * share).reshape(-1, *(1,) * (self.square.ndim - 1)) * both
        return type(self)(weight, self.mean + share[:, None] * apart, self.square + other.square + between)

    def together(self) -> Centred:
        """The same of all classes as one."""
        total = self.of(0)
        for number in range(1, len(self.weight)):
            total = total + self.of(number)
        return total

    def of(self, number: int) -> Centred:
        """The same of one class."""
        return Centred(*(np.asarray(value[number : number + 1]) for value in self.values()))


def count(design: Design) -> int:
    """How many classes a design tells apart; one, if none play a role in it."""
    labels = design.label("class")
    return 1 if labels is None else len(labels.levels)


def members(rows: Rows) -> Array:
    """The class of each row, (rows,); of a design without classes, all are in the first."""
    codes = rows.column("class")
    return np.asarray(codes if np.ndim(codes) else np.zeros(int(rows.count()[0]), np.int64))
