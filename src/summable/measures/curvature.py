"""Value, gradient and Hessian of a loss: the data side of every generalized linear model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Columns, Rows, columns_of
from summable.core.statistic import Array, Statistic
from summable.maths.linalg import packed_size
from summable.maths.losses import Loss
from summable.measures.working import each_of, responses, swept


@dataclass(frozen=True, eq=False)
class Quadratic(Statistic):
    """A loss about some coefficients, and its values elsewhere."""

    value: Array  # (points,) Σ w · loss: half the deviance
    gradient: Array  # (width, points)
    hessian: Array  # (packed, points) of the loss, the observed information
    expected: Array  # (packed, points) the expected information; (packed, 0) where it is the same
    pearson: Array  # (points,) Σ w (y − mu)² / V(mu)
    pearson_slope: Array  # (width, points) its derivative
    third: Array  # (packed thrice, kinds) third derivatives at the first point; then those of the expected information, where it is another; or (0, 0)
    line: Array  # (steps,) values along a line
    level: Array  # (3, levels) value, slope and curve of a constant alone
    reach: Array  # () Σ |whiten'x|¹⁶, whose sixteenth root is no less than the greatest |whiten'x|


@dataclass(frozen=True)
class Curvature(Measure[Quadratic]):
    """Σ w loss(x·b + offset) with gradient and Hessian at several b, its value alone at others, and at constants, in one pass.

    gradient = Σ w slope x and hessian = Σ w curve x x': the k-th derivative of the loss weighs the k-th moment of the design.

    Cost: one pass for all points; each takes width down and (width + 1)(width + 4)/2 up (observed and expected: as much again); the third
        derivatives take width³/6 more (likewise).
    Fails: as the rows do, which see the same columns as `Working` did.
    Source: McCullagh & Nelder 1989, §2.5.
    """

    again: ClassVar[bool] = True
    design: Design
    loss: Loss
    at: Array  # (width, points)
    line: Array  # (width, steps)
    level: Array  # (levels,)
    third: bool = False
    whiten: Array = field(default_factory=lambda: np.zeros((0, 0)))  # (width, rank), by which rows are measured; or (0, 0)

    def __call__(self, rows: Rows) -> Quadratic:
        xp, (y, weight) = rows.xp, responses(rows)
        offset, loss = rows.column("offset"), self.loss
        tried = [self._value(rows, at, y, weight) for at in self.line.T]
        level = [self._level(rows, level, y, weight) for level in self.level]
        found = [self._swept(rows, at, y, weight) or self._at(rows, rows.project(at) + offset, y, weight) for at in self.at.T]
        value, gradient, hessian, expected, pearson, slope = zip(*found, strict=True) if found else self._nowhere()
        bends = [loss.third] if loss.is_canonical else [loss.third, loss.expected_third]
        first = rows.project(self.at[:, 0]) + offset if self.third and found else None
        third = [rows.moment(3, weight * bend(first, y, xp)) for bend in bends if first is not None]
        return Quadratic(
            np.array(value), _beside(gradient, self.design.width), _columns(hessian), self._columns_of_expected(expected),
            np.array(pearson), _beside(slope, self.design.width), _columns(tuple(third)), np.array(tried), np.array(level).reshape(-1, 3).T,
            rows.moment(0, self._reach(rows)),
        )  # fmt: skip

    def _swept(self, rows: Rows, at: Array, y: Array, weight: Array) -> tuple[Array, ...] | None:
        sums = swept(rows, self.loss, at, y, weight, 2)
        if sums is None:
            return None
        expected = sums.expected if len(sums.expected) else sums.observed
        return np.asarray(sums.value), sums.gradient, sums.observed, expected, np.asarray(sums.pearson), sums.pearson_slope

    def _value(self, rows: Rows, at: Array, y: Array, weight: Array) -> Array | float:
        if sums := swept(rows, self.loss, at, y, weight, 0):
            return sums.value
        return np.asarray(rows.moment(0, weight * self.loss.value(rows.project(at) + rows.column("offset"), y, rows.xp)))

    def _at(self, rows: Rows, eta: Array, y: Array, weight: Array) -> tuple[Array, ...]:
        one = each_of(rows, self.loss, eta, y, weight)
        hessian = rows.moment(2, one.observed)
        expected = hessian if self.loss.is_canonical else rows.moment(2, one.expected)
        return one.value, rows.moment(1, one.slope), hessian, expected, one.pearson, rows.moment(1, one.pearson_slope)

    def _reach(self, rows: Rows) -> Array | float:
        return np.square(rows.project(self.whiten)).sum(axis=1) ** 8 if self.whiten.size else 0.0

    def _level(self, rows: Rows, level: float, y: Array, weight: Array) -> Array:
        if columns_of(rows) is not None:
            from summable.maths import sweep

            nothing = Columns(np.zeros(0, np.int64), 1, False, np.zeros(0), len(y), ())
            if sums := sweep.sweep(self.loss, nothing, np.array([level]), rows.column("offset"), y, weight, 2):
                return np.array([sums.value, sums.gradient[0], sums.observed[0]])
        eta = level + 0.0 * y + rows.column("offset")
        slope, observed, _ = self.loss.derivatives(eta, y, rows.xp)
        value = self.loss.value(eta, y, rows.xp)
        return np.array([rows.moment(0, weight * part) for part in (value, slope, observed)])

    def _columns_of_expected(self, expected: tuple[Array, ...]) -> Array:
        """Nothing where it is the observed information."""
        return np.zeros((packed_size(self.design.width), 0)) if self.loss.is_canonical and expected else _columns(expected)

    def _nowhere(self) -> tuple[tuple[Array, ...], ...]:
        return ((),) * 6


def _beside(columns: tuple[Array, ...], width: int) -> Array:
    return np.stack(columns, axis=1) if columns else np.zeros((width, 0))


def _columns(columns: tuple[Array, ...]) -> Array:
    if len(columns) == 1:
        return columns[0][:, None]  # no copy, for it may be large
    return np.stack(columns, axis=1) if columns else np.zeros((0, 0))
