"""Ordinary and weighted least squares by formula."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from summable import files, formula, inference
from summable.core.data import Data
from summable.core.design import Coding, Design
from summable.core.errors import SummableWarning, Unsupported
from summable.core.measure import Rounds
from summable.core.run import Ledger, Round, run
from summable.core.statistic import Array
from summable.core.wire import to_json
from summable.measures.gram import Products
from summable.models.arguments import WEIGHT_KINDS, check, check_alpha, role_of
from summable.models.prediction import project
from summable.open import engine
from summable.solvers.least_squares import LeastSquares, least_squares
from summable.solvers.settle import recentred, settle

if TYPE_CHECKING:
    import pandas as pd

    from summable.engines.threads import Watch

SATURATED = "There are no more observations than coefficients: no residual is left, so no standard error can be given."


def ols(
    formula: str,
    data: Any,
    *,
    weights: str | None = None,
    weight_kind: Literal["analytic", "frequency", "sampling"] = "analytic",
    offset: str | None = None,
    missing: Literal["drop", "raise"] = "drop",
    arithmetic: Literal["auto", "float", "qr"] = "auto",
    max_levels: int = 1000,
    workers: int | None = None,
    watch: Watch | None = None,
) -> LinearFit:
    """Least squares over data that stay where they are: the pooled answer from one round of sums.

    Parameters
    ----------
    formula: like ``"y ~ a + C(g) + a:b"``; coefficients are named and coded as formulaic does.
    data: a path, a glob or a folder of Parquet or CSV files; a pandas, Polars or Arrow table; a 2-D array (columns x0, x1, …) or a
        mapping of names to arrays; an engine; or a list of any of these, which is their union.
    weights, offset: columns, or expressions of columns. A row of weight 0 is as if it were not there.
    weight_kind: "analytic" (Var = scale / weight, as in R's lm), "frequency" (the row stands for so many) or "sampling".
    missing: "drop" rows with a missing value in any column used, and count them; or "raise".
    arithmetic: "float" sums the Gram; "qr" also takes the R factor, in a second round; "auto" does so where digits would be lost.
    max_levels: how many levels a category may have before it must be confirmed.
    workers: threads; all cores by default. The answer has the same bits for any number.
    watch: called with (measure, shards done, shards in all) as shards are read.

    Returns a `LinearFit`. Raises `FormulaError`, `DataError`, `SourceError` or `Unsupported`, each a sentence with advice.
    """
    check(weight_kind, WEIGHT_KINDS, "weight_kind")
    check(missing, ("drop", "raise"), "missing")
    check(arithmetic, ("auto", "float", "qr"), "arithmetic")
    roles = {role: role_of(role, text) for role, text in (("weight", weights), ("offset", offset)) if text is not None}
    program = _program(formula, roles, missing, arithmetic, max_levels)
    (design, coding, solution), ledger = run(program, engine(data, workers, watch))
    fit = LinearFit(formula, design, coding, solution, weight_kind, tuple(ledger.rounds))
    for sentence in fit.warnings:
        warnings.warn(sentence, SummableWarning, stacklevel=2)
    return fit


def _program(text: str, roles: Mapping[str, str], missing: str, arithmetic: str, max_levels: int) -> Rounds[tuple[Design, Coding, LeastSquares]]:
    """All the rounds of a fit by formula."""
    settled = yield from settle(formula.parse(text), roles, missing, max_levels)
    design, coding = settled.design()
    solution = yield from least_squares(design, coding, arithmetic)
    if better := recentred(settled, design, solution.products):
        design, coding = better.design()
        solution = yield from least_squares(design, coding, arithmetic)
    return design, coding, solution


@dataclass(frozen=True, eq=False)
class LinearFit(Data):
    """A least-squares fit, with the names that statsmodels gives to what is asked of it."""

    formula: str
    design: Design
    coding: Coding
    solution: LeastSquares
    weight_kind: str
    rounds: tuple[Round, ...]

    @cached_property
    def inference(self) -> inference.Classical:
        """Arrays behind the labelled results."""
        return inference.Classical(self.solution, inference.estimates(self.solution, self.coding), self.weight_kind)

    @property
    def ledger(self) -> Ledger:
        """What every round asked, weighed and took."""
        return Ledger(list(self.rounds))

    @property
    def statistic(self) -> Products:
        """The sums that determine the fit; statistics of other rows under the same design add to it."""
        return self.solution.products

    @property
    def warnings(self) -> list[str]:
        """What the fit could not give, a sentence each."""
        aliased = [name for name, coef in zip(self.coding.names, self.inference.estimates.coef, strict=True) if np.isnan(coef)]
        found = [f"Aliased with columns before them, so without coefficients: {', '.join(aliased)}."] if aliased else []
        return found + [SATURATED] * (self.df_resid == 0)

    # -- coefficients

    @property
    def params(self) -> pd.Series[float]:
        """Coefficients, in the units of y per unit of their column; NaN where aliased."""
        return self._series(self.inference.estimates.coef)

    @property
    def bse(self) -> pd.Series[float]:
        """Standard errors."""
        return self._series(self.inference.bse)

    @property
    def tvalues(self) -> pd.Series[float]:
        """Coefficients over their standard errors."""
        return self._series(self.inference.tvalues)

    @property
    def pvalues(self) -> pd.Series[float]:
        """Two-sided p-values, by Student's t."""
        return self._series(self.inference.pvalues)

    def conf_int(self, alpha: float = 0.05) -> pd.DataFrame:
        """Confidence limits, in columns 0 and 1."""
        import pandas as pd

        check_alpha(alpha)

        return pd.DataFrame(self.inference.intervals(alpha), index=list(self.coding.names))

    def cov_params(self) -> pd.DataFrame:
        """The covariance matrix of the coefficients."""
        import pandas as pd

        return pd.DataFrame(self.inference.covariance, index=list(self.coding.names), columns=list(self.coding.names))

    # -- the fit as a whole

    @property
    def nobs(self) -> float:
        """Rows fitted (the sum of weights, if they are frequencies)."""
        return self.inference.nobs

    @property
    def dropped(self) -> int:
        """Rows left out for a missing value."""
        return int(self.solution.products.rows[1])

    @property
    def df_model(self) -> float:
        """Independent coefficients beside the constant."""
        return self.inference.df_model

    @property
    def df_resid(self) -> float:
        """Observations less independent coefficients."""
        return self.inference.df_resid

    @property
    def scale(self) -> float:
        """Residual variance."""
        return self.inference.scale

    @property
    def ssr(self) -> float:
        """Weighted sum of squared residuals."""
        return float(self.solution.square)

    @property
    def rsquared(self) -> float:
        """R², about zero if the columns contain no constant."""
        return self.inference.rsquared

    @property
    def rsquared_adj(self) -> float:
        """R² adjusted for degrees of freedom."""
        return self.inference.rsquared_adj

    @property
    def fvalue(self) -> float:
        """F of all coefficients but the constant."""
        return self.inference.fvalue

    @property
    def f_pvalue(self) -> float:
        """The p-value of F."""
        return self.inference.f_pvalue

    @property
    def llf(self) -> float:
        """Gaussian log-likelihood."""
        return self.inference.llf

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return self.inference.aic

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        return self.inference.bic

    @property
    def condition_number(self) -> float:
        """Of the weighted columns, as statsmodels takes it (it depends on their units)."""
        return self.inference.condition_number

    # -- new rows

    def predict(self, data: Any, interval: Literal["confidence", "prediction"] | None = None, alpha: float = 0.05) -> Any:
        """The mean of y for new rows, (rows,); with an interval, a data frame of mean, se, lower and upper.

        The offset is read and added. A row with a missing value gets NaN. An unseen level is an error that names it.
        """
        check_alpha(alpha)
        if interval is not None:
            check(interval, ("confidence", "prediction"), "interval")
        mean, leverage = project(data, self.design, self.coding, self.solution, leverages=interval is not None)
        return mean if interval is None else self._limits(mean, leverage, interval, alpha)

    def _limits(self, mean: Array, leverage: Array, interval: str, alpha: float) -> pd.DataFrame:
        import pandas as pd

        if self.weight_kind == "sampling":
            raise Unsupported(*inference.NO_MODEL_VARIANCE)
        se = np.sqrt(self.scale * (leverage + (1.0 if interval == "prediction" else 0.0)))
        reach = self.inference.quantile(alpha) * se
        return pd.DataFrame({"mean": mean, "se": se, "lower": mean - reach, "upper": mean + reach})

    # -- to look at and to keep

    def summary(self, alpha: float = 0.05) -> str:
        """A page like statsmodels', ending with the ledger."""
        from summable import report

        return report.summary(self, alpha)

    def tidy(self, alpha: float = 0.05) -> pd.DataFrame:
        """A row for each coefficient: term, estimate, std_error, statistic, p_value, conf_low, conf_high."""
        from summable import report

        return report.tidy(self, alpha)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fit as JSON, to be read by `summable.load`."""
        files.write(path, to_json(self))

    def __repr__(self) -> str:
        return f"<LinearFit {self.formula!r}: {self.nobs:,.0f} rows, R² = {self.rsquared:.4f}>"

    def _series(self, values: Array) -> pd.Series[float]:
        import pandas as pd

        return pd.Series(values, index=list(self.coding.names))
