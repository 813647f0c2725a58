"""What the columns of a formula hold: the round that settles its design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from summable.core.design import Design
from summable.core.errors import DataError
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Extent, Labels, Statistic


@dataclass(frozen=True, eq=False)
class Portrait(Statistic):
    """Counts, missing values, extents, sums and labels over some rows."""

    rows: Array  # (2,) kept; dropped for a missing value
    missing: Array  # (columns,) missing values of each column, over all rows
    extent: Extent  # (columns,) each, over the kept rows; (inf, -inf) for labels
    total: Array  # (width,) sums of the draft's features, in their units, each less its shift
    labels: Labels  # a set for each column; empty for numbers


@dataclass(frozen=True)
class Profile(Measure[Portrait]):
    """Counts, missing, extents, means and levels of a draft design's columns, over the rows that survive `missing`.

    Columns of kind "number" get an extent, the others their distinct labels, of which no more than `most` are collected.

    Cost: one pass; 2 + 3 columns + width numbers and the labels up.
    Fails: DataError where a column has more than `most` labels.
    Source: Gray et al. 1997, §5 (distributive aggregates).
    """

    learns_design: ClassVar[bool] = True
    design: Design
    most: int = 1000

    def __call__(self, rows: Rows) -> Portrait:
        numeric = np.array([column.kind == "number" for column in self.design.columns], bool)
        low, high, missing = np.array([rows.extent(name) for name in self.design.names]).reshape(-1, 3).T
        labels = tuple(frozenset() if column.kind == "number" else rows.labels(column.name) for column in self.design.columns)
        for name, found in zip(self.design.names, labels, strict=True):
            refuse_many(name, len(found), self.most)
        extent = Extent(np.where(numeric, low, np.inf), np.where(numeric, high, -np.inf))
        return Portrait(rows.count(), missing, extent, rows.moment(1, rows.column("weight")), Labels(labels))


def refuse_many(column: str, found: int, most: int) -> None:
    """Refuse a category with more levels than was agreed."""
    if found > most:
        raise DataError(
            f"column {column!r} has more than {most} distinct values",
            f"If it is free text or an identifier, leave it out; if it is a category, confirm with max_levels={_round_up(found)} or more.",
        )


def _round_up(found: int) -> int:
    return int(10 ** np.ceil(np.log10(found + 1)))
