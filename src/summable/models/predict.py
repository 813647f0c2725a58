"""Predictions for new rows, streamed: what any model shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from summable.core.design import CATEGORY, Coding, Column, Design, Product
from summable.core.errors import DataError, Unsupported
from summable.core.rows import Rows, Shard
from summable.core.statistic import Array
from summable.inference import Solved
from summable.maths import expressions
from summable.maths.linalg import inverse_root
from summable.measures.glance import refuse_absent
from summable.open import Dataset, in_order

if TYPE_CHECKING:
    from summable.engines.threads import Watch

AS_LABELS = ("integer", "boolean")  # kinds that are read as themselves; other labels, and dates, as they lie in the file or as text

Answer = Callable[[Rows], Mapping[str, Array]]  # rows to columns of (rows,)


def batches(dataset: Dataset, design: Design, answer: Answer, keep: Sequence[str], workers: int | None, watch: Watch | None) -> Iterator[pa.RecordBatch]:
    """The kept columns of every row, and what a model answers to it; in the order of the rows, block by block."""
    refuse_absent(keep, dataset.schema)
    wide = replace(design, columns=(*design.columns, *_unread(design, keep, dataset.schema)))
    integers = {name for name in keep if dataset.schema[name] == "integer"}

    def read(shard: Shard) -> Iterator[pa.RecordBatch]:
        try:
            refuse_absent(wide.names, shard.kinds())
            for rows in shard.rows(wide):
                columns = {name: pa.array(values, from_pandas=True) for name, values in answer(rows).items()}
                yield pa.RecordBatch.from_pydict(_kept(rows, keep, integers) | columns)
        except DataError as error:
            raise error.at(f"in {shard.name}") from error.__cause__

    return in_order(read, dataset.shards, workers, watch)


def for_prediction(design: Design, dataset: Dataset) -> Design:
    """The design without y and weights; one column at least, or nobody could count the rows."""
    texts = [n.expression for term in design.terms if isinstance(term, Product) for n in term.numerics]
    texts += [basis.expression for basis in design.bases]
    offset = [("offset", numeric) for numeric in design.role("offset")]
    numbers = {name for text in [*texts, *(n.expression for _, n in offset)] for name in expressions.columns(text)}
    labels = {category.column for term in design.terms if isinstance(term, Product) for category in term.categories}
    columns = tuple(column for column in design.columns if column.name in numbers | labels)
    columns = columns or (Column(next(iter(dataset.schema)), "text"),)
    return Design(columns, design.terms, tuple(offset), "keep", design.bases)


def whitening(design: Design, coding: Coding, solution: Solved) -> Array:
    """(width, rank): carries a row x to a vector whose square is its leverage x'(root'root)⁻¹x."""
    found = np.zeros((design.width, solution.rank))
    found[coding.kept[solution.independent]] = inverse_root(solution.root)
    return found


def refuse_clash(keep: Sequence[str], names: Sequence[str]) -> None:
    """Refuse to keep a column under a name that a prediction has."""
    for name in keep:
        if name in names:
            raise Unsupported(f"the column {name!r} cannot be kept beside a prediction of that name", "Rename it, or leave it out.")


def _unread(design: Design, keep: Sequence[str], schema: Mapping[str, str]) -> list[Column]:
    """The kept columns that the design does not read, with the kinds that bring them as they are."""
    kinds = {name: schema[name].removesuffix(CATEGORY) for name in dict.fromkeys(keep) if name not in design.names}
    return [Column(name, "float" if kind == "number" else kind if kind in AS_LABELS else "text") for name, kind in kinds.items()]


def _kept(rows: Rows, keep: Sequence[str], integers: set[str]) -> dict[str, pa.Array]:
    """The kept columns of a block; whole numbers that the design needed as floats are whole again."""
    if not keep:
        return {}
    if not hasattr(rows, "batch"):
        raise Unsupported("these rows cannot hand out their columns", "Leave keep out, and put the predictions beside them.")
    found = {name: rows.batch.column(name) for name in keep}
    return {name: array.cast(pa.int64()) if name in integers and pa.types.is_floating(array.type) else array for name, array in found.items()}


def gathered(found: Iterator[pa.RecordBatch], names: Sequence[str]) -> dict[str, Array]:
    """Columns of all batches, (rows,) each."""
    parts: dict[str, list[Array]] = {name: [np.zeros(0)] for name in names}
    for batch in found:
        for name in names:
            parts[name].append(batch.column(name).to_numpy(zero_copy_only=False))
    return {name: np.concatenate(values) for name, values in parts.items()}
