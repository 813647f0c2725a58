"""Functions of a formula that depend on all rows: `poly(a, 3)`, `bs(x, df=5)`, `cr`, `cc`, `center`, `scale`.

Their arguments are read here and never run. Names, defaults and meaning are formulaic's.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from summable.core.design import Basis
from summable.core.errors import DataError, FormulaError
from summable.core.statistic import Array
from summable.maths import bases, expressions

_CUBIC = {"df": None, "knots": None, "lower_bound": None, "upper_bound": None, "constraints": None, "extrapolation": "extend"}
SIGNATURES: dict[str, dict[str, Any]] = {
    "poly": {"degree": 1, "raw": False},
    "center": {},
    "scale": {"center": True, "scale": True, "ddof": 1},
    "standardize": {"center": True, "rescale": True, "ddof": 0},
    "bs": {
        "df": None, "knots": None, "degree": 3, "include_intercept": False, "lower_bound": None, "upper_bound": None, "extrapolation": "raise",
    },
    "cr": _CUBIC, "cs": _CUBIC, "cc": _CUBIC,
}  # fmt: skip
POLYNOMIALS = ("poly", "center", "scale", "standardize")
HIGHEST = 30  # degree: beyond, a polynomial has no digits left in float64


@dataclass(frozen=True, eq=False)
class Transform:
    """A function of one numeric expression, with constants for its options."""

    text: str
    function: str
    expression: str
    options: Mapping[str, Any]

    @property
    def is_polynomial(self) -> bool:
        """Whether its columns are polynomials of the expression."""
        return self.function in POLYNOMIALS

    @property
    def is_raw(self) -> bool:
        """Whether it says all by itself, whatever the rows."""
        return bool(self.options.get("raw"))

    @property
    def degree(self) -> int:
        """Of a polynomial."""
        return int(self.options.get("degree", 1))

    @property
    def is_centred(self) -> bool:
        """Whether its columns are combined so as to have no mean, or as constraints ask."""
        return self.options.get("constraints") is not None


def parse(text: str) -> Transform | None:
    """The transform that a factor is; None if it is anything else.

    Raises FormulaError when its arguments are no constants, or more than it takes.
    """
    spelled, names = expressions.plain(text)
    match ast.parse(spelled, mode="eval").body:
        case ast.Call(func=ast.Name(id=function), args=[first, *rest], keywords=words) if function in SIGNATURES:
            expression = ast.unparse(first)
            for stand_in, name in names.items():
                expression = expression.replace(stand_in, f"`{name}`")
            expressions.columns(expression)
            options = _options(text, function, rest, words)
            return _checked(Transform(text, function, expression, options))
    return None


def _options(text: str, function: str, values: list[ast.expr], words: list[ast.keyword]) -> dict[str, Any]:
    signature = SIGNATURES[function]
    given = [*zip(signature, values, strict=False), *((word.arg, word.value) for word in words)]
    if len(values) > len(signature) or len(dict(given)) < len(given) or any(name not in signature for name, _ in given):
        raise FormulaError(f"{text!r} has an argument that {function} does not take", f"It takes {', '.join(signature) or 'a column alone'}.")
    try:
        return signature | {str(name): ast.literal_eval(value) for name, value in given}
    except ValueError:
        raise FormulaError(f"an argument in {text!r} is no constant", "Write numbers and lists of numbers, such as knots=[1, 2.5].") from None


def _checked(transform: Transform) -> Transform:
    """Refuse options that mean nothing; formulaic's own rules are applied where it codes the formula."""
    options, text = transform.options, transform.text
    least, degree = int(transform.is_polynomial), options.get("degree", 1)
    if not isinstance(degree, int) or isinstance(degree, bool) or not least <= degree <= HIGHEST:
        raise FormulaError(f"the degree in {text!r} is {degree!r}", f"Write a whole number from {least} to {HIGHEST}.")
    if options.get("extrapolation") == "na":
        raise FormulaError(f"{text!r} would drop rows beyond its bounds", "Leave those rows out, or write extrapolation='clip', 'zero' or 'extend'.")
    numbers = ("df", "lower_bound", "upper_bound", "ddof")
    if not all(isinstance(options.get(name, 0.0), int | float | None) for name in numbers):
        raise FormulaError(f"an argument in {text!r} is no number", "Write numbers for df, lower_bound, upper_bound and ddof.")
    return transform


