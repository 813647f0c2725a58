"""Generalized linear models by formula."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from summable import inference, likelihood
from summable.core.data import Data
from summable.core.design import Coding, Design
from summable.core.engine import is_single
from summable.core.errors import FormulaError, SummableWarning, Unsupported
from summable.core.measure import Rounds
from summable.core.rows import Rows
from summable.core.run import Round, run
from summable.core.sample import RowGroups, Sample
from summable.core.statistic import Array
from summable.maths import expressions
from summable.maths.families import Family
from summable.maths.links import Link
from summable.maths.losses import Loss, is_open, loss, with_alpha
from summable.maths.network import NETWORKS
from summable.measures.normaliser import Normaliser
from summable.models import predict as prediction
from summable.models.arguments import MISSING, WEIGHT_KINDS, check, check_alpha, role_of
from summable.models.cost import foreteller
from summable.models.labelled import Labelled
from summable.models.sampling import Evaluation, Sampling, evaluation, named, of_all, of_rows, sampling
from summable.models.sampling import chosen as sample_of
from summable.open import engine as place_of
from summable.open import journalled, scan
from summable.solvers.certificate import Certificate
from summable.solvers.choose import SOLVERS, Choice
from summable.solvers.dispersed import FIRST, Alpha, estimated
from summable.solvers.generalized import Generalized, Plan, generalized, refuse_firth
from summable.solvers.optimum import Outcome
from summable.solvers.settle import read, recentred, settle
from summable.solvers.start import opening_of, products_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from summable.engines.threads import Watch

LIMITS = ("se", "lower", "upper")
NO_NEW_RESPONSE = ("a prediction interval, of a new y, belongs to least squares", 'Take interval="confidence", that of the mean.')


def glm(
    formula: str,
    data: Any,
    family: str | Family,
    link: str | Link | None = None,
    *,
    weights: str | None = None,
    weight_kind: Literal["analytic", "frequency", "sampling"] = "analytic",
    offset: str | None = None,
    exposure: str | None = None,
    trials: str | None = None,
    missing: Literal["drop", "raise", "category"] = "drop",
    information: Literal["expected", "observed"] = "expected",
    scale: float | Literal["deviance", "pearson"] | None = None,
    alpha: float = 0.0,
    firth: bool = False,
    solver: Literal["auto", "newton", "lbfgs", "gradient"] = "auto",
    prefer: Literal["rounds", "time"] | None = None,
    network: Literal["machine", "rack", "datacentre", "internet"] | None = None,
    max_rounds: int | None = None,
    max_levels: int = 1000,
    sample: float | None = None,
    seed: int = 0,
    key: str | None = None,
    workers: int | None = None,
    watch: Watch | None = None,
    journal: str | os.PathLike[str] | None = None,
    engine: Any = None,
) -> GeneralizedFit:
    """A generalized linear model over data that stay where they are: the pooled maximum-likelihood answer, in few rounds of sums.

    Parameters
    ----------
    formula: like ``"y ~ a + C(g) + a:b"``; coefficients are named and coded as formulaic does. A binomial y is 0 or 1, a boolean, a share,
        successes out of `trials`, or one of two labels, of which the second in alphabetical order is the success.
    data: as for `ols`.
    family: "gaussian", "binomial", "poisson", "gamma", "inverse_gaussian", "negative_binomial", whose alpha is then estimated, or
        summable.families.Tweedie(power) or NegativeBinomial(alpha).
    link: "identity", "log", "logit", "probit", "cloglog", "cauchit", "inverse", "inverse_squared", "sqrt", or summable.links.Power(k);
        the canonical one (for Tweedie and the negative binomial, log) by default.
    weights, offset, exposure, trials: columns, or expressions of columns. An exposure e is an offset of log e. Of a binomial y, trials
        says how many were tried, y being the successes. A row of weight 0 is as if it were not there.
    weight_kind: "analytic" (Var = scale V(mu) / weight), "frequency" (the row stands for so many) or "sampling".
    missing: "drop" rows with a missing value in any column used, and count them; or "raise"; or "category", where a missing label is a
        level of its own, called missing, and only missing numbers drop a row.
    information: which one gives the standard errors, the "expected" (as R and statsmodels have it) or the "observed".
    scale: how the dispersion is estimated, or its value; by default 1 for binomial, Poisson and negative binomial, else by "pearson".
    alpha: a ridge penalty: ½ mean deviance + alpha/2 |b|² is minimised, in the units of the columns, the intercept free.
    prefer: "rounds" has every part fit its own rows first and sums third derivatives, so that two to four rounds are enough; "time"
        starts from least squares, reading the rows less. By default "rounds" where an engine says that it is remote, else "time".
    firth: the likelihood times Jeffreys' prior is maximised (Firth's method): finite where outcomes are separated, and less biased where they are few.
    solver: "newton", "lbfgs" or "gradient", the textbook's descent; by default the one that should take the least time (`fit.solver` says why).
    network: what lies between the parts, for the choice of a solver and for what the rounds would take on that wire; by default "machine",
        where there is none, or "internet" where an engine says that it is remote.
    max_rounds: after how many a fit is given up, with a warning; by default 30 of Newton's, 60 with firth, 500 of L-BFGS's, 1000 of gradient descent's.
    max_levels, sample, seed, key, workers, watch, journal, engine: as for `ols`.

    Returns a `GeneralizedFit`. Raises `FormulaError`, `DataError`, `SourceError` or `Unsupported`, each a sentence with advice.
    """
    check(weight_kind, WEIGHT_KINDS, "weight_kind")
    check(missing, MISSING, "missing")
    check(information, ("expected", "observed"), "information")
    if prefer is not None:
        check(prefer, ("rounds", "time"), "prefer")
    check(solver, SOLVERS, "solver")
    if network is not None:
        check(network, tuple(NETWORKS), "network")
    _check_numbers(scale, alpha, max_rounds)
    chosen = loss(family, link)
    few = sample_of(data, sample, seed, key)
    roles = _roles(chosen, weights, offset, exposure, trials) | ({} if key is None else {"key": role_of("key", key)})
    place = place_of(data, workers, watch, engine)
    remote = getattr(place, "is_remote", False)
    prefer, network = prefer or ("rounds" if remote else "time"), network or ("internet" if remote else "machine")
    at_once = place.parts if remote else min(place.parts, workers or os.cpu_count() or 1)  # parts that answer side by side
    plan = Plan(prefer, float(alpha), information == "observed", max_rounds, solver, bool(firth), at_once, network, is_single(place))
    refuse_firth(chosen, plan)
    program = _program(formula, roles, missing, chosen, plan, weight_kind, scale, max_levels, few)
    options = {"missing": missing, "weight_kind": weight_kind, "scale": scale, "max_levels": max_levels, **asdict(plan)}
    settings = (
        {"formula": formula, **roles, "family": repr(chosen.family), "link": repr(chosen.link)}
        | {name: str(value) for name, value in options.items()}
        | named(few)
    )
    with journalled(place, journal, settings) as noted:
        found, ledger = run(program, noted, foreteller())
    fit = GeneralizedFit(
        formula, found.design, found.coding, found.loss, found.solution, weight_kind, scale, found.normaliser, tuple(ledger.rounds),
        found.overdispersion, network, found.sampling,
    )  # fmt: skip
    for sentence in fit.warnings:
        warnings.warn(sentence, SummableWarning, stacklevel=2)
    return fit


@dataclass(frozen=True)
class Found:
    """What all the rounds of a fit by formula lead to."""

    design: Design
    coding: Coding
    loss: Loss
    solution: Generalized
    normaliser: float | None
    overdispersion: Alpha | None
    sampling: Sampling | None


def _program(
    text: str,
    roles: Mapping[str, str],
    missing: str,
    loss: Loss,
    plan: Plan,
    weight_kind: str,
    scale: float | str | None,
    max_levels: int,
    few: Sample | RowGroups | None,
) -> Rounds[Found]:
    """All the rounds of a fit by formula."""
    parsed = yield from read(text, roles)
    if len(parsed.responses) > 1:
        raise FormulaError(f"the formula {text!r} has {len(parsed.responses)} responses", "Write one column before the ~, like: y ~ a + b.")
    settled = yield from settle(parsed, roles, missing, max_levels, weighted=True, outcome=loss.family.name == "binomial")
    settled = replace(settled, sample=of_rows(few), shifts={**settled.shifts, settled.formula.responses[0].expression: 0.0})  # a mean is no difference
    design, coding = settled.design()
    first = with_alpha(loss, FIRST) if is_open(loss) else loss
    opening = yield from opening_of(design, coding, first, plan.prefer)
    if better := recentred(settled, design, replace(products_of(opening), yy=np.asarray(np.inf))):
        design, coding = better.design()
        opening = yield from opening_of(design, coding, first, plan.prefer)
    start, alpha = None, None
    if is_open(loss):
        loss, opening, start, alpha = yield from estimated(design, coding, loss, plan, opening)
    solution = yield from generalized(design, coding, loss, plan, opening, start)
    normaliser = None
    if loss.family.name == "gamma" and "weight" in roles and weight_kind != "frequency":
        normaliser = yield from _normaliser(design, coding, loss, solution, weight_kind, scale)
    found = yield from sampling(design, coding, loss, solution, None, few)
    return Found(of_all(design) if few else design, coding, loss, solution, normaliser, alpha, found)


def _normaliser(design: Design, coding: Coding, loss: Loss, solution: Generalized, weight_kind: str, scale: float | str | None) -> Rounds[float | None]:
    """What weights and shape give a gamma likelihood, where there is a shape."""
    wald = likelihood.Wald(solution, inference.estimates(solution, coding), loss, weight_kind, scale, None)
    if not wald.scale > 0:
        return None
    return float((yield from Normaliser(design, 1 / wald.scale)).total)


def _check_numbers(scale: Any, alpha: Any, max_rounds: int | None) -> None:
    if isinstance(scale, str):
        check(scale, ("deviance", "pearson"), "scale")
    elif scale is not None and not scale > 0:
        raise Unsupported(f"scale={scale!r} is not positive", 'Give a positive number, "deviance" or "pearson".')
    if not 0 <= alpha < np.inf:
        raise Unsupported(f"alpha={alpha!r} is no penalty", "Give zero or a positive number.")
    if max_rounds is not None and max_rounds < 2:
        raise Unsupported(f"max_rounds={max_rounds} leaves no step", "Give two or more.")


def _roles(loss: Loss, weights: str | None, offset: str | None, exposure: str | None, trials: str | None) -> dict[str, str]:
    """What plays which role, as expressions."""
    if exposure is not None and loss.link.name != "log":
        raise Unsupported(f"an exposure is an offset of its logarithm, and the link is {loss.link.name}", 'Use link="log", or give offset=….')
    if trials is not None and loss.family.name != "binomial":
        raise Unsupported(f"trials belong to the binomial family, and this is {loss.family.name}", "Leave them out, or give them as exposure=….")
    given = {"weight": weights, "offset": offset, "exposure": exposure, "trials": trials}
    roles = {role: role_of(role, text) for role, text in given.items() if text is not None}
    if exposed := roles.pop("exposure", None):
        roles["offset"] = f"({roles['offset']}) + log({exposed})" if "offset" in roles else f"log({exposed})"
    return roles


@dataclass(frozen=True, eq=False)
class GeneralizedFit(Labelled, Data):
    """A generalized linear fit, with the names that statsmodels gives to what is asked of it."""

    formula: str
    design: Design
    coding: Coding
    loss: Loss
    solution: Generalized
    weight_kind: str
    scale_rule: str | float | None
    normaliser: float | None
    rounds: tuple[Round, ...]
    overdispersion: Alpha | None = None  # the alpha of a negative binomial, where it was estimated
    network: str = "machine"  # what was said to lie between the parts
    sampling: Sampling | None = None  # of a fit that looked at some rows only

    @cached_property
    def inference(self) -> likelihood.Wald:
        """Arrays behind the labelled results."""
        estimates = inference.estimates(self.solution, self.coding)
        return likelihood.Wald(self.solution, estimates, self.loss, self.weight_kind, self.scale_rule, self.normaliser, int(self.overdispersion is not None))

    @property
    def certificate(self) -> Certificate:
        """What is known, over all rows, of the distance to the optimum."""
        return self.solution.optimum.certificate

    @property
    def outcome(self) -> Outcome:
        """How the fit came about; its value is a sentence."""
        return Outcome[self.solution.optimum.outcome]

    @property
    def solver(self) -> Choice:
        """Which solver answered, and because of what."""
        return self.solution.choice

    @property
    def success(self) -> str | None:
        """What counts as one, where y is a column of labels: like ``churn == 'yes'``."""
        expression = self.design.role("y")[0].expression
        return expression if expressions.labelled(expression) else None

    @property
    def warnings(self) -> list[str]:
        """What the fit could not give, a sentence each."""
        aliased = [name for name, coef in zip(self.coding.names, self.inference.estimates.coef, strict=True) if np.isnan(coef)]
        found = [f"Aliased with columns before them, so without coefficients: {', '.join(aliased)}."] if aliased else []
        if self.overdispersion and not self.overdispersion.converged:
            found.append(f"Alpha was not found to all digits in {self.overdispersion.rounds} rounds. Give the one you know: NegativeBinomial(alpha=…).")
        if self.outcome is Outcome.SEPARATED:
            return [*found, f"{', '.join(self.separating)} separate{'s' * (len(self.separating) == 1)} the outcomes. {self.outcome.value}"]
        found += self.sampling.warnings if self.sampling else []
        return found + [self.outcome.value] * (self.outcome in (Outcome.STALLED, Outcome.UNFINISHED))

    @property
    def separating(self) -> list[str]:
        """The columns along which the outcomes are separated, if they are."""
        direction = self.solution.optimum.direction
        if not direction.size:
            return []
        along = inference.estimates(replace(self.solution, coef=direction), self.coding).coef
        return [name for name, value in zip(self.coding.names, along, strict=True) if abs(value) > 1e-9 and name != "Intercept"] or ["Intercept"]

    # -- coefficients

    def ratios(self, alpha: float = 0.05) -> pd.DataFrame:
        """e^coefficient with its interval: odds ratios under the logit link, rate ratios under the log."""
        import pandas as pd

        check_alpha(alpha)
        if self.loss.link.name not in ("logit", "log"):
            raise Unsupported(f"coefficients under the link {self.loss.link.name} are no logarithms of ratios", "Read params.")
        values = np.exp(np.column_stack([self.inference.estimates.coef, self.inference.intervals(alpha)]))
        return pd.DataFrame(values, index=list(self.coding.names), columns=["ratio", "lower", "upper"])

    # -- the fit as a whole

    @property
    def dropped(self) -> int:
        """Rows left out for a missing value."""
        return int(self.solution.opening.rows[1])

    @property
    def deviance(self) -> float:
        """Twice the log-likelihood ratio to a model with a mean for every row, of scale one."""
        return self.inference.deviance

    @property
    def null_deviance(self) -> float:
        """The same of the constant-only model with the offset."""
        return self.inference.null_deviance

    @property
    def pearson_chi2(self) -> float:
        """Σ w (y − mu)² / V(mu)."""
        return self.inference.pearson_chi2

    @property
    def scale(self) -> float:
        """The dispersion."""
        return self.inference.scale

    @property
    def llf(self) -> float:
        """The log-likelihood at the maximum; NaN for Tweedie."""
        return self.inference.llf

    @property
    def penalised_llf(self) -> float:
        """What Firth's method maximises: the log-likelihood and half the log determinant of the information."""
        if self.solver.solver != "firth":
            raise Unsupported("a penalised log-likelihood belongs to Firth's method", "Fit with firth=True, or read llf.")
        spread = self.inference.estimates.spread
        return self.llf - float(np.linalg.slogdet(spread)[1])

    @property
    def llnull(self) -> float:
        """The same of the constant-only model with the offset."""
        return self.inference.llnull

    def pseudo_rsquared(self, kind: Literal["cs", "mcf", "deviance"] = "cs") -> float:
        """Cox and Snell's, McFadden's, or the share of the deviance explained."""
        return self.inference.pseudo_rsquared(kind)

    # -- new rows

    def predict(
        self, data: Any, which: Literal["mean", "link"] = "mean", interval: Literal["confidence"] | None = None, alpha: float = 0.05, workers: int | None = None
    ) -> Any:
        """The mean of y for new rows, or the linear predictor, (rows,); with an interval, a data frame of it with se, lower and upper.

        The offset (or exposure) is read and added. The limits of a mean are those of the predictor, carried over by the link. A row
        with a missing value gets NaN. An unseen level is an error that names it.
        """
        import pandas as pd

        found = self.predict_batches(data, interval, alpha, workers=workers or os.cpu_count(), which=which)
        columns = prediction.gathered(found, (which, *LIMITS) if interval else (which,))
        return pd.DataFrame(columns) if interval else columns[which]

    def predict_batches(
        self,
        data: Any,
        interval: str | None = None,
        alpha: float = 0.05,
        keep: Sequence[str] = (),
        workers: int | None = None,
        watch: Watch | None = None,
        which: Literal["mean", "link"] = "mean",
    ) -> Iterator[pa.RecordBatch]:
        """The same in order and in bounded memory: Arrow record batches of the columns in `keep`, mean (or link) and, with an interval, its limits."""
        check_alpha(alpha)
        check(which, ("mean", "link"), "which")
        if interval == "prediction":
            raise Unsupported(*NO_NEW_RESPONSE)
        if interval is not None:
            check(interval, ("confidence",), "interval")
            _ = self.inference.covariance  # refuses where there is none
        prediction.refuse_clash(keep, (which, *LIMITS) if interval else (which,))
        dataset = scan(data)
        root = None if interval is None else prediction.whitening(self.design, self.coding, self.solution)

        def answer(rows: Rows) -> dict[str, Array]:
            eta = rows.project(self.solution.coef) + rows.column("offset")
            if root is None:
                return {which: eta if which == "link" else self._mean(eta)}
            return self._limits(eta, np.square(rows.project(root)).sum(axis=1), which, alpha)

        return prediction.batches(dataset, prediction.for_prediction(self.design, dataset), answer, keep, workers, watch)

    def _mean(self, eta: Array) -> Array:
        return np.asarray(np.where(np.isnan(eta), np.nan, self.loss.mean(np.where(np.isnan(eta), 0.5, eta), np)))

    def _limits(self, eta: Array, leverage: Array, which: str, alpha: float) -> dict[str, Array]:
        se = np.sqrt(self.scale * leverage)
        reach = self.inference.quantile(alpha) * se
        if which == "link":
            return dict(zip((which, *LIMITS), (eta, se, eta - reach, eta + reach), strict=True))
        step = 1e-6 * np.maximum(np.abs(eta), 1.0)
        slope = np.abs(self._mean(eta + step) - self._mean(eta - step)) / (2 * step)
        low, high = np.sort([self._mean(eta - reach), self._mean(eta + reach)], axis=0)
        return dict(zip((which, *LIMITS), (self._mean(eta), slope * se, low, high), strict=True))

    # -- over all rows of some data

    def evaluate(self, data: Any, workers: int | None = None, engine: Any = None) -> Evaluation:
        """Mean loss, half the unit deviance, of all rows of `data` at these coefficients, in one round."""
        return run(evaluation(self.design, self.loss, self.solution.coef, None), place_of(data, workers, None, engine))[0]

    # -- to look at and to keep

    def summary(self, alpha: float = 0.05) -> str:
        """A page like statsmodels', with the certificate, ending with the ledger."""
        from summable import report

        return report.generalized(self, alpha)

    def __repr__(self) -> str:
        return f"<GeneralizedFit {self.formula!r}, {self.loss.name}: {self.nobs:,.0f} rows, deviance {self.deviance:.6g}>"
