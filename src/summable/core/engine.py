"""Rows held somewhere, and the one thing we may ask of them."""

from __future__ import annotations

from typing import Protocol, TypeVar, runtime_checkable

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


@runtime_checkable
class Remembering(Engine, Protocol):
    """An engine that may know answers before it asks for them."""

    @property
    def replayed(self) -> int:
        """How many parts were not asked in the last round, because their answers were known."""
