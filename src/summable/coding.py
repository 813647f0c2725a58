"""Categories to coefficients: formulaic decides how to code them; here the decision becomes a design and a coding."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from summable.core.design import Category, Coding, Column, Constant, Design, Numeric, Product
from summable.core.errors import DataError, FormulaError
from summable.core.statistic import Array, Label
from summable.formula import Formula
from summable.maths import expressions

WIDEST = 20_000  # features, of which the packed products weigh 1.6 GB
FUNCTIONS = {name: getattr(np, name) for name in expressions.FUNCTIONS} | {"np": np}


@dataclass(frozen=True)
class _Block:
    """The features of some numerics within some categories, of the measured design and of the basis of the fit."""

    numerics: tuple[str, ...]
    categories: tuple[str, ...]

    @property
    def key(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(self.numerics), frozenset(self.categories)


def settle(formula: Formula, draft: Design, levels: Mapping[str, Iterable[Label]], shifts: Mapping[str, float]) -> tuple[Design, Coding]:
    """The design with all levels, and the coding of the coefficients: names, contrasts, un-shifting."""
    ordered = {name: tuple(sorted(found)) for name, found in levels.items()}
    for name, found in ordered.items():
        if not found:
            raise DataError(f"column {name!r} has no value in any row that is kept", "Leave it out of the formula.")
    by_text = {factor.text: factor for factor in formula.factors}
    category_of = {factor.text: factor.expression for factor in formula.factors if factor.kind == "category"}
    for name in category_of.keys() & ordered.keys():  # a bare column, not C(column)
        _refuse_numerals(name, ordered[name])
    plan = _plan(formula, category_of, ordered, draft)
    blocks = _blocks([scope.texts for scope in plan.scopes], category_of)
    allowed = _shiftable(blocks, shifts)
    numeric = {text: Numeric(factor.expression, allowed.get(text, 0.0)) for text, factor in by_text.items() if text not in category_of}
    categories = {name: Category(name, found) for name, found in ordered.items()}
    terms: list[Constant | Product] = [Constant(), *(_term(block, numeric, categories) for block in blocks if block.numerics or block.categories)]
    has_constant = any(not block.numerics and not block.categories for block in blocks)
    if (width := sum(term.width for term in terms)) > WIDEST:
        size = width * width * 4 / 1e9
        raise FormulaError(
            f"the formula has {width:,} features, whose products would take {size:,.0f} GB in each part", "Cross fewer levels, or merge the rare ones."
        )
    roles = tuple((role, n if role != "y" else Numeric(n.expression, shifts.get(n.expression, 0.0) if has_constant else 0.0)) for role, n in draft.roles)
    design = Design(draft.columns, tuple(terms), roles, draft.missing)
    return design, _coding(plan, blocks, numeric, categories, category_of)


def _refuse_numerals(name: str, levels: Sequence[Label]) -> None:
    """Refuse to take a column of text for a category when most of it reads as numbers: one bad cell makes text of a CSV column."""
    strange = [label for label in levels if isinstance(label, str) and not _is_number(label)]
    if all(isinstance(label, str) for label in levels) and 2 * len(strange) < len(levels):
        why = f"{strange[0]!r} among numbers" if strange else "numbers written as text"
        raise FormulaError(f"column {name!r} holds {why}", f"Mend or cast it, or write C({name}) if it is a category.")


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True


def _blocks(scopes: Iterable[Sequence[str]], category_of: Mapping[str, str]) -> list[_Block]:
    """The span of the terms: each term's numerics within every subset of its categories, the constant first."""
    blocks: dict[Any, _Block] = {}
    for texts in scopes:
        numbers = tuple(text for text in texts if text not in category_of)
        groups = tuple(dict.fromkeys(category_of[text] for text in texts if text in category_of))
        for size in range(len(groups) + 1):
            for some in combinations(groups, size):
                block = _Block(numbers, some)
                blocks.setdefault(block.key, block)
    return sorted(blocks.values(), key=lambda block: bool(block.numerics or block.categories))


def _shiftable(blocks: Sequence[_Block], shifts: Mapping[str, float]) -> dict[str, float]:
    """The shifts that can be undone: those of numerics whose every block stands beside the same block without them."""
    keys = {block.key for block in blocks}
    texts = {text for block in blocks for text in block.numerics}
    undone = {text: all((numbers - {text}, groups) in keys for numbers, groups in keys if text in numbers) for text in texts}
    return {text: shifts.get(text, 0.0) for text in texts if undone[text]}


def _term(block: _Block, numeric: Mapping[str, Numeric], categories: Mapping[str, Category]) -> Product:
    return Product(tuple(numeric[text] for text in block.numerics), tuple(categories[name] for name in block.categories))


@dataclass(frozen=True)
class _Scope:
    """Some coefficients in a row: a product of factors, each category by the columns of a contrast."""

    texts: tuple[str, ...]
    contrasts: tuple[Array | None, ...]  # (levels, columns) of a category; None for a number
    scale: float


@dataclass(frozen=True)
class _Plan:
    """How formulaic codes a formula: its names, and where they come from; the level that each category leaves out."""

    names: tuple[str, ...]
    scopes: tuple[_Scope, ...]
    reference: Mapping[str, int]


