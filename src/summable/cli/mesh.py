"""A command in several processes at once, of which one speaks."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from summable.core.errors import Unsupported

SHAPE = re.compile(r"((cpu|cuda):)?[1-9]\d*x[1-9]\d*(/float(32|64))?")


def meshed(shape: str | None) -> AbstractContextManager[tuple[Any, bool]]:
    """The engine of a mesh like "2x2" or "cuda:2x2/float32", and whether this process is the one that speaks; None and True without one."""
    if shape is None:
        return nullcontext((None, True))
    if not SHAPE.fullmatch(shape):
        raise Unsupported(f"--mesh {shape!r} is no mesh", "Write how many share the rows, and how many the features, like 2x2, or 2x2/float32.")
    from summable.open import torch_ranks

    return torch_ranks(shape)
