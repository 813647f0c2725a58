"""What formulaic makes of a formula: the names of coefficients, and which contrast or function each of them is of."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from summable.core.design import Column, Design
from summable.core.errors import FormulaError
from summable.core.statistic import Array, Label
from summable.formula import Formula
from summable.maths import expressions

FUNCTIONS = {name: getattr(np, name) for name in expressions.FUNCTIONS} | {"np": np}
STAND_INS = 4096  # points on which a spline is tried, enough to be distinct for any df


@dataclass(frozen=True)
class Scope:
    """Some coefficients in a row: a product of factors, each category by the columns of a contrast."""

    texts: tuple[str, ...]
    contrasts: tuple[Array | None, ...]  # (levels, columns) of a category; None for numbers
    reduced: tuple[bool, ...]  # whether the first column is left out, as others span it
    scale: float


@dataclass(frozen=True)
class Plan:
    """How formulaic codes a formula: its names, and where they come from; the level that each category leaves out."""

    names: tuple[str, ...]
    scopes: tuple[Scope, ...]
    reference: Mapping[str, int]


def plan(formula: Formula, category_of: Mapping[str, str], levels: Mapping[str, tuple[Label, ...]], draft: Design) -> Plan:
    """Let formulaic code a stand-in table that has the formula's columns and levels, and no rows of the data."""
    levels = {name: shown(found) for name, found in levels.items()}
    spec = _spec(formula, levels, draft)
    scopes, names, reference = [], [], dict[str, int]()
    for term in spec.structure:
        names.extend(term.columns)
        for scoped in term.scoped_terms:
            texts = tuple(part.factor.expr for part in scoped.factors)
            contrasts = [_contrast(spec, part, category_of) for part in scoped.factors]
            scopes.append(Scope(texts, tuple(contrasts), tuple(bool(part.reduced) for part in scoped.factors), float(scoped.scale)))
    for text, name in category_of.items():
        found, base = levels[name], getattr(spec.encoder_state[text][1]["contrasts"].contrasts, "base", None)
        reference.setdefault(name, found.index(base) if base in found else 0)
    return Plan(tuple(names), tuple(scopes), reference)


def shown(levels: tuple[Label, ...]) -> tuple[Label, ...]:
    """Levels as coefficients are named by them: None is "missing", or "missing_" where a level has that name."""
    name = "missing"
    while name in levels:
        name += "_"
    return tuple(name if label is None else label for label in levels)


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
            return right.get_model_matrix(frame, na_action="ignore", context=FUNCTIONS | _splines()).model_spec
    except Exception as error:
        raise FormulaError(f"the formula {formula.text!r} cannot be coded ({str(error).splitlines()[0]})", "Check its contrasts and their levels.") from error


def _contrast(spec: Any, part: Any, category_of: Mapping[str, str]) -> Array | None:
    if part.factor.expr not in category_of:
        return None
    state = spec.encoder_state[part.factor.expr][1]["contrasts"]
    return np.asarray(state.contrasts.get_coding_matrix(state.levels, reduced_rank=part.reduced, sparse=False), np.float64)


def _splines() -> dict[str, Callable[..., Any]]:
    """Formulaic's own splines, tried on points that suit their knots: their names and their refusals are what is wanted."""
    from formulaic.materializers.types import FactorValues
    from formulaic.transforms import TRANSFORMS

    def tried(name: str) -> Callable[..., Any]:
        def stand_in(x: Any, *args: Any, **options: Any) -> Any:
            values = TRANSFORMS[name](_points(*args, **options), *args, **options, _state={})
            return FactorValues({field: np.resize(column, len(x)) for field, column in values.items()}, metadata=values.__formulaic_metadata__)

        return stand_in

    return {name: tried(name) for name in ("bs", "cr", "cs", "cc")}


def _points(df: Any = None, knots: Any = None, *_: Any, lower_bound: Any = None, upper_bound: Any = None, **__: Any) -> Array:
    ends = [float(value) for value in [*(knots or ()), lower_bound, upper_bound] if value is not None]
    low, high = min(ends, default=0.0) - 1.0, max(ends, default=0.0) + 1.0
    return np.linspace(low if lower_bound is None else lower_bound, high if upper_bound is None else upper_bound, STAND_INS)
