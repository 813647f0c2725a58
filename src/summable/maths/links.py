"""Links: how a mean depends on a linear predictor, eta = link(mu), element by element in any array namespace `xp`.

Each is given in the form that stays finite far out: powers (and the logarithm, their limit) by log mu, links of probabilities by the
logarithms of mu and 1 − mu.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any, NamedTuple

import numpy as np

from summable.core.data import Data
from summable.core.errors import Unsupported

CEILING = 600.0  # exponents are held below it: e^600 is 1e260, which leaves room for a product with data before float64 ends
FLAT = 700.0  # beyond, e^-x times any power of x is zero in float64
SMALLEST = 1e-300  # what a probability is held above before its logarithm is taken


class Chances(NamedTuple):
    """What a binomial loss needs of a link, each (rows,)."""

    log_mean: Any  # log mu
    log_rest: Any  # log(1 − mu)
    up: Any  # mu'/mu, derivatives being with respect to eta
    down: Any  # mu'/(1 − mu)
    up_slope: Any  # (mu'/mu)'
    down_slope: Any  # (mu'/(1 − mu))'


class LogMean(NamedTuple):
    """log mu and its two derivatives, each (rows,); and where eta has a positive mean at all, or None if everywhere."""

    value: Any
    slope: Any
    curve: Any
    inside: Any


class Mean(NamedTuple):
    """mu and its two derivatives, each (rows,); and where eta has a mean at all, or None if everywhere."""

    value: Any
    slope: Any
    curve: Any
    inside: Any


def exp(x: Any, xp: Any) -> Any:
    """e^x, held below what float64 can multiply."""
    return xp.exp(xp.minimum(x, CEILING))


def softplus(x: Any, xp: Any) -> Any:
    """log(1 + e^x)."""
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


@dataclass(frozen=True)
class Power(Data):
    """eta = mu^power; eta = log mu for power 0, the identity for 1, the inverse for -1, the inverse square for -2."""

    power: float

    @property
    def name(self) -> str:
        """What it is called."""
        return {0.0: "log", 1.0: "identity", -1.0: "inverse", -2.0: "inverse_squared"}.get(self.power, f"Power({self.power:g})")

    def link(self, mu: Any, xp: Any) -> Any:
        """Eta of a positive mean (of any mean, for the identity)."""
        return mu if self.power == 1 else xp.log(mu) if self.power == 0 else mu**self.power

    def log_mean(self, eta: Any, xp: Any) -> LogMean:
        """Log mu."""
        if self.power == 0:
            return LogMean(eta, 1.0 + 0.0 * eta, 0.0 * eta, None)
        inside = eta > 0
        safe = xp.where(inside, eta, 1.0)
        return LogMean(xp.log(safe) / self.power, 1 / (self.power * safe), -1 / (self.power * safe**2), inside)

    def mean(self, eta: Any, xp: Any) -> Mean:
        """The mean of any sign, if the power is 1 or -1; else a positive one."""
        if self.power == 1:
            return Mean(eta, 1.0 + 0.0 * eta, 0.0 * eta, None)
        if self.power == 0:
            mu = xp.exp(xp.minimum(eta, CEILING / 2))  # it will be squared
            return Mean(mu, mu, mu, None)
        inside = eta != 0 if self.power == -1 else eta > 0
        safe, k = xp.where(inside, eta, 1.0), 1 / self.power
        mu = safe**k if self.power != -1 else 1 / safe
        return Mean(mu, k * mu / safe, k * (k - 1) * mu / safe**2, inside)

    def chances(self, eta: Any, xp: Any) -> tuple[Chances, Any]:
        """With where they are probabilities: 0 < mu < 1."""
        log_mu, slope, curve, inside = self.log_mean(eta, xp)
        less = log_mu < 0
        inside = less if inside is None else inside & less
        log_mu = xp.where(inside, log_mu, -1.0)
        odds = 1 / xp.expm1(xp.minimum(-log_mu, CEILING))
        chances = Chances(log_mu, xp.log(-xp.expm1(log_mu)), slope, slope * odds, curve, odds * (curve + slope**2) + (slope * odds) ** 2)
        return chances, inside


@dataclass(frozen=True)
class Logit(Data):
    """eta = log(mu / (1 − mu))."""

    name = "logit"

    def link(self, mu: Any, xp: Any) -> Any:
        """Eta of a probability."""
        return xp.log(mu) - xp.log1p(-mu)

    def chances(self, eta: Any, xp: Any) -> tuple[Chances, Any]:
        """Probabilities for every eta."""
        small = xp.exp(-xp.abs(eta))
        rest, log1p = small / (1 + small), xp.log1p(small)
        mu, other = xp.where(eta > 0, 1 - rest, rest), xp.where(eta > 0, rest, 1 - rest)
        curve = mu * other
        return Chances(xp.minimum(eta, 0.0) - log1p, -xp.maximum(eta, 0.0) - log1p, other, mu, -curve, curve), None


@dataclass(frozen=True)
class Probit(Data):
    """eta = Φ⁻¹(mu), the normal quantile."""

    name = "probit"

    def link(self, mu: Any, xp: Any) -> Any:
        """Eta of a probability."""
        return _special("ndtri", xp)(mu)

    def chances(self, eta: Any, xp: Any) -> tuple[Chances, Any]:
        """Probabilities for every eta."""
        log_ndtr = _special("log_ndtr", xp)
        log_mu, log_rest, log_density = log_ndtr(eta), log_ndtr(-eta), -(eta**2) / 2 - np.log(2 * pi) / 2
        up, down = xp.exp(log_density - log_mu), xp.exp(log_density - log_rest)
        return Chances(log_mu, log_rest, up, down, -up * (eta + up), down * (down - eta)), None


@dataclass(frozen=True)
class Cloglog(Data):
    """eta = log(−log(1 − mu)), the complementary log-log."""

    name = "cloglog"

    def link(self, mu: Any, xp: Any) -> Any:
        """Eta of a probability."""
        return xp.log(-xp.log1p(-mu))

    def chances(self, eta: Any, xp: Any) -> tuple[Chances, Any]:
        """Probabilities for every eta."""
        hazard = xp.maximum(exp(eta, xp), SMALLEST)
        held = xp.minimum(hazard, FLAT)
        up = held / xp.expm1(held)
        log_mu = xp.where(hazard < 1e-20, eta, xp.log(-xp.expm1(-hazard)))
        return Chances(log_mu, -hazard, up, hazard, up * (1 - held - up), hazard), None


@dataclass(frozen=True)
class Cauchit(Data):
    """eta = tan(π(mu − ½)), the Cauchy quantile."""

    name = "cauchit"

    def link(self, mu: Any, xp: Any) -> Any:
        """Eta of a probability."""
        return xp.tan(pi * (mu - 0.5))

    def chances(self, eta: Any, xp: Any) -> tuple[Chances, Any]:
        """Probabilities for every eta."""
        one = 1.0 + 0.0 * eta
        mu, rest = xp.arctan2(one, -eta) / pi, xp.arctan2(one, eta) / pi
        density = 1 / (pi * (1 + eta**2))
        up, down, bend = density / mu, density / rest, -2 * eta / (1 + eta**2)
        return Chances(xp.log(mu), xp.log(rest), up, down, up * (bend - up), down * (bend + down)), None


Link = Power | Logit | Probit | Cloglog | Cauchit
LINKS: dict[str, Link] = {
    "identity": Power(1.0), "log": Power(0.0), "inverse": Power(-1.0), "inverse_squared": Power(-2.0), "sqrt": Power(0.5),
    "logit": Logit(), "probit": Probit(), "cloglog": Cloglog(), "cauchit": Cauchit(),
}  # fmt: skip


def named(link: str | Link) -> Link:
    """The link of a name."""
    if not isinstance(link, str):
        return link
    if link not in LINKS:
        raise Unsupported(f"link={link!r} is not known", f"Choose from {', '.join(LINKS)}, or give summable.links.Power(k).")
    return LINKS[link]


def _special(name: str, xp: Any) -> Any:
    """A special function in the namespace: its own, or SciPy's for NumPy."""
    if hasattr(xp, name):
        return getattr(xp, name)
    if xp is not np:
        raise Unsupported(f"this place has no function {name}", "Choose the logit link there.")
    from scipy import special

    return getattr(special, name)
