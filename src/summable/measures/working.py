"""The least-squares sums with which a generalized linear model begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from summable.core.design import Constant, Design
from summable.core.measure import Measure
from summable.core.rows import Rows, columns_of
from summable.core.statistic import Array, Statistic
from summable.maths.grouped import COMPILED
from summable.maths.linalg import symmetric
from summable.maths.losses import Loss, tallied

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


class Each(NamedTuple):
    """A loss and its derivatives at each of some rows, times their weights; value and squared Pearson residuals summed."""

    value: Any
    pearson: Any
    slope: Any  # (rows,)
    pearson_slope: Any  # (rows,)
    observed: Any  # (rows,)
    expected: Any  # (rows,)


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


def compiled_each(rows: Rows, loss: Loss, eta: Array, y: Array, weight: Array) -> Each | None:
    """The same by a kernel; None where there is none, or too few rows for it."""
    if rows.xp is not np or len(eta) < COMPILED:
        return None
    from summable.maths import sweep

    found = sweep.each(loss, eta, y, weight)
    return Each(*found) if found else None


def each_of(rows: Rows, loss: Loss, eta: Array, y: Array, weight: Array) -> Each:
    """A loss and its derivatives at each of the rows, times their weights."""
    if found := compiled_each(rows, loss, eta, y, weight):
        return found
    xp = rows.xp
    slope, observed, expected = loss.derivatives(eta, y, xp)
    value, chi = rows.moment(0, weight * loss.value(eta, y, xp)), rows.moment(0, weight * loss.chi(eta, y, xp))
    return Each(value, chi, weight * slope, weight * loss.chi_slope(eta, y, xp), weight * observed, weight * expected)


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
    """X'WX and X'Wz of the first step of iterated least squares, from a mean near each y, or from coefficients; counts and constants beside them.

    Cost: one pass; (width + 1)(width + 2)/2 + 9 numbers up.
    Fails: DataError where y is none that the family can have, by its value.
    Source: McCullagh & Nelder 1989, §2.5.
    """

    again: ClassVar[bool] = True
    design: Design
    loss: Loss
    at: Array = field(default_factory=lambda: np.zeros(0))  # (width,); (0,) for a mean near each y

    def __call__(self, rows: Rows) -> Opening:
        xp, (y, weight) = rows.xp, responses(rows)
        if (few := self._tallied(rows, y, weight)) is not None:
            return few
        self.loss.refuse(y, self.name, xp)
        constant = self.loss.constant(y, rows.column("trials"), xp)
        sums = self._about(rows, y, weight) if self.at.size else self._near(rows, y, weight)
        return self._opening(rows, weight, rows.moment(0, weight * y), rows.moment(0, constant), rows.moment(0, rows.column("weight") * constant), sums)

    def _opening(self, rows: Rows, weight: Array, total: Array, constant: Array, weighed: Array, sums: tuple[Array, ...]) -> Opening:
        own = rows.column("weight")
        known = rows.moment(0, weight), rows.moment(0, own), rows.moment(0, rows.xp.log(own))
        return Opening(rows.count(), *known, total, np.array([constant, weighed]), *sums)

    def _tallied(self, rows: Rows, y: Array, weight: Array) -> Opening | None:
        """The same of a constant alone, where y are small counts and nothing else tells rows apart: each count is worked out once."""
        if self.design.terms != (Constant(),) or self.at.size:
            return None
        trials, offset, own = rows.column("trials"), rows.column("offset"), rows.column("weight")
        if any(map(np.ndim, (weight, trials, offset))):
            return None
        if (few := tallied(y, rows.xp)) is None or not np.all(self.loss.family.valid(few[0])):
            return None
        y, times = few
        curve, response = self.loss.working(y, np)
        heavy, left, constant = times * weight * curve, response - offset, np.asarray(times @ self.loss.constant(y, trials, np))
        sums = heavy.sum(keepdims=True), (heavy @ left)[None], heavy @ left**2
        return self._opening(rows, weight, weight * (times @ y), constant, own * constant, sums)

    def _near(self, rows: Rows, y: Array, weight: Array) -> tuple[Array, ...]:
        """X'WX, X'Wz and z'Wz, from a mean near each y."""
        curve, response = self.loss.working(y, rows.xp)
        heavy, left = weight * curve, response - rows.column("offset")
        return *squares_and_products(rows, heavy, left), rows.moment(0, heavy * left**2)

    def _about(self, rows: Rows, y: Array, weight: Array) -> tuple[Array, ...]:
        """The same from coefficients: W is the expected information there, and z lies off x·b by slope / W, whose square times W is Pearson's."""
        if sums := swept(rows, self.loss, self.at, y, weight, 2):
            xx = sums.expected if len(sums.expected) else sums.observed
            moved = symmetric(xx) @ self.at
            return xx, moved - sums.gradient, np.asarray(self.at @ (moved - 2 * sums.gradient) + sums.pearson)
        predictor = rows.project(self.at)
        one = each_of(rows, self.loss, predictor + rows.column("offset"), y, weight)
        products = rows.moment(1, one.expected * predictor - one.slope)
        square = rows.moment(0, predictor * (one.expected * predictor - 2 * one.slope)) + one.pearson
        return rows.moment(2, one.expected), products, np.asarray(square)

    @property
    def name(self) -> str:
        """What an error calls y."""
        return " / ".join(numeric.expression for role in ("y", "trials") for numeric in self.design.role(role))
