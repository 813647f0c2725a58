"""The narrow waist: what a place that holds rows must be able to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from summable.core.design import Design


class Rows(Protocol):
    """Some rows of a design: in memory, on a device, or in a database as text. These eight, for ever.

    Of a `Sampled` design, the rows that its sample does not choose are as if they were not there.
    """

    @property
    def xp(self) -> Any:
        """The array namespace in which element-wise maths is written."""

    def column(self, role: str) -> Any:
        """The values of a role ("y", "weight", "offset", ...): (rows,), of several targets (rows, targets), of none its neutral scalar.

        The role "key" is (rows,) 64-bit integers that tell rows from others: see `summable.core.sample`.
        """

    def project(self, coef: Any) -> Any:
        """x·coef for coef (width,) or (width, q): (rows,) or (rows, q). Without the offset."""

    def count(self) -> Any:
        """(2,): rows kept, and rows dropped for a missing value. Rows of weight 0 are neither."""

    def moment(self, order: int, weight: Any) -> Any:
        """Σ weightᵢ xᵢ^⊗order, order 0 to 3: (), (width,), packed (width(width+1)/2,) or (width(width+1)(width+2)/6,).

        The weight is complete: none is hidden.

        Of several weights, (rows, q), the moments of order 0 and 1 have q columns.
        """

    def extent(self, column: str) -> Any:
        """(3,): least and greatest value of a numeric column over the kept rows, and its missing values over all."""

    def labels(self, column: str) -> Any:
        """The distinct values of a column over the kept rows, a frozen set."""

    def matrix(self) -> Any:
        """The design rows themselves, (rows, width), where that is allowed; else `Unsupported`."""


def each(weight: Any, values: Any) -> Any:
    """The weight of each row times its value, or its several values."""
    return (weight * values.T).T if getattr(values, "ndim", 1) == 2 else weight * values


def less(values: Any, offset: Any) -> Any:
    """The value, or the several values, of each row less its offset."""
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
