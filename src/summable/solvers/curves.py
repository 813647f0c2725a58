"""Learning what a transform needs of all rows: knots of splines, moments of polynomials."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import numpy as np

from summable import stateful
from summable.coding import Expansion
from summable.core.design import Basis, Constant, Design, Numeric, Product
from summable.core.errors import DataError
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths import bases, expressions
from summable.maths.linalg import symmetric
from summable.measures.distinct import Distinct, refuse_too_many
from summable.measures.gram import Products
from summable.measures.moments import Moments
from summable.solvers.quantiles import GREATEST, Ask, Portion, quantiles
from summable.stateful import Transform

FAR_OFF, TOO_WIDE, TOO_NARROW = 1.5, 1.0, 2.0**-6  # mean and deviation, in half widths, at which Chebyshev polynomials lose digits
Curves = dict[str, Expansion]


def guessable(transforms: Mapping[str, Transform], shiftable: Collection[str], weighted: bool) -> dict[str, Transform]:
    """The polynomials whose moments will stand in the Gram, so that they need no round of their own."""
    return {text: one for text, one in transforms.items() if one.is_polynomial and text in shiftable and (one.is_raw or not weighted)}


def guess(transform: Transform, number: int, centre: float, spread: float) -> Expansion:
    """Polynomials about where a glance saw the values, to be recombined once the Gram has their moments."""
    half = float(np.exp2(np.ceil(np.log2(2 * spread)))) if spread > 0 else 1.0
    return _provisional(stateful.chebyshev(transform, f"basis {number}", centre, half))


def _provisional(basis: Basis) -> Expansion:
    features = tuple(expressions.quoted(basis.feature(k)) for k in range(1, basis.degree + 1))
    return Expansion(features, np.eye(basis.degree), np.zeros(basis.degree), basis)


def alone(transform: Transform) -> Expansion:
    """Powers as they are, where no constant stands beside them that could take back a shift."""
    features = tuple(f"({transform.expression}) ** {power}" for power in range(1, transform.degree + 1))
    return Expansion(features, np.eye(transform.degree), np.zeros(transform.degree))


def finished(transform: Transform, guessed: Expansion, design: Design, products: Products) -> Expansion:
    """The transform's own columns, from the moments that the Gram of an unweighted fit holds."""
    assert guessed.basis is not None  # a guess is about a basis
    matrix = stateful.combination(transform, guessed.basis, _moments(guessed, design, products))
    return Expansion(guessed.features, matrix[1:], matrix[0], guessed.basis)


def recentred(guessed: Expansion, design: Design, products: Products) -> Expansion | None:
    """The same polynomials about the mean that the Gram found, if the glance was misled (sorted rows); None if it was not."""
    basis, moments = guessed.basis, _moments(guessed, design, products)
    assert basis is not None  # a guess is about a basis
    mean = moments[0, 1] / moments[0, 0]
    deviation = float(np.sqrt(max(moments[1, 1] / moments[0, 0] - mean * mean, 0.0)))
    if (abs(mean) < FAR_OFF and TOO_NARROW < deviation < TOO_WIDE) or deviation == 0.0:
        return None
    centre, half = basis.knots
    return _provisional(replace(basis, knots=(centre + half * float(mean), 2 * half * deviation)))


def _moments(guessed: Expansion, design: Design, products: Products) -> Array:
    starts = np.cumsum([0, *(term.width for term in design.terms)])
    at = {term.numerics[0].expression: start for term, start in zip(design.terms, starts, strict=False) if isinstance(term, Product) and _is_single(term)}
    where = [0, *(at[feature] for feature in guessed.features)]
    return symmetric(products.xx)[np.ix_(where, where)]


def _is_single(term: Product) -> bool:
    return len(term.numerics) == 1 and not term.categories


def learn(transforms: Mapping[str, Transform], draft: Design) -> Rounds[Curves]:
    """The columns of transforms, whatever stands beside them: extents, quantiles and moments are asked of the rows.

    Cost: a round for extents, two to five more for quantiles; one for distinct values (cr, cc); one for moments (poly, scale, constraints).
    Fails: DataError where a column has too few distinct values, or (cr, cc) too many; FormulaError where knots are out of bounds.
    Source: as `quantiles`.
    """
    if not transforms:
        return {}
    named = {f"curve {i}": transform for i, transform in enumerate(transforms.values())}
    weight = tuple((role, numeric) for role, numeric in draft.roles if role == "weight")
    roles = weight + tuple((role, Numeric(transform.expression)) for role, transform in named.items())
    design = Design(draft.columns, (), roles, draft.missing)
    portions = yield from quantiles(design, [_ask(role, transform) for role, transform in named.items()])
    found = {role: _bounds(transform, portion) for (role, transform), portion in zip(named.items(), portions, strict=True)}
    inner = {role: portion.quantiles for role, portion in zip(named, portions, strict=True)}
    distinct = {role: found[role] for role, transform in named.items() if transform.function in ("cr", "cs", "cc") and stateful.inner_knots(transform)}
    if distinct:
        low, high = zip(*distinct.values(), strict=True)
        values = yield from Distinct(design, tuple(distinct), low, high)
        for role, some in zip(distinct, values.found.sets, strict=True):
            refuse_too_many(named[role].expression, len(some))
            inner[role] = _percentiles(named[role], some)
    learnt = {role: _basis(transform, role, found[role], inner[role]) for role, transform in named.items()}
    mixed = yield from _mixed({role: (named[role], basis) for role, basis in learnt.items()}, replace(design, roles=weight))
    return {transform.text: _direct(transform, mixed[role]) for role, transform in named.items()}


