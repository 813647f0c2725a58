"""Categories to coefficients: formulaic decides how to code them; here the decision becomes a design and a coding."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from summable.core.design import WIDEST, Basis, Category, Coding, Constant, Design, Numeric, Product
from summable.core.errors import DataError, FormulaError
from summable.core.statistic import Array, Label
from summable.formula import Formula
from summable.plan import Plan, Scope, plan


@dataclass(frozen=True, eq=False)
class Expansion:
    """The columns of a factor of numbers: features · matrix + constant. A plain number is its own only feature."""

    features: tuple[str, ...]  # expressions, as they are measured
    matrix: Array  # (features, columns)
    constant: Array  # (columns,)
    basis: Basis | None = None  # whose columns the features are
    spans: bool = False  # whether the constant is made from the columns, which add up to one as the indicators of a category do
    instead: Expansion | None = None  # one that spans, for where the features themselves would say the constant twice

    def part(self, reduced: bool) -> Expansion:
        """The same without its first column, where others span it, and without the features that only this one needs."""
        matrix, constant = self.matrix[:, int(reduced) :], self.constant[int(reduced) :]
        used = np.flatnonzero(matrix.any(axis=1) | (len(matrix) == 1))
        return Expansion(tuple(self.features[i] for i in used), matrix[used], constant, self.basis, self.spans and not reduced)

    def shifted(self, shifts: Mapping[str, float]) -> Expansion:
        """The same for features that are measured less a shift."""
        by = np.array([shifts.get(feature, 0.0) for feature in self.features])
        return Expansion(self.features, self.matrix, self.constant + by @ self.matrix, self.basis, self.spans)


@dataclass(frozen=True)
class _Block:
    """The features of some numerics within some categories, of the measured design and of the basis of the fit."""

    numerics: tuple[str, ...]
    categories: tuple[str, ...]

    @property
    def key(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(self.numerics), frozenset(self.categories)


@dataclass(frozen=True)
class _Part:
    """A factor of a scope: numbers, or a category by the columns of a contrast."""

    places: NDArray[np.int64]  # (columns,) where its columns stand, counted from the scope's first
    numbers: Expansion | None
    category: str = ""
    contrast: Array | None = None  # (levels, columns)

    def merged(self, other: _Part) -> _Part:
        """The products of two contrasts of one category, as one contrast."""
        assert self.contrast is not None and other.contrast is not None  # both are of a category
        both = self.contrast[:, :, None] * other.contrast[:, None, :]
        return _Part(np.add.outer(self.places, other.places).ravel(), None, self.category, both.reshape(len(both), -1))


_Product = tuple[float, tuple[_Part, ...]]  # a scale, and the factors of some coefficients in a row


def settle(
    formula: Formula, draft: Design, levels: Mapping[str, Iterable[Label]], shifts: Mapping[str, float], expansions: Mapping[str, Expansion] | None = None
) -> tuple[Design, Coding]:
    """The design with all levels, and the coding of the coefficients: names, contrasts, un-shifting."""
    ordered = {name: in_order(found) for name, found in levels.items()}
    for name, found in ordered.items():
        if not found:
            raise DataError(f"column {name!r} has no value in any row that is kept", "Leave it out of the formula.")
    category_of = {factor.text: factor.expression for factor in formula.factors if factor.kind == "category"}
    for name in category_of.keys() & ordered.keys():  # a bare column, not C(column)
        _refuse_numerals(name, ordered[name])
    _refuse_wide(max((_cells_of(term, category_of, ordered) for term in formula.terms), default=0))
    planned = plan(formula, category_of, ordered, draft)
    numbers = {f.text: Expansion((f.expression,), np.ones((1, 1)), np.zeros(1)) for f in formula.factors if f.kind == "number"} | dict(expansions or {})
    products = [_product(scope, category_of, numbers) for scope in planned.scopes]
    blocks = _blocks(parts for _, parts in products)
    if _dimensions(blocks, ordered) > len(planned.names):
        numbers = {text: one.instead or one for text, one in numbers.items()}
        products = [_product(scope, category_of, numbers) for scope in planned.scopes]
        blocks = _blocks(parts for _, parts in products)
    allowed = _shiftable(blocks, shifts)
    numeric = {feature: Numeric(feature, allowed.get(feature, 0.0)) for block in blocks for feature in block.numerics}
    categories = {name: Category(name, found) for name, found in ordered.items()}
    terms: list[Constant | Product] = [Constant(), *(_term(block, numeric, categories) for block in blocks if block.numerics or block.categories)]
    has_constant = any(not block.numerics and not block.categories for block in blocks)
    _refuse_wide(sum(term.width for term in terms))
    about = shifts if has_constant else {}
    roles = tuple((role, Numeric(n.expression, about.get(n.expression, 0.0)) if role == "y" and isinstance(n, Numeric) else n) for role, n in draft.roles)
    bases = tuple(dict.fromkeys(one.basis for one in numbers.values() if one.basis is not None))
    design = Design(draft.columns, tuple(terms), roles, draft.missing, bases)
    shifted = [(scale, tuple(_shifted(part, allowed) for part in parts)) for scale, parts in products]
    return design, _coding(planned, shifted, blocks, categories)


def in_order(labels: Iterable[Label]) -> tuple[Label, ...]:
    """Labels sorted in their own type; a missing one last."""
    return tuple(sorted(labels, key=lambda label: (label is None, label)))


def _cells_of(term: Sequence[str], category_of: Mapping[str, str], levels: Mapping[str, Sequence[Label]]) -> int:
    """The cells of the categories in a term."""
    return math.prod(len(levels[name]) for name in {category_of[text] for text in term if text in category_of})


def _refuse_wide(width: int) -> None:
    """Refuse more features than products can be held of."""
    if width > WIDEST:
        size = width * width * 4 / 1e9
        raise FormulaError(
            f"the formula has {width:,} features, whose products would take {size:,.0f} GB in each part", "Cross fewer levels, or merge the rare ones."
        )


def _product(scope: Scope, category_of: Mapping[str, str], numbers: Mapping[str, Expansion]) -> _Product:
    """The factors of a scope, the first varying fastest; a category that stands in it twice becomes one."""
    parts, step = dict[tuple[str, bool], _Part](), 1
    for text, contrast, reduced in zip(scope.texts, scope.contrasts, scope.reduced, strict=True):
        if contrast is None:
            expansion = numbers[text].part(reduced)
            part, name = _Part(step * np.arange(expansion.matrix.shape[1]), expansion), (text, False)
        else:
            part, name = _Part(step * np.arange(contrast.shape[1]), None, category_of[text], contrast), (category_of[text], True)
        step *= len(part.places)
        parts[name] = parts[name].merged(part) if name in parts else part
    return scope.scale, tuple(parts.values())


def _shifted(part: _Part, shifts: Mapping[str, float]) -> _Part:
    return _Part(part.places, part.numbers.shifted(shifts)) if part.numbers else part


def _refuse_numerals(name: str, levels: Sequence[Label]) -> None:
    """Refuse to take a column of text for a category when most of it reads as numbers: one bad cell makes text of a CSV column."""
    known = [label for label in levels if label is not None]
    strange = [label for label in known if isinstance(label, str) and not _is_number(label)]
    if all(isinstance(label, str) for label in known) and 2 * len(strange) < len(known):
        why = f"{strange[0]!r} among numbers" if strange else "numbers written as text"
        raise FormulaError(f"column {name!r} holds {why}", f"Mend or cast it, or write C({name}) if it is a category.")


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True


def _blocks(products: Iterable[Sequence[_Part]]) -> list[_Block]:
    """The span of the terms: each term's numerics within every subset of its categories, the constant first."""
    blocks: dict[Any, _Block] = {}
    for parts in products:
        groups = tuple(dict.fromkeys(part.category for part in parts if part.category))
        for numbers in product(*(_choices(part)[: None if part.numbers.spans else -1] for part in parts if part.numbers)):
            for size in range(len(groups) + 1):
                for some in combinations(groups, size):
                    block = _Block(tuple(dict.fromkeys(name for name in numbers if name)), some)
                    blocks.setdefault(block.key, block)
    return sorted(blocks.values(), key=lambda block: bool(block.numerics or block.categories))


