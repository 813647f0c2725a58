"""The loss of a generalized linear model: a family and a link, and what of them a fit and its likelihood need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from summable.core.data import Data
from summable.core.errors import DataError, Unsupported
from summable.maths import families, links
from summable.maths.families import Binomial, Derivatives, Family, Fixed, Gaussian, NegativeBinomial
from summable.maths.links import Link, Logit, Power

TABLE = 4096  # counts below it are looked up
STEP = 1e-3  # of eta, for a central difference: good to 1e-7, where a derivative only speeds a fit up or carries a sum over a tiny step


@dataclass(frozen=True)
class Loss(Data):
    """Half the unit deviance of y given eta, with its derivatives."""

    family: Family
    link: Link

    def value(self, eta: Any, y: Any, xp: Any) -> Any:
        """Half the unit deviance, (rows,); infinite where eta has no mean."""
        return self.family.value(eta, y, self.link, xp)

    def derivatives(self, eta: Any, y: Any, xp: Any) -> Derivatives:
        """Slope, observed and expected curve with respect to eta, each (rows,)."""
        return self.family.derivatives(eta, y, self.link, xp)

    def mean(self, eta: Any, xp: Any) -> Any:
        """Mu, (rows,)."""
        return self.family.mean(eta, self.link, xp)

    def chi(self, eta: Any, y: Any, xp: Any) -> Any:
        """Squared Pearson residuals, (rows,)."""
        return self.family.chi(eta, y, self.link, xp)

    def chi_slope(self, eta: Any, y: Any, xp: Any) -> Any:
        """Their derivative."""
        return (self.chi(eta + STEP, y, xp) - self.chi(eta - STEP, y, xp)) / (2 * STEP)

    def third(self, eta: Any, y: Any, xp: Any) -> Any:
        """The derivative of the observed curve."""
        return (self.derivatives(eta + STEP, y, xp).observed - self.derivatives(eta - STEP, y, xp).observed) / (2 * STEP)

    def expected_third(self, eta: Any, y: Any, xp: Any) -> Any:
        """The derivative of the expected curve."""
        return (self.derivatives(eta + STEP, y, xp).expected - self.derivatives(eta - STEP, y, xp).expected) / (2 * STEP)

    def bends(self, eta: Any, y: Any, xp: Any) -> tuple[Any, Any]:
        """First and second derivative of the expected curve: by differences of fourth order, good to 1e-12 and 1e-8."""
        step = STEP * (1.0 if self.is_everywhere else xp.minimum(1.0, xp.abs(eta)))
        far_below, below, here, above, far_above = (self.derivatives(eta + i * step, y, xp).expected for i in (-2, -1, 0, 1, 2))
        first = (8 * (above - below) - (far_above - far_below)) / (12 * step)
        return first, (16 * (above + below) - (far_above + far_below) - 30 * here) / (12 * step**2)

    def working(self, y: Any, xp: Any) -> tuple[Any, Any]:
        """Weights and responses of the first step of iterated least squares, from a mean near each y (McCullagh & Nelder 1989, §2.5)."""
        return tabulated(lambda each: self._working(each, xp), y, xp)

    def _working(self, y: Any, xp: Any) -> tuple[Any, Any]:
        eta = self.link.link(self.family.begin(y, self.link, xp), xp)
        slope, _, expected = self.derivatives(eta, y, xp)
        return expected, eta - slope / expected

    @property
    def name(self) -> str:
        """What the family and the link are called."""
        return f"{self.family.name} with {self.link.name} link"

    @property
    def is_canonical(self) -> bool:
        """Whether the observed curve is the expected one."""
        exact = not isinstance(self.family, families.Tweedie | NegativeBinomial)
        return exact and self.link == self.family.canonical

    @property
    def is_quadratic(self) -> bool:
        """Whether one step of Newton's is the answer."""
        return isinstance(self.family, Gaussian) and self.link == Power(1.0)

    @property
    def is_everywhere(self) -> bool:
        """Whether every eta has a mean."""
        return not isinstance(self.link, Power) or (self.link.power == 0 and not isinstance(self.family, Binomial)) or self.is_quadratic

    @property
    def concordance(self) -> float | None:
        """The least known m with |third| ≤ m · observed curve everywhere, or None (generalized self-concordance, Bach 2010)."""
        if self.is_quadratic:
            return 0.0
        if isinstance(self.family, Binomial):
            return 1.0 if self.link == Logit() else None
        bounded = isinstance(self.family, NegativeBinomial) or getattr(self.family, "power", 9.0) <= 2
        return 1.0 if self.link == Power(0.0) and bounded and not isinstance(self.family, Gaussian) else None

    def refuse(self, y: Any, name: str, xp: Any) -> None:
        """Refuse a y that the family cannot have, by its value."""
        valid = self.family.valid(y)
        if xp.all(valid):
            return
        what, advice = self.family.domain
        first = np.asarray(y)[int(np.argmin(np.asarray(valid)))]
        raise DataError(f"{name} = {first:g} {what}, as {self.family.name} needs it, in at least {int(np.sum(~np.asarray(valid)))} rows", advice)

    def constant(self, y: Any, trials: Any, xp: Any) -> Any:
        """What of the log-likelihood of a row of weight 1 depends on y alone, (rows,); of the scale, nothing."""
        if xp.ndim(trials) == 0:
            return tabulated(lambda each: (self._constant(each, trials, xp),), y, xp)[0]
        return self._constant(y, trials, xp)

    def _constant(self, y: Any, trials: Any, xp: Any) -> Any:
        from scipy.special import gammaln, xlog1py, xlogy

        match self.family:
            case Binomial():
                count = y * trials
                choose = gammaln(trials + 1) - gammaln(count + 1) - gammaln(trials - count + 1)
                return choose + trials * (xlogy(y, y) + xlog1py(1 - y, -y))
            case NegativeBinomial():
                alpha = self.family.known
                r = 1 / alpha
                return gammaln(y + r) - gammaln(r) - gammaln(y + 1) + xlogy(y, alpha * y) - (y + r) * np.log1p(alpha * y)
            case Fixed("poisson"):
                return xlogy(y, y) - y - gammaln(y + 1)
            case Fixed("gamma"):
                return -xp.log(y)
            case Fixed("inverse_gaussian"):
                return -1.5 * xp.log(y)
        return 0.0 * y


