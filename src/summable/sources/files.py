"""Paths, globs and folders to files; and the promise that a file stays what it was."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from summable.core.errors import SourceError


@dataclass(frozen=True)
class File:
    """A file as it was when it was first seen."""

    path: str
    size: int
    modified: int  # nanoseconds

    @property
    def name(self) -> str:
        """The file's own name, without its folder."""
        return os.path.basename(self.path)

    def checked(self) -> str:
        """The path, if the file is still the same; else an error that names it."""
        try:
            now = seen(self.path)
        except FileNotFoundError:
            raise SourceError(f"{self.path} has vanished since it was scanned", "Bring it back, or start the fit again.") from None
        if now != self:
            raise SourceError(f"{self.path} has changed since it was scanned", "Start the fit again, on files that nobody writes to.")
        return self.path


def seen(path: str) -> File:
    """A file as it is now."""
    status = os.stat(path)
    return File(path, status.st_size, status.st_mtime_ns)


def find(where: str | os.PathLike[str], endings: Collection[str]) -> list[File]:
    """The files of a path, a glob or a folder (searched in depth), in the order of their names."""
    text = os.path.expanduser(os.fspath(where))
    if os.path.isdir(text):
        paths = [str(path) for path in Path(text).rglob("*") if path.suffix.lower() in endings and path.is_file() and not _hidden(path.relative_to(text))]
    elif glob.has_magic(text) and not os.path.exists(text):
        paths = [path for path in glob.glob(text, recursive=True) if os.path.isfile(path)]
    else:
        paths = [text] if os.path.exists(text) else []
    if not paths:
        raise SourceError(f"{text} matches no file", f"Give a file, a folder or a glob of {', '.join(sorted(endings))} files.")
    return [seen(path) for path in sorted(paths)]


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)
