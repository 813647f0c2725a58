"""Where compiled code is kept, and what the kernels share: the numbers at an address, the bits of a number."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any


def _cache() -> str | None:
    """Where compiled code is kept if numba's own choices, beside the package or in the home, cannot be written; None if they can.

    The folder is the user's alone: what lies in it is run.
    """
    home = os.path.expanduser("~")
    if "NUMBA_CACHE_DIR" in os.environ or any(os.access(folder, os.W_OK) for folder in (Path(__file__).parent, home)):
        return None
    folder = Path(tempfile.gettempdir()) / f"summable-kernels-{os.getuid() if hasattr(os, 'getuid') else os.environ.get('USERNAME', 'user')}"
    folder.mkdir(mode=0o700, exist_ok=True)
    ours = not hasattr(os, "getuid") or (folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & 0o077)
    return str(folder) if ours else tempfile.mkdtemp()


if (_folder := _cache()) is not None:
    os.environ["NUMBA_CACHE_DIR"] = _folder

import numba  # noqa: E402  (reads its environment when imported)
from numba import types  # noqa: E402
from numba.extending import intrinsic  # noqa: E402

EDITION = sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()[:12]
"""Of all the kernels: one is compiled with those that it calls, and of these numba would not see that they have changed since."""


def _compiled(function: Callable[..., Any], fastmath: set[str], **options: Any) -> Any:
    function.__qualname__ += f".{EDITION}"  # a part of its name among the files that are kept
    return numba.njit(nogil=True, fastmath=fastmath, error_model="numpy", cache=True, **options)(function)


def compiled(function: Callable[..., Any]) -> Any:
    """A kernel whose sums may be reordered into vectors; NaN and infinity keep their meaning."""
    return _compiled(function, {"reassoc", "contract"})


def within(function: Callable[..., Any]) -> Any:
    """A kernel that becomes a part of the loops that call it, so that these are made of vectors, and what they do not ask is left out."""
    return _compiled(function, {"reassoc", "contract"}, forceinline=True)


def literal(function: Callable[..., Any]) -> Any:
    """A kernel of which nothing is reordered: for arithmetic that rounds on purpose."""
    return _compiled(function, {"contract"})


@intrinsic
def numbers(typingctx: Any, address: Any, start: Any, like: Any) -> Any:
    """The numbers at an address, from the `start`-th on: of the type that `like` has."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        base = builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))
        return builder.gep(base, [arguments[1]])

    return types.CPointer(like)(types.int64, types.int64, like), codegen


@intrinsic
def bits(typingctx: Any, number: Any) -> Any:
    """The bits of a float64 as an int64."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.int64))

    return types.int64(types.float64), codegen


@intrinsic
def number(typingctx: Any, pattern: Any) -> Any:
    """The float64 of the bits of an int64."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float64))

    return types.float64(types.int64), codegen
