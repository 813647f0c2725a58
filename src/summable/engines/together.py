"""Several engines as one: the union of their rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from summable.core.engine import Engine, Keeping, is_single
from summable.core.errors import Unsupported
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

    @property
    def depth(self) -> int:
        """Of the deepest tree in which an engine adds up answers."""
        return max(getattr(engine, "depth", 1) for engine in self.engines)

    @property
    def is_single(self) -> bool:
        """Whether one of them takes products in float32."""
        return any(map(is_single, self.engines))

    def sum(self, measure: Question[S]) -> S:
        """The sum of the engines' sums, in their order."""
        return pairwise([engine.sum(measure) for engine in self.engines])

    def release(self) -> None:
        """No engine keeps rows any longer."""
        for engine in self.engines:
            if isinstance(engine, Keeping):
                engine.release()

    def remembering(self, memory: Callable[[], Any]) -> Together:
        """The same, each engine that can with a memory of its own."""
        return Together([remembering(engine, memory) for engine in self.engines])

    def fingerprints(self) -> list[str]:
        """What tells each part's rows from others."""
        return [text for engine in self.engines for text in fingerprints(engine)]


def fingerprints(engine: Engine) -> list[str]:
    """What tells an engine's rows from others, a text for each part."""
    if not hasattr(engine, "fingerprints"):
        raise Unsupported(f"a {type(engine).__name__} cannot tell its data from others, as a journal needs", "Give it fingerprints(), a text for each part.")
    return list(engine.fingerprints())


def remembering(engine: Engine, memory: Callable[[], Any]) -> Engine:
    """The engine with a memory of its own for its shards' answers; itself, if it keeps none."""
    return engine.remembering(memory) if hasattr(engine, "remembering") else engine
