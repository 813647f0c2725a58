"""Learning a design: what the columns of a formula hold, before the first moment is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from summable import coding, formula
from summable.core.design import Coding, Column, Design, Product
from summable.core.measure import Rounds
from summable.core.statistic import Label
from summable.formula import Formula
from summable.measures.glance import Glance
from summable.measures.gram import Products
from summable.measures.profile import Portrait, Profile, refuse_many
from summable.solvers.centred import centres, stray


@dataclass(frozen=True)
class Settled:
    """What was learnt of a formula's columns, from which its design and coding follow for any shifts."""

    formula: Formula
    draft: Design
    levels: Mapping[str, frozenset[Label]]
    shifts: Mapping[str, float]

    def design(self) -> tuple[Design, Coding]:
        """The design to be measured, and the coding of its coefficients."""
        return coding.settle(self.formula, self.draft, self.levels, self.shifts)


def settle(parsed: Formula, roles: Mapping[str, str], missing: str = "drop", max_levels: int = 1000, *, outcome: bool = False) -> Rounds[Settled]:
    """Glance at the columns; if some are categories, profile them for levels and exact means; then the design stands.

    Where an `outcome` is asked for, a response of two labels is one where it has the second.

    Cost: one round that reads no more than schemas and a few rows; one round and pass more if there are categories, and one for labels.
    Fails: what `Glance`, `Profile` and the formula refuse.
    """
    names, expressions = formula.columns(parsed, roles), formula.numerics(parsed)
    glimpse = yield from Glance(names, expressions)
    kinds = dict(zip(names, glimpse.kinds.sets, strict=True))
    if outcome and (name := formula.outcome(parsed, kinds)):
        labels = yield from Profile(Design((Column(name, "text"),)), max_levels)
        parsed = formula.with_success(parsed, labels.labels.sets[0])
    shifts = dict(zip(expressions, centres(glimpse.seen, glimpse.centre, glimpse.spread).tolist(), strict=True))
    resolved = formula.resolve(parsed, kinds)
    draft = formula.draft(resolved, kinds, shifts, roles, missing)
    levels: dict[str, frozenset[Label]] = {}
    if any(column.kind != "number" for column in draft.columns):
        portrait = yield from Profile(draft, max_levels)
        levels, shifts = levels_of(draft, portrait, max_levels), shifts | means(draft, portrait)
    return Settled(resolved, draft, levels, shifts)


def recentred(settled: Settled, design: Design, products: Products) -> Settled | None:
    """The same with the means that a Gram found for shifts, if its shifts were so far off that its squares lost digits."""
    at, features = zip(*design.singles, strict=True) if design.singles else ((), ())
    numerics = [*design.role("y"), *features]
    means, strayed = stray(design, products)
    where = [*(design.width + t for t in range(len(design.role("y")))), *at]
    better = {numeric.expression: numeric.shift + float(means[i]) for numeric, i in zip(numerics, where, strict=True) if strayed[i]}
    again = replace(settled, shifts={**settled.shifts, **better})
    return again if better and again.design()[0] != design else None


def levels_of(draft: Design, portrait: Portrait, most: int) -> dict[str, frozenset[Label]]:
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
