"""What a table holds, column by column: what everyone runs first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from summable.core.html import table
from summable.core.run import Ledger, run
from summable.open import engine
from summable.solvers import describe as program
from summable.solvers.describe import Account, Told

if TYPE_CHECKING:
    import pandas as pd

    from summable.engines.threads import Watch

QUARTILES = (0.25, 0.5, 0.75)
SHOWN = 5  # levels of a column


@dataclass(frozen=True, eq=False)
class Description:
    """What `describe` found: `frame`, a row for each column; `correlations`; `levels(column)`; and `ledger`, what it cost."""

    account: Account
    probabilities: tuple[float, ...]
    ledger: Ledger

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.account.rows

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each column: its kind, counts, moments, extremes, quantiles (good to `quantile_error`), distinct values and commonest one."""
        import pandas as pd

        return pd.DataFrame([self._line(one) for one in self.account.columns]).set_index("column")

    @property
    def correlations(self) -> pd.DataFrame:
        """Pearson's, of columns of numbers, over the rows in which both are there."""
        import pandas as pd

        return pd.DataFrame(self.account.correlations, self.account.numbers, self.account.numbers)

    def levels(self, column: str) -> pd.Series:
        """How often each value of a column is there, commonest first; of more than 4096 values, a sample of them by their hash, whose counts are whole."""
        import pandas as pd

        found = {one.name: one for one in self.account.columns}[column].levels
        values = () if found is None else found.labels or found.numbers.tolist()
        counts = np.zeros(0) if found is None else found.counts
        return pd.Series(counts, values, name=column, dtype="int64").sort_values(ascending=False, kind="stable")

    def to_dict(self) -> dict[str, Any]:
        """The same as plain numbers and texts."""
        columns = {one.name: self._plain(one) for one in self.account.columns}
        pairs = {name: dict(zip(self.account.numbers, map(_finite, row), strict=True)) for name, row in self._rows()}
        return {"rows": self.rows, "columns": columns, "correlations": pairs}

    def _rows(self) -> list[tuple[str, list[float]]]:
        return [(name, self.account.correlations[i].tolist()) for i, name in enumerate(self.account.numbers)]

    def _plain(self, one: Told) -> dict[str, Any]:
        line = {name: _finite(value) for name, value in self._line(one).items() if name != "column"}
        return line | {"levels": [[_finite(value), int(count)] for value, count in self.levels(one.name).head(SHOWN).items()] if _countable(one) else None}

    def _line(self, one: Told) -> dict[str, Any]:
        mean, sd, skewness, kurtosis = one.moments.tolist()
        middle = dict(zip((_percent(p) for p in self.probabilities), one.quantiles.tolist(), strict=True))
        common = self.levels(one.name).head(1) if _countable(one) else None
        return {
            "column": one.name, "kind": one.kind, "count": one.count, "missing": one.missing, "infinite": one.infinite,
            "distinct": np.nan if one.levels is None else _distinct(one), "distinct_error": np.nan if one.levels is None else one.levels.error,
            "mean": mean, "sd": sd, "skewness": skewness, "kurtosis": kurtosis, "min": one.low, **middle, "max": one.high, "quantile_error": one.error,
            "top": None if common is None or common.empty else common.index[0], "top_count": np.nan if common is None or common.empty else common.iloc[0],
        }  # fmt: skip

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """The head and the rows of a table to be read."""
        head = ["column", "kind", "count", "missing", "distinct", "mean", "sd", "skewness", "kurtosis", "min", *map(_percent, self.probabilities), "max", "top"]
        return head, [self._cells(one) for one in self.account.columns]

    def _cells(self, one: Told) -> list[str]:
        distinct = "" if one.levels is None else f"{'' if one.levels.whole else '≈ '}{_distinct(one):,}"
        numbers = [*one.moments, one.low, *one.quantiles, one.high]
        top = ", ".join(f"{value} ({count:,})" for value, count in self.levels(one.name).head(3).items()) if one.levels and one.levels.labels else ""
        missing = f"{one.missing:,}" + (f" + {one.infinite:,} infinite" if one.infinite else "")
        return [one.name, one.kind, f"{one.count:,}", missing, distinct, *map(_short, numbers), top if _countable(one) else ""]

    def notes(self) -> list[str]:
        """How exact it is, and the strongest correlations."""
        vague = [one.levels.error for one in self.account.columns if one.levels is not None and not one.levels.whole]
        found = [f"{self.rows:,} rows, {len(self.account.columns):,} columns; {len(self.ledger.fitting)} reading(s) of the rows."]
        if vague:
            found.append(f"Of more than {program.DISTINCT:,} distinct values the number is estimated, with a standard error of {max(vague):.1%}.")
        inexact = [f"{one.name} {one.error:.2g}" for one in self.account.columns if one.error > 0]
        if inexact:
            found.append(f"Quantiles are exact, or off by at most: {', '.join(inexact)}.")
        i, j = np.triu_indices(len(self.account.numbers), 1)
        strong = sorted(((abs(r), a, b) for a, b in zip(i, j, strict=True) if np.isfinite(r := self.account.correlations[a, b])), reverse=True)[:SHOWN]
        named = [f"{self.account.numbers[a]}–{self.account.numbers[b]} {self.account.correlations[a, b]:.2f}" for _, a, b in strong]
        return [*found, f"Strongest correlations: {', '.join(named)}."] if named else found

    def __repr__(self) -> str:
        head, lines = self.cells()
        wide = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]

        def spelled(line: list[str]) -> str:
            return "  ".join(f"{text:<{w}}" if i < 2 else f"{text:>{w}}" for i, (text, w) in enumerate(zip(line, wide, strict=True))).rstrip()

        shown = [spelled(line) for line in [head, *lines]]
        return "\n".join([*shown, *self.notes()])

    def _repr_html_(self) -> str:
        """For notebooks."""
        head, lines = self.cells()
        return table("What the columns hold", head, lines, " ".join(self.notes()))


def describe(
    data: Any, columns: Sequence[str] | None = None, *, quantiles: Sequence[float] = QUARTILES, workers: int | None = None, watch: Watch | None = None
) -> Description:
    """What a table holds, in one or two readings: counts, missing, moments, extremes, quantiles, distinct values, correlations, commonest levels.

    `data` is anything that `scan` opens, or an engine; `columns` are all, unless some are named. Raises `DataError` where a column is missing.
    """
    program.refuse_probabilities(quantiles)
    account, ledger = run(program.describe(columns, tuple(quantiles)), engine(data, workers, watch))
    return Description(account, tuple(map(float, quantiles)), ledger)


def _countable(one: Told) -> bool:
    """Whether the commonest level of a column is known: all levels are, and some value is there twice."""
    return one.levels is not None and one.levels.whole and bool((one.levels.counts > 1).any())


def _distinct(one: Told) -> int:
    """How many distinct values a column has: no more than values, however the estimate fell."""
    return 0 if one.levels is None else min(round(one.levels.distinct), one.count)


def _percent(probability: float) -> str:
    return f"{100 * probability:g}%"


def _short(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6g}"


def _finite(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value
