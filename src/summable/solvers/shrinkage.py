"""How far to shrink covariances that rest on few rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.measures.class_sums import Centred
from summable.measures.scatter import Scatters
from summable.measures.tails import Tails
from summable.solvers.centred import shifts
from summable.solvers.classes import Sums


def shrinkages(sums: Sums[Scatters], together: bool) -> Rounds[tuple[Array, Array]]:
    """The shares by which the correlations of each class are best shrunk, (classes,), and, if `together`, those of all rows as one, (1,).

    Cost: one round; one more for all rows together.
    Fails: as the rows do.
    Source: Ledoit & Wolf 2004, §3.
    """
    known = sums.total.centred(sums.about)
    by_class = yield from _share(sums, known)
    if not together:
        return by_class, np.zeros(0)
    roles = tuple(pair for pair in sums.design.roles if pair[0] != "class")
    return by_class, (yield from _share(replace(sums, design=replace(sums.design, roles=roles)), known.together()))


def _share(sums: Sums[Scatters], known: Centred) -> Rounds[Array]:
    """The same of some classes, by what is known of them."""
    scale = deviations(known)
    mean = np.column_stack([np.zeros(len(scale)), known.mean - shifts(sums.design)[1 : sums.design.width]])
    told = yield from Tails(sums.design, mean, np.column_stack([np.full(len(scale), np.inf), scale]))
    n, p = known.weight, known.mean.shape[1]
    correlation = known.square / n[:, None, None] / (scale[:, :, None] * scale[:, None, :])
    squares, trace = np.square(correlation).sum(axis=(1, 2)), np.trace(correlation, axis1=1, axis2=2)
    noise, apart = (told.total / n - squares) / (p * n), (squares - trace**2 / p) / p
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.minimum(noise, apart) / apart
    return np.where((noise > 0) & (apart > 0) & (p > 1), np.nan_to_num(share), 0.0)


def deviations(known: Centred) -> Array:
    """The standard deviations of the features in each class, one where they do not vary, (classes, p)."""
    found = np.sqrt(np.maximum(np.diagonal(known.square, axis1=1, axis2=2), 0.0) / known.weight[:, None])
    return np.where(found > 0, found, 1.0)
