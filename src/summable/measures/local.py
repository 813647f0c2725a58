"""Fits that every part makes of its own rows: no answer, but the nearest start there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, solve_triangular
from scipy.linalg.lapack import dpotrf

from summable.core.design import Design
from summable.core.measure import PartMeasure
from summable.core.rows import Rows, Shard
from summable.core.statistic import Array, pairwise
from summable.maths.linalg import cholesky, inverse_root, packed_size, symmetric
from summable.maths.losses import Loss
from summable.measures.working import Opening, Working, responses, swept

HELD = 2**25  # numbers of a part's features (256 MB) that are held in memory between passes; of more, every pass reads the part again
PASSES = 30
NEAR = 1e-3  # local standard errors: what is left of a step does not matter, as the gradient there is sent along

Blocks = Callable[[], Iterable[Rows]]


@dataclass(frozen=True, eq=False)
class Beginning(Opening):
    """The opening sums, and those of the parts' own fits."""

    hessian: Array  # packed: Σ Hₖ, the expected information of each part at its fit bₖ
    vector: Array  # (width,) Σ Hₖ bₖ − gₖ − cₖ
    plain: Array  # (width,) Σ bₖ of the parts that tell every column
    whole: Array  # () how many those are
    fitted: Array  # () parts with a fit

    @property
    def hessian_square(self) -> Array:
        """Σ Hₖ, (width, width)."""
        return symmetric(self.hessian)


@dataclass(frozen=True)
class Local(PartMeasure[Beginning]):
    """The sums of `Working`, and a fit by each part of its own rows: bₖ, penalised by Jeffreys' prior so that it is finite.

    Hₖ is the information there, gₖ the gradient, and cₖ = ½ Σ w curve' q x, q = x'Hₖ⁻¹x, the second-order bias of an average, so that
    (Σ Hₖ)⁻¹ Σ (Hₖ bₖ − gₖ − cₖ) lies some twenty times nearer to the pooled fit than the mean of the bₖ.

    Cost: a part's rows are passed over some ten to thirty times; width (width + 1) + 4 width + 12 numbers up, none down.
    Fails: as `Working`.
    Source: Firth 1993 (the prior); Zhang, Duchi & Wainwright 2013 and Huang & Huo 2019 (one-shot fits).
    """

    again: ClassVar[bool] = True
    design: Design
    loss: Loss
    kept: NDArray[np.int64]  # positions of the features that make a basis

    def __call__(self, part: Shard) -> Beginning:
        blocks = _held(part, self.design)
        opening = pairwise(map(Working(self.design, self.loss), blocks()))
        width = self.design.width
        nothing = np.zeros(packed_size(width)), np.zeros(width), np.zeros(width), np.zeros(1), np.zeros(1)
        found = nothing
        if opening.rows[0]:
            fit = _Fit(self.design, self.loss, self.kept, opening, blocks)
            with np.errstate(all="ignore"):
                found = fit() or nothing
        known = [getattr(opening, field.name) for field in fields(Opening)]
        hessian, vector, plain, whole, fitted = found
        return Beginning(*known, hessian, vector, plain, whole.reshape(()), fitted.reshape(()))  # type: ignore[call-arg]


@dataclass(frozen=True)
class _At:
    """The sums of a part at a point, of the columns that it tells apart."""

    at: Array  # (width,)
    objective: float
    gradient: Array  # (width,) of the loss
    prior: Array  # (width,) ½ Σ w curve' q x
    hessian: Array  # packed
    root: Array  # (rank, rank)