def _dimensions(blocks: Iterable[_Block], levels: Mapping[str, Sequence[Label]]) -> int:
    return sum(math.prod(len(levels[name]) - 1 for name in block.categories) for block in blocks)


def _shiftable(blocks: Sequence[_Block], shifts: Mapping[str, float]) -> dict[str, float]:
    """The shifts that can be undone: those of numerics whose every block stands beside the same block without them."""
    keys = {block.key for block in blocks}
    texts = {text for block in blocks for text in block.numerics}
    undone = {text: all((numbers - {text}, groups) in keys for numbers, groups in keys if text in numbers) for text in texts}
    return {text: shifts.get(text, 0.0) for text in texts if undone[text]}


def _term(block: _Block, numeric: Mapping[str, Numeric], categories: Mapping[str, Category]) -> Product:
    return Product(tuple(numeric[text] for text in block.numerics), tuple(categories[name] for name in block.categories))


def _coding(planned: Plan, products: Sequence[_Product], blocks: Sequence[_Block], categories: Mapping[str, Category]) -> Coding:
    """User columns = basis · matrix, where the basis leaves out each category's reference level.

    A level l of a category is the basis column l, and the reference is one minus all of them; a number x is (x − s) + s, and a
    polynomial is its shifted powers and a constant. Multiplied out, each user column is a short combination of basis columns.
    """
    start, kept, position, measured = {}, [], 0, 1
    for block in blocks:
        start[block.key] = (position, block)
        cells = _cells(block, categories, planned.reference)
        if block.numerics or block.categories:
            kept.append(measured + cells)
            measured += math.prod(len(categories[name].levels) for name in block.categories)
        else:
            kept.append(np.zeros(1, np.int64))
        position += len(cells)
    entries = [np.zeros((4, 0))]
    column = 0
    for scale, parts in products:
        entries += _entries(scale, parts, column, start, planned.reference, categories)
        column += math.prod(len(part.places) for part in parts)
    if column < position or column != len(planned.names):
        raise FormulaError(f"the terms give {column} coefficients but span {position} dimensions", "Name all levels, or make a column of those you want.")
    row, col, value, unshifts = np.concatenate(entries, axis=1)
    positions = np.concatenate([*kept, np.zeros(0, np.int64)])
    return Coding(planned.names, positions, row.astype(np.int64), col.astype(np.int64), value, unshifts.astype(bool))


