"""Shifts that lie where the columns do, so that squares keep their digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from summable.core.design import Block, Design, Numeric, Product, Term
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.measures.gram import Gram, Products
from summable.measures.middle import Middle
from summable.solvers.width import refuse_wide

FAR = 1e4  # squared distance of a shift from the mean over the variance: beyond, four digits of a variance are lost, and a Gram more is worth it
NEGLIGIBLE = 1e-12  # of a shift: closer to the mean than this, rounding hides which is nearer


def centred(design: Design) -> Rounds[tuple[Design, Products]]:
    """Shift a design of plain features to where they lie, and sum its Gram; once more if the shifts were far off.

    Cost: one round that reads a few rows of each part, and one for the Gram; rarely a second one.
    Fails: as the rows do.
    Source: Chan, Golub & LeVeque 1983, §3.
    """
    refuse_wide(design)
    middles = yield from Middle(design)
    design = shifted(design, centres(middles.seen, middles.centre, middles.spread))
    products = yield from Gram(design)
    means, strayed = stray(design, products)
    if strayed[1:].any():
        design = shifted(design, np.where(strayed, means, 0.0))
        products = yield from Gram(design)
    return design, products


def shifted(design: Design, by: Array) -> Design:
    """The design with every feature and target less so much more, (width + targets,); a constant stays what it is."""
    terms, position = list[Term](), 0
    for term in design.terms:
        terms.append(_less(term, by[position : position + term.width]))
        position += term.width
    more = iter(by[position:].tolist())
    roles = tuple((role, Numeric(one.expression, one.shift + next(more)) if role == "y" and isinstance(one, Numeric) else one) for role, one in design.roles)
    return replace(design, terms=tuple(terms), roles=roles)


def _less(term: Term, by: Array) -> Term:
    match term:
        case Block(column, shifts):
            return Block(column, tuple((np.array(shifts) + by).tolist()))
        case Product((one,), ()):
            return Product((Numeric(one.expression, one.shift + float(by[0])),))
    return term


def stray(design: Design, products: Products) -> tuple[Array, NDArray[np.bool_]]:
    """The means of features and targets about their shifts, and which of them lie so far off that squares lost digits, (width + targets,)."""
    means = np.append(products.square[0], products.xy[0]) / products.weight if products.weight else np.zeros(design.width + products.yy.size)
    squares = np.append(np.diag(products.square), products.yy)
    between = np.square(means) * products.weight
    return means, (between > FAR * np.maximum(squares - between, 0.0)) & (np.abs(means) > NEGLIGIBLE * np.abs(shifts(design)))


def shifts(design: Design) -> Array:
    """What each feature and target is less by, (width + targets,)."""
    found = np.zeros(design.width)
    for at, numeric in design.singles:
        found[at] = numeric.shift
    position = 0
    for term in design.terms:
        if isinstance(term, Block):
            found[position : position + term.width] = term.shifts
        position += term.width
    return np.append(found, [numeric.shift for numeric in design.role("y")])


def centres(seen: Array, centre: Array, spread: Array) -> Array:
    """The parts' mean centre of each column or expression, rounded to a power of two below its spread.

    A shift need not be exact, and a round one keeps integers integers and most differences free of rounding.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        centre, spread = np.nan_to_num([centre / seen, spread / seen])
        grid = np.where(spread > 0, np.exp2(np.floor(np.log2(spread))), 0.0)
        return np.where(grid > 0, np.round(centre / grid) * grid, centre)
