"""Big text files as ranges of whole lines, so that several workers share one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa

from summable.sources.files import LOCAL, File

SHARD = 2**25  # bytes of a range, about
CHUNK = 2**23  # bytes looked through at once for quotes
LINE = 2**16  # bytes looked through at once for the end of a line
BLOCK, SMALL, MOST = 2**22, 2**17, 2**30  # bytes parsed at once; at least; and at most, for the sake of long lines
RATIO = 16  # by how much a compressed file may grow, for all one knows before it is read
QUOTE, NEWLINE, MARK = ord('"'), ord("\n"), b"\xef\xbb\xbf"  # the last is the byte order mark that some programs write


@dataclass(frozen=True)
class Range:
    """The lines of a file that start in one of several equal ranges of its bytes."""

    file: File
    index: int
    of: int

    @property
    def name(self) -> str:
        """The file's name, and which part of it."""
        return self.file.name if self.of == 1 else f"{self.file.name}, part {self.index + 1} of {self.of}"

    @contextmanager
    def opened(self, delimiter: str | None) -> Iterator[Any]:
        """A stream of its uncompressed bytes, None if there are none; a delimiter says that quotes may hold line breaks."""
        with self.file.opened() as source:
            if self.of == 1:
                yield self.file.plain(source)
            else:
                start, stop = cuts(self.file, self.of, delimiter)[self.index : self.index + 2]
                yield source.get_stream(start, stop - start) if stop > start else None


def ranges(file: File) -> list[Range]:
    """The ranges of a file: one, if it is small, compressed or far away."""
    of = -(-file.size // SHARD) if file.compression is None and file.place == LOCAL else 1
    return [Range(file, index, max(of, 1)) for index in range(max(of, 1))]


def block(file: File) -> int:
    """Bytes to parse at once."""
    return min(BLOCK, max(SMALL, file.size * (1 if file.compression is None else RATIO) + 1))


def parsed(read: Callable[[int], Iterator[pa.RecordBatch]], size: int) -> Iterator[pa.RecordBatch]:
    """Batches of blocks of `size` bytes; of larger ones from where a line is longer than that."""
    done = 0
    while True:
        try:
            skip = done
            for batch in read(size):
                rest = batch.slice(min(skip, batch.num_rows))
                skip -= batch.num_rows - rest.num_rows
                if rest.num_rows:
                    done += rest.num_rows
                    yield rest
            return
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error) or size >= MOST:
                raise
            size *= 8


# -- where to cut


@lru_cache(4096)
def _lock(file: File) -> Lock:
    return Lock()


def cuts(file: File, of: int, delimiter: str | None) -> Sequence[int]:
    """Where the ranges start, and where the last one ends: always at the start of a line, never within quotes.

    Quotes mean something only if all bytes before them are known, so a file that may hold some is looked through once. A range
    may be empty; if quotes stand where no field starts, all but the first one are.
    """
    with _lock(file):  # one worker looks, and the others wait for what it finds
        return _cuts(file, of, delimiter)


@lru_cache(4096)
def _cuts(file: File, of: int, delimiter: str | None) -> Sequence[int]:
    marks = [max(0, file.size * index // of - 1) for index in range(1, of)]
    with file.opened() as source:
        inside = [False] * of if delimiter is None else _inside(source, [*marks, file.size], delimiter)
        if inside is None:
            return (0, *[file.size] * of)
        starts = [_line(source, mark, within, delimiter is not None) for mark, within in zip(marks, inside, strict=False)]
    return (0, *np.maximum.accumulate(np.array(starts, np.int64)).tolist(), file.size)


def _inside(source: Any, marks: Sequence[int], delimiter: str) -> list[bool] | None:
    """Whether each mark lies within quotes; None if some quote stands in the midst of a field that has none around it."""
    found, count, before, last = list[bool](), 0, b"\n", -2
    opens = np.zeros(256, bool)
    opens[list(b"\r\n" + delimiter.encode())] = True  # what may stand before a field
    for start, stop in pairwise([0, *marks]):
        for position in range(start, stop, CHUNK):
            data = source.read(min(CHUNK, stop - position))
            if position == 0 and data.startswith(MARK):
                data = data.replace(MARK, b"\n" * len(MARK), 1)
            if b'"' in data:
                bytes_ = np.frombuffer(before + data, np.uint8)
                quotes = np.flatnonzero(bytes_[1:] == QUOTE)
                doubled = np.diff(quotes + position, prepend=last) == 1
                if not (opens[bytes_[quotes]] | doubled)[count % 2 :: 2].all():  # every other quote opens, or is one of two that mean one
                    return None
                count, last = count + len(quotes), int(quotes[-1]) + position
            before = data[-1:]
        found.append(count % 2 == 1)
    return found


def _line(source: Any, start: int, inside: bool, quoted: bool) -> int:
    """Where the first line after a byte starts."""
    source.seek(start)
    while data := source.read(LINE):
        bytes_ = np.frombuffer(data, np.uint8)
        ends = bytes_ == NEWLINE
        if quoted:
            within = (np.cumsum(bytes_ == QUOTE) + inside) % 2 == 1
            ends, inside = ends & ~within, bool(within[-1])
        if ends.any():
            return start + int(np.argmax(ends)) + 1
        start += len(data)
    return start