def is_open(loss: Loss) -> bool:
    """Whether a parameter of the family is to be estimated."""
    return isinstance(loss.family, NegativeBinomial) and loss.family.alpha is None


def with_alpha(loss: Loss, alpha: float) -> Loss:
    """The loss of a negative binomial of this alpha."""
    return Loss(NegativeBinomial(alpha), loss.link)


def tabulated(formula: Callable[[Any], tuple[Any, ...]], y: Any, xp: Any) -> tuple[Any, ...]:
    """Formulae of y alone: where y are many small counts, each count is worked out once and looked up."""
    if xp is not np or (counts := _counts(y)) is None:
        return formula(y)
    there = np.zeros(counts.max() + 1, bool)
    there[counts] = True
    each = np.where(there, np.arange(float(len(there))), y.flat[0])  # none that is not there, as a formula may have no value for it
    return tuple(values[counts] for values in formula(each))


def tallied(y: Any, xp: Any) -> tuple[Any, Any] | None:
    """Where y are many small counts, those that there are, and how many rows have each."""
    if xp is not np or (counts := _counts(y)) is None:
        return None
    times = np.bincount(counts)
    found = np.flatnonzero(times)
    return found.astype(np.float64), times[found].astype(np.float64)


def _counts(y: Any) -> Any:
    """Many small counts as whole numbers; None where y are something else."""
    if np.size(y) <= TABLE or not (y.min() >= 0 and y.max() < TABLE):
        return None
    counts = y.astype(np.int64)
    return counts if (counts == y).all() else None


def loss(family: str | Family, link: str | Link | None = None) -> Loss:
    """The loss of a family and a link by their names; the canonical link (for Tweedie and negative binomial, log) if none is given."""
    chosen = families.named(family)
    linked = chosen.canonical if link is None else links.named(link)
    if not isinstance(linked, chosen.links):
        known = [name for name, one in links.LINKS.items() if isinstance(one, chosen.links)]
        raise Unsupported(f"the link {linked.name} does not go with {chosen.name}", f"Choose from {', '.join(known)}.")
    return Loss(chosen, linked)
