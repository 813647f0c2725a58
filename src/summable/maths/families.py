"""Families: how y is distributed about its mean. Formulae of eta and y, element by element in any array namespace `xp`.

`value` is half the unit deviance, so that its weighted sum is half the deviance; outside the domain of the link it is infinite, and the
derivatives are then finite and mean nothing. `derivatives` are with respect to eta: slope, observed and expected curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from summable.core.data import Data
from summable.core.errors import Unsupported
from summable.maths.links import CEILING, Cauchit, Cloglog, Link, Logit, LogMean, Power, Probit, exp

TINY = 1e-6  # where a mean must be positive and y is not, a start for it


class Derivatives(NamedTuple):
    """Of the value with respect to eta, each (rows,)."""

    slope: Any
    observed: Any
    expected: Any


@dataclass(frozen=True)
class Gaussian(Data):
    """y of constant variance."""

    name: ClassVar[str] = "gaussian"
    scale_known: ClassVar[bool] = False
    canonical: ClassVar[Link] = Power(1.0)
    links: ClassVar[tuple[type, ...]] = (Power,)
    domain: ClassVar[tuple[str, str]] = ("", "")

    def value(self, eta: Any, y: Any, link: Any, xp: Any) -> Any:
        """½ (y − mu)²."""
        mu = link.mean(eta, xp)
        return _inside(mu.inside, 0.5 * (y - mu.value) ** 2, xp)

    def derivatives(self, eta: Any, y: Any, link: Any, xp: Any) -> Derivatives:
        """Of the value."""
        mu, slope, curve, _ = link.mean(eta, xp)
        return Derivatives((mu - y) * slope, slope**2 - (y - mu) * curve, slope**2)

    def mean(self, eta: Any, link: Any, xp: Any) -> Any:
        """Mu."""
        return link.mean(eta, xp).value

    def chi(self, eta: Any, y: Any, link: Any, xp: Any) -> Any:
        """The squared Pearson residual."""
        return (y - link.mean(eta, xp).value) ** 2

    def begin(self, y: Any, link: Any, xp: Any) -> Any:
        """A first mean of each row, near its y."""
        return y if link.power == 1 else xp.where(y > 0, y, TINY) if link.power != -1 else xp.where(xp.abs(y) > TINY, y, TINY)

    def valid(self, y: Any) -> Any:
        """Whether y can be."""
        return y - y == 0


@dataclass(frozen=True)
class Binomial(Data):
    """y successes, or the share of successes, out of trials."""

    name: ClassVar[str] = "binomial"
    scale_known: ClassVar[bool] = True
    canonical: ClassVar[Link] = Logit()
    links: ClassVar[tuple[type, ...]] = (Logit, Probit, Cloglog, Cauchit, Power)
    domain: ClassVar[tuple[str, str]] = ("is not between 0 and 1", 'Give 0 and 1, shares, or counts with trials="…", the column of how many were tried.')

    def value(self, eta: Any, y: Any, link: Any, xp: Any) -> Any:
        """y log(y / mu) + (1 − y) log((1 − y) / (1 − mu))."""
        chances, inside = link.chances(eta, xp)
        return _inside(inside, _entropy(y, xp) + _entropy(1 - y, xp) - y * chances.log_mean - (1 - y) * chances.log_rest, xp)

    def derivatives(self, eta: Any, y: Any, link: Any, xp: Any) -> Derivatives:
        """Of the value."""
        (_, _, up, down, up_slope, down_slope), _ = link.chances(eta, xp)
        return Derivatives((1 - y) * down - y * up, (1 - y) * down_slope - y * up_slope, up * down)

    def mean(self, eta: Any, link: Any, xp: Any) -> Any:
        """Mu."""
        return xp.exp(link.chances(eta, xp)[0].log_mean)

    def chi(self, eta: Any, y: Any, link: Any, xp: Any) -> Any:
        """The squared Pearson residual, (y − mu)² / (mu (1 − mu))."""
        chances, _ = link.chances(eta, xp)
        log_odds = xp.maximum(chances.log_mean - chances.log_rest, -CEILING)
        return y**2 * exp(-log_odds, xp) + (1 - y) ** 2 * exp(log_odds, xp) - 2 * y * (1 - y)

    def begin(self, y: Any, link: Any, xp: Any) -> Any:
        """A first mean of each row, between its y and a half."""
        return (y + 0.5) / 2

    def valid(self, y: Any) -> Any:
        """Whether y can be."""
        return (y >= 0) & (y <= 1)


@dataclass(frozen=True)
class Tweedie(Data):
    """y ≥ 0 whose variance is a power of its mean: a compound Poisson-gamma between 1 and 2, positive above 2."""

    power: float

    name: ClassVar[str] = "tweedie"
    scale_known: ClassVar[bool] = False
    canonical: ClassVar[Link] = Power(0.0)  # the usual one
    links: ClassVar[tuple[type, ...]] = (Power,)

    def __post_init__(self) -> None:
        if not self.power >= 1:
            raise Unsupported(f"a Tweedie family of power {self.power:g} is not here", "Powers are 1 or more; for 0 choose gaussian.")

    @property
    def domain(self) -> tuple[str, str]:
        """What an invalid y is, and what to do about it."""
        return ("is negative", "Leave those rows out.") if self.power < 2 else ("is not positive", "Leave those rows out, or shift y to where it is positive.")

    def value(self, eta: Any, y: Any, link: Any, xp: Any) -> Any:
        """Half the unit deviance of a power variance function."""
        log_mu, _, _, inside = link.log_mean(eta, xp)
        return _inside(inside, _power_value(self.power, log_mu, y, xp), xp)

    def derivatives(self, eta: Any, y: Any, link: Any, xp: Any) -> Derivatives:
        """Of the value."""
        return _power_derivatives(self.power, link.log_mean(eta, xp), y, xp)

    def mean(self, eta: Any, link: Any, xp: Any) -> Any:
        """Mu."""
        return exp(link.log_mean(eta, xp).value, xp)

    def chi(self, eta: Any, y: Any, link: Any, xp: Any) -> Any:
        """The squared Pearson residual, (y − mu)² / mu^power."""
        log_mu = link.log_mean(eta, xp).value
        return (y * _halved(-self.power / 2 * log_mu, xp) - _halved((1 - self.power / 2) * log_mu, xp)) ** 2

    def begin(self, y: Any, link: Any, xp: Any) -> Any:
        """A first mean of each row, near its y."""
        return xp.where(y > 0, y, 0.1) if self.power > 1 else y + 0.1

    def valid(self, y: Any) -> Any:
        """Whether y can be."""
        return y >= 0 if self.power < 2 else y > 0


@dataclass(frozen=True)
class NegativeBinomial(Data):
    """Counts of variance mu + alpha mu²; an alpha that is not given is estimated."""

    alpha: float | None = None

    name: ClassVar[str] = "negative_binomial"
    scale_known: ClassVar[bool] = True
    canonical: ClassVar[Link] = Power(0.0)  # the usual one
    links: ClassVar[tuple[type, ...]] = (Power,)
    domain: ClassVar[tuple[str, str]] = ("is negative", "Counts are zero or more.")

    def __post_init__(self) -> None:
        if self.alpha is not None and not self.alpha > 0:
            raise Unsupported(f"a negative binomial of alpha={self.alpha:g} is none", "Alpha is positive; for 0 choose poisson.")

    @property
    def known(self) -> float:
        """Alpha, once it is given or estimated."""
        if self.alpha is None:
            raise Unsupported("the alpha of a negative binomial is not known here", "Give it: NegativeBinomial(alpha=…).")
        return self.alpha

    def value(self, eta: Any, y: Any, link: Any, xp: Any) -> Any:
        """y log(y / mu) − (y + 1/alpha) log((1 + alpha y) / (1 + alpha mu))."""
        log_mu, _, _, inside = link.log_mean(eta, xp)
        ratio = xp.log1p(self.known * y) - xp.log1p(self.known * exp(log_mu, xp))
        return _inside(inside, _entropy(y, xp) - y * log_mu - (y + 1 / self.known) * ratio, xp)

    def derivatives(self, eta: Any, y: Any, link: Any, xp: Any) -> Derivatives:
        """Of the value."""
        log_mu, slope, curve, _ = link.log_mean(eta, xp)
        mu = exp(log_mu, xp)
        whole = 1 + self.known * mu
        expected, left = mu / whole * slope**2, (y - mu) / whole
        return Derivatives(-left * slope, expected - left * (curve - self.known * mu / whole * slope**2), expected)

    def mean(self, eta: Any, link: Any, xp: Any) -> Any:
        """Mu."""
        return exp(link.log_mean(eta, xp).value, xp)

    def chi(self, eta: Any, y: Any, link: Any, xp: Any) -> Any:
        """The squared Pearson residual, (y − mu)² / (mu + alpha mu²)."""
        mu = exp(xp.maximum(link.log_mean(eta, xp).value, -CEILING / 2), xp)
        return ((y - mu) / xp.sqrt(mu) / xp.sqrt(1 + self.known * mu)) ** 2

    def begin(self, y: Any, link: Any, xp: Any) -> Any:
        """A first mean of each row, near its y."""
        return y + 0.1

    def valid(self, y: Any) -> Any:
        """Whether y can be."""
        return y >= 0


@dataclass(frozen=True)
class Fixed(Data):
    """A family of the power variances that has a name of its own: Poisson, gamma or inverse Gaussian."""

    name: str

    links: ClassVar[tuple[type, ...]] = (Power,)

    @property
    def power(self) -> float:
        """Of the variance."""
        return {"poisson": 1.0, "gamma": 2.0, "inverse_gaussian": 3.0}[self.name]

    @property
    def scale_known(self) -> bool:
        """Whether the scale is one."""
        return self.name == "poisson"

    @property
    def canonical(self) -> Link:
        """The link whose eta is the natural parameter."""
        return Power(1.0 - self.power)

    @property
    def domain(self) -> tuple[str, str]:
        """What an invalid y is, and what to do about it."""
        return ("is negative", "Counts are zero or more.") if self.name == "poisson" else Tweedie(self.power).domain

    def value(self, eta: Any, y: Any, link: Any, xp: Any) -> Any:
        """Half the unit deviance."""
        return Tweedie(self.power).value(eta, y, link, xp)

    def derivatives(self, eta: Any, y: Any, link: Any, xp: Any) -> Derivatives:
        """Of the value."""
        return Tweedie(self.power).derivatives(eta, y, link, xp)

    def mean(self, eta: Any, link: Any, xp: Any) -> Any:
        """Mu."""
        return Tweedie(self.power).mean(eta, link, xp)

    def chi(self, eta: Any, y: Any, link: Any, xp: Any) -> Any:
        """The squared Pearson residual."""
        return Tweedie(self.power).chi(eta, y, link, xp)

    def begin(self, y: Any, link: Any, xp: Any) -> Any:
        """A first mean of each row, near its y."""
        return Tweedie(self.power).begin(y, link, xp)

    def valid(self, y: Any) -> Any:
        """Whether y can be."""
        return Tweedie(self.power).valid(y)


Family = Gaussian | Binomial | Tweedie | NegativeBinomial | Fixed
FAMILIES: dict[str, Family] = {
    "gaussian": Gaussian(), "binomial": Binomial(), "poisson": Fixed("poisson"), "gamma": Fixed("gamma"),
    "inverse_gaussian": Fixed("inverse_gaussian"), "negative_binomial": NegativeBinomial(),
}  # fmt: skip


def named(family: str | Family) -> Family:
    """The family of a name."""
    if not isinstance(family, str):
        return family
    if family not in FAMILIES:
        known = f"{', '.join(FAMILIES)}, or give summable.families.Tweedie(power) or NegativeBinomial(alpha)"
        raise Unsupported(f"family={family!r} is not known", f"Choose from {known}.")
    return FAMILIES[family]


def _inside(inside: Any, value: Any, xp: Any) -> Any:
    return value if inside is None else xp.where(inside, value, xp.inf)


def _entropy(y: Any, xp: Any) -> Any:
    """y log y, zero at zero."""
    return y * xp.log(xp.where(y > 0, y, 1.0))


def _halved(x: Any, xp: Any) -> Any:
    """e^x of what will be squared."""
    return xp.exp(xp.minimum(x, CEILING / 2))


def _power_value(power: float, log_mu: Any, y: Any, xp: Any) -> Any:
    if power == 1:
        return _entropy(y, xp) - y * log_mu - y + exp(log_mu, xp)
    if power == 2:
        return log_mu - xp.log(y) + y * exp(-log_mu, xp) - 1
    a, b = 1 - power, 2 - power
    return y**b / (a * b) - y * exp(a * log_mu, xp) / a + exp(b * log_mu, xp) / b


def _power_derivatives(power: float, mean: LogMean, y: Any, xp: Any) -> Derivatives:
    log_mu, slope, curve, _ = mean
    whole = exp((2 - power) * log_mu, xp)
    left, expected = y * exp((1 - power) * log_mu, xp) - whole, whole * slope**2
    return Derivatives(-left * slope, expected - left * (curve + (1 - power) * slope**2), expected)
