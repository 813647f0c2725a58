"""Rows held somewhere, and the one thing we may ask of them."""

from __future__ import annotations

from typing import Protocol, TypeVar

from summable.core.measure import Question
from summable.core.statistic import Statistic

S = TypeVar("S", bound=Statistic)


class Engine(Protocol):
    """A place that holds rows in one or more parts."""

    @property
    def parts(self) -> int:
        """How many holders are asked, and answer."""

    def sum(self, measure: Question[S]) -> S:
        """The sum of all parts' answers, each counted exactly once."""
