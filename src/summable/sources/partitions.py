"""Folders that spell columns, as Hive writes them: year=2013/month=1/part.parquet."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa

if TYPE_CHECKING:
    from summable.sources.files import File

MISSING = "__HIVE_DEFAULT_PARTITION__"
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
TYPES = {"integer": pa.int64(), "text": pa.string()}


@dataclass(frozen=True)
class Key:
    """A column that has one value in a whole file, and is written in the name of a folder."""

    name: str
    kind: str  # "integer" or "text"
    value: int | str | None

    def column(self, rows: int) -> pa.Array:
        """The value once for every row."""
        same = pa.array([self.value], TYPES[self.kind])
        return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int8()), rows), same) if self.kind == "text" else pa.repeat(same[0], rows)


def keyed(files: Sequence[File]) -> list[File]:
    """The files with their keys: integers where all files' values of that name read as integers, else text."""
    spelled = [_spelled(file.path) for file in files]
    kinds = _kinds(pair for pairs in spelled for pair in pairs)
    return [
        replace(file, keys=tuple(_key(name, kinds[name], text) for name, text in pairs)) if pairs else file
        for file, pairs in zip(files, spelled, strict=True)
    ]  # fmt: skip


def _spelled(path: str) -> list[tuple[str, str]]:
    """The name and text of each key in a path's folders; the last one of a name counts."""
    if "=" not in path:
        return []
    folders = path.replace(os.sep, "/").split("/")[:-1]
    pairs = [folder.split("=", 1) for folder in folders if "=" in folder[1:]]
    return list({unquote(name): unquote(text) for name, text in pairs}.items())


def _kinds(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    texts = defaultdict[str, set[str]](set)
    for name, text in pairs:
        texts[name].add(text)
    return {name: "integer" if all(map(INTEGER.fullmatch, found - {MISSING})) and found != {MISSING} else "text" for name, found in texts.items()}


def _key(name: str, kind: str, text: str) -> Key:
    value = None if text == MISSING else int(text) if kind == "integer" else text
    return Key(name, kind, value)
