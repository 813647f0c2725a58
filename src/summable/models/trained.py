"""What training leads to: a linear layer, and how its loss went."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from summable import files
from summable.core.data import Data
from summable.core.run import Ledger, Round
from summable.core.statistic import Array
from summable.core.wire import to_json
from summable.maths.losses import Loss
from summable.open import torch_linear


@dataclass(frozen=True, eq=False)
class Trained(Data):
    """A linear layer that was trained, and how its loss went."""

    coef: Array  # (q, p), as `nn.Linear` stores it
    intercept: Array  # (q,)
    losses: Array  # (steps,) each of its batch, before the step; of "cg" and "lbfgs" of all rows, the penalty included
    loss: float  # over all rows, at the end
    of: Loss
    names: tuple[str, ...]  # of the columns, or none
    nobs: float
    converged: bool  # whether the gradient or the loss said that it was enough
    several: bool
    rounds: tuple[Round, ...]
    residual: float = float("nan")  # of "cg" and "lbfgs": what is left of the gradient, over what there was at the start
    validation: Array = field(default_factory=lambda: np.zeros(0))  # (epochs,) the loss of the rows held out, after each; (0,) if there are none

    @property
    def ledger(self) -> Ledger:
        """What every round asked, weighed and took."""
        return Ledger(list(self.rounds))

    def predict(self, X: Any) -> Any:
        """The mean of y for an array (n, p): (n,), or (n, q) of several targets."""
        mean = self.of.mean(np.asarray(X, np.float64) @ self.coef.T + self.intercept, np)
        return mean if self.several else mean[:, 0]

    def to_torch(self) -> Any:
        """An `nn.Linear` of the same numbers, in float64: what is before the link."""
        return torch_linear(self.coef, self.intercept)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fit as JSON, to be read by `summable.load`."""
        files.write(path, to_json(self))

    def __repr__(self) -> str:
        return f"<Trained, {self.of.name}: {self.nobs:,.0f} rows, {len(self.losses):,} steps, loss {self.loss:.6g}>"
