"""What each part knows of its columns without reading its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from summable.core.design import Column, Design, Numeric
from summable.core.errors import DataError
from summable.core.measure import PartMeasure
from summable.core.rows import Shard
from summable.core.statistic import Array, Labels, Statistic
from summable.maths import expressions
from summable.maths.quartiles import quartiles

SAMPLE = 1024  # rows looked at in each part: enough to place a shift within a few standard deviations
NUMBERS = ("number", "integer", "boolean", "nothing")


@dataclass(frozen=True, eq=False)
class Glimpse(Statistic):
    """Kinds of columns, and roughly where numeric expressions lie: sums over parts, to be divided by `seen`."""

    kinds: Labels  # a set of kinds for each column
    seen: Array  # (expressions,) parts that could tell
    centre: Array  # (expressions,) medians, in the units of the expression
    spread: Array  # (expressions,) interquartile ranges, likewise


@dataclass(frozen=True)
class Glance(PartMeasure[Glimpse]):
    """Kinds of columns, and medians of expressions over a few rows of each part, to shift the sums that follow.

    A good shift keeps Σ(x − s)² near Σ(x − mean)²; any shift gives the right answer, a poor one costs digits.

    Cost: no pass (schemas, and the first rows of each part); a kind and three numbers up for each expression.
    Fails: DataError when a column is missing.
    Source: Chan, Golub & LeVeque 1983, §3 (shifted data algorithms).
    """

    learns_design: ClassVar[bool] = True
    first: ClassVar[int | None] = SAMPLE
    enough: ClassVar[int] = 8  # for the first rows of a Parquet file, a page of every column is decoded, which may be all of them
    columns: tuple[str, ...]
    expressions: tuple[str, ...]
    design: Design = Design()
    looks: bool = True  # at rows, and not at schemas alone

    def brief(self) -> Glance:
        return replace(self, looks=False)

    def __call__(self, part: Shard) -> Glimpse:
        kinds = part.kinds()
        refuse_absent(self.columns, kinds)
        numeric = [text for text in self.expressions if all(kinds[name] in NUMBERS for name in expressions.columns(text))]
        seen, centre, spread = np.zeros((3, len(self.expressions)))
        for expression, values in _samples(part, numeric) if self.looks else ():
            if values.size:
                i = self.expressions.index(expression)
                low, centre[i], high = quartiles(values)
                seen[i], spread[i] = 1.0, high - low
        return Glimpse(Labels(tuple(frozenset({kinds[name]}) for name in self.columns)), seen, centre, spread)


def _samples(part: Shard, numeric: list[str]) -> Iterator[tuple[str, Array]]:
    """Each expression with its finite values in the first rows of a part."""
    columns = dict.fromkeys(name for text in numeric for name in expressions.columns(text))
    design = Design(tuple(map(Column, columns)), (), tuple((text, Numeric(text)) for text in numeric), missing="keep")
    rows = next(iter(part.rows(design, limit=SAMPLE)))  # if these miss the mark, the Gram will tell (solvers/settle.py)
    for text in numeric:
        values = rows.column(text)
        yield text, values[np.isfinite(values)]


def refuse_absent(names: Iterable[str], kinds: Mapping[str, str]) -> None:
    """Refuse data that lack a column."""
    for name in names:
        if name not in kinds:
            raise DataError(f"there is no column {name!r}", f"The columns are {_listed(list(kinds))}.")


def _listed(names: list[str], most: int = 20) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
