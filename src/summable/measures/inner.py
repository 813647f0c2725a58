"""Inner products of coefficients, wherever these lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from summable.core.design import Design
from summable.core.measure import FeatureMeasure
from summable.core.statistic import Array, Statistic


@dataclass(frozen=True, eq=False)
class Overlaps(Statistic):
    """Inner products of several pairs, target by target."""

    inner: Array  # (pairs, targets)


@dataclass(frozen=True)
class Inner(FeatureMeasure[Overlaps]):
    """Σ over features of left · right, for pairs of coefficients of several targets: what Krylov methods ask beside the rows.

    Cost: no pass; pairs · targets numbers up where ranks hold slices, and else nothing.
    Fails: nothing.
    Source: Hestenes & Stiefel 1952.
    """

    design: Design
    left: tuple[Array, ...]  # pairs of (width, targets), or (width, 1)
    right: tuple[Array, ...]

    def __call__(self) -> Overlaps:
        return Overlaps(np.array([(left * right).sum(axis=0) for left, right in zip(self.left, self.right, strict=True)]))
