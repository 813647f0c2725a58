"""The names of all columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from summable.core.design import Design
from summable.core.measure import PartMeasure
from summable.core.rows import Shard
from summable.core.statistic import Labels, Statistic


@dataclass(frozen=True, eq=False)
class Headings(Statistic):
    """Where each column stands, and its name."""

    found: Labels  # one set, of texts such as "3 height"

    def names(self) -> list[str]:
        """The names, each once, by the first place at which any part has them."""
        placed = (str(label).split(" ", 1) for label in self.found.sets[0])
        return list(dict.fromkeys(name for _, name in sorted((int(place), name) for place, name in placed)))


@dataclass(frozen=True)
class Header(PartMeasure[Headings]):
    """Every column that a part has, which a formula's `.` stands for.

    Cost: no pass (schemas); a label up for each column.
    Fails: as reading a schema does.
    Source: Wilkinson & Rogers 1973 (the notation), with R's `.`.
    """

    learns_design: ClassVar[bool] = True
    first: ClassVar[int | None] = 0
    design: Design = Design()

    def __call__(self, part: Shard) -> Headings:
        return Headings(Labels((frozenset(f"{place} {name}" for place, name in enumerate(part.kinds())),)))
