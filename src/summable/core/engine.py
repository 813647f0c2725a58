"""Rows held somewhere, and the one thing we may ask of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from summable.core.measure import FeatureMeasure, Question
from summable.core.rows import Shard
from summable.core.statistic import Array, Statistic

S = TypeVar("S", bound=Statistic)
Watch = Callable[[str, int, int], None]  # (name of the measure, parts done, parts in all)


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


@runtime_checkable
class Keeping(Engine, Protocol):
    """An engine that may keep rows from one question to the next."""

    def release(self) -> None:
        """Keep none any longer: the program is over."""


@runtime_checkable
class Branching(Engine, Protocol):
    """An engine whose parts' answers are added up on their way, in a tree."""

    @property
    def depth(self) -> int:
        """Levels of the tree: one where every answer comes to the centre itself."""


@runtime_checkable
class Counting(Engine, Protocol):
    """An engine of ranks that all run the program, so that no question is sent, and that speak to each other while they answer."""

    @property
    def moved(self) -> tuple[int, int]:
        """Bytes that each rank gave to collectives in the last round: for the sum of answers, and inside of answering."""


@runtime_checkable
class Rounding(Engine, Protocol):
    """An engine that may take products of features in float32, so that what is solved from them is to be refined."""

    @property
    def is_single(self) -> bool:
        """Whether it does; first moments and projections are in float64 all the same."""


@runtime_checkable
class Shortening(Engine, Protocol):
    """An engine that may hold features in float32, and take all sums of them in float64."""

    @property
    def short(self) -> bool:
        """Whether it does."""


@runtime_checkable
class Slicing(Engine, Protocol):
    """An engine whose ranks can hold slices of the coefficients, for programs that treat each by itself."""

    @property
    def sliced(self) -> str:
        """By what they do: "features", "outputs", or "" for not at all."""

    def over(self, measure: FeatureMeasure[S]) -> S:
        """The sum over the slices of features."""

    def by(self, kind: Any) -> Slicing:
        """The same rows, with coefficients sliced by "features" or "outputs"; "" for not at all."""

    def share(self, whole: Array) -> Array:
        """This rank's slice of coefficients, (width, targets)."""

    def whole(self, part: Array, size: int, axis: int = 0) -> Array:
        """All slices beside each other, so many along an axis, on every rank."""

    def told(self, text: bytes) -> bytes:
        """What the first rank says."""

    @property
    def is_first(self) -> bool:
        """Whether this is the rank that writes files."""


def is_short(engine: Engine) -> bool:
    """Whether features are rounded to float32 before anything is made of them there."""
    return isinstance(engine, Shortening) and engine.short


def is_single(engine: Engine) -> bool:
    """Whether products of features are taken in float32 there."""
    return isinstance(engine, Rounding) and engine.is_single


@dataclass(frozen=True)
class Request:
    """With what an engine is opened, beside its data."""

    part: Callable[[Any], Shard]  # whatever a partition holds, as one shard; travels to workers
    stream: Callable[[Any, Any, bool], Shard]  # the same for a schema, Arrow batches that come once, and whether they are read again
    workers: int | None = None
    watch: Watch | None = None
    place: Any = None  # what the user gave as `engine`: a name, a session, a client, a communicator
    copied: Callable[[Shard, str, bool], Shard] | None = None  # a shard that is read from a copy at a path, and whether that is to be made
