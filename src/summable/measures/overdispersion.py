"""How a negative binomial's likelihood changes with its alpha, beside its coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Statistic
from summable.maths.families import NegativeBinomial
from summable.maths.links import Link
from summable.maths.losses import Loss


@dataclass(frozen=True, eq=False)
class Joint(Statistic):
    """−log-likelihood of counts at some coefficients and t = log alpha, with its derivatives."""

    value: Array  # () less what counts alone give, Σ w log Γ(y + 1)
    gradient: Array  # (width,) by the coefficients
    observed: Array  # packed, by the coefficients twice
    expected: Array  # packed, what is expected of that
    cross: Array  # (width,) by the coefficients and t
    slope: Array  # () by t
    curve: Array  # () by t twice
    excess: Array  # () ½ Σ w ((y − mu)² − y): the slope of the log-likelihood by alpha at zero, where it is Poisson's


@dataclass(frozen=True)
class Overdispersion(Measure[Joint]):
    """Σ w of −log Γ(y + r)/Γ(r) − r log r − y log mu + (y + r) log(r + mu), r = 1/alpha, and its derivatives by b and t = log alpha, jointly.

    Cost: one pass, with log Γ and its two derivatives of each count; width + 1 numbers down, width² + 3 width + 4 up.
    Fails: as the rows do, which see the same columns as `Working` did.
    Source: Lawless 1987, §2.
    """

    design: Design
    link: Link
    at: Array  # (width,)
    log_alpha: float

    def __call__(self, rows: Rows) -> Joint:
        y, weight = rows.column("y"), rows.column("weight")
        eta = rows.project(self.at) + rows.column("offset")
        loss = Loss(NegativeBinomial(float(np.exp(self.log_alpha))), self.link)
        slope, observed, expected = loss.derivatives(eta, y, rows.xp)
        mu, up, _, inside = self.link.mean(eta, rows.xp)  # type: ignore[union-attr]
        value, by_t, twice, left = _by_alpha(y, mu, float(np.exp(-self.log_alpha)), rows.xp)
        return Joint(
            rows.moment(0, weight * (value if inside is None else rows.xp.where(inside, value, rows.xp.inf))),
            rows.moment(1, weight * slope),
            rows.moment(2, weight * observed),
            rows.moment(2, weight * expected),
            rows.moment(1, weight * left * up),
            rows.moment(0, weight * by_t),
            rows.moment(0, weight * twice),
            rows.moment(0, 0.5 * weight * ((y - mu) ** 2 - y)),
        )


def _by_alpha(y: Any, mu: Any, r: float, xp: Any) -> tuple[Any, Any, Any, Any]:
    """−log-likelihood, its first and second derivative by t = −log r, and that by mu and t."""
    from scipy.special import digamma, gammaln, polygamma, xlogy

    whole = r + mu
    log_share, left = xp.log1p(mu / r), (y - mu) / whole
    value = gammaln(r) - gammaln(y + r) - xlogy(y, mu) + y * np.log(r) + (y + r) * log_share
    by_r = digamma(y + r) - digamma(r) - log_share - left
    by_r_twice = polygamma(1, y + r) - polygamma(1, r) + 1 / r - 2 / whole + (y + r) / whole**2
    return value, r * by_r, -r * by_r - r**2 * by_r_twice, r * left / whole
