"""The question: frozen data that names a fixed-size quantity and carries what is needed to compute it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, ClassVar, Generic, TypeVar

from summable.core.data import Data
from summable.core.design import Design
from summable.core.rows import Rows, Shard
from summable.core.statistic import Statistic

R = TypeVar("R")
S = TypeVar("S", bound=Statistic)


class Measure(Data, Generic[S]):
    """A question whose answers add: m(A ∪ B) == m(A) + m(B), and the answer of no rows is the identity."""

    learns_design: ClassVar[bool] = False
    again: ClassVar[bool] = False  # whether who asks will ask of the same columns again, so that rows that are dear to compute are worth keeping
    design: Design

    def __call__(self, rows: Rows) -> S:
        """The answer of these rows alone."""
        raise NotImplementedError

    def __iter__(self) -> Generator[Measure[Any] | PartMeasure[Any], Any, S]:
        """`total = yield from measure` asks every part and waits for the sum: one round."""
        total: S = yield self
        return total


class PartMeasure(Data, Generic[S]):
    """A question to a whole part, which may read its rows many times or hardly at all.

    A sum over parts, not over rows: it depends on the cut, so it may only serve as a start.
    """

    learns_design: ClassVar[bool] = False
    again: ClassVar[bool] = False  # as of a `Measure`
    first: ClassVar[int | None] = None  # of a part's rows it looks at so many at most, the first; None: at all of them
    enough: ClassVar[int] = 64  # parts that look at their rows where a rough answer will do: opening four hundred files takes as long as reading them
    design: Design

    def __call__(self, part: Shard) -> S:
        """The answer of this part alone."""
        raise NotImplementedError

    def brief(self) -> PartMeasure[S]:
        """What is asked of a part where there are so many that the rows of some will do; by default the same."""
        return self

    def __iter__(self) -> Generator[Measure[Any] | PartMeasure[Any], Any, S]:
        """`total = yield from measure` asks every part and waits for the sum: one round."""
        total: S = yield self
        return total


class FeatureMeasure(Data, Generic[S]):
    """A question of coefficients, and of no row: a sum over *features*, which is a round only where ranks hold slices of them.

    Where coefficients are whole, at the centre, it is answered there, and nothing crosses.
    """

    learns_design: ClassVar[bool] = False
    design: Design

    def __call__(self) -> S:
        """The answer of the features that are held here."""
        raise NotImplementedError

    def __iter__(self) -> Generator[FeatureMeasure[Any], Any, S]:
        """`total = yield from measure` sums over all slices."""
        total: S = yield self
        return total


Question = Measure[S] | PartMeasure[S]
Asked = Measure[Any] | PartMeasure[Any] | FeatureMeasure[Any]
Rounds = Generator[Asked, Any, R]


def columns(question: Question[Any]) -> tuple[str, ...]:
    """The columns that a question reads, each once; none if it cannot be told, so that all must be at hand.

    A question that reads others than those of its design has a field `columns`.
    """
    return tuple(dict.fromkeys(getattr(question, "columns", question.design.names)))
