"""Files that are whole or not there."""

from __future__ import annotations

import os
import tempfile

from summable.core.errors import SourceError


def write(path: str | os.PathLike[str], text: str) -> None:
    """Write a file beside its place, then move it there: nobody ever sees half of it."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        handle, beside = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
    except OSError as error:
        raise SourceError(f"{path} cannot be written ({error.strerror})", "Choose a folder that exists and may be written to.") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(beside, 0o666 & ~_umask())  # as any new file; a temporary one is its owner's alone
        os.replace(beside, path)
    except OSError as error:
        os.unlink(beside)
        raise SourceError(f"{path} cannot be written ({error.strerror})", "Nothing was changed; make room, or choose another place.") from error
    except BaseException:
        os.unlink(beside)
        raise


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
