"""What tells rows from other rows without reading files: names, sizes and times of change; of rows in memory, their bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from summable.core.errors import DataError, Unsupported
from summable.core.rows import Shard

PLAIN = (str, bytes, bool, int, float, type(None))
STEP = 2**16  # rows that are hashed at once
Update = Callable[[bytes], None]


def fingerprints(shards: Iterable[Shard]) -> list[str]:
    """A hash of each shard's type and fields; a field or shard may say by `fingerprint()` what tells it from others.

    Paths count as they are from the root, so that the folder in which a fit is run again does not matter; arrays and frames are
    read through, once however many shards share them. Raises `Unsupported` for what has no lasting contents, such as an iterator.
    """
    spell, found = _Spelling(), []
    for shard in shards:
        digest = hashlib.blake2b(digest_size=12)
        spell(digest.update, shard)
        found.append(digest.hexdigest())
    return found


class _Spelling:
    """Spells values so that no two different ones are spelled alike; remembers the contents of those in memory, which shards share."""

    def __init__(self) -> None:
        self.known: dict[int, str] = {}

    def __call__(self, update: Update, value: Any) -> None:
        if isinstance(value, PLAIN):
            _words(update, type(value).__name__, repr(value))
        elif hasattr(value, "fingerprint"):
            _words(update, type(value).__qualname__, str(value.fingerprint()))
        elif isinstance(value, os.PathLike):
            _words(update, "path", os.path.abspath(value))
        elif isinstance(value, Mapping):
            self._all(update, "mapping", [part for item in value.items() for part in item])
        elif isinstance(value, list | tuple):
            self._all(update, "sequence", value)
        elif is_dataclass(value):
            named = [(field.name, _from_root(field.name, getattr(value, field.name))) for field in fields(value)]
            self._all(update, type(value).__qualname__, named)
        else:
            if id(value) not in self.known:
                self.known[id(value)] = _contents(value)
            _words(update, "contents", self.known[id(value)])

    def _all(self, update: Update, name: str, values: Iterable[Any]) -> None:
        _words(update, name, str(len(list(values))))
        for value in values:
            self(update, value)


def _words(update: Update, *words: str) -> None:
    for word in words:
        text = word.encode(errors="surrogatepass")
        update(len(text).to_bytes(8, "little") + text)


def _from_root(name: str, value: Any) -> Any:
    return os.path.abspath(value) if name == "path" and isinstance(value, str) and os.path.exists(value) else value


def _contents(value: Any) -> str:
    """A hash of the bytes of an array or a frame."""
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(value, np.ndarray):
        _array(digest.update, value)
    elif hasattr(value, "columns") or hasattr(value, "column_names"):
        _frame(digest.update, value)
    else:
        raise Unsupported(f"a {type(value).__name__} cannot be told from others, as a journal needs", "Give files, frames or arrays.")
    return digest.hexdigest()


def _array(update: Update, values: np.ndarray[Any, Any]) -> None:
    _words(update, str(values.dtype), str(values.shape))
    for start in range(0, len(values), STEP):
        some = values[start : start + STEP]
        if isinstance(some, np.ma.MaskedArray):
            update(np.ma.getmaskarray(some).tobytes())
        update(repr(some.tolist()).encode(errors="surrogatepass") if some.dtype.hasobject else np.asarray(some).tobytes())


def _frame(update: Update, frame: Any) -> None:
    """Column by column, as Arrow has them; a column that Arrow cannot hold is told by its name, and no formula can use it."""
    import narwhals as nw

    table = nw.from_native(frame, eager_only=True)
    for name in table.columns:
        _words(update, str(name), str(len(table)))
        for start in range(0, len(table), STEP):
            try:
                part = table[start : start + STEP].select(name).to_arrow()
            except (TypeError, ValueError):  # Arrow's own errors are ValueErrors
                continue
            _arrow(update, part)


def _arrow(update: Update, table: Any) -> None:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    try:
        with pa.ipc.new_stream(sink, table.schema.remove_metadata()) as stream:
            stream.write_table(table.combine_chunks())
    except pa.ArrowException as error:
        raise DataError(f"a column cannot be read ({error.args[0]})", "Give every column one type.") from error
    update(sink.getvalue())


__all__ = ["fingerprints"]
