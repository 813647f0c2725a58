"""What weights and a shape give the likelihood of a gamma distribution."""

from __future__ import annotations

from dataclasses import dataclass

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Statistic


@dataclass(frozen=True, eq=False)
class GammaFactor(Statistic):
    """A part of a log-likelihood."""

    total: Array  # () Σ s log s − log Γ(s) − s, s = shape · w


@dataclass(frozen=True)
class Normaliser(Measure[GammaFactor]):
    """Σ s log s − log Γ(s) − s of shapes s = shape · w, which differ from row to row only with analytic weights.

    Cost: one pass over the weights; one number down, one up.
    Fails: as the rows do.
    Source: McCullagh & Nelder 1989, §8.3.
    """

    design: Design
    shape: float

    def __call__(self, rows: Rows) -> GammaFactor:
        from scipy.special import gammaln

        shape = self.shape * rows.column("weight")
        return GammaFactor(rows.moment(0, shape * rows.xp.log(shape) - gammaln(shape) - shape))
