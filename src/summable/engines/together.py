"""Several engines as one: the union of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from summable.core.engine import Engine
from summable.core.measure import Question
from summable.core.statistic import Statistic, pairwise

S = TypeVar("S", bound=Statistic)


@dataclass(frozen=True)
class Together:
    """The union of engines: each is asked in turn, and the answers are added."""

    engines: Sequence[Engine]

    @property
    def parts(self) -> int:
        """The parts of all engines."""
        return sum(engine.parts for engine in self.engines)

    def sum(self, measure: Question[S]) -> S:
        """The sum of the engines' sums, in their order."""
        return pairwise([engine.sum(measure) for engine in self.engines])
