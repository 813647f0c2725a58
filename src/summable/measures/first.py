"""A measure of the first rows of every part, where a rough answer will do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from summable.core.design import Design
from summable.core.measure import Measure, PartMeasure
from summable.core.rows import Shard
from summable.core.statistic import Statistic, pairwise

S = TypeVar("S", bound=Statistic)


@dataclass(frozen=True)
class First(PartMeasure[S]):
    """What a measure says of about so many rows of each part, its first: a sample that depends on the cut, and so may only serve as a start.

    Cost: a pass over those rows alone; the numbers of the measure, down and up.
    Fails: as the measure.
    Source: Byrd, Chin, Neveitt & Nocedal 2011, §2 (sums of a sample beside those of all).
    """

    measure: Measure[S]
    limit: int

    def __call__(self, part: Shard) -> S:
        return pairwise(map(self.measure, part.rows(self.design, self.limit)))

    @property
    def design(self) -> Design:  # type: ignore[override]  # the measure's own
        """That of the measure."""
        return self.measure.design

    @property
    def first(self) -> int:  # type: ignore[override]  # of each question its own
        """Rows of a part that are looked at."""
        return self.limit