# -- of polynomials


def chebyshev(transform: Transform, name: str, centre: float, half: float) -> Basis:
    """The polynomials that are measured for a transform, about a centre and in units of half a width."""
    return Basis(name, "chebyshev", transform.expression, (centre, half), transform.degree)


def combination(transform: Transform, basis: Basis, moments: Array) -> Array:
    """The transform's columns in terms of Chebyshev polynomials (degree + 1, columns), given the rows' moments of those."""
    options = transform.options
    _refuse_rounding(transform, basis, moments)
    match transform.function:
        case "poly":
            return bases.powers(basis) if transform.is_raw else bases.orthonormal(transform.text, moments)
        case "center":
            return bases.standard(transform.text, moments, basis, True, False, 1)
        case "scale":
            return bases.standard(transform.text, moments, basis, options["center"], options["scale"], options["ddof"])
    return bases.standard(transform.text, moments, basis, options["center"], options["rescale"], options["ddof"])


def _refuse_rounding(transform: Transform, basis: Basis, moments: Array) -> None:
    """Refuse to make columns of what the last bits of a constant amount to."""
    centre, half = basis.knots
    mean = moments[0, 1] / moments[0, 0]
    deviation = half * float(np.sqrt(max(moments[1, 1] / moments[0, 0] - mean * mean, 0.0)))
    if 0 < deviation < bases.ROUNDING * abs(centre):
        raise DataError(f"the column of {transform.text} is constant but for rounding", "Leave it out.")


# -- of splines


def inner_knots(transform: Transform) -> int | None:
    """How many knots stand at quantiles; None if they are given."""
    df = transform.options["df"]
    if df is None or (df == 0 and transform.function == "bs"):
        return None
    if transform.function == "bs":
        return int(df) - int(transform.options["degree"]) - bool(transform.options["include_intercept"])
    constraints = transform.options["constraints"]
    count = 0 if constraints is None else 1 if isinstance(constraints, str) else len(np.atleast_2d(constraints))
    return int(df) - 2 + count + (transform.function == "cc")


def probabilities(transform: Transform) -> tuple[float, ...]:
    """Those of the quantiles at which knots stand, both ends left out."""
    return tuple(np.linspace(0, 1, (inner_knots(transform) or 0) + 2)[1:-1].tolist())


def spline(transform: Transform, name: str, low: float, high: float, inner: tuple[float, ...]) -> Basis:
    """The spline basis over inner knots and two bounds."""
    if not low < high:
        raise DataError(f"{transform.text} has no room between its bounds {low:g} and {high:g}", "Its column holds one value; leave it out.")
    if outside := [knot for knot in inner if not low <= knot <= high]:
        raise FormulaError(f"the knot {outside[0]:g} of {transform.text} lies beyond the bounds {low:g} and {high:g}", "Give knots within them.")
    outside_is = transform.options["extrapolation"]
    if transform.function == "bs":
        degree = transform.options["degree"]
        knots = (low,) * (degree + 1) + tuple(sorted(inner)) + (high,) * (degree + 1)
        return Basis(name, "bs", transform.expression, knots, degree, outside_is, (low, high))
    knots = tuple(np.unique([low, *inner, high]).tolist())
    if transform.function == "cc" and len(knots) < 4:
        raise FormulaError(f"{transform.text} has two functions or fewer, too few to close a cubic", "Write df=3 or more, or more knots.")
    if len(knots) < len(set(inner)) + 2 or len(set(inner)) < (inner_knots(transform) or 0):
        raise DataError(f"{transform.text} needs {len(inner) + 2} distinct knots, and its column has too few distinct values", "Lower df, or give other knots.")
    return Basis(name, "cc" if transform.function == "cc" else "cr", transform.expression, knots, 3, outside_is, (low, high))