def _cells(block: _Block, categories: Mapping[str, Category], reference: Mapping[str, int]) -> NDArray[np.int64]:
    """The block's features without any reference level, as positions within the block, first category fastest."""
    cells, stride = np.zeros(1, np.int64), 1
    for name in block.categories:
        count = len(categories[name].levels)
        others = np.delete(np.arange(count), reference[name])
        cells, stride = (cells + (others * stride)[:, None]).ravel(), stride * count
    return cells


def _entries(
    scale: float, parts: Sequence[_Part], column: int, start: Mapping[Any, tuple[int, _Block]], reference: Mapping[str, int], categories: Mapping[str, Category]
) -> list[Array]:
    """The (row, column, value, whether it undoes a shift) of one product, over every way to take each factor by one feature or as its constant part."""
    found = []
    for taken in product(*(_choices(part) for part in parts)):
        unshifts = any(part.numbers and not part.numbers.spans and choice is None for part, choice in zip(parts, taken, strict=True))
        key = (
            frozenset(str(choice) for part, choice in zip(parts, taken, strict=True) if part.numbers and choice is not None),
            frozenset(part.category for part, choice in zip(parts, taken, strict=True) if part.category and choice is not None),
        )
        if key not in start:
            continue  # no constant part, as its entries below are all zero
        position, block = start[key]
        strides = _strides(block, categories)
        triplets = np.array([[position], [column], [scale]], np.float64)
        for part, choice in zip(parts, taken, strict=True):
            triplets = _outer(triplets, _triplets(part, choice, reference), strides.get(part.category, 0), part.places)
        filled = triplets[:, triplets[2] != 0]
        found.append(np.vstack([filled, np.full(filled.shape[1], unshifts)]))
    return found


def _choices(part: _Part) -> list[str | None]:
    """By which of its features, or its levels, a factor is taken; None for its constant part."""
    return [*(part.numbers.features if part.numbers else [part.category]), None]


def _triplets(part: _Part, choice: str | None, reference: Mapping[str, int]) -> Array:
    """(row, column, value) of a factor taken in one way: rows count the levels of a category that are not its reference."""
    if part.numbers is None:
        assert part.contrast is not None
        return _constant_part(part.contrast, reference[part.category]) if choice is None else _levels(part.contrast, reference[part.category])
    values = part.numbers.constant if choice is None else part.numbers.matrix[part.numbers.features.index(choice)]
    return np.stack([np.zeros(len(values)), np.arange(len(values)), values])


def _strides(block: _Block, categories: Mapping[str, Category]) -> dict[str, int]:
    strides, stride = {}, 1
    for name in block.categories:
        strides[name], stride = stride, stride * (len(categories[name].levels) - 1)
    return strides


def _levels(matrix: Array, reference: int) -> Array:
    """Triplets of a contrast over the levels that are not the reference."""
    over = np.delete(matrix - matrix[reference], reference, axis=0)
    row, column = np.nonzero(over)
    return np.stack([row, column, over[row, column]])


def _constant_part(matrix: Array, reference: int) -> Array:
    """Triplets of what a contrast gives the reference level."""
    column = np.arange(matrix.shape[1])
    return np.stack([np.zeros(len(column)), column, matrix[reference]])


def _outer(triplets: Array, part: Array, row_stride: int, places: NDArray[np.int64]) -> Array:
    row = triplets[0][:, None] + part[0] * row_stride
    column = triplets[1][:, None] + places[part[1].astype(np.int64)]
    return np.stack([row.ravel(), column.ravel(), (triplets[2][:, None] * part[2]).ravel()])
