"""Files that are whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from summable.core.errors import SourceError


def write(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file beside its place, then move it there: nobody ever sees half of it."""
    with replacing(path) as beside, open(beside, "wb") as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[str]:
    """A file beside a path, to be written; it takes the path's place when all went well, and is gone when not."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        handle, beside = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
        os.close(handle)
    except OSError as error:
        raise SourceError(f"{path} cannot be written ({error.strerror})", "Choose a folder that exists and may be written to.") from error
    try:
        yield beside
        _to_disk(beside)
        os.chmod(beside, 0o666 & ~_umask())  # as any new file; a temporary one is its owner's alone
        os.replace(beside, path)
        _to_disk(folder)
    except SourceError:
        _remove(beside)
        raise
    except OSError as error:
        _remove(beside)
        raise SourceError(f"{path} cannot be written ({error.strerror})", "Nothing was changed; make room, or choose another place.") from error
    except BaseException:
        _remove(beside)
        raise


def _to_disk(path: str) -> None:
    """What was written there is on the disk, not on its way to it. Windows has no such thing for folders."""
    if os.name == "nt" and os.path.isdir(path):
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.unlink(path)


def refuse_unwritable(path: str | os.PathLike[str]) -> None:
    """Refuse a place that cannot be written, before the work whose result is to go there."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.access(folder, os.W_OK):
        raise SourceError(f"{path} cannot be written", "Choose a file in a folder that exists and may be written to.")


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def read(path: str | os.PathLike[str]) -> str:
    """The text of a file."""
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror})", "Check the path.") from error
