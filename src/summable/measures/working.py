"""The least-squares sums with which a generalized linear model begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows, columns_of
from summable.core.statistic import Array, Statistic
from summable.maths.linalg import symmetric
from summable.maths.losses import Loss

if TYPE_CHECKING:
    from summable.maths.sweep import Sums


@dataclass(frozen=True, eq=False)
class Opening(Statistic):
    """What is known of the rows before the first step: their counts, their likelihood's constants, and a first step's sums."""

    rows: Array  # (2,) kept; dropped for a missing value
    trials: Array  # () Σ w n: what the mean deviance divides by
    weight: Array  # () Σ w
    log_weight: Array  # () Σ log w
    total: Array  # () Σ w n y, y being a share where there are trials
    constants: Array  # (2,) Σ c and Σ w c, c being what of a row's log-likelihood depends on y alone
    xx: Array  # packed width(width+1)/2, the design's squares by working weights
    xz: Array  # (width,) the design by working weights and responses
    zz: Array  # () the squares of the responses

    @property
    def square(self) -> Array:
        """The squares, (width, width)."""
        return symmetric(self.xx)


def responses(rows: Rows) -> tuple[Array, Array]:
    """y as a share of its trials, and the weight of that: (rows,) each, the weight () where there is none."""
    y, weight, trials = rows.column("y"), rows.column("weight"), rows.column("trials")
    if np.ndim(trials) == 0:
        return y, weight
    return y / rows.xp.where(trials == 0, 1.0, trials), weight * trials


def swept(rows: Rows, loss: Loss, at: Array, y: Array, weight: Array, order: int) -> Sums | None:
    """A loss and its derivatives at coefficients, from one reading of rows in memory; None where it must be put together from moments."""
    if (columns := columns_of(rows)) is None:
        return None
    from summable.maths import sweep

    return sweep.sweep(loss, columns, at, rows.column("offset"), y, weight, order)


def squares_and_products(rows: Rows, weight: Array, response: Array) -> tuple[Array, Array]:
    """Σ w x x', packed, and Σ w z x."""
    if (columns := columns_of(rows)) is None:
        return rows.moment(2, weight), rows.moment(1, weight * response)
    from summable.maths import kernels

    weights = np.broadcast_to(weight, columns.rows)
    first, second = kernels.gram(columns, weights, kernels.beside(weights * response))
    return second, first[0]


@dataclass(frozen=True)
class Working(Measure[Opening]):
    """X'WX and X'Wz of the first step of iterated least squares, from a mean near each y; counts and constants beside them.

    Cost: one pass; (width + 1)(width + 2)/2 + 9 numbers up.
    Fails: DataError where y is none that the family can have, by its value.
    Source: McCullagh & Nelder 1989, §2.5.
    """

    design: Design
    loss: Loss

    def __call__(self, rows: Rows) -> Opening:
        xp, (y, weight) = rows.xp, responses(rows)
        self.loss.refuse(y, self.name, xp)
        curve, response = self.loss.working(y, xp)
        heavy = weight * curve
        constant = self.loss.constant(y, rows.column("trials"), xp)
        left = response - rows.column("offset")
        xx, xz = squares_and_products(rows, heavy, left)
        return Opening(
            rows.count(),
            rows.moment(0, weight),
            rows.moment(0, rows.column("weight")),
            rows.moment(0, xp.log(rows.column("weight"))),
            rows.moment(0, weight * y),
            np.array([rows.moment(0, constant), rows.moment(0, rows.column("weight") * constant)]),
            xx,
            xz,
            rows.moment(0, heavy * left**2),
        )

    @property
    def name(self) -> str:
        """What an error calls y."""
        return " / ".join(numeric.expression for role in ("y", "trials") for numeric in self.design.role(role))