def _ask(role: str, transform: Transform) -> Ask:
    """Extent alone, of polynomials and where knots are given; quantiles of what lies within the bounds for `bs`."""
    options = transform.options
    if transform.function != "bs" or options["extrapolation"] in ("raise", "extend"):
        return Ask(role, probabilities=stateful.probabilities(transform) if transform.function == "bs" else ())
    low, high = options["lower_bound"], options["upper_bound"]
    return Ask(role, -GREATEST if low is None else low, GREATEST if high is None else high, stateful.probabilities(transform))


def _bounds(transform: Transform, portion: Portion) -> tuple[float, float]:
    low, high = transform.options.get("lower_bound"), transform.options.get("upper_bound")
    if not portion.count:
        raise DataError(f"no row that is kept has a value for {transform.text}", "Check the column, the weights, and any bounds.")
    bounds = portion.low if low is None else float(low), portion.high if high is None else float(high)
    if transform.options.get("extrapolation") == "raise" and not bounds[0] <= portion.low <= portion.high <= bounds[1]:
        raise DataError(*bases.out_of_bounds(transform.expression, portion.low if portion.low < bounds[0] else portion.high, *bounds))
    return bounds


def _percentiles(transform: Transform, values: Iterable[object]) -> tuple[float, ...]:
    """Knots at quantiles of the distinct values, as formulaic has it."""
    array = np.sort(np.array(list(values), np.float64))
    if not len(array):
        raise DataError(f"no value of {transform.expression} lies within the bounds of {transform.text}", "Move its bounds.")
    return tuple(np.percentile(array, (100 * np.array(stateful.probabilities(transform))).tolist()).tolist())


def _basis(transform: Transform, role: str, bounds: tuple[float, float], quantiles_: tuple[float, ...]) -> Basis:
    low, high = bounds
    if transform.is_polynomial:
        return stateful.chebyshev(transform, role, (low + high) / 2, (high - low) / 2 or 1.0)
    given = transform.options["knots"]
    return stateful.spline(transform, role, low, high, quantiles_ if given is None else tuple(float(knot) for knot in given))


def _mixed(learnt: Mapping[str, tuple[Transform, Basis]], design: Design) -> Rounds[dict[str, Basis]]:
    """The bases whose functions are combined by what their moments say; the others as they are."""
    found = {role: basis for role, (_, basis) in learnt.items()}
    wanted = {role: basis for role, basis in found.items() if learnt[role][0].is_polynomial or learnt[role][0].is_centred}
    if wanted:
        terms = [Product((Numeric(expressions.quoted(basis.feature(k))),)) for basis in wanted.values() for k in range(bases.width(basis))]
        moments = yield from Moments(replace(design, terms=(Constant(), *terms), bases=tuple(wanted.values())))
        square, start = symmetric(moments.xx), 1
        for role, basis in wanted.items():
            where = slice(start, start := start + bases.width(basis))
            mixing = _mixing(learnt[role][0], basis, square[where, where], square[0, where] / square[0, 0])
            found[role] = replace(basis, mixing=tuple(map(tuple, mixing.tolist())))
    return found


def _mixing(transform: Transform, basis: Basis, moments: Array, means: Array) -> Array:
    if transform.is_polynomial:
        return stateful.combination(transform, basis, moments)
    constraints = transform.options["constraints"]
    rows = means[None, :] if constraints == "center" else np.atleast_2d(np.asarray(constraints, np.float64))
    if rows.shape[1] != len(means):
        raise DataError(f"the constraints of {transform.text} have {rows.shape[1]} columns for {len(means)} functions", "Give a number to each.")
    return bases.within(rows)


def _direct(transform: Transform, basis: Basis) -> Expansion:
    """Each column measured as it is; or, of a basis that spans the constant, the first as what the others leave of one."""
    features = [expressions.quoted(basis.feature(k)) for k in range(bases.width(basis))]
    if transform.function != "bs":
        return Expansion(tuple(features), np.eye(len(features)), np.zeros(len(features)), basis)
    rest = np.eye(len(features) - 1)
    if not transform.options["include_intercept"]:
        return Expansion(tuple(features[1:]), rest, np.zeros(len(rest)), basis)
    whole = Expansion(tuple(features), np.eye(len(features)), np.zeros(len(features)), basis)
    if basis.outside == "zero":  # where the columns do not add up to one
        return whole
    return replace(whole, instead=Expansion(tuple(features[1:]), np.column_stack([-np.ones(len(rest)), rest]), np.eye(len(features))[0], basis, spans=True))
