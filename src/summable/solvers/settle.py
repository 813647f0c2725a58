"""Learning a design: what the columns of a formula hold, before the first moment is taken."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from summable import coding, formula
from summable.core.design import Coding, Design, Product
from summable.core.measure import Rounds
from summable.formula import Formula
from summable.measures.glance import Glance, Glimpse
from summable.measures.profile import Portrait, Profile, refuse_many


def settle(parsed: Formula, roles: Mapping[str, str], missing: str = "drop", max_levels: int = 1000) -> Rounds[tuple[Design, Coding]]:
    """Glance at the columns; if some are categories, profile them for levels and exact means; then the design stands.

    Cost: one round that reads no more than schemas and a few rows; one round and pass more if there are categories.
    Fails: what `Glance`, `Profile` and the formula refuse.
    """
    names, expressions = formula.columns(parsed, roles), formula.numerics(parsed)
    glimpse = yield from Glance(names, expressions)
    kinds, shifts = dict(zip(names, glimpse.kinds.sets, strict=True)), dict(zip(expressions, centres(glimpse), strict=True))
    resolved = formula.resolve(parsed, kinds)
    draft = formula.draft(resolved, kinds, shifts, roles, missing)
    levels: dict[str, frozenset[str | int | float | bool]] = {}
    if any(column.kind != "number" for column in draft.columns):
        portrait = yield from Profile(draft, max_levels)
        levels, shifts = levels_of(draft, portrait, max_levels), shifts | means(draft, portrait)
    return coding.settle(resolved, draft, levels, shifts)


def centres(glimpse: Glimpse) -> list[float]:
    """The parts' mean centre of each expression, rounded to a power of two below its spread.

    A shift need not be exact, and a round one keeps integers integers and most differences free of rounding.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        centre, spread = np.nan_to_num([glimpse.centre / glimpse.seen, glimpse.spread / glimpse.seen])
        grid = np.where(spread > 0, np.exp2(np.floor(np.log2(spread))), 0.0)
        return np.where(grid > 0, np.round(centre / grid) * grid, centre).tolist()  # type: ignore[no-any-return]


def levels_of(draft: Design, portrait: Portrait, most: int) -> dict[str, frozenset[str | int | float | bool]]:
    """The levels of each category, over all parts."""
    found = {c.name: labels for c, labels in zip(draft.columns, portrait.labels.sets, strict=True) if c.kind != "number"}
    for name, labels in found.items():
        refuse_many(name, len(labels), most)
    return found


def means(draft: Design, portrait: Portrait) -> dict[str, float]:
    """Expression to mean, from the sums of a draft's features."""
    weight = portrait.total[0]
    found = {}
    for term, total in zip(draft.terms[1:], portrait.total[1:], strict=True):
        if isinstance(term, Product) and weight > 0:
            found[term.numerics[0].expression] = term.numerics[0].shift + float(total / weight)
    return found
