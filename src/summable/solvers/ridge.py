"""Least squares of plain features, penalised or not, for one or several targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import nnls

from summable.core.data import Data
from summable.core.design import Design
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.linalg import cholesky, independent, triangle
from summable.measures.gram import Gram, Products
from summable.measures.rfactor import RFactor, Triangle
from summable.solvers.centred import centred, shifts
from summable.solvers.least_squares import ENOUGH, columns_of, refuse_empty, refuse_extremes

SINGULAR = 1e-5  # of the largest singular value: below, a float64 Gram, good to 1e-10 of its squares, cannot tell one from rounding


@dataclass(frozen=True)
class Penalty(Data):
    """What is minimised, Σ w (y − x·coef − intercept)² + alpha |coef|²: an alpha for each target, and what the coefficients must be."""

    alpha: tuple[float, ...]
    intercept: bool = True
    positive: bool = False
    cut: float = 1e-6  # singular values below this share of the largest count as zero, where columns are collinear: least |coef| is chosen


@dataclass(frozen=True, eq=False)
class Plane(Data):
    """Coefficients of features in their own units, for each target."""

    coef: Array  # (p, targets)
    intercept: Array  # (targets,)
    rank: int  # independent features
    root: Array  # (·, p) root'root = X'WX + alpha, about the means if there is an intercept
    design: Design
    products: Products


@dataclass(frozen=True)
class Root:
    """A least-squares problem brought down to a few rows: |rhs − root·b|² + alpha |b|² is what it minimises, but for a constant.

    If there is an intercept, only the first row knows of it, and its column is the first.
    """

    root: Array  # (rows, features)
    rhs: Array  # (rows, targets)
    alpha: float  # what of the penalty is not in the rows
    full: bool  # whether nothing is, the features are told apart, and those that are not zero make a triangle


def ridge(design: Design, penalty: Penalty) -> Rounds[Plane]:
    """Sum the Gram and solve by Cholesky; by the R factor where the Gram would leave too few digits.

    Cost: one round to learn the shifts, one to fit; one more for the R factor of nearly collinear features.
    Fails: DataError when no row is left, or a square is beyond float64.
    Source: Björck 1996, §2.2 and §2.7.1 (minimum norm); Hoerl & Kennard 1970; Lawson & Hanson 1974, ch. 23 (non-negative).
    """
    design, products = (yield from centred(design)) if penalty.intercept else (design, (yield from Gram(design)))
    refuse_empty(products)
    refuse_extremes(products)
    roots = {alpha: of_gram(products, alpha, penalty.intercept) for alpha in penalty.alpha}
    if not all(root.full for root in roots.values()):
        factor = yield from RFactor(design)
        roots = {alpha: of_triangle(factor, products, alpha, penalty.intercept) for alpha in roots}
    return solve(design, products, roots, penalty)


def by_gram(design: Design, products: Products, penalty: Penalty) -> Plane:
    """The same from sums alone, where no further question can be asked: nearly collinear features are taken for collinear."""
    refuse_empty(products)
    refuse_extremes(products)
    roots = {alpha: of_gram(products, alpha, penalty.intercept) for alpha in penalty.alpha}
    roots = {alpha: root if root.full else of_spectrum(products, alpha, penalty.intercept) for alpha, root in roots.items()}
    return solve(design, products, roots, penalty)


def of_gram(products: Products, alpha: float, intercept: bool) -> Root:
    """The root of the penalised normal equations, full if the Gram leaves digits enough."""
    xx, xy = products.square, products.xy.reshape(len(products.xy), -1)
    xx[np.diag_indices_from(xx)] += np.append(0.0, np.full(len(xx) - 1, alpha))
    first = 0 if intercept else 1
    factor = cholesky(xx[first:, first:], xy[first:], np.atleast_1d(products.yy))
    root = np.zeros((len(factor.independent), len(xx) - first))
    root[:, factor.independent] = factor.root
    return Root(root, factor.rhs, 0.0, factor.digits >= ENOUGH)


def of_triangle(factor: Triangle, products: Products, alpha: float, intercept: bool) -> Root:
    """The same from the R factor, which knows nothing of the penalty."""
    of_x, of_y = columns_of(factor, products)
    first = 0 if intercept else 1
    upper, features = triangle(np.column_stack([of_x[:, first:], of_y])), of_x.shape[1] - first
    root = upper[:features, :features]
    return Root(root, upper[:features, features:], alpha, alpha == 0 and len(independent(root)) == features)


def of_spectrum(products: Products, alpha: float, intercept: bool) -> Root:
    """The same from the eigenvalues of the Gram, less those that may be rounding."""
    xx, xy = products.square, products.xy.reshape(len(products.xy), -1)
    first = np.column_stack([xx[:1], xy[:1]]) / np.sqrt(products.weight)  # the row of the intercept
    within, of_y = xx[1:, 1:], xy[1:]
    if intercept:
        within, of_y = within - np.outer(first[0, 1 : len(xx)], first[0, 1 : len(xx)]), of_y - np.outer(first[0, 1 : len(xx)], first[0, len(xx) :])
    values, vectors = np.linalg.eigh(within)
    good = values > SINGULAR**2 * values[-1]
    scale = np.sqrt(values[good])
    rows = np.column_stack([vectors[:, good].T * scale[:, None], vectors[:, good].T @ of_y / scale[:, None]])
    if intercept:
        rows = np.vstack([first, np.insert(rows, 0, 0.0, axis=1)])
    width = len(xx) if intercept else len(xx) - 1
    return Root(rows[:, :width], rows[:, width:], alpha, False)


def solve(design: Design, products: Products, roots: dict[float, Root], penalty: Penalty) -> Plane:
    """The plane that the roots, one for each alpha, hold."""
    alphas = np.broadcast_to(penalty.alpha, products.yy.size)
    coef, ranks = np.empty((design.width - 1, len(alphas))), []
    intercept = np.zeros(len(alphas))
    for alpha, root in roots.items():
        own = np.flatnonzero(alphas == alpha)
        coef[:, own], rank = slopes(root, own, penalty)
        ranks.append(rank)
        if penalty.intercept:
            intercept[own] = (root.rhs[0, own] - root.root[0, 1:] @ coef[:, own]) / root.root[0, 0]
    shift = shifts(design)
    intercept += shift[design.width :] - shift[1 : design.width] @ coef
    first = next(iter(roots.values())).root
    return Plane(coef, intercept, ranks[0], first[1:, 1:] if penalty.intercept else first, design, products)


def slopes(problem: Root, targets: NDArray[np.int64], penalty: Penalty) -> tuple[Array, int]:
    """The coefficients of the features, (p, targets), and how many are independent."""
    first = 1 if penalty.intercept else 0
    root, rhs = problem.root[first:, first:], problem.rhs[first:, targets]
    coef, used = np.zeros((root.shape[1], len(targets))), np.flatnonzero(root.any(axis=0))
    if not len(used):
        return coef, 0
    if penalty.positive:
        root, rhs = np.vstack([root, np.sqrt(problem.alpha) * np.eye(root.shape[1])]), np.vstack([rhs, np.zeros((root.shape[1], rhs.shape[1]))])
        for t in range(len(targets)):
            coef[used, t] = nnls(root[:, used], rhs[:, t])[0]
        return coef, len(used)
    if problem.full:
        coef[used] = solve_triangular(root[:, used], rhs)
        return coef, len(used)
    return least_norm(root, rhs, problem.alpha, penalty.cut)


def least_norm(root: Array, rhs: Array, alpha: float, cut: float) -> tuple[Array, int]:
    """The shortest of the coefficients that minimise |rhs − root·b|² + alpha |b|², and the rank; singular values below a share of the largest are zero."""
    left, singular, right = np.linalg.svd(root, full_matrices=False)
    good = singular > cut * singular.max(initial=0.0)
    kept = singular[good]
    return right[good].T @ (left[:, good].T @ rhs * (kept / (kept * kept + alpha))[:, None]), int(good.sum())
