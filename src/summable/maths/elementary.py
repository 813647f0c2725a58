"""Exponential and logarithms without branches, so that loops over rows become vector instructions; errors are in units of the last place.

Arguments are reduced by Cody and Waite's two-part constants, and polynomials evaluated on what is left (Muller et al., Handbook of
Floating-Point Arithmetic, 2018, ch. 10). Each is within 2 units of the exact value, as tests/maths/test_elementary.py finds.
"""

from __future__ import annotations

from typing import Any

from summable.maths.compiled import bits, literal, number

LOG2E, LN2_HIGH, LN2_LOW = 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10
WHOLE = 6755399441055744.0  # 1.5 · 2**52: a number added to it is rounded to an integer, which its last bits hold
LOWEST, HIGHEST = -708.0, 709.0
TINY, SCALE = 2.2250738585072014e-308, 18014398509481984.0  # the least normal number, and 2**54
MANTISSA, ONE, SQRT_HALF = 0x000FFFFFFFFFFFFF, 0x3FF0000000000000, 0x3FE6A09E667F3BCD


@literal
def exp(x: Any) -> Any:
    """e^x: of arguments below -708 that of -708, above 709 that of 709."""
    x = LOWEST if x < LOWEST else x
    x = HIGHEST if x > HIGHEST else x
    shifted = x * LOG2E + WHOLE
    k = shifted - WHOLE
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    # Taylor's series to r**13: |r| ≤ ln2/2, where the next term is under 5e-18
    p = 1.6059043836821613e-10
    p = p * r + 2.08767569878681e-09
    p = p * r + 2.505210838544172e-08
    p = p * r + 2.755731922398589e-07
    p = p * r + 2.7557319223985893e-06
    p = p * r + 2.48015873015873e-05
    p = p * r + 0.0001984126984126984
    p = p * r + 0.001388888888888889
    p = p * r + 0.008333333333333333
    p = p * r + 0.041666666666666664
    p = p * r + 0.16666666666666666
    p = p * r + 0.5
    p = p * r * r + r + 1.0
    return number(bits(p) + (bits(shifted) << 52))


@literal
def _atanh_tail(s: Any) -> Any:
    """2 (atanh(w) − w) / w of s = w², |w| ≤ 0.1716."""
    p = 2 / 23
    p = p * s + 2 / 21
    p = p * s + 2 / 19
    p = p * s + 2 / 17
    p = p * s + 2 / 15
    p = p * s + 2 / 13
    p = p * s + 2 / 11
    p = p * s + 2 / 9
    p = p * s + 2 / 7
    p = p * s + 2 / 5
    p = p * s + 2 / 3
    return p * s


@literal
def log1p(z: Any) -> Any:
    """log(1 + z) for 0 ≤ z ≤ 1, also where z is small."""
    big = z > 0.41421356237309503
    f = 0.5 * (z - 1.0) if big else z
    k = 1.0 if big else 0.0
    return _log_of(f, k)


@literal
def log(x: Any) -> Any:
    """The logarithm of a positive number."""
    small = x < TINY
    y = x * SCALE if small else x
    pattern = bits(y) - SQRT_HALF
    exponent = pattern >> 52
    mantissa = number(bits(y) - (exponent << 52))
    k = float(exponent) - (54.0 if small else 0.0)
    return _log_of(mantissa - 1.0, k)


@literal
def _log_of(f: Any, k: Any) -> Any:
    """log(1 + f) + k log 2, −0.293 ≤ f ≤ 0.4143 (W. Kahan's and P. Tang's form: f − (f²/2 − w (f²/2 + R)))."""
    w = f / (2.0 + f)
    half = 0.5 * f * f
    tail = w * (half + _atanh_tail(w * w))
    return k * LN2_HIGH + (f - (half - (tail + k * LN2_LOW)))
