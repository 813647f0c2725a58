"""Arrow batches to rows of a design: the one place where columns become features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from summable.core.design import CATEGORY, NEUTRAL, Basis, Block, Category, Column, Constant, Design, Numeric, Product, Term, in_cells
from summable.core.errors import DataError, Unsupported
from summable.core.rows import Columns, Groups
from summable.core.sample import Keys, Sampled, chosen
from summable.core.statistic import Array, Label
from summable.maths import bases, expressions, grouped, linalg
from summable.maths import cells as sparse
from summable.sources import hashing

BLOCK = 2**20  # numbers in a block of features: 8 MiB of float64, in the last-level cache; smaller blocks were slower by what Python spends on each
LONG, LARGEST = 2**14, 2**22  # rows from which that, on every column of a block, is little beside its sums; numbers that they are not worth
COMPILED = 2**16  # numbers in a block from which the compiled kernels are worth their start (numba takes half a second to import)
KINDS = {"number": pa.float64(), "float": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "text": pa.string()}
NOUNS = {"number": "numbers", "float": "numbers", "integer": "integers", "boolean": "booleans", "date": "dates", "other": "values of a type it does not read"}


@lru_cache(maxsize=256)
def kind(type_: pa.DataType) -> str:
    """The kind of an Arrow type: "integer", "number", "boolean", "text", "date", "nothing" or "other".

    A dictionary of anything but text is a category on purpose, and its kind says so: "integer category".
    """
    tests = {
        "integer": pa.types.is_integer, "number": lambda t: pa.types.is_floating(t) or pa.types.is_decimal(t), "boolean": pa.types.is_boolean,
        "text": lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t),
        "date": pa.types.is_temporal, "nothing": pa.types.is_null,
    }  # fmt: skip
    if pa.types.is_dictionary(type_):
        inner = kind(type_.value_type)
        return inner if inner == "text" else inner + CATEGORY
    return next((name for name, test in tests.items() if test(type_)), "other")


def kinds(schema: pa.Schema) -> dict[str, str]:
    """Column to kind; two columns of one name are refused."""
    for name, times in Counter(schema.names).items():
        if times > 1:
            raise DataError(*doubled(name))
    return {field.name: kind(field.type) for field in schema}


def doubled(name: str) -> tuple[str, str]:
    """What to say of two columns of one name."""
    return f"two columns are called {name!r}", "Give every column a name of its own."


def blocks(design: Design, batches: Iterable[pa.RecordBatch]) -> Iterator[ArrowRows]:
    """The rows of batches, cut to the cache; one empty block when there are none."""
    width = design.width
    rows = cut(design.numbers, linalg.packed_size(width)) if design.is_sparse else cut(width, min(LONG * (width + 1), LARGEST))
    empty = True
    for batch in batches:
        for start in range(0, batch.num_rows, rows):
            empty = False
            yield ArrowRows(design, batch.slice(start, rows))
    if empty:
        schema = pa.schema([(column.name, KINDS[column.kind]) for column in design.columns])
        yield ArrowRows(design, pa.RecordBatch.from_pylist([], schema=schema))


def cut(width: int, least: int = 0) -> int:
    """Rows of a block, of each of which so many numbers are kept; so many numbers at least, as the block may have products."""
    return 1 << max(8, int(max(BLOCK, least) // (width + 1)).bit_length() - 1)


class ArrowRows:
    """A block of rows, encoded when first asked for. Rows with a missing value or weight 0, and those that are not in the sample, are left out at once."""

    xp = np

    def __init__(self, design: Design, batch: pa.RecordBatch) -> None:
        self.design, self.batch = design, batch
        self._whole: dict[str, Array] = {}  # numeric columns before any row is left out
        self._numbers: dict[str, Array] = {}  # and after
        self._curves: dict[str, Array] = {}  # the columns of each basis, over the kept rows
        self._suspect: set[str] = set()  # numeric columns that hold a NaN or an infinity somewhere
        with np.errstate(over="ignore", invalid="ignore"):
            self._missing = {column.name: self._gaps(column.name, column.kind) for column in design.columns}
        self._levels = {column.name for column in design.columns if column.gaps}  # columns that no row is dropped for
        self._kept, self._dropped = self._keep()
        if isinstance(design, Sampled):
            looked_at = chosen(self._keys(), design.sample)
            self._kept = looked_at if self._kept is None else looked_at & self._kept
        self.rows = batch.num_rows if self._kept is None else int(self._kept.sum())

    # -- the eight of `Rows`

    def column(self, role: str) -> Any:
        """The values of a role, (rows,) or (rows, targets); positions among its levels, of labels; its neutral scalar if the design lacks it."""
        if role == "key":
            return self._keys() if self._kept is None else self._keys()[self._kept]
        if labels := self.design.label(role):
            return self._codes(labels)
        found = [self._values(numeric) for numeric in self.design.role(role)]
        return np.column_stack(found) if len(found) > 1 else found[0] if found else np.float64(NEUTRAL[role])

    def project(self, coef: Array) -> Array:
        """x·coef, (rows,) or (rows, q)."""
        if self.cells:
            return sparse.project(self.cells, coef)
        if columns := self.columns:
            from summable.maths import kernels

            return kernels.project(columns, coef)
        return np.asarray(coef.T @ self.x).T

    def count(self) -> Array:
        """(2,): rows kept, rows dropped."""
        return np.array([self.rows, self._dropped], np.float64)

    def moment(self, order: int, weight: Any, by: Groups | str | None = None) -> Any:
        """Σ weightᵢ xᵢ^⊗order, by groups or labels if so asked."""
        if isinstance(by, str):
            return self._by_label(weight, by)
        if by is not None:
            return grouped.moment(order, self.x.T if order else None, weight, by)
        if order == 3:
            return linalg.cubic(self.x, np.broadcast_to(weight, self.rows))
        if order and self.cells:
            return sparse.moment(self.cells, order, weight)
        if order and (columns := self.columns):
            from summable.maths import kernels

            return kernels.moment(columns, order, weight)
        if order == 2:
            return linalg.gram(self.x, weight)
        if np.ndim(weight) == 0:
            return np.asarray(weight * self.rows if order == 0 else weight * self.x.sum(axis=1))
        return np.asarray(weight.sum(axis=0) if order == 0 else self.x @ weight)

    def extent(self, column: str) -> Array:
        """(3,): least, greatest, missing."""
        gaps = self._missing.get(column)
        missing = 0.0 if gaps is None else float(gaps.sum())
        if self.rows == 0 or not any(c == Column(column) for c in self.design.columns):
            return np.array([np.inf, -np.inf, missing])
        values = self._values(Numeric(expressions.quoted(column)))
        return np.array([values.min(), values.max(), missing])

    def labels(self, column: str) -> frozenset[Label]:
        """The distinct values of a column of labels."""
        array = self._labels(column)
        return frozenset(array.unique().to_pylist())

    def matrix(self) -> Array:
        """The features, (rows, width)."""
        return self.x.T

    def pieces(self) -> Iterator[ArrowRows]:
        """The same rows in blocks whose features fit the cache when they are written out, zeros and all."""
        step = cut(self.design.width)
        return (ArrowRows(self.design, self.batch.slice(start, step)) for start in range(0, max(self.batch.num_rows, 1), step))

    def _by_label(self, weight: Any, column: str) -> dict[Label, float]:
        """Σ weightᵢ over the rows of each label that a column has; those without one are left out."""
        array = self._labels(column)
        coded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        known = np.asarray(coded.is_valid().to_numpy(zero_copy_only=False))
        codes = coded.indices.drop_null().to_numpy(zero_copy_only=False)
        sums = np.bincount(codes, np.broadcast_to(weight, self.rows)[known], len(coded.dictionary)).tolist()
        there = np.bincount(codes, minlength=len(coded.dictionary)) > 0
        return {label: value for label, value, seen in zip(coded.dictionary.to_pylist(), sums, there, strict=True) if seen}

    # -- encoding

    def _keys(self) -> Keys:
        """What tells all the batch's rows from others: a hash of the columns of the key, or of all but the weight's."""
        return hashing.keys_of(self.design, self.batch, self._raw)

    def _plain(self) -> list[Numeric]:
        """The numerics of a design that is a constant and single numerics; empty if it is anything else."""
        single = [numeric for _, numeric in self.design.singles]
        return single if self.design.terms[:1] == (Constant(),) and len(single) == len(self.design.terms) - 1 else []

    @cached_property
    def columns(self) -> Columns | None:
        """Where the features lie, if they are plain numbers and enough of them for compiled kernels."""
        if self.rows * self.design.width < COMPILED or not (numerics := self._plain()):
            return None
        arrays = [np.ascontiguousarray(self._values(Numeric(numeric.expression))) for numeric in numerics]
        addresses = np.array([array.ctypes.data for array in arrays], np.int64)
        return Columns(addresses, 1, False, np.array([numeric.shift for numeric in numerics], np.float64), self.rows, tuple(arrays))

    @cached_property
    def cells(self) -> sparse.Cells | None:
        """The numbers of the features and where they lie, if most are zero."""
        if not self.design.is_sparse:
            return None
        terms = list(zip(accumulate((term.width for term in self.design.terms), initial=0), self.design.terms, strict=False))
        placed = [self._placed(term, start) for start, term in terms if in_cells(term)]
        dense = [(start, term) for start, term in terms if not in_cells(term)]
        columns = np.empty((len(dense), self.rows))
        for row, (_, term) in enumerate(dense):
            self._fill(columns[row : row + 1], term)
        places, values = zip(*placed, strict=True)
        return sparse.Cells(self.design.width, columns, np.array([start for start, _ in dense]), np.array(places, np.int32), values)

    @cached_property
    def x(self) -> Array:
        """The features as contiguous columns, (width, rows)."""
        x, row = np.empty((self.design.width, self.rows)), 0
        for term in self.design.terms:
            self._fill(x[row : row + term.width], term)
            row += term.width
        return x

    def _fill(self, x: Array, term: Term) -> None:
        if isinstance(term, Constant):
            x[:] = 1.0
        elif isinstance(term, Block):
            raise Unsupported(f"the matrix {term.column!r} is asked of a table", "Name its columns as features.")
        elif not term.categories and len(term.numerics) == 1:
            self._values(term.numerics[0], out=x[0])
        elif not term.categories:
            np.prod([self._values(numeric) for numeric in term.numerics], axis=0, out=x[0])
        else:
            place, value = self._placed(term, 0)
            x[:] = 0.0
            x[place, np.arange(self.rows)] = 1.0 if value is None else value
            if value is not None:
                x[:, np.isnan(value)] = np.nan

    def _placed(self, term: Product, start: int) -> tuple[NDArray[np.int64], Array | None]:
        """The feature of a term of categories that each row is in, from `start` on, and its number there; None for ones.

        That of a row with a missing label (kept on request) is NaN.
        """
        place, stride, absent = np.full(self.rows, start), 1, np.zeros(self.rows, bool)
        for category in term.categories:
            code = self._codes(category)
            absent |= code < 0
            place, stride = place + np.maximum(code, 0) * stride, stride * len(category.levels)
        value = np.prod([self._values(numeric) for numeric in term.numerics], axis=0) if term.numerics else None
        return place, np.where(absent, np.nan, 1.0 if value is None else value) if absent.any() else value

    def _values(self, numeric: Numeric, out: Array | None = None) -> Array:
        """A numeric expression over the kept rows, less its shift; never an infinity, a NaN only where missing rows are kept."""
        values = self._column(numeric.expression) if expressions.is_column(numeric.expression) else self._computed(numeric.expression)
        if numeric.shift == 0.0 and out is None:
            return values
        return np.subtract(values, numeric.shift, out=out)

    def _column(self, expression: str) -> Array:
        return np.asarray(self._number(expression.strip("`")), np.float64)

    def _computed(self, expression: str) -> Array:
        with np.errstate(all="ignore"):  # what is not finite is refused with its cause
            values = np.asarray(expressions.evaluate(expression, self._number, np), np.float64)
        if values.ndim == 0:
            values = np.full(self.rows, values)
        self._refuse_infinite(expression, values)
        return values

    def _number(self, name: str) -> Any:
        """A column as float64 over the kept rows; the labels themselves, where only those are asked."""
        if curve := self.design.curve(name):
            return self._curve(*curve)
        if name in self._texts:
            return self._words(name)
        if name not in self._numbers:
            values = self._raw(name)
            self._numbers[name] = values = values if self._kept is None else values[self._kept]
            if name in self._suspect and (infinite := int(np.isinf(values).sum())) and self.design.missing != "keep":
                raise DataError(f"column {name!r} has at least {infinite} infinite value{'s' * (infinite > 1)}", "Make them missing, or drop those rows.")
        return self._numbers[name]

    @cached_property
    def _texts(self) -> set[str]:
        """Columns of which only the labels are asked."""
        return {column.name for column in self.design.columns if column.kind == "text"} - {
            column.name for column in self.design.columns if column.kind == "number"
        }

    def _curve(self, basis: Basis, position: int) -> Array:
        """A column of a basis over the kept rows."""
        if basis.name not in self._curves:
            with np.errstate(all="ignore"):  # a NaN stays one
                self._curves[basis.name] = np.ascontiguousarray(bases.evaluate(basis, self._values(Numeric(basis.expression))))
        return np.asarray(self._curves[basis.name][position])

    def _words(self, name: str) -> Any:
        """A column of text over the kept rows."""
        labels = self._labels(name)
        return (labels.dictionary_decode() if pa.types.is_dictionary(labels.type) else labels).to_numpy(zero_copy_only=False)

    def _raw(self, name: str) -> Array:
        """A column as float64, NaN where it is missing."""
        if name not in self._whole:
            self._whole[name] = self._convert(name)
        return self._whole[name]

    def _convert(self, name: str) -> Array:
        array = self.batch.column(name)
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        found = kind(array.type)
        if found not in ("number", "integer", "boolean", "nothing"):
            raise DataError(
                f"column {name!r} holds {NOUNS.get(found, found)} where numbers are needed", "Cast it to a number, or write C(…) if it is a category."
            )
        if array.type != pa.float64():
            array = array.cast(pa.float64(), safe=False) if found != "boolean" else array.cast(pa.uint8()).cast(pa.float64())
        return np.asarray(array.to_numpy(zero_copy_only=False))

    def _gaps(self, name: str, kind_: str) -> NDArray[np.bool_] | None:
        """Where a column is missing; None if nowhere."""
        if kind_ != "number":
            array = self.batch.column(name)
            gaps = array.is_null(nan_is_null=kind_ == "float")
            return np.asarray(gaps.to_numpy(zero_copy_only=False)) if gaps.true_count else None
        values = self._raw(name)
        if np.isfinite(values.sum()):  # one cheap look: neither a NaN nor an infinity can hide in a sum
            return None
        self._suspect.add(name)
        gaps = np.isnan(values)
        return gaps if gaps.any() else None

    def _keep(self) -> tuple[NDArray[np.bool_] | None, int]:
        """Which rows are kept (None: all), and how many were dropped for a missing value."""
        if self.design.missing == "keep":
            return None, 0
        weighed = self._weighed()
        gaps = [gap for name, gap in self._missing.items() if gap is not None and name not in self._levels]
        missing = np.logical_or.reduce(gaps) if gaps else np.zeros(self.batch.num_rows, bool)
        if weighed is not None:
            missing &= weighed
        if self.design.missing == "raise" and missing.any():
            self._refuse_missing()
        kept = ~missing if weighed is None else weighed & ~missing
        return (None if kept.all() else kept), int(missing.sum())

    def _weighed(self) -> NDArray[np.bool_] | None:
        """Where the weight is not zero; None if everywhere. A missing weight is a missing value."""
        numeric = next(iter(self.design.role("weight")), None)
        if numeric is None:
            return None
        weight = np.broadcast_to(expressions.evaluate(numeric.expression, self._raw, np), self.batch.num_rows)
        if (weight < 0).any():
            raise DataError(
                f"the weight {numeric.expression} is negative in at least {int((weight < 0).sum())} rows", "Weights are counts or precisions: zero or more."
            )
        return None if (weight != 0).all() else np.asarray(weight != 0)

    def _labels(self, name: str) -> pa.Array:
        """The labels of the kept rows, in the type that all parts agreed on."""
        wanted = next(column.kind for column in self.design.columns if column.name == name and column.kind != "number")
        array = self.batch.column(name)
        if pa.types.is_string_view(array.type):
            array = array.cast(pa.string())  # Arrow's filters know no views
        if self._kept is not None:
            array = array.filter(pa.array(self._kept))
        if pa.types.is_floating(array.type):
            array = pc.if_else(pc.is_nan(array), None, array)
        found = kind(array.type).removesuffix(CATEGORY)
        if wanted == "integer" and found == "number" and pc.all(pc.equal(pc.floor(array), array), skip_nulls=True, min_count=0).as_py():
            array, found = array.cast(pa.int64()), "integer"  # whole numbers that a missing value made floats
        if found not in (wanted, "nothing", *(("number", "integer") if wanted == "float" else ())):
            raise DataError(
                f"column {name!r} holds {NOUNS.get(found, found)} here and {NOUNS.get(wanted, wanted)} elsewhere",
                "Labels of one column must have one type in all sources: cast it.",
            )
        if pa.types.is_dictionary(array.type) and found == wanted != "float":
            return array
        try:
            array = array.cast(KINDS[wanted])
        except pa.ArrowInvalid as error:
            raise DataError(f"column {name!r} holds labels that are no {NOUNS.get(wanted, wanted)} of 64 bits", "Cast it to text.") from error
        return pc.add(array, 0.0) if wanted == "float" else array  # minus zero is zero

    def _codes(self, category: Category) -> NDArray[np.int64]:
        """The position of each row's label among the levels; where it is missing, that of None, or -1."""
        array = self._labels(category.column)
        levels = pa.array(category.levels, getattr(array.type, "value_type", array.type))
        absent = category.levels.index(None) if None in category.levels else -1
        if pa.types.is_dictionary(array.type):
            known = pc.index_in(array.dictionary, value_set=levels).fill_null(-2)
            codes = known.take(array.indices).fill_null(absent)
        else:
            codes = pc.if_else(array.is_null(), absent, pc.index_in(array, value_set=levels).fill_null(-2))
        codes = np.asarray(codes.to_numpy(zero_copy_only=False), np.int64)
        if (codes == -2).any():
            label = array[int(np.argmax(codes == -2))].as_py()
            raise DataError(f"column {category.column!r} has the label {label!r}, which the fit has not seen", "Drop those rows, or fit with them.")
        return codes

    def _refuse_missing(self) -> None:
        name, gap = next((name, gap) for name, gap in self._missing.items() if gap is not None)
        raise DataError(f"column {name!r} has at least {int(gap.sum())} missing values", 'Drop them with missing="drop", or fill them first.')

    def _refuse_infinite(self, expression: str, values: Array) -> None:
        bad = ~np.isfinite(values)
        if self.design.missing == "keep" or not bad.any():
            return
        row = int(np.argmax(bad))
        at = ", ".join(f"{name} = {self._number(name)[row]:g}" for name in expressions.columns(expression))
        raise DataError(f"{expression} is not finite in at least {int(bad.sum())} rows, first at {at}", "Leave those rows out, or change the formula.")
