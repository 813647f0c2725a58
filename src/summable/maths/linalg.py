"""Linear algebra at the centre and in a block: packed symmetric matrices, triangles, rank as R's `lm` tells it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpotrf, dtpqrt, dtrcon, dtrtri

from summable.core.statistic import Array

EPS, EPS32 = float(np.finfo(np.float64).eps), float(np.finfo(np.float32).eps)
QR_RANK = 1e-7  # a column is aliased if this little of its norm is left by those before it: the tolerance of R's lm
GRAM_RANK = 1e-10  # the same of its *squared* norm, from a Gram: below, a float64 sum cannot tell a remainder from rounding
PANEL = 32  # columns that LAPACK's tpqrt factors at once; measured flat between 16 and 64


def packed_size(width: int) -> int:
    """Numbers in a packed symmetric matrix."""
    return width * (width + 1) // 2


def pack(square: Array) -> Array:
    """The upper triangle of a (width, width) matrix, row by row."""
    return np.concatenate([square[i, i:] for i in range(len(square))] or [np.zeros(0)])


def unpack(packed: Array) -> Array:
    """The upper triangular matrix that was packed; its lower part is zero."""
    width = int((np.sqrt(8 * len(packed) + 1) - 1) / 2)
    square, start = np.zeros((width, width)), 0
    for i in range(width):
        square[i, i:] = packed[start : start + width - i]
        start += width - i
    return square


def symmetric(packed: Array) -> Array:
    """The symmetric matrix that was packed."""
    square = unpack(packed)
    for i in range(len(square)):
        square[i + 1 :, i] = square[i, i + 1 :]
    return square


def part_of(packed: Array, columns: NDArray[np.int64]) -> Array:
    """Some rows and columns of the symmetric matrix that was packed."""
    square = symmetric(packed)
    return square if np.array_equal(columns, np.arange(len(square))) else square[np.ix_(columns, columns)]


def gram(columns: Array, weight: Array | float) -> Array:
    """Packed Σ weightᵢ xᵢxᵢ' of contiguous columns (width, rows)."""
    if columns.shape[1] == 0:
        return np.zeros(packed_size(len(columns)))
    if np.ndim(weight) == 0:
        by_rows = columns.flags.f_contiguous  # then it is BLAS's own order; else its transpose is
        return pack(float(weight) * (dsyrk(1.0, columns) if by_rows else dsyrk(1.0, columns.T, trans=1)))
    return pack((columns * weight) @ columns.T)


def cubic(columns: Array, weight: Array) -> Array:
    """Packed Σ weightᵢ xᵢ⊗xᵢ⊗xᵢ of contiguous columns (width, rows): entries i ≤ j ≤ k, in lexical order."""
    slices = [pack((columns[i:] * (weight * columns[i])) @ columns[i:].T) for i in range(len(columns))]
    return np.concatenate([*slices, np.zeros(0)])


def symmetric_cube(packed: Array, width: int) -> Array:
    """The symmetric (width, width, width) array that was packed."""
    i, j, k = np.array([(i, j, k) for i in range(width) for j in range(i, width) for k in range(j, width)], np.int64).reshape(-1, 3).T
    cube = np.zeros((width,) * 3)
    for order in permutations((i, j, k)):
        cube[order] = packed
    return cube


def triangle(tall: Array) -> Array:
    """R of QR of (rows, width), (width, width), with a non-negative diagonal so that sums of R factors commute."""
    width = tall.shape[1]
    return _onto(np.zeros((width, width), order="F"), tall, 0)


def stack(upper: Array, other: Array) -> Array:
    """R of QR of two triangles, one above the other: the sum of R factors (TSQR; Demmel et al. 2012, §2)."""
    return _onto(np.array(upper, order="F"), other, len(other))


