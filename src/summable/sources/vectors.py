"""Columns of vectors, as Spark's MLlib has them: each row's features in one cell, dense or sparse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from summable.core.design import Block, Design, Numeric
from summable.core.errors import DataError
from summable.core.rows import Rows
from summable.core.statistic import Array
from summable.sources.encode import BLOCK
from summable.sources.matrix import MatrixRows

SPARSE, DENSE = 0, 1  # the values of MLlib's field "type"
DROP = "Drop those rows, or fill them."


def blocks(design: Design, batches: Iterable[pa.RecordBatch]) -> Iterator[Rows]:
    """The rows of batches with a vector column, cut to the cache; one empty block when there are none."""
    (block,) = (term for term in design.terms if isinstance(term, Block))
    step, empty = max(1, BLOCK // (design.width + 1)), True
    for batch in batches:
        for start in range(0, batch.num_rows, step):
            empty = False
            yield _rows(design, block, batch.slice(start, step))
    if empty:
        yield MatrixRows(design, np.zeros((0, block.width)), np.zeros((0, len(design.role("y")))), None)


def _rows(design: Design, block: Block, batch: pa.RecordBatch) -> MatrixRows:
    y = np.column_stack([_numbers(batch, role) for role in design.role("y")])
    weight = next((_numbers(batch, role) for role in design.role("weight")), None)
    if weight is not None and (weight < 0).any():
        raise DataError(f"the weight {design.role('weight')[0].expression} is negative in some rows", "Weights are counts or precisions: zero or more.")
    return MatrixRows(design, matrix(batch.column(block.column), block), y, weight)


def matrix(column: pa.Array, block: Block) -> Any:
    """The vectors as rows: an array if all are dense, else a sparse matrix in CSR form."""
    if column.null_count:
        raise DataError(f"column {block.column!r} has {column.null_count} missing vectors", DROP)
    if not pa.types.is_struct(column.type):
        return _dense(column, block)
    kinds = column.field("type").to_numpy(zero_copy_only=False)
    if (kinds == DENSE).all():
        return _dense(column.field("values"), block)
    return _sparse(column, kinds == DENSE, block)


def _dense(values: pa.Array, block: Block) -> Array:
    """Lists of one length as rows."""
    lengths = np.asarray(pc.list_value_length(values))
    _refuse_others(lengths, block)
    return _finite(values.flatten().to_numpy(zero_copy_only=False), block).reshape(-1, block.width)


def _sparse(column: pa.StructArray, dense: Any, block: Block) -> Any:
    """A mixture as CSR: a dense vector is one whose positions are all of them."""
    values = column.field("values")
    _refuse_others(np.where(dense, np.asarray(pc.list_value_length(values)), column.field("size").fill_null(-1).to_numpy(zero_copy_only=False)), block)
    data = _finite(values.flatten().to_numpy(zero_copy_only=False), block)
    ends = np.concatenate([[0], np.cumsum(np.asarray(pc.list_value_length(values)))])
    positions = np.arange(len(data)) - np.repeat(ends[:-1], np.diff(ends))
    of_sparse = np.repeat(~dense, np.diff(ends))
    positions[of_sparse] = column.field("indices").flatten().to_numpy(zero_copy_only=False)
    return sp.csr_matrix((data, positions, ends), shape=(len(column), block.width))


def _numbers(batch: pa.RecordBatch, role: Numeric) -> Array:
    """A column of finite numbers."""
    name = role.expression.strip("`")
    return _finite(np.asarray(batch.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)), name)


def _finite(values: Array, where: Block | str) -> Array:
    if not np.isfinite(values.sum()) and not np.isfinite(values).all():
        name = where if isinstance(where, str) else where.column
        raise DataError(f"column {name!r} holds values that are missing or not finite", DROP)
    return np.asarray(values, np.float64)


def _refuse_others(lengths: Any, block: Block) -> None:
    if len(lengths) and not (lengths == block.width).all():
        other = int(lengths[lengths != block.width][0])
        raise DataError(f"column {block.column!r} holds vectors of {block.width} and of {other} numbers", "Give all vectors one length.")
