"""Paths, globs, folders and URIs to files; and the promise that a file stays what it was."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from summable.core.errors import SourceError
from summable.sources.partitions import Key, keyed

COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
AMBIGUOUS = {".json"}  # endings that a folder may well hold for other reasons: read when they are asked for by name or glob
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


class Place(Protocol):
    """Where files lie: this machine, a bucket, a server."""

    def shown(self, path: str) -> str:
        """How an error calls a path of this place."""

    def seen(self, path: str) -> File:
        """A file as it is now; `FileNotFoundError` if there is none."""

    def open(self, path: str, mapped: bool) -> Any:
        """The bytes of a file, at random; mapped into memory if asked for and possible."""


@dataclass(frozen=True)
class Local:
    """The file systems of this machine."""

    def shown(self, path: str) -> str:
        return path

    def seen(self, path: str) -> File:
        status = os.stat(path)
        return File(path, status.st_size, status.st_mtime_ns)

    def open(self, path: str, mapped: bool) -> Any:
        return pa.memory_map(path) if mapped else pa.OSFile(path)


LOCAL = Local()


@dataclass(frozen=True)
class File:
    """A file as it was when it was first seen."""

    path: str
    size: int
    stamp: int | str  # of its last change: nanoseconds, or whatever its place tells
    place: Place = LOCAL
    keys: tuple[Key, ...] = ()  # the partition keys that its folders spell

    def __str__(self) -> str:
        return self.place.shown(self.path)

    @property
    def name(self) -> str:
        """The file's own name, without its folder; with the keys that tell it from others of that name."""
        folders = self.path.replace(os.sep, "/").split("/")
        return "/".join([*(part for part in folders[:-1] if "=" in part), folders[-1]])

    @property
    def ending(self) -> str:
        """What the name ends in, like ".csv" or ".csv.gz"."""
        return ending(self.path)

    @property
    def compression(self) -> str | None:
        """How the whole file is compressed, as Arrow calls it."""
        return COMPRESSIONS.get(os.path.splitext(self.path.lower())[1])

    def checked(self) -> File:
        """The file, if it is still the same; else an error that names it."""
        try:
            now = self.place.seen(self.path)
        except FileNotFoundError:
            raise SourceError(f"{self} has vanished since it was scanned", "Bring it back, or start the fit again.") from None
        if (now.size, now.stamp) != (self.size, self.stamp):
            raise SourceError(f"{self} has changed since it was scanned", "Start the fit again, on files that nobody writes to.")
        return self

    @contextmanager
    def opened(self, mapped: bool = False) -> Iterator[Any]:
        """The bytes as they lie, at random, after a look whether they are still the same."""
        source = self.checked().place.open(self.path, mapped)
        try:
            yield source
        finally:
            source.close()

    def plain(self, source: Any) -> Any:
        """The uncompressed bytes of an opened file, from its start and in order."""
        source.seek(0)
        return source if self.compression is None else pa.CompressedInputStream(source, self.compression)


def ending(path: str) -> str:
    """What a name ends in; a compressed one with what stands before that, like ".csv.gz"."""
    stem, last = os.path.splitext(path.lower())
    return os.path.splitext(stem)[1] + last if last in COMPRESSIONS else last


def find(where: str | os.PathLike[str], endings: Collection[str]) -> list[File]:
    """The files of a path, a glob, a folder (searched in depth) or a URI of these, in the order of their names."""
    text = os.path.expanduser(os.fspath(where))
    if text.lower().startswith("file://"):
        from urllib.request import url2pathname  # which is slow to import

        text = url2pathname(text[len("file://") :])
    if URI.match(text):
        from summable.sources import remote

        files = remote.find(text, endings)
    else:
        files = [LOCAL.seen(path) for path in _local(text, endings)]
    if not files:
        raise SourceError(f"{without_secret(text)} matches no file", f"Give a file, a folder or a glob of {spelled(endings)} files.")
    return keyed(sorted(files, key=lambda file: file.path))


def _local(text: str, endings: Collection[str]) -> list[str]:
    if os.path.isdir(text):
        return [str(path) for path in Path(text).rglob("*") if is_data(path.relative_to(text).parts, endings) and path.is_file()]
    if glob.has_magic(text) and not os.path.exists(text):
        return [path for path in glob.glob(text, recursive=True) if os.path.isfile(path)]
    return [text] if os.path.exists(text) else []


def spelled(endings: Collection[str]) -> str:
    """Endings as a sentence lists them."""
    return ", ".join(sorted(one for one in endings if one.count(".") == 1)) + f" (text also with {', '.join(COMPRESSIONS)})"


def is_data(parts: Collection[str], endings: Collection[str]) -> bool:
    """Whether a path within a folder ends as data do, and nothing in it is hidden."""
    *_, name = parts
    return ending(name) in endings and ending(name) not in AMBIGUOUS and not any(part.startswith((".", "_")) for part in parts)


def without_secret(uri: str) -> str:
    """A URI without the password or the query that it may carry."""
    return re.sub(r"(?<=://)[^/@]*@", "", uri).partition("?")[0] if URI.match(uri) else uri
