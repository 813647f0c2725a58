"""What a solution tells of its own columns: pure functions, without another look at the rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from summable.core.statistic import Array
from summable.inference import Estimates
from summable.maths.linalg import symmetric
from summable.solvers.least_squares import LeastSquares

ABSENT = 1e-9  # of the constant: what a column may add to it and not be needed for it


def correlation(estimates: Estimates) -> Array:
    """(p, p): the correlations of the coefficients; NaN for aliased ones."""
    rows = estimates.spread / np.linalg.norm(estimates.spread, axis=1)[:, None]
    return _spread_out(estimates, rows @ rows.T)


def variance_inflation(solution: LeastSquares, estimates: Estimates, kept: NDArray[np.int64]) -> Array:
    """(p,): by how much each coefficient's variance exceeds what it would be if its column were orthogonal to the others.

    1 / (1 − R²) of the column on the others; R² is about the mean if the others contain a constant, as statsmodels has it.
    Source: Belsley, Kuh & Welsch 1980, §3.1.
    """
    columns = estimates.user[:, estimates.given]
    sums = symmetric(solution.products.xx)[0][kept[solution.independent]]
    ones = solve_triangular(solution.root, sums, trans="T")  # the constant, in the coordinates of the columns
    total = np.square(columns).sum(axis=0)
    if solution.constant:
        of_constant = estimates.spread @ ones  # its coefficients
        needless = np.abs(of_constant) * np.sqrt(total) < ABSENT * np.linalg.norm(ones)
        about = columns - np.outer(ones, ones @ columns) / (ones @ ones)
        total = np.where(needless, np.square(about).sum(axis=0), total)
    found = np.full(len(estimates.coef), np.nan)
    found[estimates.given] = total * np.square(estimates.spread).sum(axis=1)
    return found


def condition_indices(estimates: Estimates) -> tuple[Array, Array]:
    """(rank,) condition indices, ascending, and (rank, p) the share that each has in the variance of each coefficient.

    The columns are scaled to unit length, and not centred. An index beyond 30 with large shares in two or more coefficients says
    that their columns are nearly collinear.
    Source: Belsley, Kuh & Welsch 1980, §3.2.
    """
    columns = estimates.user[:, estimates.given]
    _, singular, right = np.linalg.svd(columns / np.linalg.norm(columns, axis=0))
    parts = np.square(right / singular[:, None])
    shares = np.full((len(singular), len(estimates.coef)), np.nan)
    shares[:, estimates.given] = parts / parts.sum(axis=0)
    return singular[0] / singular, shares


def _spread_out(estimates: Estimates, square: Array) -> Array:
    full = np.full((len(estimates.coef),) * 2, np.nan)
    full[np.ix_(estimates.given, estimates.given)] = square
    return full