@dataclass(frozen=True, eq=False)
class _Fit:
    """A part's own fit."""

    design: Design
    loss: Loss
    kept: NDArray[np.int64]
    opening: Opening
    blocks: Blocks

    def __call__(self) -> tuple[Array, Array, Array, Array, Array] | None:
        square = self.opening.square[np.ix_(self.kept, self.kept)]
        try:
            factor = cholesky(square, self.opening.xz[self.kept], self.opening.zz)
        except (ValueError, LinAlgError):
            return None
        columns = self.kept[factor.independent]
        known = self.loss.family.scale_known
        found = self._minimise(columns, factor.solve(), 1.0 if known else 0.0)
        if found is None:
            return None
        left = max(float(self.opening.rows[0]) - len(columns), 1.0)
        scale = 1.0 if known else 2 * max(found.objective, 0.0) / left
        vector = symmetric(found.hessian) @ found.at - found.gradient - scale * found.prior
        if not (np.isfinite(vector).all() and np.isfinite(found.hessian).all()):
            return None
        whole = float(len(columns) == len(self.kept))
        return found.hessian, vector, found.at * whole, np.array([whole]), np.ones(1)

    def _minimise(self, columns: NDArray[np.int64], start: Array, prior: float) -> _At | None:
        """Newton's method on the loss less `prior` times half the log determinant of the information."""
        at = np.zeros(self.design.width)
        at[columns] = start
        point = self._sums(at, columns, prior) or self._sums(np.zeros(self.design.width), columns, prior)
        used = 1
        while point is not None and used < PASSES:
            slope = (point.gradient - prior * point.prior)[columns]
            white = solve_triangular(point.root, slope, trans="T")
            if np.linalg.norm(white) <= NEAR:
                return point
            move = np.zeros(self.design.width)
            move[columns] = solve_triangular(point.root, white)
            better = None
            for size in (1.0, 0.5, 0.25, 0.0625, 2.0**-7):
                used += 1
                tried = self._sums(point.at - size * move, columns, prior)
                if tried is not None and tried.objective <= point.objective + 1e-10 * abs(point.objective):
                    better = tried
                    break
            if better is None:
                return point
            point = better
        return point

    def _sums(self, at: Array, columns: NDArray[np.int64], prior: float) -> _At | None:
        """The sums at a point; None where it has no value or no information."""
        value, gradient, hessian = (sum(parts) for parts in zip(*map(partial(self._first, at), self.blocks()), strict=True))
        part = symmetric(np.asarray(hessian))[np.ix_(columns, columns)]
        if not (np.isfinite(value) and np.isfinite(gradient).all() and np.isfinite(part).all()):
            return None
        scale = np.sqrt(np.diag(part))
        if not scale.all():
            return None
        root, info = dpotrf(part / np.outer(scale, scale), clean=1)
        if info or np.any(np.diag(root) < 1e-7):
            return None
        root = root * scale
        objective = float(value) - prior * float(np.log(np.diag(root)).sum())
        whiten = np.zeros((self.design.width, len(columns)))
        whiten[columns] = inverse_root(root)
        correction = sum(self._second(at, whiten, rows) for rows in self.blocks())
        return _At(at, objective, np.asarray(gradient), np.asarray(correction), np.asarray(hessian), root)

    def _first(self, at: Array, rows: Rows) -> tuple[Array, Array, Array]:
        y, weight = responses(rows)
        if found := swept(rows, self.loss, at, y, weight, 2):
            return np.asarray(found.value), found.gradient, found.expected if len(found.expected) else found.observed
        eta = rows.project(at) + rows.column("offset")
        slope, _, expected = self.loss.derivatives(eta, y, rows.xp)
        value = rows.moment(0, weight * self.loss.value(eta, y, rows.xp))
        return value, rows.moment(1, weight * slope), rows.moment(2, weight * expected)

    def _second(self, at: Array, whiten: Array, rows: Rows) -> Array:
        y, weight = responses(rows)
        eta = rows.project(at) + rows.column("offset")
        leverage = np.square(rows.project(whiten)).sum(axis=1)
        moment: Array = rows.moment(1, 0.5 * weight * self.loss.expected_third(eta, y, rows.xp) * leverage)
        return moment


def _held(part: Shard, design: Design) -> Blocks:
    """A part's blocks, in memory if they are few."""
    found, numbers = list[Rows](), 0.0
    for rows in part.rows(design):
        found.append(rows)
        numbers += float(rows.count()[0]) * design.width
        if numbers > HELD:
            return partial(part.rows, design)
    return lambda: found
