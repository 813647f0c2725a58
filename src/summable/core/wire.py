"""Measures and statistics as bytes: names, numbers and raw little-endian arrays. Data, never code.

    b"summable" | version, uint16 | length of the header, uint32 | header, JSON | the arrays, one after the other

A design is sent once and then named by its digest, so that later questions do not repeat it.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from summable.core.data import Data
from summable.core.design import Design
from summable.core.errors import Unsupported

MAGIC, VERSION, PREFIX = b"summable", 1, struct.Struct("<8sHI")
DTYPES = {"<f8", "<f4", "<i8", "<i4", "<u8", "|u1", "|b1"}


def encode(value: Any, sent: Collection[str] = ()) -> bytes:
    """The bytes of a value; designs whose digest is in `sent` are named instead of spelled out."""
    arrays: list[bytes] = []

    def keep(array: np.ndarray[Any, Any]) -> dict[str, Any]:
        arrays.append(array.tobytes())
        return {"array": array.dtype.str, "shape": list(array.shape)}

    header = json.dumps(_tree(value, keep, sent), separators=(",", ":"), allow_nan=False).encode()
    return b"".join([PREFIX.pack(MAGIC, VERSION, len(header)), header, *arrays])


def decode(data: bytes, designs: Mapping[str, Design] | None = None, vocabulary: Mapping[str, type[Data]] | None = None) -> Any:
    """The value that was encoded. Only names in the vocabulary (by default, the library's) are understood."""
    if len(data) < PREFIX.size or data[: len(MAGIC)] != MAGIC:
        raise Unsupported("these bytes are not a summable message", "Check where they come from.")
    _, version, length = PREFIX.unpack_from(data)
    _refuse_version(version)
    position = PREFIX.size + length

    def take(spec: dict[str, Any]) -> np.ndarray[Any, Any]:
        nonlocal position
        dtype, count = _dtype(spec["array"]), math.prod(spec["shape"])
        if position + count * dtype.itemsize > len(data):
            raise Unsupported("this message is cut short", "Send it again.")
        array = np.frombuffer(data, dtype, count, position).reshape(spec["shape"]).copy()  # aligned, as arithmetic on it would be elsewhere
        position += array.nbytes
        return array

    try:
        tree = json.loads(data[PREFIX.size : position])
    except ValueError:
        raise Unsupported("this message is cut short", "Send it again.") from None
    return _value(tree, take, Data.vocabulary if vocabulary is None else vocabulary, designs or {})


def to_json(value: Any) -> str:
    """The same value as readable JSON, its arrays as lists: for files that people may open."""
    tree = _tree(value, lambda array: {"array": array.dtype.str, "shape": list(array.shape), "values": _flat(array)}, ())
    return json.dumps({"summable": VERSION, "value": tree})


def from_json(text: str) -> Any:
    """The value that `to_json` wrote."""

    def take(spec: dict[str, Any]) -> np.ndarray[Any, Any]:
        return np.array([float(v) if isinstance(v, str) else v for v in spec["values"]], _dtype(spec["array"])).reshape(spec["shape"])

    tree = json.loads(text)
    if not isinstance(tree, dict) or "summable" not in tree:
        raise Unsupported("this text was not written by summable", "Check where it comes from.")
    _refuse_version(tree["summable"])
    return _value(tree["value"], take, Data.vocabulary, {})


def digest(design: Design) -> str:
    """The name of a design: a hash of its bytes."""
    return hashlib.sha256(encode(design)).hexdigest()[:32]


def _refuse_version(version: int) -> None:
    if version != VERSION:
        raise Unsupported(f"this was written in version {version} of the format, and this library reads {VERSION}", "Use the same release at both ends.")


def _tree(value: Any, array: Callable[[np.ndarray[Any, Any]], Any], sent: Collection[str]) -> Any:
    if isinstance(value, np.ndarray):
        return array(np.ascontiguousarray(value, value.dtype.newbyteorder("<")).reshape(value.shape))
    if isinstance(value, Design) and sent and (name := digest(value)) in sent:
        return {"design": name}
    if isinstance(value, Data):
        return {"is": type(value).__name__} | {f.name: _tree(getattr(value, f.name), array, sent) for f in fields(value)}  # type: ignore[arg-type]
    if isinstance(value, tuple):
        return [_tree(item, array, sent) for item in value]
    if isinstance(value, frozenset):
        return {"set": sorted((_tree(item, array, sent) for item in value), key=repr)}
    if isinstance(value, bool | str | None):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    raise Unsupported(f"a {type(value).__name__} cannot cross a wire", "Only data does: numbers, strings, arrays and frozen dataclasses of them.")


def _value(tree: Any, take: Callable[[dict[str, Any]], Any], vocabulary: Mapping[str, type[Data]], designs: Mapping[str, Design]) -> Any:
    def inner(branch: Any) -> Any:
        return _value(branch, take, vocabulary, designs)

    if isinstance(tree, list):
        return tuple(map(inner, tree))
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return take(tree)
    if "set" in tree:
        return frozenset(map(inner, tree["set"]))
    if "float" in tree:
        return float(tree["float"])
    if "design" in tree and "is" not in tree:
        return _named(tree["design"], designs)
    return _word(tree["is"], vocabulary)(**{name: inner(branch) for name, branch in tree.items() if name != "is"})


def _word(name: str, vocabulary: Mapping[str, type[Data]]) -> type[Data]:
    if name not in vocabulary:
        raise Unsupported(f"{name!r} is not in this place's vocabulary", f"It knows {', '.join(sorted(vocabulary))}.")
    return vocabulary[name]


def _named(name: str, designs: Mapping[str, Design]) -> Design:
    if name not in designs:
        raise Unsupported(f"the design {name} is not known here", "Send it in full once.")
    return designs[name]


def _dtype(name: str) -> np.dtype[Any]:
    if name not in DTYPES:
        raise Unsupported(f"an array of type {name!r} does not cross a wire", f"Use one of {', '.join(sorted(DTYPES))}.")
    return np.dtype(name)


def _flat(array: np.ndarray[Any, Any]) -> list[Any]:
    return [v if not isinstance(v, float) or math.isfinite(v) else str(v) for v in array.ravel().tolist()]
