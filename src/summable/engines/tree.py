"""How the answers of many parts are added up on their way, so that the centre receives a few."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from typing import TypeVar

from summable.core.statistic import Statistic, pairwise

FAN = 16  # answers that are added at a time: a power of two, so that the sum has the bits of `pairwise` over all
S = TypeVar("S", bound=Statistic)
T = TypeVar("T")


def merged(*answers: S) -> S:
    """Answers of neighbours, in their order, as one."""
    return pairwise(answers)


def grown(leaves: Sequence[T], merge: Callable[..., T], fan: int = FAN) -> list[T]:
    """The few nodes that the centre receives, each the merge of neighbours below it."""
    nodes = list(leaves)
    while len(nodes) > fan:
        nodes = [merge(*nodes[first : first + fan]) for first in range(0, len(nodes), fan)]
    return nodes


def depth(parts: int, fan: int = FAN) -> int:
    """Levels of the tree: one where every answer comes to the centre itself."""
    return next(level for level in range(1, 64) if parts <= fan**level)


def placed(names: Sequence[str]) -> Iterator[str]:
    """How an error calls each part: by its number, and by its name if it has one."""
    return (f"in partition {index}" + (f" ({name})" if name else "") for index, name in enumerate(chain(names, repeat("", 0))))
