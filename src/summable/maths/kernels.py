"""Compiled sums over contiguous columns: one reading of the data, in register tiles, at the speed of memory.

The general formulae in `linalg` are the reference; these give the same sums in another order. Columns need not lie together: each is
given by its address, so that what Arrow decoded is read where it lies, shifted on the way into a cache-sized tile.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from summable.core.statistic import Array


def _cache() -> str | None:
    """Where compiled code is kept if numba's own choices, beside the package or in the home, cannot be written; None if they can.

    The folder is the user's alone: what lies in it is run.
    """
    home = os.path.expanduser("~")
    if "NUMBA_CACHE_DIR" in os.environ or any(os.access(folder, os.W_OK) for folder in (Path(__file__).parent, home)):
        return None
    folder = Path(tempfile.gettempdir()) / f"summable-kernels-{os.getuid() if hasattr(os, 'getuid') else os.environ.get('USERNAME', 'user')}"
    folder.mkdir(mode=0o700, exist_ok=True)
    ours = not hasattr(os, "getuid") or (folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & 0o077)
    return str(folder) if ours else tempfile.mkdtemp()


if (_folder := _cache()) is not None:
    os.environ["NUMBA_CACHE_DIR"] = _folder

import numba  # noqa: E402  (reads its environment when imported)
from numba import types  # noqa: E402
from numba.extending import intrinsic  # noqa: E402

ROWS = 512  # rows of a tile: 4 kB a column, so that a hundred columns stay in L2 and two sets of four in L1
FAST = {"reassoc", "contract"}  # sums may be reordered into vectors; NaN and infinity keep their meaning


@intrinsic
def _pointer(typingctx: Any, address: Any) -> Any:
    """The float64 pointer at an address."""
    target = types.CPointer(types.float64)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(target))

    return target(types.int64), codegen


@numba.njit(nogil=True, fastmath=FAST, error_model="numpy", cache=True)
def _tiles(addresses: Any, shifts: Any, weight: Any, rows: int, first: Any, second: Any) -> None:  # noqa: PLR0915  (sixteen sums in registers)
    """Columns gain their weighted sums in first (p,) and products in the lower triangle of second (p4, p4), p4 a multiple of 4."""
    p, p4, weighted = len(addresses), len(second), len(weight) > 0
    tile, scaled = np.zeros((p4, ROWS)), np.zeros((p4, ROWS))
    left = scaled if weighted else tile
    for start in range(0, rows, ROWS):
        m = min(ROWS, rows - start)
        for j in range(p):
            column, shift, to = numba.carray(_pointer(addresses[j]), rows), shifts[j], tile[j]
            total = 0.0
            if weighted:
                by = scaled[j]
                for i in range(m):
                    to[i] = column[start + i] - shift
                    by[i] = to[i] * weight[start + i]
                    total += by[i]
            else:
                for i in range(m):
                    to[i] = column[start + i] - shift
                    total += to[i]
            first[j] += total
        for j in range(0, p4, 4):
            a0, a1, a2, a3 = left[j, :m], left[j + 1, :m], left[j + 2, :m], left[j + 3, :m]
            for k in range(0, j + 1, 4):
                b0, b1, b2, b3 = tile[k, :m], tile[k + 1, :m], tile[k + 2, :m], tile[k + 3, :m]
                c00 = c01 = c02 = c03 = c10 = c11 = c12 = c13 = 0.0
                c20 = c21 = c22 = c23 = c30 = c31 = c32 = c33 = 0.0
                for i in range(m):
                    x0, x1, x2, x3 = a0[i], a1[i], a2[i], a3[i]
                    y0, y1, y2, y3 = b0[i], b1[i], b2[i], b3[i]
                    c00 += x0 * y0
                    c01 += x0 * y1
                    c02 += x0 * y2
                    c03 += x0 * y3
                    c10 += x1 * y0
                    c11 += x1 * y1
                    c12 += x1 * y2
                    c13 += x1 * y3
                    c20 += x2 * y0
                    c21 += x2 * y1
                    c22 += x2 * y2
                    c23 += x2 * y3
                    c30 += x3 * y0
                    c31 += x3 * y1
                    c32 += x3 * y2
                    c33 += x3 * y3
                second[j, k] += c00
                second[j, k + 1] += c01
                second[j, k + 2] += c02
                second[j, k + 3] += c03
                second[j + 1, k] += c10
                second[j + 1, k + 1] += c11
                second[j + 1, k + 2] += c12
                second[j + 1, k + 3] += c13
                second[j + 2, k] += c20
                second[j + 2, k + 1] += c21
                second[j + 2, k + 2] += c22
                second[j + 2, k + 3] += c23
                second[j + 3, k] += c30
                second[j + 3, k + 1] += c31
                second[j + 3, k + 2] += c32
                second[j + 3, k + 3] += c33


@numba.njit(nogil=True, fastmath=FAST, error_model="numpy", cache=True)
def _dots(addresses: Any, shifts: Any, weight: Any, rows: int, first: Any) -> None:
    """first (p,) gains Σ wᵢ (xᵢ − s), a tile of the weight staying in cache while the columns pass."""
    for start in range(0, rows, 8 * ROWS):
        m = min(8 * ROWS, rows - start)
        w = weight[start : start + m]
        for j in range(len(addresses)):
            column, shift, total = numba.carray(_pointer(addresses[j]), rows), shifts[j], 0.0
            for i in range(m):
                total += w[i] * (column[start + i] - shift)
            first[j] += total


def gram(columns: Sequence[Array], shifts: Sequence[float], weight: Array | float, rows: int) -> Array:
    """Packed Σ wᵢ xᵢxᵢ' of [1, columns less their shifts], float64 and contiguous."""
    p, of_rows = len(columns), np.ndim(weight) > 0
    first, second = np.zeros(p), np.zeros((-(-p // 4) * 4,) * 2)
    weights = np.ascontiguousarray(weight, np.float64) if of_rows else np.zeros(0)
    _tiles(_addresses(columns), np.asarray(shifts, np.float64), weights, rows, first, second)
    square = np.empty((p + 1, p + 1))
    square[0, 0] = weights.sum() if of_rows else rows
    square[1:, 0], square[1:, 1:] = first, second[:p, :p]
    packed = square.T[np.triu_indices(p + 1)]
    return packed if of_rows else packed * float(weight)


def dots(columns: Sequence[Array], shifts: Sequence[float], weight: Array, rows: int) -> Array:
    """Σ wᵢ xᵢ of [1, columns less their shifts], (p + 1,)."""
    first, weights = np.zeros(len(columns)), np.ascontiguousarray(weight, np.float64)
    _dots(_addresses(columns), np.asarray(shifts, np.float64), weights, rows, first)
    return np.concatenate([[weights.sum()], first])


def _addresses(columns: Sequence[Array]) -> np.ndarray[Any, Any]:
    """Where the columns lie; the caller keeps them alive."""
    return np.array([column.ctypes.data for column in columns], np.int64)
