"""Iterators and generators of frames: rows that can be read once, and are then gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from summable.core.design import Design
from summable.core.errors import DataError
from summable.core.rows import Rows, Shard

SEVERAL = "Give a list of frames, or write them to Parquet files: then they can be read as often as it takes."
Open = Callable[[Any], Iterable[Shard]]


@dataclass(eq=False)
class Tap:
    """An iterator, the first frame of it, and whether the others have been let out. The one thing in the house that changes: an iterator does."""

    frames: Iterator[Any]
    count: int = 0
    first: list[Any] = field(default_factory=list)
    open: bool = True

    def peek(self) -> Any:
        """The first frame, which stays where it is."""
        if not self.first:
            self.first = [frame for frame in [self._next()] if frame is not None]
        if not self.first:
            raise DataError("the iterator gave no frame", "It may have been used before: make a new one.")
        return self.first[0]

    def all(self) -> Iterator[Any]:
        """Every frame, once."""
        if not self.open:
            raise DataError("the iterator has been read, and another pass over its rows is needed", SEVERAL)
        frame, self.open = self.peek(), False
        while frame is not None:
            yield frame
            frame = self._next()

    def _next(self) -> Any:
        try:
            frame = next(self.frames, None)
        except Exception as error:  # it cannot be asked again, so it must not count as a failure that passes
            raise DataError(f"the iterator failed after {self.count} frames ({type(error).__name__}: {error})", "Mend it, and start again.") from error
        self.count += 1
        return frame


@dataclass(frozen=True, eq=False)
class Frames:
    """All the frames of an iterator, as one shard. Glances look at the first frame, and leave it there."""

    tap: Tap
    open: Open  # a frame to shards

    @property
    def name(self) -> str:
        return "frames of an iterator"

    def kinds(self) -> Mapping[str, str]:
        shards = list(self.open(self.tap.peek()))
        return shards[0].kinds()

    def rows(self, design: Design, limit: int | None = None) -> Iterator[Rows]:
        for frame in self.tap.all() if limit is None else [self.tap.peek()]:
            for shard in self.open(frame):
                self._refuse_absent(design, shard)
                yield from shard.rows(design, limit)

    def _refuse_absent(self, design: Design, shard: Shard) -> None:
        kinds = shard.kinds()
        if absent := [name for name in design.names if name not in kinds]:
            raise DataError(f"frame {self.tap.count} of the iterator has no column {absent[0]!r}", "Give every frame the same columns.")


def shards(data: Iterator[Any], open_: Open) -> list[Frames]:
    """The iterator, as one shard."""
    return [Frames(Tap(data), open_)]
