"""Ordinary and weighted least squares by formula."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from summable import inference
from summable.core.data import Data
from summable.core.design import Coding, Design
from summable.core.engine import is_single
from summable.core.errors import FormulaError, SummableWarning, Unsupported
from summable.core.measure import Rounds
from summable.core.rows import Rows
from summable.core.run import Round, run
from summable.core.sample import RowGroups, Sample
from summable.core.statistic import Array
from summable.maths.losses import loss
from summable.measures.gram import Products
from summable.models import diagnostics
from summable.models import predict as prediction
from summable.models.arguments import MISSING, WEIGHT_KINDS, check, check_alpha, role_of
from summable.models.labelled import Labelled
from summable.models.sampling import Evaluation, Sampling, chosen, evaluation, named, of_all, of_rows, sampling
from summable.open import engine as place_of
from summable.open import journalled, scan
from summable.solvers.least_squares import LeastSquares, least_squares
from summable.solvers.settle import read, recentred, settle
from summable.solvers.update import durbin_watson, shifted, update

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from summable.engines.threads import Watch
    from summable.models.several import LinearFits

SATURATED = "There are no more observations than coefficients: no residual is left, so no standard error can be given."
PREDICTED = ("mean", "se", "lower", "upper")
NO_EXPOSURE = ("exposure= belongs to a model whose link is the logarithm, and least squares has none", 'Write offset="log(e)" if y is itself a logarithm.')


def ols(
    formula: str,
    data: Any,
    *,
    weights: str | None = None,
    weight_kind: Literal["analytic", "frequency", "sampling"] = "analytic",
    offset: str | None = None,
    exposure: None = None,
    missing: Literal["drop", "raise", "category"] = "drop",
    arithmetic: Literal["auto", "float", "qr"] = "auto",
    max_levels: int = 1000,
    sample: float | None = None,
    seed: int = 0,
    key: str | None = None,
    workers: int | None = None,
    watch: Watch | None = None,
    journal: str | os.PathLike[str] | None = None,
    engine: Any = None,
) -> LinearFit | LinearFits:
    """Least squares over data that stay where they are: the pooled answer from one round of sums.

    Parameters
    ----------
    formula: like ``"y ~ a + C(g) + a:b + bs(x, df=5)"``; coefficients are named and coded as formulaic does. A dot stands for all
        columns but those of the response, the weights and the offset.
    data: a path, URI, glob or folder of Parquet, CSV, Arrow or JSON-lines files; a pandas, Polars, Arrow or DuckDB table; a 2-D array
        (columns x0, x1, …) or a mapping of names to arrays; an iterator of frames; a Spark or Dask data frame, a Ray dataset; an engine;
        or a list of these, which is their union.
    weights, offset: columns, or expressions of columns. A row of weight 0 is as if it were not there.
    exposure: refused: it is an offset of log e where the link is the logarithm.
    weight_kind: "analytic" (Var = scale / weight, as in R's lm), "frequency" (the row stands for so many) or "sampling".
    missing: "drop" rows with a missing value in any column used, and count them; or "raise"; or "category", where a missing label is a
        level of its own, called missing, and only missing numbers drop a row.
    arithmetic: "float" sums the Gram; "qr" also takes the R factor, in a second round; "auto" does so where digits would be lost.
    max_levels: how many levels a category may have before it must be confirmed.
    sample: a share of the rows to look at, chosen by a hash of the columns used (or of `key`, a column of numbers) and the `seed`, so the
        same ones however they lie. `fit.sampling` says how many they were, and what that adds to the errors. To read no other rows, give
        `sm.scan(data).sample(share)`: whole row groups of Parquet files.
    workers: threads; all cores by default. The answer has the same bits for any number.
    watch: called with (measure, shards done, shards in all) as shards are read.
    journal: a file to which every answer is added as it comes. Killed and called again, the fit goes on where it was, to the same bits.
    engine: where local data are read, if not by threads here: "spark", "dask", "ray", "mpi", or a session, client or communicator of theirs.

    Returns a `LinearFit`; of several responses (``"y1 + y2 ~ a"``), one each in a mapping, `LinearFits`.
    Raises `FormulaError`, `DataError`, `SourceError` or `Unsupported`, each a sentence with advice.
    """
    if exposure is not None:
        raise Unsupported(*NO_EXPOSURE)
    check(weight_kind, WEIGHT_KINDS, "weight_kind")
    check(missing, MISSING, "missing")
    check(arithmetic, ("auto", "float", "qr"), "arithmetic")
    few = chosen(data, sample, seed, key)
    roles = {role: role_of(role, text) for role, text in (("weight", weights), ("offset", offset), ("key", key)) if text is not None}
    settings = {"formula": formula, **roles, "missing": missing, "arithmetic": arithmetic, "max_levels": str(max_levels)} | named(few)
    place = place_of(data, workers, watch, engine)
    program = _program(formula, roles, missing, arithmetic, max_levels, few, is_single(place))
    with journalled(place, journal, settings) as noted:
        (design, coding, solution, found), ledger = run(program, noted)
    targets = design.role("y")
    if len(targets) > 1:
        from summable.models.several import each

        fit: LinearFit | LinearFits = each(formula, design, coding, solution, weight_kind, tuple(ledger.rounds))
    else:
        fit = LinearFit(formula, design, coding, solution, weight_kind, tuple(ledger.rounds), found)
    for sentence in fit.warnings:
        warnings.warn(sentence, SummableWarning, stacklevel=2)
    return fit


def _program(
    text: str, roles: Mapping[str, str], missing: str, arithmetic: str, max_levels: int, few: Sample | RowGroups | None, single: bool
) -> Rounds[tuple[Design, Coding, LeastSquares, Sampling | None]]:
    """All the rounds of a fit by formula."""
    parsed = yield from read(text, roles)
    if few and len(parsed.responses) > 1:
        raise FormulaError(f"a sample is of one response, and the formula {text!r} has {len(parsed.responses)}", "Fit them one by one.")
    settled = replace((yield from settle(parsed, roles, missing, max_levels)), sample=of_rows(few))
    design, coding = settled.design()
    solution = yield from least_squares(design, coding, arithmetic, single)
    if better := recentred(settled, design, solution.products):
        design, coding = better.design()
        solution = yield from least_squares(design, coding, arithmetic, single)
    coding, found = (better or settled).finished(design, coding, solution.products), None
    if few:
        products, as_measured = solution.products, replace(solution, coef=shifted(design, solution))
        level = float(products.xy[0]) / products.weight if solution.constant else 0.0
        found = yield from sampling(design, coding, loss("gaussian"), as_measured, level, few)
    return of_all(design), coding, solution, found


@dataclass(frozen=True, eq=False)
class LinearFit(Labelled, Data):
    """A least-squares fit, with the names that statsmodels gives to what is asked of it."""

    formula: str
    design: Design
    coding: Coding
    solution: LeastSquares
    weight_kind: str
    rounds: tuple[Round, ...]
    sampling: Sampling | None = None  # of a fit that looked at some rows only

    @cached_property
    def inference(self) -> inference.Classical:
        """Arrays behind the labelled results."""
        return inference.Classical(self.solution, inference.estimates(self.solution, self.coding), self.weight_kind)

    @property
    def statistic(self) -> Products:
        """The sums that determine the fit; statistics of other rows under the same design add to it."""
        return self.solution.products

    @property
    def warnings(self) -> list[str]:
        """What the fit could not give, a sentence each."""
        aliased = [name for name, coef in zip(self.coding.names, self.inference.estimates.coef, strict=True) if np.isnan(coef)]
        found = [f"Aliased with columns before them, so without coefficients: {', '.join(aliased)}."] if aliased else []
        return found + [SATURATED] * (self.df_resid == 0) + (self.sampling.warnings if self.sampling else [])

    # -- the fit as a whole

    @property
    def dropped(self) -> int:
        """Rows left out for a missing value."""
        return int(self.solution.products.rows[1])

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
    def condition_number(self) -> float:
        """Of the weighted columns, as statsmodels takes it (it depends on their units)."""
        return self.inference.condition_number

    # -- its columns

    @property
    def vif(self) -> pd.Series[float]:
        """Variance inflation factors: by how much collinearity multiplies each coefficient's variance (the intercept's is about zero)."""
        return self._series(diagnostics.variance_inflation(self.solution, self.inference.estimates, self.coding.kept))

    def condition_indices(self) -> pd.DataFrame:
        """Belsley, Kuh and Welsch's collinearity table: a row for each condition index, and its shares in the coefficients' variances."""
        import pandas as pd

        indices, shares = diagnostics.condition_indices(self.inference.estimates)
        return pd.DataFrame(shares, index=pd.Index(indices, name="condition_index"), columns=list(self.coding.names))

    def correlation(self) -> pd.DataFrame:
        """The correlations of the coefficients."""
        import pandas as pd

        return pd.DataFrame(diagnostics.correlation(self.inference.estimates), index=list(self.coding.names), columns=list(self.coding.names))

    # -- rows again, and new rows

    def evaluate(self, data: Any, workers: int | None = None, engine: Any = None) -> Evaluation:
        """Mean loss, ½ (y − mean)², and R² about their own mean of all rows of `data` at these coefficients, in one round."""
        products = self.solution.products
        level = float(products.xy[0]) / products.weight + self.design.role("y")[0].shift if self.solution.constant else None
        program = evaluation(self.design, loss("gaussian"), self.solution.coef, level)
        return run(program, place_of(data, workers, None, engine))[0]

    def durbin_watson(self, data: Any, workers: int | None = None) -> float:
        """The Durbin–Watson statistic of the residuals of `data`, in the order in which its rows and shards are given: one more pass."""
        value, _ = run(durbin_watson(self.design, self.solution), place_of(data, workers))
        return value

    def update(self, data: Any, workers: int | None = None) -> LinearFit:
        """The fit of the rows before and those of `data` together, from the sums kept: the old rows are not read again.

        The design stays: levels, knots, polynomials and centres are those of the first rows. An unseen level is an error that names it.
        """
        if self.sampling:
            raise Unsupported("the fit has looked at a sample, to which other rows do not add", "Fit all the data together.")
        place = place_of(data, workers)
        if is_single(place) or "SINGLE" in self.solution.outcomes:
            raise Unsupported("sums of float32 products are not refined with others", "Fit all the data together, or in float64.")
        solution, ledger = run(update(self.design, self.coding, self.solution), place)
        fit = replace(self, solution=solution, rounds=(*self.rounds, *ledger.rounds))
        for sentence in fit.warnings:
            warnings.warn(sentence, SummableWarning, stacklevel=2)
        return fit

    def predict(self, data: Any, interval: Literal["confidence", "prediction"] | None = None, alpha: float = 0.05, workers: int | None = None) -> Any:
        """The mean of y for new rows, (rows,); with an interval, a data frame of mean, se, lower and upper.

        The offset is read and added. A row with a missing value gets NaN. An unseen level is an error that names it.
        """
        import pandas as pd

        batches = self.predict_batches(data, interval, alpha, workers=workers or os.cpu_count())
        columns = prediction.gathered(batches, PREDICTED if interval else PREDICTED[:1])
        return pd.DataFrame(columns) if interval else columns["mean"]

    def predict_batches(
        self,
        data: Any,
        interval: Literal["confidence", "prediction"] | None = None,
        alpha: float = 0.05,
        keep: Sequence[str] = (),
        workers: int | None = None,
        watch: Watch | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """The same in order and in bounded memory: Arrow record batches of the columns in `keep`, mean and, with an interval, se, lower, upper.

        Shards are read by `workers` threads (by default one), a few blocks ahead of what is taken.
        """
        check_alpha(alpha)
        if interval is not None:
            check(interval, ("confidence", "prediction"), "interval")
            if self.weight_kind == "sampling":
                raise Unsupported(*inference.NO_MODEL_VARIANCE)
        prediction.refuse_clash(keep, PREDICTED if interval else PREDICTED[:1])
        dataset = scan(data)
        root = None if interval is None else prediction.whitening(self.design, self.coding, self.solution)

        def answer(rows: Rows) -> dict[str, Array]:
            mean = rows.project(self.solution.coef) + rows.column("offset")
            return {"mean": mean} if root is None else self._limits(mean, np.square(rows.project(root)).sum(axis=1), interval == "prediction", alpha)

        return prediction.batches(dataset, prediction.for_prediction(self.design, dataset), answer, keep, workers, watch)

    def _limits(self, mean: Array, leverage: Array, of_rows: bool, alpha: float) -> dict[str, Array]:
        se = np.sqrt(self.scale * (leverage + (1.0 if of_rows else 0.0)))
        reach = self.inference.quantile(alpha) * se
        return dict(zip(PREDICTED, (mean, se, mean - reach, mean + reach), strict=True))

    # -- to look at and to keep

    def summary(self, alpha: float = 0.05) -> str:
        """A page like statsmodels', ending with the ledger."""
        from summable import report

        return report.summary(self, alpha)

    def plot(self, names: Sequence[str] | None = None, alpha: float = 0.05, axes: Any = None) -> Any:
        """Draw estimates with their 1 − alpha intervals; returns the matplotlib Axes.

        `names` picks coefficients; by default all but the intercept and aliased ones. Needs the extra `summable[plot]`.
        """
        from summable import plot

        wanted = [name for name in self.coding.names if name != "Intercept" and not np.isnan(self.params[name])] if names is None else list(names)
        if unknown := [name for name in wanted if name not in self.coding.names]:
            raise Unsupported(f"there is no coefficient {unknown[0]!r}", f"Choose from {', '.join(self.coding.names)}.")
        limits = self.conf_int(alpha).loc[wanted].to_numpy()
        return plot.coefficients(wanted, self.params[wanted].to_numpy(), limits, f"estimate, with {1 - alpha:.0%} interval", axes)

    def _repr_html_(self) -> str:
        """For notebooks."""
        from summable import report

        return report.html(self)

    def __repr__(self) -> str:
        return f"<LinearFit {self.formula!r}: {self.nobs:,.0f} rows, R² = {self.rsquared:.4f}>"
