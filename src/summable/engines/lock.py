"""A lock that the operating system takes back when its holder dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from summable.core.errors import SourceError

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def held(path: str) -> Iterator[None]:
    """Hold `path` alone, by a lock on a file beside it; whoever comes second is refused at once.

    The lock is the system's, not the file's: a file left behind by a process that was killed holds nothing.
    """
    beside = f"{path}.lock"
    handle = _taken(path, beside)
    try:
        yield
    finally:
        if sys.platform == "win32":  # which removes no open file
            os.close(handle)
        with suppress(OSError):
            os.unlink(beside)
        if sys.platform != "win32":
            os.close(handle)


def _taken(path: str, beside: str) -> int:
    while True:
        try:
            handle = os.open(beside, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise SourceError(f"{path} cannot be written ({error.strerror})", "Choose a file in a folder that exists and may be written to.") from error
        try:
            _take(handle)
        except OSError as error:
            os.close(handle)
            raise SourceError(f"{path} is in use by another fit", "Wait for it to end, or give this fit a journal of its own.") from error
        if _is_still(handle, beside):
            return handle
        os.close(handle)  # its last holder removed it between our opening and our locking it


def _is_still(handle: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False
