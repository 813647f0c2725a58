"""What every fit by formula has: the numbers of its inference, under the names of its coefficients."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from summable import files
from summable.core.design import Coding
from summable.core.run import Ledger, Round
from summable.core.statistic import Array
from summable.core.wire import to_json
from summable.inference import Inference
from summable.models.arguments import check_alpha

if TYPE_CHECKING:
    import pandas as pd

    from summable.models.sampling import Sampling


class Labelled(ABC):
    """A fit by formula, whose fields say what was found."""

    coding: Coding
    rounds: tuple[Round, ...]
    sampling: Sampling | None

    @property
    @abstractmethod
    def inference(self) -> Inference:
        """Arrays behind the labelled results."""

    @property
    def ledger(self) -> Ledger:
        """What every round asked, weighed and took."""
        return Ledger(list(self.rounds))

    @property
    def params(self) -> pd.Series[float]:
        """Coefficients, in the units of y (of the linear predictor) per unit of their column; NaN where aliased."""
        return self._series(self.inference.estimates.coef)

    @property
    def bse(self) -> pd.Series[float]:
        """Standard errors."""
        return self._series(self.inference.bse)

    @property
    def sampling_bse(self) -> pd.Series[float]:
        """Of a fit of a sample: standard errors of the coefficients about those of all rows, whatever the model; zero of a fit of all."""
        return self._series(self.sampling.bse if self.sampling else np.zeros(len(self.coding.names)))

    @property
    def tvalues(self) -> pd.Series[float]:
        """Coefficients over their standard errors; of generalized models, z values."""
        return self._series(self.inference.tvalues)

    @property
    def pvalues(self) -> pd.Series[float]:
        """Two-sided p-values: by Student's t for least squares, else by the normal law."""
        return self._series(self.inference.pvalues)

    @property
    def nobs(self) -> float:
        """Rows fitted (the sum of weights, if they are frequencies)."""
        return self.inference.nobs

    @property
    def df_model(self) -> float:
        """Independent coefficients beside the constant."""
        return self.inference.df_model

    @property
    def df_resid(self) -> float:
        """Observations less independent coefficients."""
        return self.inference.df_resid

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return self.inference.aic

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        return self.inference.bic

    def conf_int(self, alpha: float = 0.05) -> pd.DataFrame:
        """Confidence limits, in columns 0 and 1."""
        import pandas as pd

        check_alpha(alpha)
        return pd.DataFrame(self.inference.intervals(alpha), index=list(self.coding.names))

    def cov_params(self) -> pd.DataFrame:
        """The covariance matrix of the coefficients."""
        import pandas as pd

        return pd.DataFrame(self.inference.covariance, index=list(self.coding.names), columns=list(self.coding.names))

    def tidy(self, alpha: float = 0.05) -> pd.DataFrame:
        """A row for each coefficient: term, estimate, std_error, statistic, p_value, conf_low, conf_high."""
        from summable import report

        return report.tidy(self, alpha)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fit as JSON, to be read by `summable.load`."""
        files.write(path, to_json(self))

    def _series(self, values: Array) -> pd.Series[float]:
        import pandas as pd

        return pd.Series(values, index=list(self.coding.names))
