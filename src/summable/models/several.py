"""Least squares of several responses: one Gram, a fit for each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from summable import files
from summable.core.data import Data
from summable.core.design import Coding, Design
from summable.core.run import Ledger, Round
from summable.core.wire import to_json
from summable.models.linear import LinearFit
from summable.solvers.least_squares import LeastSquares

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class LinearFits(Data, Mapping[str, LinearFit]):
    """The fits of several responses by the same terms, under the responses as they were written. A row counts if none of them is missing."""

    fits: tuple[LinearFit, ...]

    def __getitem__(self, response: str) -> LinearFit:
        return dict(zip(self, self.fits, strict=True))[response]

    def __iter__(self) -> Iterator[str]:
        return (fit.design.role("y")[0].expression.strip("`") for fit in self.fits)

    def __len__(self) -> int:
        return len(self.fits)

    @property
    def params(self) -> pd.DataFrame:
        """Coefficients, a column for each response."""
        return self._table("params")

    @property
    def bse(self) -> pd.DataFrame:
        """Standard errors, a column for each response."""
        return self._table("bse")

    @property
    def ledger(self) -> Ledger:
        """What every round asked, weighed and took, for all responses together."""
        return self.fits[0].ledger

    @property
    def warnings(self) -> list[str]:
        """What the fits could not give, each sentence once."""
        return list(dict.fromkeys(sentence for fit in self.fits for sentence in fit.warnings))

    def predict(self, data: Any) -> Any:
        """The means of the responses for new rows, (rows, responses)."""
        return np.column_stack([fit.predict(data) for fit in self.fits])

    def summary(self, alpha: float = 0.05) -> str:
        """The page of each response."""
        return "\n\n".join(fit.summary(alpha) for fit in self.fits)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fits as JSON, to be read by `summable.load`."""
        files.write(path, to_json(self))

    def __repr__(self) -> str:
        return f"<LinearFits of {', '.join(self)}>"

    def _table(self, name: str) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame({response: getattr(fit, name) for response, fit in self.items()})


def each(formula: str, design: Design, coding: Coding, solution: LeastSquares, weight_kind: str, rounds: tuple[Round, ...]) -> LinearFits:
    """The fits that a solution for several targets holds."""
    fits, right = [], formula[formula.index("~") :]
    for number, target in enumerate(design.role("y")):
        own = replace(design, roles=(("y", target), *(pair for pair in design.roles if pair[0] != "y")))
        fits.append(LinearFit(f"{target.expression} {right}", own, coding, solution.target(number), weight_kind, rounds))
    return LinearFits(tuple(fits))
