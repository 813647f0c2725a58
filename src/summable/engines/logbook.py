"""A file of checksummed records that is only ever added to, or replaced as a whole.

    b"summable journal" | version, uint16 | record | record | …
    record: length of the body, uint64 | CRC-32 of the length, uint32 | BLAKE2b of the body, 16 bytes | body

A record is on the disk before the next is begun, so a process that is killed leaves at most its last one torn.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from summable import files
from summable.core.errors import SourceError
from summable.engines.lock import held

MAGIC, VERSION, START = b"summable journal", 1, struct.Struct("<16sH")
LENGTH, PREFIX = struct.Struct("<Q"), struct.Struct("<QI16s")


class Logbook:
    """The records of a file, the first of which is its heading; one process at a time has it open.

    `size` is what the file weighs, `torn` the bytes of a last record that was cut short, and dropped.
    """

    def __init__(self, path: str) -> None:
        self.path, self.torn, self.size = path, 0, 0
        self._handle = -1
        self._failure: SourceError | None = None

    def read(self) -> list[bytes]:
        """The bodies of the records, none if there is no file; what was torn at the end is cut off, what is wrong elsewhere refused."""
        data = _content(self.path)
        if not data:
            return []
        _refuse_strangers(self.path, data)
        bodies, end = _bodies(self.path, data)
        self.size, self.torn = end if bodies else 0, len(data) - end
        if self.torn:
            os.truncate(self.path, end)
        return bodies

    def append(self, body: bytes) -> None:
        """Add a record, and return when it is on the disk; after a failure nothing more is added, or it would not be the last."""
        if self._failure:
            raise self._failure
        try:
            if self._handle < 0:
                self._handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
            self.size += _write(self._handle, _record(body))
        except OSError as error:
            advice = "Make room, and run the same again: what it holds stays."
            self._failure = SourceError(f"{self.path} cannot be added to ({error.strerror})", advice)
            raise self._failure from error

    def replace(self, bodies: Iterable[bytes]) -> None:
        """Put these records in place of all; whatever happens, either the old or the new are there."""
        self.close()
        data = b"".join([START.pack(MAGIC, VERSION), *map(_record, bodies)])
        files.write(self.path, data)
        self.size = len(data)

    def close(self) -> None:
        """Let go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1


@contextmanager
def logbook(path: str | os.PathLike[str]) -> Iterator[Logbook]:
    """The log book at a path, for this process alone."""
    place = os.path.abspath(path)
    if os.path.isdir(place):
        raise SourceError(f"{path} is a folder", "Give the journal a file of its own.")
    with held(place):
        book = Logbook(os.fspath(path))
        try:
            yield book
        finally:
            book.close()


def _record(body: bytes) -> bytes:
    length = LENGTH.pack(len(body))
    return PREFIX.pack(len(body), zlib.crc32(length), _checksum(body)) + body


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).digest()


def _write(handle: int, data: bytes) -> int:
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]
    os.fsync(handle)
    return len(data)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror})", "Check the path.") from error


def _refuse_strangers(path: str, data: bytes) -> None:
    if len(data) < START.size or data[: len(MAGIC)] != MAGIC:
        raise SourceError(f"{path} is no journal, and is left as it is", "Give the journal a file of its own.")
    version = START.unpack_from(data)[1]
    if version != VERSION:
        raise SourceError(f"{path} is a journal of version {version}, and this library reads {VERSION}", "Finish with the release that began it.")


def _bodies(path: str, data: bytes) -> tuple[list[bytes], int]:
    """The whole records, and where they end: at the end of the data, or where a last record was torn."""
    bodies, position = list[bytes](), START.size
    while position + PREFIX.size <= len(data):
        length, check, checksum = PREFIX.unpack_from(data, position)
        begin, end = position + PREFIX.size, position + PREFIX.size + length
        if check != zlib.crc32(LENGTH.pack(length)):
            _refuse_damage(path, position, data[position:].count(0) == len(data) - position)
            break
        if end > len(data):
            break
        if _checksum(data[begin:end]) != checksum:
            _refuse_damage(path, position, end == len(data))
            break
        bodies.append(data[begin:end])
        position = end
    return bodies, position


def _refuse_damage(path: str, position: int, torn: bool) -> None:
    """A record that was being written when the power went (the last one, or zeros to the end) is torn, not damaged."""
    if not torn:
        raise SourceError(f"{path} is damaged at byte {position:,}", "Its answers cannot be trusted: delete it, and fit again.")