def _onto(upper: Array, below: Array, trapezoid: int) -> Array:
    if below.size == 0:
        return upper
    r, _, _, info = dtpqrt(trapezoid, min(PANEL, len(upper)), upper, np.array(below, order="F"), overwrite_a=1, overwrite_b=1)
    if info:
        raise AssertionError(f"tpqrt refused argument {-info}")
    return np.ascontiguousarray(np.where(np.diag(r) < 0, -1.0, 1.0)[:, None] * np.triu(r))


@dataclass(frozen=True)
class Factor:
    """A triangle of the independent columns of a least-squares problem, and what is left of y."""

    independent: NDArray[np.int64]  # (rank,) positions among the columns
    relation: Array  # (rank, columns) every column as a combination of the independent ones
    root: Array  # (rank, rank) upper: root'root is their Gram
    rhs: Array  # (rank,) or (rank, targets): root'⁻¹ X'Wy
    rest: Array  # () or (targets,) residual sums of squares
    digits: float  # decimal digits that the condition of the scaled columns leaves to the solve; none if the rank could not be told

    def solve(self) -> Array:
        """The coefficients of the independent columns, (rank,) or (rank, targets)."""
        return np.asarray(solve_triangular(self.root, self.rhs))

    def whiten(self, vectors: Array) -> Array:
        """root'⁻¹ vectors."""
        return np.asarray(solve_triangular(self.root, vectors, trans="T"))

    def solve_normal(self, vector: Array) -> Array:
        """(root'root)⁻¹ vector."""
        return np.asarray(solve_triangular(self.root, self.whiten(vector)))


def cholesky(xx: Array, xy: Array, yy: Array, noise: Array | float = 0.0) -> Factor:
    """Factor the normal equations of some columns, (columns, columns), and one or several y, after scaling to a unit diagonal (Higham 2002, §10.1).

    Columns that those before them explain to `GRAM_RANK` of their square are left out, for want of digits to tell if they are aliased;
    so are those of which no more is left than their share of `noise`, (columns,).
    """
    width = len(xx)
    scale = np.sqrt(np.diag(xx))
    used = np.flatnonzero(scale > 0)
    scaled = (xx if len(used) == width else xx[np.ix_(used, used)]) / scale[used]
    scaled /= scale[used, None]
    least = np.maximum(GRAM_RANK, np.square(np.broadcast_to(noise, width)[used]))
    root, info = dpotrf(scaled, clean=1)
    good = used
    if info or np.any(np.diag(root) ** 2 <= least):
        kept, root = _partial_cholesky(scaled, least)
        good = used[kept]
    rhs = solve_triangular(root, (xy[good].T / scale[good]).T, trans="T")
    left_out = np.setdiff1d(np.arange(width), good)
    relation = np.eye(width) if len(good) == width else np.eye(width)[good]
    if len(left_out):
        explained = solve_triangular(root, xx[np.ix_(good, left_out)] / scale[good, None], trans="T")
        relation[:, left_out] = solve_triangular(root, explained) / scale[good, None]
    rest = np.maximum(yy - np.square(rhs).sum(axis=0), 0.0)
    digits = digits_left(root, 2) if len(good) == len(used) else 0.0
    root *= scale[good]
    return Factor(good, relation, root, rhs, rest, digits)


def _partial_cholesky(scaled: Array, least: Array) -> tuple[NDArray[np.int64], Array]:
    """Left-looking Cholesky that passes over the columns without a pivot: which are good, and their root."""
    root, good = np.zeros_like(scaled), np.zeros(len(scaled), bool)
    for j in range(len(scaled)):
        row = scaled[j] - root[:j, j] @ root[:j]
        if row[j] > least[j]:
            root[j, j:], good[j] = row[j:] / np.sqrt(row[j]), True
    kept = np.flatnonzero(good)
    return kept, root[np.ix_(kept, kept)]


