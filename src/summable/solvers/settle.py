"""Learning a design: what the columns of a formula hold, before the first moment is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from summable import coding, formula, stateful
from summable.coding import Expansion
from summable.core.design import Coding, Column, Design, Product
from summable.core.measure import Rounds
from summable.core.sample import Sample, sampled
from summable.core.statistic import Label
from summable.formula import Formula
from summable.measures.glance import Glance, Glimpse
from summable.measures.gram import Products
from summable.measures.header import Header
from summable.measures.profile import Portrait, Profile, refuse_many
from summable.solvers import curves
from summable.solvers.centred import centres, stray
from summable.stateful import Transform


@dataclass(frozen=True)
class Settled:
    """What was learnt of a formula's columns, from which its design and coding follow for any shifts."""

    formula: Formula
    draft: Design
    levels: Mapping[str, frozenset[Label]]
    shifts: Mapping[str, float]
    expansions: Mapping[str, Expansion]  # the columns of each transform
    guessed: Mapping[str, Transform]  # those whose columns wait for the moments in a Gram
    sample: Sample | None = None  # the rows that are looked at, now that the columns are known by all

    def design(self) -> tuple[Design, Coding]:
        """The design to be measured, and the coding of its coefficients."""
        design, codes = coding.settle(self.formula, self.draft, self.levels, self.shifts, self.expansions)
        return design if self.sample is None else sampled(design, self.sample), codes

    def finished(self, design: Design, coding: Coding, products: Products) -> Coding:
        """The coding, once a Gram has what the transforms waited for."""
        if not self.guessed:
            return coding
        found = {text: curves.finished(transform, self.expansions[text], design, products) for text, transform in self.guessed.items()}
        return replace(self, expansions={**self.expansions, **found}).design()[1]


def read(text: str, roles: Mapping[str, str]) -> Rounds[Formula]:
    """The formula of a text; if a dot stands in it for all columns, these are asked for.

    Cost: one round that reads no more than schemas, if there is a dot.
    Fails: what `formula.parse` refuses.
    """
    if formula.has_dot(text):
        header = yield from Header()
        text = formula.spelled(text, header.names(), roles)
    return formula.parse(text)


def settle(
    parsed: Formula, roles: Mapping[str, str], missing: str = "drop", max_levels: int = 1000, *, weighted: bool = False, outcome: bool = False
) -> Rounds[Settled]:
    """Glance at the columns; if some are categories, profile them for levels and exact means; then the design stands.

    Where an `outcome` is asked for, a response of two labels is one where it has the second.

    Cost: one round that reads no more than schemas and a few rows; one round and pass more if there are categories, and one for labels; what
        `learn` costs for splines, and for polynomials where weights (if `weighted`, the model's own) or an absent constant keep their moments out of the sums.
    Fails: what `Glance`, `Profile`, `learn` and the formula refuse.
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
    transforms = {f.text: transform for f in resolved.factors if f.kind == "transform" and (transform := stateful.parse(f.text))}
    guessed = curves.guessable(transforms, {factor.text for factor in resolved.factors if factor.additive}, weighted or "weight" in roles)
    spread = dict(zip(expressions, spreads(glimpse), strict=True))
    found = {text: curves.guess(one, i, shifts[one.expression], spread[one.expression]) for i, (text, one) in enumerate(guessed.items())}
    found |= {text: curves.alone(one) for text, one in transforms.items() if one.is_raw and text not in guessed}
    found |= yield from curves.learn({text: one for text, one in transforms.items() if text not in found}, draft)
    return Settled(resolved, draft, levels, shifts, found, guessed)


def recentred(settled: Settled, design: Design, products: Products) -> Settled | None:
    """The same with the means that a Gram found for shifts, if its shifts were so far off that its squares lost digits."""
    at, features = zip(*design.singles, strict=True) if design.singles else ((), ())
    numerics = [*design.role("y"), *features]
    means, strayed = stray(design, products)
    where = [*(design.width + t for t in range(len(design.role("y")))), *at]
    better = {numeric.expression: numeric.shift + float(means[i]) for numeric, i in zip(numerics, where, strict=True) if strayed[i]}
    moved = {text: one for text in settled.guessed if (one := curves.recentred(settled.expansions[text], design, products))}
    again = replace(settled, shifts={**settled.shifts, **better}, expansions={**settled.expansions, **moved})
    return again if (better or moved) and again.design()[0] != design else None


def spreads(glimpse: Glimpse) -> list[float]:
    """The parts' mean interquartile range of each expression; zero where nobody could tell."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(glimpse.spread / glimpse.seen).tolist()  # type: ignore[no-any-return]


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
