"""Bases of functions of one variable: polynomials and splines, evaluated on a block and recombined at the centre."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import chebyshev
from scipy.interpolate import CubicSpline
from scipy.linalg import solve_triangular

from summable.core.design import Basis
from summable.core.errors import DataError
from summable.core.statistic import Array

ROUNDING = 4 * float(np.finfo(np.float64).eps)  # of a value: what its last bits may amount to
DEGENERATE = 1e-12  # of a column's square: what rounding leaves where the points are too few for the degree


def evaluate(basis: Basis, x: Array) -> Array:
    """The columns of a basis at x (rows,), (columns, rows); NaN where x is.

    Raises DataError where a value is out of bounds and none may be.
    """
    inside = _bounded(basis, x)
    known = np.isfinite(inside)
    values = np.full((_size(basis), len(x)), np.nan)
    values[:, known] = _KINDS[basis.kind](basis, inside[known])
    if basis.outside == "zero":
        values[:, _beyond(basis, x)] = 0.0
    return np.asarray(np.transpose(basis.mixing) @ values) if basis.mixing else values


def out_of_bounds(expression: str, value: float, low: float, high: float) -> tuple[str, str]:
    """What to say of a value where a spline is not defined."""
    return (
        f"{expression} is {value:g} in a row, beyond the bounds {low:g} and {high:g} of its spline",
        "Write extrapolation='clip', 'zero' or 'extend' in the formula, or leave such rows out.",
    )


def width(basis: Basis) -> int:
    """How many columns a basis has."""
    return len(basis.mixing[0]) if basis.mixing else _size(basis)


def _size(basis: Basis) -> int:
    sizes = {"chebyshev": basis.degree + 1, "bs": len(basis.knots) - basis.degree - 1, "cr": len(basis.knots), "cc": len(basis.knots) - 1}
    return sizes[basis.kind]


def _beyond(basis: Basis, x: Array) -> Array:
    return np.asarray((x < basis.bounds[0]) | (x > basis.bounds[-1]))


def _bounded(basis: Basis, x: Array) -> Array:
    """The values at which functions are taken: those out of bounds are clipped or refused, if that was asked for."""
    if basis.outside == "raise" and (beyond := _beyond(basis, x)).any():
        low, high = basis.bounds
        raise DataError(*out_of_bounds(basis.expression, float(x[np.argmax(beyond)]), low, high))
    return np.clip(x, basis.bounds[0], basis.bounds[-1]) if basis.outside in ("clip", "zero") else x


def _chebyshev(basis: Basis, x: Array) -> Array:
    centre, half = basis.knots
    return np.asarray(chebyshev.chebvander((x - centre) / half, basis.degree).T)


def _splines(basis: Basis, x: Array) -> Array:
    """B-splines by the recurrence of Cox and de Boor, as formulaic starts it where knots coincide with a bound."""
    knots, degree = basis.knots, basis.degree
    last = len(knots) - degree - 2
    low, high = list(knots[:-1]), list(knots[1:])
    if basis.outside == "extend":
        low[degree], high[last] = -np.inf, np.inf
    pieces = [((x >= low[i]) & ((x <= high[i]) if i == last else (x < high[i]))).astype(np.float64) for i in range(len(low))]
    for step in range(1, degree + 1):
        rising = [(x - knots[i]) / span if (span := knots[i + step] - knots[i]) else np.zeros(len(x)) for i in range(len(pieces))]
        pieces = [rising[i] * pieces[i] + (1 - rising[i + 1]) * pieces[i + 1] for i in range(len(pieces) - 1)]
    return np.array(pieces)


def _natural(basis: Basis, x: Array) -> Array:
    """The natural cubic splines that are one at a knot and zero at the others, straight beyond the bounds (Wood 2006, §4.1.2)."""
    knots = np.array(basis.knots)
    spline = CubicSpline(knots, np.eye(len(knots)), bc_type="natural")
    inside = np.clip(x, knots[0], knots[-1])
    values = spline(inside)
    if (beyond := x != inside).any():
        values[beyond] += (x - inside)[beyond, None] * spline(inside[beyond], 1)
    return np.asarray(values.T)


def _cyclic(basis: Basis, x: Array) -> Array:
    """The same with the two ends joined."""
    knots = np.array(basis.knots)
    heights = np.eye(len(knots) - 1)
    return np.asarray(CubicSpline(knots, np.vstack([heights, heights[0]]), bc_type="periodic")(x).T)


_KINDS: dict[str, Callable[[Basis, Array], Array]] = {"chebyshev": _chebyshev, "bs": _splines, "cr": _natural, "cc": _cyclic}


# -- combinations of the functions, (functions, columns)


def orthonormal(name: str, moments: Array) -> Array:
    """Polynomials of degree 1 up, of which the rows' inner products are one and zero, from those of Chebyshev's (Cholesky)."""
    scale = np.sqrt(np.diag(moments))
    root, count = np.zeros_like(moments), len(moments)
    scaled = moments / np.outer(scale, scale) if scale.all() else np.zeros_like(moments)
    for j in range(count):
        row = scaled[j] - root[:j, j] @ root[:j]
        if not row[j] > DEGENERATE:
            raise DataError(f"{name} has a degree of {count - 1}, and its column no more than {j} distinct values", "Lower the degree, or leave it out.")
        root[j, j:] = row[j:] / np.sqrt(row[j])
    return np.asarray(solve_triangular(root, np.eye(count)) / scale[:, None])[:, 1:]


def standard(name: str, moments: Array, basis: Basis, centre: float | bool, scale: float | bool, ddof: float) -> Array:
    """x less its mean (or a number), over its standard deviation (or a number), from the moments of 1 and (x − c)/h."""
    middle, half = basis.knots
    rows = float(moments[0, 0])
    about = half * float(moments[0, 1]) / rows if centre is True else (0.0 if centre is False else centre) - middle
    column = np.array([-about, half])
    if scale is False:
        return column[:, None]
    size = np.sqrt(column @ moments @ column / (rows - ddof)) if scale is True and rows > ddof else float(scale) if scale is not True else 0.0
    if not size > 0 or size * size < DEGENERATE * half * half * moments[1, 1] / rows:
        raise DataError(f"{name} has no spread to divide by", "Its column holds one value; leave it out.")
    return np.asarray(column / size)[:, None]


def powers(basis: Basis) -> Array:
    """x, x², … in terms of Chebyshev polynomials of (x − c)/h."""
    out = np.zeros((basis.degree + 1, basis.degree))
    for power in range(1, basis.degree + 1):
        out[: power + 1, power - 1] = chebyshev.chebpow(basis.knots, power)
    return out


def within(constraints: Array) -> Array:
    """An orthonormal basis of the coefficients b with constraints · b = 0, by a complete QR."""
    q, _ = np.linalg.qr(constraints.T, mode="complete")
    return np.asarray(q[:, len(constraints) :])