def from_triangle(columns: Array, y: Array, noise: Array | float = 0.0) -> Factor:
    """Factor a problem from columns of the R of [X, y], (height, columns), and y's part of it, (height,) or (height, targets).

    Columns are left out by R's rule (`lm`'s 1e-7), or if only noise is left.

    Source: LINPACK `dqrdc2` as in R, here applied to a triangle, which has the same inner products as the rows.
    """
    width = columns.shape[1]
    good = independent(columns, np.maximum(QR_RANK, noise))
    left_out = np.setdiff1d(np.arange(width), good)
    rank, again = len(good), triangle(np.column_stack([columns[:, [*good, *left_out]], y]))
    root, of_y = again[:rank, :rank], again[:, width:].reshape(-1, *y.shape[1:])
    relation = np.eye(width)[good]
    relation[:, left_out] = solve_triangular(root, again[:rank, rank:width])
    rhs, rest = of_y[:rank], np.square(of_y[rank:]).sum(axis=0)
    return Factor(good, relation, root, rhs, rest, digits_left(root / np.linalg.norm(root, axis=0), 1))


def independent(columns: Array, tolerance: Array | float = QR_RANK) -> NDArray[np.int64]:
    """The columns that keep more than `tolerance` of their norm beside those before them (Gram–Schmidt, twice)."""
    norms, least = np.linalg.norm(columns, axis=0), np.broadcast_to(tolerance, columns.shape[1])
    basis, good = np.zeros((len(columns), columns.shape[1])), np.zeros(columns.shape[1], bool)
    for j in np.flatnonzero(norms > 0):
        left = columns[:, j] / norms[j]
        for _ in range(2):  # twice is enough (Giraud, Langou, Rozložník & van den Eshof 2005)
            left = left - basis[:, :j] @ (basis[:, :j].T @ left)
        if (size := np.linalg.norm(left)) > least[j]:
            basis[:, j], good[j] = left / size, True
    return np.flatnonzero(good)


def digits_left(root: Array, power: int) -> float:
    """-log10(eps κ^power) of a triangle with columns of unit norm; κ by LAPACK's estimate in the one norm."""
    if len(root) == 0:
        return float(-np.log10(EPS))
    reciprocal, _ = dtrcon(root)
    return float(np.log10(max(reciprocal, EPS)) * power - np.log10(EPS))


def root_of(square: Array) -> tuple[Array, bool]:
    """The upper triangle whose square it is, and whether it is positive definite; if not, of the nearest that is, in scaled columns."""
    scale = np.sqrt(np.maximum(np.diag(square), 1e-300))
    scaled = square / scale
    scaled /= scale[:, None]
    root, info = dpotrf(scaled, clean=1)
    if not info and np.all(np.diag(root) > 1e-8):
        root *= scale
        return root, bool(np.all(np.diag(square) > 0))
    if not np.isfinite(scaled).all():
        return np.diag(scale), False
    values, vectors = np.linalg.eigh(scaled)
    raised = np.sqrt(np.maximum(np.abs(values), 1e-15 * max(float(np.abs(values).max(initial=0.0)), 1e-300)))
    return triangle((vectors * raised).T) * scale, bool(values.min(initial=1.0) > 0)


def spectrum(square: Array) -> tuple[Array, Array]:
    """Eigenvalues of a positive semidefinite matrix, greatest first, and its eigenvectors as rows.

    By the singular values of its root, which keep the digits of small eigenvalues where columns have different units.
    """
    root, _ = root_of(square)
    _, singular, vectors = np.linalg.svd(root)
    return np.square(singular), vectors


def solve_root(root: Array, vector: Array) -> Array:
    """(root'root)⁻¹ vector."""
    return np.asarray(solve_triangular(root, solve_triangular(root, vector, trans="T")))


def inverse_root(root: Array) -> Array:
    """root⁻¹, upper; of a singular root, numbers that are not finite."""
    if not len(root):
        return root  # of which LAPACK would complain on the console
    inverse, info = dtrtri(root)
    return np.full_like(root, np.nan) if info else np.asarray(inverse)


def length(root: Array, move: Array) -> float:
    """The length of a vector in the metric of root'root."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.linalg.norm(root @ move))
