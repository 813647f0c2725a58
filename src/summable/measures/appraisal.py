"""How well given coefficients do, and how much that varies from row to row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure, PartMeasure
from summable.core.rows import Rows, Shard
from summable.core.statistic import Array, Statistic, pairwise
from summable.maths.linalg import pack
from summable.maths.losses import Loss
from summable.measures.slope import Slope
from summable.measures.working import responses


@dataclass(frozen=True, eq=False)
class Appraised(Statistic):
    """Losses of some rows, about a level; and squares of what each row adds to sums."""

    rows: Array  # (2,) kept; dropped for a missing value
    sums: Array  # (4,) of w, w loss, w r and w r², r being what the offset and the level leave of y
    pairs: Array  # (6,) of the products of w, w loss and w r²: ww, wl, wr², ll, l·r², r²r²
    scores: Array  # packed width(width+1)/2, Σ (w slope)² x x'; or (0,), where they are not wanted


@dataclass(frozen=True)
class Appraisal(Measure[Appraised]):
    """Σ w loss(x·b + offset) at coefficients that are given, Σ w r² about a level, and by how much rows differ in them.

    Cost: one pass; width numbers down, 12 up, and with `scores` width (width + 1)/2 more.
    Fails: DataError where y is none that the family can have, by its value.
    Source: Cochran 1977, §6.3 (ratios); Huber 1967 (scores).
    """

    design: Design
    loss: Loss
    at: Array  # (width,)
    level: float
    with_scores: bool = False

    def __call__(self, rows: Rows) -> Appraised:
        xp, (y, weight) = rows.xp, responses(rows)
        self.loss.refuse(y, " / ".join(one.expression for role in ("y", "trials") for one in self.design.role(role)), xp)
        offset = rows.column("offset")
        eta = rows.project(self.at) + offset
        left, each = y - offset - self.level, weight * self.loss.value(eta, y, xp)
        about, alone = weight * left**2, weight + 0.0 * y
        parts = (alone, each, about)
        pairs = [rows.moment(0, parts[i] * parts[j]) for i in range(3) for j in range(i, 3)]
        sums = [rows.moment(0, part) for part in (alone, each, weight * left, about)]
        scores = rows.moment(2, (weight * self.loss.derivatives(eta, y, xp).slope) ** 2) if self.with_scores else np.zeros(0)
        return Appraised(rows.count(), np.array(sums), np.array(pairs), np.asarray(scores))


@dataclass(frozen=True)
class Clumps(PartMeasure[Appraised]):
    """The same, but that pairs and scores are of the sums of each part: by how much parts differ, where whole ones were drawn.

    Cost: one pass; width numbers down, 12 + width (width + 1)/2 up.
    Fails: as `Appraisal`.
    Source: Cochran 1977, §9A.2 (clusters of unequal size).
    """

    design: Design
    loss: Loss
    at: Array  # (width,)
    level: float

    def __call__(self, part: Shard) -> Appraised:
        of_rows, slope = Appraisal(self.design, self.loss, self.at, self.level), Slope(self.design, self.loss, self.at, np.zeros((self.design.width, 0)))
        told = [(of_rows(rows), slope(rows)) for rows in part.rows(self.design)]
        total, gradient = pairwise(one for one, _ in told), pairwise(one for _, one in told).gradient
        weight, losses, _, about = total.sums
        sums = weight, losses, about
        pairs = [sums[i] * sums[j] for i in range(3) for j in range(i, 3)]
        return Appraised(total.rows, total.sums, np.array(pairs), pack(np.outer(gradient, gradient)))
