"""The narrow waist: what a place that holds rows must be able to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from summable.core.design import Design
from summable.core.statistic import Array


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group each row is in, and the point about which the features of each group are taken."""

    codes: Any  # (rows,) whole numbers, 0 to groups − 1
    about: Array  # (groups, width), zero for a constant
    crossed: bool = True  # whether order 2 has the products of all features, or the square of each alone: (groups, width)


class Rows(Protocol):
    """Some rows of a design: in memory, on a device, or in a database as text. These eight, for ever.

    Of a `Sampled` design, the rows that its sample does not choose are as if they were not there.
    """

    @property
    def xp(self) -> Any:
        """The array namespace in which element-wise maths is written."""

    def column(self, role: str) -> Any:
        """The values of a role ("y", "weight", "offset", ...): (rows,), of several targets (rows, targets), of none its neutral scalar.

        Of labels, the position of each among their levels, whole numbers. The role "key" is (rows,) 64-bit integers that tell rows from
        others: see `summable.core.sample`.
        """

    def project(self, coef: Any) -> Any:
        """x·coef for coef (width,) or (width, q): (rows,) or (rows, q). Without the offset."""

    def count(self) -> Any:
        """(2,): rows kept, and rows dropped for a missing value. Rows of weight 0 are neither."""

    def moment(self, order: int, weight: Any, by: Groups | str | None = None) -> Any:
        """Σ weightᵢ xᵢ^⊗order, order 0 to 3: (), (width,), packed (width(width+1)/2,) or (width(width+1)(width+2)/6,).

        The weight is complete: none is hidden.

        Of several weights, (rows, q), the moments of order 0 and 1 have q columns. Of groups, order 0 to 2, the first axis is theirs,
        each takes its features about its own point, and several weights go with order 0 alone.

        By a column of labels, order 0 is a mapping of the labels that there are to their sums.
        """

    def extent(self, column: str) -> Any:
        """(3,): least and greatest value of a numeric column over the kept rows, and its missing values over all."""

    def labels(self, column: str) -> Any:
        """The distinct values of a column over the kept rows, a frozen set."""

    def matrix(self) -> Any:
        """The design rows themselves, (rows, width), where that is allowed; else `Unsupported`."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Features, but for the constant before them, as numbers in this process's memory, which compiled kernels read where they lie."""

    addresses: NDArray[np.int64]  # (p,) of each column's first number
    stride: int  # numbers from one row to the next: 1, or more where the columns lie beside each other
    single: bool  # float32; else float64
    shifts: Array  # (p,) what each is less by
    rows: int
    held: tuple[Any, ...]  # the arrays that own the memory
    targets: Columns | None = None  # where these lie likewise, if they need no more than to be shifted

    @staticmethod
    def of(x: NDArray[Any], shifts: Array, targets: Columns | None = None) -> Columns:
        """Where the columns of an array of float32 or float64 lie, (rows, p), whose rows are a whole number of numbers apart."""
        addresses = x.__array_interface__["data"][0] + np.arange(x.shape[1], dtype=np.int64) * x.strides[1]
        return Columns(addresses, x.strides[0] // x.itemsize, x.dtype == np.float32, np.asarray(shifts, np.float64), x.shape[0], (x,), targets)

    @property
    def width(self) -> int:
        """Features with the constant."""
        return len(self.shifts) + 1


def columns_of(rows: Rows) -> Columns | None:
    """Where the features lie, if the rows are a constant and plain numbers in memory, and enough of them for a kernel to be worth its start.

    It is no ninth of the eight: a place that has no `columns` answers the same questions by them.
    """
    found: Columns | None = getattr(rows, "columns", None)
    return found


def pieces_of(rows: Rows) -> Iterable[Rows]:
    """The same rows in blocks small enough for their features to be written out: themselves, unless most of them are zeros that are not kept."""
    cut = getattr(rows, "pieces", None)
    return cut() if cut else (rows,)


def each(weight: Any, values: Any) -> Any:
    """The weight of each row times its value, or its several values; these themselves, where nothing is weighed."""
    if isinstance(weight, float) and weight == 1.0:
        return values
    return (weight * values.T).T if getattr(values, "ndim", 1) == 2 else weight * values


def less(values: Any, offset: Any) -> Any:
    """The value, or the several values, of each row less its offset; these themselves, where there is none."""
    if isinstance(offset, float) and offset == 0.0:
        return values
    return (values.T - offset).T if getattr(values, "ndim", 1) == 2 else values - offset


class Shard(Protocol):
    """A picklable handle to some rows, opened where it is used."""

    @property
    def name(self) -> str:
        """What an error calls it: a file's name, a range of rows."""

    def kinds(self) -> Mapping[str, str]:
        """Column to kind ("number", "integer", "boolean", "text", "date", "nothing", "other"), read without the rows."""

    def rows(self, design: Design, limit: int | None = None) -> Iterator[Rows]:
        """The rows, block by block in bounded memory: at least one block, which may be empty; about `limit` rows if given."""
