"""X'WX times a few directions, without X'X."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from summable.core.design import Design
from summable.core.measure import Measure
from summable.core.rows import Rows, each
from summable.core.statistic import Array, Statistic


@dataclass(frozen=True, eq=False)
class Images(Statistic):
    """What X'W makes of XD."""

    total: Array  # (directions,) Σ w x·d
    first: Array  # (width, directions) Σ w x (x·d)


@dataclass(frozen=True)
class Image(Measure[Images]):
    """X'WX D of directions D, one for each target, and 1'WX D.

    Cost: one pass; width · directions numbers down, and (width + 1) · directions up.
    Fails: as the rows do.
    Source: Paige & Saunders 1982, §7 (products with A and A' are all that is asked of a matrix).
    """

    design: Design
    at: Array  # (width, directions)

    def __call__(self, rows: Rows) -> Images:
        along = each(rows.column("weight"), rows.project(self.at))
        return Images(np.asarray(rows.moment(0, along)), np.asarray(rows.moment(1, along)))
