"""Frozen data with a name: all that may cross a wire."""

from __future__ import annotations

from typing import Any, ClassVar


class Data:
    """Base of the frozen dataclasses that cross wires and are saved: each is known by its class name.

    Fields hold other `Data`, numbers, strings, arrays, tuples and frozen sets; never code.
    """

    vocabulary: ClassVar[dict[str, type[Data]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)  # Generic listens too
        known = Data.vocabulary.setdefault(cls.__name__, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"{known.__module__} already calls a class {cls.__name__!r}: two words of one name would be confused on the wire")
        Data.vocabulary[cls.__name__] = cls
