"""Residuals as if summed in twice the digits, and rounded once: every product and sum is kept with what its rounding leaves.

NumPy's operations round one by one; a compiler that joins two of them would lose what is left.
"""

from __future__ import annotations

import numpy as np

from summable.core.statistic import Array

PIECE = 2**13  # numbers of a piece, of which some twenty arrays lie in cache
SPLITTER = 2.0**27 + 1  # cuts the 53 bits of a number in two halves, whose products are exact


def left(y: Array, offset: Array, x: Array, coef: Array) -> Array:
    """y − offset − x·coef, (rows,) or (rows, targets), for x (rows, width); where halves overflow, beyond 1e300, as plainly summed.

    Cost: thirty operations a number of x and target.
    Source: Ogita, Rump & Oishi 2005, algorithm 5.3 (Dot2).
    """
    coefs = coef.reshape(x.shape[1], -1)
    values = y.reshape(len(x), coefs.shape[1])
    offsets = np.broadcast_to(np.reshape(offset, (-1, 1)), (len(x), 1))
    found, step = np.empty(values.shape), max(1, PIECE // coefs.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(x), step):
            piece = slice(start, start + step)
            found[piece] = _left(values[piece], offsets[piece], x[piece], coefs)
    return found.reshape(y.shape)


def _left(y: Array, offset: Array, x: Array, coef: Array) -> Array:
    total, rest = _sum(y, -offset)
    for column, one in zip(x.T, -coef, strict=True):
        product, lost = _product(np.ascontiguousarray(column)[:, None], one)
        total, also = _sum(total, product)
        rest += lost + also
    both: Array = total + rest
    return np.where(np.isfinite(both), both, total)


def _sum(a: Array, b: Array) -> tuple[Array, Array]:
    """a + b, rounded, and what that leaves (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _product(a: Array, b: Array) -> tuple[Array, Array]:
    """a · b, rounded, and what that leaves (Dekker)."""
    product, (a_high, a_low), (b_high, b_low) = a * b, _halves(a), _halves(b)
    return product, a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


def _halves(a: Array) -> tuple[Array, Array]:
    """Two numbers of half the bits that sum to one (Veltkamp)."""
    scaled = SPLITTER * a
    high = scaled - (scaled - a)
    return high, a - high
