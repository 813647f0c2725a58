"""Files in buckets and on servers: by Arrow's own file systems where it has one for the scheme, else by fsspec's."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.fs

from summable.core.errors import SourceError, SummableError, Unsupported
from summable.sources.files import URI, File, Place, is_data, without_secret

NATIVE = ("s3", "gs", "gcs", "hdfs", "viewfs", "abfs", "abfss")
STAMPS = ("etag", "mtime", "lastmodified", "last_modified", "modified", "updated", "created", "generation", "version", "md5")  # in the words of file systems


class Remote(Place, Protocol):
    """A place that can also be searched."""

    def walk(self, folder: str) -> list[File]:
        """All files below a folder."""


@dataclass(frozen=True)
class Native:
    """A file system of Arrow: of one bucket, say. Paths are those within it."""

    root: str  # a URI, with the query that sets it up

    def shown(self, path: str) -> str:
        return f"{without_secret(self.root).rstrip('/')}/{path}"

    def seen(self, path: str) -> File:
        system, base = _native(self.root)
        info = system.get_file_info(f"{base}/{path}")
        if info.type != pa.fs.FileType.File or path.endswith("/"):
            raise FileNotFoundError(self.shown(path))
        return self._file(info, base)

    def open(self, path: str, mapped: bool) -> Any:
        system, base = _native(self.root)
        return system.open_input_file(f"{base}/{path}")

    def walk(self, folder: str) -> list[File]:
        system, base = _native(self.root)
        below = pa.fs.FileSelector(f"{base}/{folder}".rstrip("/"), allow_not_found=True, recursive=True)
        return [self._file(info, base) for info in system.get_file_info(below) if info.type == pa.fs.FileType.File]

    def _file(self, info: Any, base: str) -> File:
        return File(info.path[len(base) + 1 :], info.size, info.mtime_ns or 0, self)


@dataclass(frozen=True)
class Spec:
    """A file system of fsspec. Paths are as it writes them."""

    scheme: str
    host: str = ""  # with the scheme, what it makes a file system of

    def shown(self, path: str) -> str:
        return without_secret(path if URI.match(path) else f"{self.scheme}://{path.lstrip('/')}")

    def seen(self, path: str) -> File:
        _spec(self).invalidate_cache()  # what it listed before may have changed
        try:
            info = _spec(self).info(path)
        except FileNotFoundError as error:
            if error.__cause__ is None or getattr(error.__cause__, "status", None) == 404:
                raise
            raise ConnectionError(str(error.__cause__)) from error
        if info.get("type") == "directory":
            raise FileNotFoundError(self.shown(path))
        stamp = "; ".join(f"{name}={info[name]}" for name in info if name.lower() in STAMPS)
        return File(info["name"], -1 if info.get("size") is None else info["size"], stamp, self)

    def open(self, path: str, mapped: bool) -> Any:
        return pa.PythonFile(_spec(self).open(path, "rb"), mode="r")

    def walk(self, folder: str) -> list[File]:
        return [self.seen(path) for path in _spec(self).find(folder)]  # a listing tells less of a file than the file itself


@lru_cache(64)
def _native(root: str) -> tuple[Any, str]:
    system, base = pa.fs.FileSystem.from_uri(root)
    return system, base.rstrip("/")


@lru_cache(64)
def _spec(place: Spec) -> Any:
    try:
        import fsspec
    except ImportError:
        raise Unsupported(f"{place.scheme}:// needs the package fsspec", "Install it: pip install 'summable[remote]'.") from None
    try:
        return fsspec.core.url_to_fs(f"{place.scheme}://{place.host}")[0]
    except ImportError as error:
        raise Unsupported(f"{place.scheme}:// needs a package that is not installed ({error})", "Install it with pip, or copy the files here.") from None
    except ValueError:
        raise Unsupported(f"{place.scheme}:// is no scheme that is read", "Give s3://, gs://, https://, file:// or another that fsspec knows.") from None


def find(uri: str, endings: Collection[str]) -> list[File]:
    """The files of a URI: one file, a glob (of * and **), or a folder searched in depth."""
    with _reached(uri):
        place, path = _place(uri)
        if "*" in path:
            fixed = path[: path.index("*")].rpartition("/")[0]
            return [file for file in place.walk(fixed) if matches(_parts(file.path), _parts(path))]
        try:
            return [place.seen(path)]
        except FileNotFoundError:
            return _below(place, path, endings)


def _below(place: Remote, folder: str, endings: Collection[str]) -> list[File]:
    depth = len(_parts(folder))
    return [file for file in place.walk(folder) if is_data(_parts(file.path)[depth:], endings)]


def matches(parts: list[str], pattern: list[str]) -> bool:
    """Whether a path is of a pattern, in which ** stands for any folders and * for anything within a name."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return matches(parts, pattern[1:]) or (bool(parts) and matches(parts[1:], pattern))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and matches(parts[1:], pattern[1:])


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _place(uri: str) -> tuple[Remote, str]:
    """The file system of a URI, and the path in it."""
    scheme, _, rest = uri.partition("://")
    scheme = scheme.lower()
    if scheme in NATIVE:
        rest, mark, query = rest.partition("?")
        host, _, path = rest.partition("/")
        root = f"{scheme}://{host}{mark and '/?'}{query}"
        try:
            _native(root)
            return Native(root), path
        except pa.ArrowNotImplementedError:  # this build of Arrow lacks it
            pass
    host = rest.partition("/")[0]
    place = Spec(scheme, host if scheme in NATIVE or "@" in host else "")
    return place, _spec(place)._strip_protocol(uri)


@contextmanager
def _reached(uri: str) -> Iterator[None]:
    """One sentence for whatever a network has to say."""
    try:
        yield
    except SummableError:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
        raise SourceError(f"{without_secret(uri)} cannot be reached ({reason})", "Check the address, the network and your credentials.") from error
