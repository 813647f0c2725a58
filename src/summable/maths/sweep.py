"""The sums of a generalized linear model in one reading of the rows: predictor, mean, derivatives, gradient and Hessian of each tile in cache.

The formulae of `families` over NumPy are the reference; these are theirs for the links that are asked most, and what has none here is
summed by them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from summable.core.rows import Columns
from summable.core.statistic import Array
from summable.maths import thin, tiles
from summable.maths.compiled import compiled, within
from summable.maths.elementary import exp, log, log1p
from summable.maths.families import Binomial, Fixed, Tweedie
from summable.maths.kernels import bordered
from summable.maths.links import CEILING, Logit, Power
from summable.maths.losses import Loss
from summable.maths.tiles import AHEAD, LEFT, ROWS, Place, dots, load, place, predict, products, room

LOGIT = 0.0  # stands for the logistic loss where a power of the variance would be: powers are 1 or more
LARGEST = CEILING  # exponents are held below it, as the reference does


class Sums(NamedTuple):
    """A loss and its derivatives over some rows."""

    value: float
    pearson: float  # only where the Hessian is asked
    gradient: Array  # (width,)
    pearson_slope: Array  # (width,), or (0,)
    observed: Array  # packed, or (0,)
    expected: Array  # packed; (0,) where it is the observed one


def code(loss: Loss) -> float | None:
    """The power of the variance of a loss with the log link, LOGIT for the logistic loss, None for those that have no kernel."""
    if isinstance(loss.family, Binomial) and loss.link == Logit():
        return LOGIT
    if isinstance(loss.family, Fixed | Tweedie) and loss.link == Power(0.0):
        return float(loss.family.power)
    return None


@within
def _logistic(e: Any, t: Any) -> Any:
    """Of one row: the value, its slope, its curve, observed and expected, the squared Pearson residual and its slope."""
    far = abs(e)
    far = LARGEST if far > LARGEST else far
    z = exp(-far)
    rest = z / (1.0 + z)
    mu = 1.0 - rest if e > 0 else rest
    other = rest if e > 0 else 1.0 - rest
    log_z = log1p(z)
    log_mean = (0.0 if e > 0 else e) - log_z
    log_rest = (-e if e > 0 else 0.0) - log_z
    value = -(t * log_mean + (1.0 - t) * log_rest)
    odds = z if e > 0 else 1.0 / z  # e^−eta
    against, with_it = t * t * odds, (1.0 - t) * (1.0 - t) / odds
    curve = mu * other
    return value, (1.0 - t) * mu - t * other, curve, curve, against + with_it - 2.0 * t * (1.0 - t), with_it - against


@within
def _log_link(power: Any, e: Any, t: Any) -> Any:
    """The same of a variance that is a power of the mean, under the log link."""
    a, b = 1.0 - power, 2.0 - power
    up, down = b * e, a * e
    whole = exp(LARGEST if up > LARGEST else up)
    part = exp(LARGEST if down > LARGEST else down)
    log_y = log(t if t > 0.0 else 1.0)
    if power == 1.0:
        value = t * log_y - t * e - t + whole
    elif power == 2.0:
        value = e - log_y + t * part - 1.0
    else:
        own = exp(b * log_y) / (a * b) if t > 0.0 else 0.0
        value = own - t * part / a + whole / b
    left = t * part - whole
    square = left * left / whole
    return value, -left, whole - left * a, whole, square, -(2.0 * left + power * square)


@compiled
def _entropy(y: Any, w: Any, m: Any) -> Any:
    """The weighted sum of y log y + (1 − y) log(1 − y), which is zero where all y are 0 or 1."""
    total, shares = 0.0, 0.0
    for i in range(m):
        shares += y[i] * (1.0 - y[i])
    if shares != 0.0:
        for i in range(m):
            t = y[i]
            total += w[i] * (t * log(t if t > 0.0 else 1.0) + (1.0 - t) * log(1.0 - t if t < 1.0 else 1.0))
    return total


@compiled
def _losses(power: Any, eta: Any, y: Any, w: Any, m: Any, by: Any) -> Any:
    """Weighted slopes, observed curves, slopes of the squared Pearson residuals and expected curves in by (4, m); the sums of values and residuals."""
    slopes, observed, pearson, expected = by[0], by[1], by[2], by[3]
    value, chi = 0.0, 0.0
    if power == LOGIT:
        for i in range(m):
            one, slope, bent, curve, square, tilt = _logistic(eta[i], y[i])
            value += w[i] * one
            chi += w[i] * square
            slopes[i], observed[i], pearson[i], expected[i] = w[i] * slope, w[i] * bent, w[i] * tilt, w[i] * curve
        return value + _entropy(y, w, m), chi
    for i in range(m):
        one, slope, bent, curve, square, tilt = _log_link(power, eta[i], y[i])
        value += w[i] * one
        chi += w[i] * square
        slopes[i], observed[i], pearson[i], expected[i] = w[i] * slope, w[i] * bent, w[i] * tilt, w[i] * curve
    return value, chi


@compiled
def _slopes(power: Any, eta: Any, y: Any, w: Any, m: Any, slopes: Any) -> Any:
    """Weighted slopes (m,) alone, and the sum of values: the compiler leaves out what is not asked."""
    value = 0.0
    if power == LOGIT:
        for i in range(m):
            one, slope, _, _, _, _ = _logistic(eta[i], y[i])
            value += w[i] * one
            slopes[i] = w[i] * slope
        return value + _entropy(y, w, m)
    for i in range(m):
        one, slope, _, _, _, _ = _log_link(power, eta[i], y[i])
        value += w[i] * one
        slopes[i] = w[i] * slope
    return value


@compiled
def _begun(start: Any, m: Any, constant: Any, offset: Any, weight: Any, eta: Any, w: Any) -> None:
    """eta (m,) and w (m,) of rows from `start` on, before their features are added: offset and weight may be one number for all."""
    if len(weight) > 1:
        w[:m] = weight[start : start + m]
    if len(offset) > 1:
        eta[:m] = offset[start : start + m] + constant
    else:
        eta[:m] = offset[0] + constant


@compiled
def _thin(at: Any, rows: Any, power: Any, coef: Any, offset: Any, y: Any, weight: Any, sums: Any, slopes: Any) -> None:
    """sums (1,) gain the value, and slopes (p + 1,) or (0,) the gradient."""
    p = len(at.addresses)
    step = thin.rows_at_once(p)
    by, part, eta, w = np.zeros(step), np.zeros(p), np.zeros(step), np.full(step, weight[0])
    for start in range(0, rows, step):
        m = min(step, rows - start)
        _begun(start, m, coef[0], offset, weight, eta, w)
        thin.predict(at, start, m, coef[1:], eta)
        sums[0] += _slopes(power, eta, y[start : start + m], w, m, by)
        if len(slopes):
            part[:] = 0.0
            thin.dot(at, start, m, by, part)
            slopes[1:] += part
            slopes[0] += by[:m].sum()


@compiled
def _sweep(at: Any, rows: Any, power: Any, coef: Any, offset: Any, y: Any, weight: Any, sums: Any, ends: Any, first: Any, observed: Any, expected: Any) -> None:
    """sums (2,) gain value and squared Pearson residuals; ends (q,) and first, `tiles.sums` of q by p, the products of the constant and of the
    columns with slopes, observed curves, slopes of the residuals and (of q = 4) expected curves; observed and expected, `tiles.sums` of p by p
    or (0, 0), the columns' own.
    """
    p = len(at.addresses)
    q = len(ends)
    tile, scaled, by, eta, w = room(p), room(LEFT), room(4), np.zeros(ROWS), np.full(ROWS, weight[0])
    for start in range(0, rows, ROWS):
        m = min(ROWS, rows - start)
        load(at, start, m, tile)
        _begun(start, m, coef[0], offset, weight, eta, w)
        predict(tile, p, m, coef[1:], eta)
        value, chi = _losses(power, eta, y[start : start + m], w, m, by)
        sums[0] += value
        sums[1] += chi
        for t in range(q):
            ends[t] += by[t, :m].sum()
        share = dots(tile, p, m, by, q, first, at, start + AHEAD)
        products(tile, p, m, by[1], scaled, observed, at, start + AHEAD, share)
        if q == 4:
            products(tile, p, m, by[3], scaled, expected, at, start + AHEAD, p)


@compiled
def _each(power: Any, eta: Any, y: Any, weight: Any, by: Any, sums: Any) -> None:
    """Tile by tile, so that few numbers are added in one row."""
    for start in range(0, len(eta), ROWS):
        m = min(ROWS, len(eta) - start)
        stop = start + m
        value, chi = _losses(power, eta[start:stop], y[start:stop], weight[start:stop], m, by[:, start:stop])
        sums[0] += value
        sums[1] += chi


def each(loss: Loss, eta: Array, y: Array, weight: Array | float) -> tuple[Any, ...] | None:
    """Of rows whose predictors are known, all times their weights: the sums of values and squared Pearson residuals; for each row slope, slope of
    those residuals, observed and expected curve. None where the loss has no kernel.
    """
    if (power := code(loss)) is None:
        return None
    by, sums = np.empty((4, len(eta))), np.zeros(2)
    _each(power, _numbers(eta), _numbers(y), _numbers(np.broadcast_to(weight, len(eta))), by, sums)
    slope, observed, pearson, curve = by
    return float(sums[0]), float(sums[1]), slope, pearson, observed, curve


def sweep(loss: Loss, columns: Columns, at: Array, offset: Array | float, y: Array, weight: Array | float, order: int) -> Sums | None:
    """The sums of a loss at coefficients (p + 1,): its value and (order 1) gradient, and (order 2) Hessian and the slope of the residuals; None
    where it has no kernel.
    """
    if (power := code(loss)) is None:
        return None
    known = place(columns), columns.rows, power, _numbers(at), _numbers(offset), _numbers(y), _numbers(weight)
    return _second_order(*known, not loss.is_canonical) if order == 2 else _first_order(*known, order)


def _first_order(columns: Place, rows: int, power: float, at: Array, offset: Array, y: Array, weight: Array, order: int) -> Sums:
    sums, slopes, nothing = np.zeros(1), np.zeros(len(at) * order), np.zeros(0)
    _thin(columns, rows, power, at, offset, y, weight, sums, slopes)
    return Sums(float(sums[0]), np.nan, slopes, nothing, nothing, nothing)


def _second_order(columns: Place, rows: int, power: float, at: Array, offset: Array, y: Array, weight: Array, two: bool) -> Sums:
    p, q = len(at) - 1, 4 if two else 3
    sums, ends, first = np.zeros(2), np.zeros(q), tiles.sums(q, p)
    observed, expected = tiles.sums(p, p), tiles.sums(p, p) if two else np.zeros((0, 0))
    _sweep(columns, rows, power, at, offset, y, weight, sums, ends, first, observed, expected)
    slope, curve, pearson, *other = np.column_stack([ends, first[:, :p]])
    packed = bordered(other[0], expected) if two else np.zeros(0)
    return Sums(float(sums[0]), float(sums[1]), slope, pearson, bordered(curve, observed), packed)


def _numbers(values: Array | float) -> Array:
    return np.ascontiguousarray(np.atleast_1d(values), np.float64)