def _plan(formula: Formula, category_of: Mapping[str, str], levels: Mapping[str, tuple[Label, ...]], draft: Design) -> _Plan:
    """Let formulaic code a stand-in table that has the formula's columns and levels, and no rows of the data."""
    spec = _spec(formula, levels, draft)
    scopes, names, reference = [], [], dict[str, int]()
    for term in spec.structure:
        names.extend(term.columns)
        for scoped in term.scoped_terms:
            texts = tuple(part.factor.expr for part in scoped.factors)
            contrasts = [_contrast(spec, part, category_of) for part in scoped.factors]
            scopes.append(_Scope(texts, tuple(contrasts), float(scoped.scale)))
    for text, name in category_of.items():
        found, base = levels[name], getattr(spec.encoder_state[text][1]["contrasts"].contrasts, "base", None)
        reference.setdefault(name, found.index(base) if base in found else 0)
    return _Plan(tuple(names), tuple(scopes), reference)


def _spec(formula: Formula, levels: Mapping[str, tuple[Label, ...]], draft: Design) -> Any:
    import formulaic
    import pandas as pd

    rows = max([1, *(len(found) for name, found in levels.items() if Column(name) in draft.columns)])
    frame = pd.DataFrame({column.name: np.ones(rows) for column in draft.columns if column.kind == "number"}, index=range(rows))
    for name, found in levels.items():
        values = [found[i % len(found)] for i in range(rows)]
        frame[name] = values if Column(name) in draft.columns else pd.Categorical(values, categories=list(found))
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            right = formulaic.Formula(formula.right, _ordering="degree")
            return right.get_model_matrix(frame, na_action="ignore", context=FUNCTIONS).model_spec
    except Exception as error:
        raise FormulaError(f"the formula {formula.text!r} cannot be coded ({str(error).splitlines()[0]})", "Check its contrasts and their levels.") from error


def _contrast(spec: Any, part: Any, category_of: Mapping[str, str]) -> Array | None:
    if part.factor.expr not in category_of:
        return None
    state = spec.encoder_state[part.factor.expr][1]["contrasts"]
    return np.asarray(state.contrasts.get_coding_matrix(state.levels, reduced_rank=part.reduced, sparse=False), np.float64)


def _coding(
    plan: _Plan, blocks: Sequence[_Block], numeric: Mapping[str, Numeric], categories: Mapping[str, Category], category_of: Mapping[str, str]
) -> Coding:
    """User columns = basis · matrix, where the basis leaves out each category's reference level.

    A level l of a category is the basis column l, and the reference is one minus all of them; a number x is (x − s) + s.
    Multiplied out, each user column is a short combination of basis columns.
    """
    start, kept, position, measured = {}, [], 0, 1
    for block in blocks:
        start[block.key] = (position, block)
        cells = _cells(block, categories, plan.reference)
        if block.numerics or block.categories:
            kept.append(measured + cells)
            measured += math.prod(len(categories[name].levels) for name in block.categories)
        else:
            kept.append(np.zeros(1, np.int64))
        position += len(cells)
    entries = [np.zeros((4, 0))]
    column = 0
    for scope in plan.scopes:
        entries += _entries(scope, column, start, plan.reference, numeric, categories, category_of)
        column += math.prod(matrix.shape[1] for matrix in scope.contrasts if matrix is not None)
    if column < position or column != len(plan.names):
        raise FormulaError(f"the terms give {column} coefficients but span {position} dimensions", "Name all levels, or make a column of those you want.")
    row, col, value, unshifts = np.concatenate(entries, axis=1)
    positions = np.concatenate([*kept, np.zeros(0, np.int64)])
    return Coding(plan.names, positions, row.astype(np.int64), col.astype(np.int64), value, unshifts.astype(bool))


def _cells(block: _Block, categories: Mapping[str, Category], reference: Mapping[str, int]) -> NDArray[np.int64]:
    """The block's features without any reference level, as positions within the block, first category fastest."""
    cells, stride = np.zeros(1, np.int64), 1
    for name in block.categories:
        count = len(categories[name].levels)
        others = np.delete(np.arange(count), reference[name])
        cells, stride = (cells + (others * stride)[:, None]).ravel(), stride * count
    return cells


def _entries(
    scope: _Scope,
    column: int,
    start: Mapping[Any, tuple[int, _Block]],
    reference: Mapping[str, int],
    numeric: Mapping[str, Numeric],
    categories: Mapping[str, Category],
    category_of: Mapping[str, str],
) -> list[Array]:
    """The (row, column, value, whether it undoes a shift) of one scope, over every way to take each factor whole or as its constant part."""
    found = []
    for taken in product((True, False), repeat=len(scope.texts)):
        whole = [text for text, is_whole in zip(scope.texts, taken, strict=True) if is_whole]
        constants = [numeric[text].shift for text in scope.texts if text not in whole and text in numeric]
        key = frozenset(t for t in whole if t in numeric), frozenset(category_of[t] for t in whole if t in category_of)
        if 0.0 in constants or key not in start:
            continue  # nothing to undo, or (for a full contrast) no constant part, as its entries below are all zero
        position, block = start[key]
        strides = _strides(block, categories)
        triplets, step = np.array([[position], [column], [scope.scale * math.prod(constants)]], np.float64), 1
        for text, matrix in zip(scope.texts, scope.contrasts, strict=True):
            if matrix is None:
                continue
            name = category_of[text]
            part = _levels(matrix, reference[name]) if text in whole else _constant_part(matrix, reference[name])
            triplets = _outer(triplets, part, strides.get(name, 0), step)
            step *= matrix.shape[1]
        filled = triplets[:, triplets[2] != 0]
        found.append(np.vstack([filled, np.full(filled.shape[1], bool(constants))]))
    return found


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


def _outer(triplets: Array, part: Array, row_stride: int, column_stride: int) -> Array:
    row = triplets[0][:, None] + part[0] * row_stride
    column = triplets[1][:, None] + part[1] * column_stride
    return np.stack([row.ravel(), column.ravel(), (triplets[2][:, None] * part[2]).ravel()])
