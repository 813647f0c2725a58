"""What follows from a generalized linear fit: pure functions that know neither rows nor engines.

Estimates are distributed about the coefficients by the normal law, with the inverse of the information, times the scale, for covariance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, ndtr, ndtri

from summable.core.errors import Unsupported
from summable.core.statistic import Array
from summable.inference import NO_MODEL_VARIANCE, Estimates, Inference
from summable.maths.losses import Loss
from summable.solvers.generalized import Generalized

PENALISED = (
    "a penalised fit is biased on purpose, so it has no classical standard error",
    "Fit with alpha=0 for inference, or resample the rows.",
)


@dataclass(frozen=True)
class Wald(Inference):
    """Inference for a generalized linear model, by the kind of weights that were given and the rule of its scale."""

    solution: Generalized
    estimates: Estimates
    loss: Loss
    weight_kind: str
    rule: str | float | None  # of the scale: None for the family's own, "deviance", "pearson" or a number
    normaliser: float | None  # Σ of what weights and shape give a gamma likelihood, where that took a round
    others: int = 0  # parameters that were estimated beside the coefficients, and count in the criteria

    @property
    def nobs(self) -> float:
        """Rows, or what frequency weights say there are."""
        return float(self.solution.opening.weight) if self.weight_kind == "frequency" else float(self.solution.opening.rows[0])

    @property
    def deviance(self) -> float:
        """Twice the log-likelihood ratio to a model with a mean for every row, of scale one."""
        return 2 * self.solution.optimum.value

    @property
    def null_deviance(self) -> float:
        """The same of the constant-only model with the offset."""
        return 2 * self.solution.optimum.level_value

    @property
    def pearson_chi2(self) -> float:
        """Σ w (y − mu)² / V(mu)."""
        return self.solution.optimum.pearson

    @property
    def scale(self) -> float:
        """The dispersion: one where the family knows it; else by the rule, Pearson's χ² or the deviance over df_resid."""
        rule = self.rule if self.rule is not None else (1.0 if self.loss.family.scale_known else "pearson")
        if not isinstance(rule, str):
            return float(rule)
        if self.df_resid == 0:
            return np.nan
        return (self.deviance if rule == "deviance" else self.pearson_chi2) / self.df_resid

    def refuse_covariance(self) -> None:
        """Refuse weights that say with what chance a row was drawn, and estimates that a penalty has moved."""
        if self.weight_kind == "sampling":
            raise Unsupported(*NO_MODEL_VARIANCE)
        if self.solution.penalised:
            raise Unsupported(*PENALISED)

    @property
    def pvalues(self) -> Array:
        """Two-sided, by the normal law, (p,)."""
        return np.asarray(2 * ndtr(-np.abs(self.tvalues)))

    def quantile(self, alpha: float) -> float:
        """How many standard errors a 1 - alpha interval reaches to each side."""
        return float(ndtri(1 - alpha / 2))

    @property
    def llf(self) -> float:
        """The log-likelihood at the maximum, of the scale above (for a Gaussian with the identity link, of the one that maximises it).

        NaN for Tweedie, whose density has no closed form, and for the quasi-likelihoods of non-integer counts what the formula gives.
        """
        return self._log_likelihood(self.solution.optimum.value)

    @property
    def llnull(self) -> float:
        """The same of the constant-only model with the offset, of the fit's scale."""
        return self._log_likelihood(self.solution.optimum.level_value)

    def _log_likelihood(self, value: float) -> float:
        opening, frequency = self.solution.opening, self.weight_kind == "frequency"
        count, constant = self.nobs, float(opening.constants[1 if frequency else 0])
        log_weight = 0.0 if frequency else float(opening.log_weight)
        scale, name = self.scale, self.loss.family.name
        if self.loss.family.scale_known:
            return float(opening.constants[1]) - value
        if self.loss.is_quadratic:
            scale = self.deviance / count
        with np.errstate(all="ignore"):
            if name in ("gaussian", "inverse_gaussian"):
                return float(constant - value / scale - 0.5 * (count * np.log(2 * np.pi * scale) - log_weight))
            if name == "gamma":
                shape = np.float64(1) / scale
                normaliser = count * log_gamma_factor(shape) if self.normaliser is None else self.normaliser
                return float(normaliser - shape * value + constant)
        return np.nan

    @property
    def aic(self) -> float:
        """-2 llf + 2 for each parameter."""
        return -2 * self.llf + 2 * (self.solution.rank + self.others)

    @property
    def bic(self) -> float:
        """-2 llf + log(nobs) for each parameter."""
        return float(-2 * self.llf + np.log(self.nobs) * (self.solution.rank + self.others))

    def pseudo_rsquared(self, kind: str) -> float:
        """Cox and Snell's, McFadden's, or the share of the deviance explained."""
        if kind == "deviance":
            return 1 - self.deviance / self.null_deviance
        if kind == "mcf":
            return 1 - self.llf / self.llnull
        if kind == "cs":
            return float(1 - np.exp((self.llnull - self.llf) * 2 / self.nobs))
        raise Unsupported(f"kind={kind!r} is not known", 'Choose from "cs" (Cox and Snell), "mcf" (McFadden) and "deviance".')


def log_gamma_factor(shape: Array | float) -> Array:
    """What a shape alone gives the log density of a gamma distribution whose mean is y: shape log shape − log Γ(shape) − shape."""
    return np.asarray(shape * np.log(shape) - gammaln(shape) - shape)
