"""What tells the rows of a table from others: hashes of their canonical values."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from summable.core.design import Design
from summable.core.sample import Keys, keys
from summable.core.statistic import Array
from summable.maths import expressions


def keys_of(design: Design, batch: pa.RecordBatch, number: Callable[[str], Array]) -> Keys:
    """The keys of a batch's rows, (rows,): of the columns that play the role "key", or of all that are read but the weight."""
    return keys(_columns(design, batch, number), batch.num_rows)


def _columns(design: Design, batch: pa.RecordBatch, number: Callable[[str], Array]) -> Iterator[Array | Keys]:
    kinds = {column.name: column.kind for column in design.columns}
    for name in _named(design, "key") or [name for name in kinds if name not in _named(design, "weight")]:
        yield number(name) if kinds[name] == "number" else _words(batch.column(name))


def _named(design: Design, role: str) -> list[str]:
    return [name for numeric in design.role(role) for name in expressions.columns(numeric.expression)]


def _words(labels: pa.Array) -> Keys:
    """Labels of any type as 64 bits each, by their text."""
    from pandas.util import hash_array

    plain = labels.dictionary_decode() if pa.types.is_dictionary(labels.type) else labels
    texts = np.asarray(plain.cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False), object)
    return np.asarray(hash_array(texts), np.uint64)
