"""From columns to features: plain data, settled before the first moment is taken.

What is *measured* is the design: a constant, numeric features less a shift, and **all** levels of every category, so that two
statistics taken with other shifts or levels still speak of the same thing. What the user *reads* is its coding: the contrasts,
the intercept or none, the names. The first is asked of the rows, the second applied at the centre.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from summable.core.data import Data
from summable.core.statistic import Array, Label

CATEGORY = " category"  # follows the kind of labels in a column whose own type says that it is a category
WIDEST = 2**15  # features, whose products take 8.6 GB: of these a solve needs three, and every worker half of one
SPARSE = 4  # features for each number of a row from which only the numbers are kept: below, BLAS multiplies the zeros in less time
NEUTRAL = {"weight": 1.0, "offset": 0.0, "trials": 1.0, "class": 0.0}  # the value of a role that a design lacks


@dataclass(frozen=True)
class Column(Data):
    """A column to be read, and the kind as which it must arrive: "number", or the type of its labels."""

    name: str
    kind: str = "number"
    gaps: bool = False  # whether a missing label is a level of its own, so that no row is dropped for it


@dataclass(frozen=True)
class Numeric(Data):
    """A numeric expression of columns, less a constant shift."""

    expression: str
    shift: float = 0.0


@dataclass(frozen=True)
class Category(Data):
    """A column of labels and all its levels, sorted in their own type; None, for a missing label, comes last."""

    column: str
    levels: tuple[Label, ...]


@dataclass(frozen=True)
class Constant(Data):
    """The feature that is one in every row."""

    @property
    def width(self) -> int:
        return 1


@dataclass(frozen=True)
class Product(Data):
    """The product of numeric expressions within each cell of some categories; a single factor is the usual case.

    Its features are ordered with the first category varying fastest.
    """

    numerics: tuple[Numeric, ...]
    categories: tuple[Category, ...] = ()

    @property
    def width(self) -> int:
        return prod(len(category.levels) for category in self.categories)


@dataclass(frozen=True)
class Block(Data):
    """The columns of a matrix, each less a shift: many features in one term."""

    column: str
    shifts: tuple[float, ...]

    @property
    def width(self) -> int:
        return len(self.shifts)


@dataclass(frozen=True)
class Basis(Data):
    """Functions of a numeric expression, learnt from the rows: each is read like a column, called name[0], name[1], …

    The kinds are "chebyshev" polynomials (of degree 0 up, about the first knot, in units of the second), "bs" (B-splines over knots
    that count each bound degree + 1 times), and "cr" and "cc" (natural and cyclic cubic regression splines over their knots).
    """

    name: str
    kind: str
    expression: str
    knots: tuple[float, ...]
    degree: int = 3
    outside: str = "extend"  # what becomes of a value beyond the bounds: "extend", "clip", "zero" or "raise"
    bounds: tuple[float, ...] = ()  # least and greatest value, of a spline
    mixing: tuple[tuple[float, ...], ...] = ()  # columns = functions · mixing; the functions themselves, if empty

    def feature(self, position: int) -> str:
        """The name of a column."""
        return f"{self.name}[{position}]"


Term = Constant | Product | Block


def in_cells(term: Term) -> TypeGuard[Product]:
    """Whether a row has one number of the term, in the cell of its labels, and zeros beside."""
    return isinstance(term, Product) and bool(term.categories)


@dataclass(frozen=True)
class Design(Data):
    """Columns to features, and to roles; several targets are as many roles "y". What plays a role is a number, or a label ("class").

    `missing` says what becomes of a row with a missing value: "drop", "raise" or "keep" (as NaN).
    """

    columns: tuple[Column, ...] = ()
    terms: tuple[Term, ...] = ()
    roles: tuple[tuple[str, Numeric | Category], ...] = ()
    missing: str = "drop"
    bases: tuple[Basis, ...] = ()

    @property
    def width(self) -> int:
        """How many features."""
        return sum(term.width for term in self.terms)

    @property
    def numbers(self) -> int:
        """Numbers of a row that are kept: of a term of categories the one that is not zero, and its place."""
        return sum(2 if in_cells(term) else term.width for term in self.terms)

    @property
    def is_sparse(self) -> bool:
        """Whether most features of a row are zero, for the levels that it has not."""
        return self.width > SPARSE * self.numbers

    @property
    def kept_numbers(self) -> int:
        """Numbers of a row that are kept of this design: all, unless it is sparse."""
        return self.numbers if self.is_sparse else self.width

    @property
    def singles(self) -> tuple[tuple[int, Numeric], ...]:
        """The features that are one numeric alone, each with its position."""
        starts = accumulate((term.width for term in self.terms), initial=0)
        pairs = zip(starts, self.terms, strict=False)
        return tuple((at, term.numerics[0]) for at, term in pairs if isinstance(term, Product) and not term.categories and len(term.numerics) == 1)

    def role(self, name: str) -> tuple[Numeric, ...]:
        """The numbers that play a role: nothing, one numeric, or several targets."""
        return tuple(one for role, one in self.roles if role == name and isinstance(one, Numeric))

    def label(self, name: str) -> Category | None:
        """The labels that play a role, if any do."""
        return next((one for role, one in self.roles if role == name and isinstance(one, Category)), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that must be read."""
        return tuple(column.name for column in self.columns)

    def curve(self, name: str) -> tuple[Basis, int] | None:
        """The basis, and the position in it, of a column that is computed and not read; None for one that is read."""
        head, _, position = name.rstrip("]").rpartition("[")
        return next(((basis, int(position)) for basis in self.bases if basis.name == head), None)


@dataclass(frozen=True, eq=False)
class Coding(Data):
    """How p coefficients with names relate to the features of a design.

    `kept` picks from the measured features a basis: those without the reference level of each category. The columns that the
    coefficients belong to are linear in it: user columns = basis · matrix, whose entries are given as triplets. Some of them
    only undo shifts.
    """

    names: tuple[str, ...]
    kept: NDArray[np.int64]  # (basis,) positions in the design
    row: NDArray[np.int64]  # (entries,)
    column: NDArray[np.int64]  # (entries,)
    value: Array  # (entries,)
    unshifts: NDArray[np.bool_]  # (entries,)

    def matrix(self) -> Array:
        """The dense (basis, p) matrix of the relation."""
        return self._dense(self.value)

    def contrasts(self) -> Array:
        """The same for shifted columns: contrasts alone, whose small whole numbers tell what is aliased."""
        return self._dense(np.where(self.unshifts, 0.0, self.value))

    def _dense(self, value: Array) -> Array:
        dense = np.zeros((len(self.kept), len(self.names)))
        np.add.at(dense, (self.row, self.column), value)
        return dense
