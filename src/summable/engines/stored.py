"""Features that a rank of a mesh keeps as PyTorch does: in float32, in half the memory, or on a GPU; their sums are taken in float64 all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from summable.core.errors import DataError
from summable.core.rows import Columns
from summable.core.statistic import Array
from summable.engines.features import Dense, Features
from summable.maths import linalg

NEAR, FAR = (
    2**18,
    2**26,
)  # numbers that are multiplied at once, and made float64 before: as many as a core's cache holds; and on a GPU, enough for all of its cores
FARTHEST = 2.0**12  # spreads from zero: float32 has 24 digits, of which twelve are then left for how a feature's numbers differ
SPARE = 2.0**-100  # a feature whose greatest number is less would lose digits among the least that float32 knows


@dataclass(frozen=True, eq=False)
class Stored:
    """Features in a tensor, (rows, width), of float32 or float64, on any device."""

    x: torch.Tensor

    def __len__(self) -> int:
        return len(self.x)

    def taken(self, rows: NDArray[np.int64]) -> Features:
        """Some rows, by their positions: a few, which are made float64 once for all that is asked of them."""
        some = self.x.index_select(0, torch.from_numpy(rows).to(self.x.device)).double()
        return Dense(_here(some)) if self._is_here else Stored(some)

    def project(self, coef: Array) -> Array:
        """x·coef, (rows,) or (rows, q)."""
        there = self._there(coef)
        found = there.new_empty(len(self.x), *there.shape[1:])
        for rows, piece in self._pieces():
            torch.matmul(piece, there, out=found[rows])
        return _here(found)

    def summed(self, weights: Array) -> Array:
        """Σ weightᵢ xᵢ, (width,) or (width, q)."""
        there = self._there(weights)
        found = there.new_zeros(self.x.shape[1], *there.shape[1:])
        for rows, piece in self._pieces():
            found += piece.T @ there[rows]
        return _here(found)

    def squares(self, weights: Array) -> Array:
        """Σ weightᵢ xᵢ xᵢ', packed."""
        there = self._there(weights)
        found = there.new_zeros(self.x.shape[1], self.x.shape[1])
        for rows, piece in self._pieces():
            found += (piece * there[rows, None]).T @ piece
        return linalg.pack(_here(found))

    def part(self, rows: slice) -> Array:
        """Those of some rows, (rows, width)."""
        return _here(self.x[rows].double())

    def columns(self) -> Columns | None:
        """Where all but the first lie, if not on a GPU."""
        return Columns.of(self.x.numpy()[:, 1:], np.zeros(self.x.shape[1] - 1)) if self._is_here else None

    @property
    def _is_here(self) -> bool:
        return not self.x.is_cuda

    def _pieces(self) -> Iterator[tuple[slice, torch.Tensor]]:
        """Some rows after another, as they are or in float64, each time in the same place."""
        rows, short = max(1, (NEAR if self._is_here else FAR) // max(1, self.x.shape[1])), self.x.dtype != torch.float64
        room = self.x.new_empty(min(rows, len(self.x)) * short, self.x.shape[1], dtype=torch.float64)
        for start in range(0, len(self.x), rows):
            piece = self.x[start : start + rows]
            yield slice(start, start + len(piece)), room[: len(piece)].copy_(piece) if short else piece

    def _there(self, values: Array) -> torch.Tensor:
        return torch.from_numpy(np.require(values, np.float64, ["C", "W"])).to(self.x.device)


def _here(values: torch.Tensor) -> Array:
    return np.asarray(values.cpu().numpy())


def stored(device: str) -> Callable[[Array], Features]:
    """What keeps features on a device, in the digits that they have."""
    return lambda x: Stored(torch.from_numpy(x).to(device))


def refuse_beyond(least: Array, greatest: Array, first: int) -> None:
    """Refuse features, from the first on, that lie between numbers, (width,) each, of which float32 does not hold enough digits."""
    size, spread = np.maximum(np.abs(least), np.abs(greatest)), greatest - least
    beyond = (least <= greatest) & ((size > np.finfo(np.float32).max) | ((size > 0) & (size < SPARE)))  # of no rows, they are not
    far = (spread > 0) & (size > FARTHEST * spread)
    for refused, why, advice in (
        (beyond, "which float32 does not hold", "Measure it in another unit"),
        (far, "of which float32 tells few numbers apart", "Subtract one near its mean"),
    ):
        for at in np.flatnonzero(refused)[:1]:
            what = f"feature {first + at} (the constant is 0) lies between {least[at]:.9g} and {greatest[at]:.9g}, {why}"
            raise DataError(what, f"{advice}, or leave /float32 out.")
