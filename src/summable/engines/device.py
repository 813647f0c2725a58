"""Rows on their way through a device that PyTorch knows: blocks are copied there, projected and multiplied, and given up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from summable.core.design import Design
from summable.core.errors import Unsupported
from summable.core.rows import Groups, Rows, Shard
from summable.core.statistic import Array
from summable.engines.threads import Threads
from summable.maths import linalg

PIECE = 256  # rows whose float32 products are added in float32, so that adding them costs about as many digits as rounding the features did
FULL = ("none", "ieee")  # what PyTorch calls float32 that keeps all of its digits


@dataclass(frozen=True)
class OnDevice:
    """A shard whose blocks are multiplied on a device: never more than one block of each reader is there, and what a part keeps between passes.

    Readers are threads, each with a stream of its own, so that one block can be copied while another is multiplied. All is in float64;
    if `single`, products of two features are taken in float32, and added in float64.
    """

    shard: Shard
    device: str
    single: bool = False

    @property
    def name(self) -> str:
        """The shard's."""
        return self.shard.name

    def kinds(self) -> Mapping[str, str]:
        """The shard's."""
        return self.shard.kinds()

    def rows(self, design: Design, limit: int | None = None) -> Iterator[Rows]:
        """The shard's blocks, as they are multiplied there."""
        if self.single:
            refuse_short()
        with _stream(self.device):
            for rows in self.shard.rows(design, limit):
                yield DeviceRows(rows, self.device, self.single)


class Single(Threads):
    """Threads over shards whose products of two features are taken in float32."""

    is_single = True


class DeviceRows:
    """A block whose features are copied to a device when they are first multiplied. Element by element, numbers stay where they are."""

    xp = np

    def __init__(self, rows: Rows, device: str, single: bool = False) -> None:
        self.rows, self.device, self.single = rows, device, single
        self._features: torch.Tensor | None = None

    def column(self, role: str) -> Any:
        """The values of a role."""
        return self.rows.column(role)

    def project(self, coef: Array) -> Array:
        """x·coef, (rows,) or (rows, q)."""
        return _here(self._x() @ self._there(coef))

    def count(self) -> Array:
        """(2,): rows kept, rows dropped."""
        return np.asarray(self.rows.count())

    def moment(self, order: int, weight: Any, by: Groups | str | None = None) -> Any:
        """Σ weightᵢ xᵢ^⊗order: the first and second there, all else here."""
        if by is not None or order not in (1, 2):
            return self.rows.moment(order, weight, by)
        x = self._x()
        weights = self._there(np.broadcast_to(weight, (len(x), *np.shape(weight)[1:])))
        if order == 1:
            return _here(x.T @ weights)
        weighted = x * weights[:, None]
        return linalg.pack(_here(squares(weighted, x) if self.single else weighted.T @ x))

    def extent(self, column: str) -> Any:
        """(3,): least, greatest, missing."""
        return self.rows.extent(column)

    def labels(self, column: str) -> Any:
        """The distinct values of a column."""
        return self.rows.labels(column)

    def matrix(self) -> Any:
        """The features, (rows, width)."""
        return self.rows.matrix()

    def _x(self) -> torch.Tensor:
        if self._features is None:
            self._features = self._there(self.rows.matrix())
        return self._features

    def _there(self, values: Any) -> torch.Tensor:
        """A copy on the device; by way of memory that the system does not move, where that lets it be fetched by the side."""
        plain = torch.from_numpy(np.array(values, np.float64, order="C"))
        return plain.pin_memory().to(self.device, non_blocking=True) if self.device.startswith("cuda") else plain.to(self.device)


def squares(weighted: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """weighted'x, (width, width), from float32 products of pieces of rows that are added in float64; but for what costs no more than reading.

    That is the square of each feature, and its sum, if the first of them is a constant: they are float64's own. Features are measured by
    powers of two near their greatest, so that no unit is beyond float32.
    """
    found = x.new_zeros(x.shape[1], x.shape[1])
    if len(x) == 0:
        return found
    (left, of_left), (right, of_right) = _pieces(weighted), _pieces(x)
    most = max(1, x.numel() // x.shape[1] ** 2)  # pieces at once, so that products take no more memory than features
    for these, those in zip(left.split(most), right.split(most), strict=True):
        found += torch.bmm(these.transpose(1, 2), those).sum(0, dtype=torch.float64)
    found *= of_left[:, None] * of_right
    found[0] = weighted.T @ x[:, 0]
    found.diagonal().copy_((weighted * x).sum(0))
    return found


def _pieces(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows in float32 over a unit for each feature, (pieces, PIECE, width), the last filled up by zeros; and the units, (width,)."""
    units = torch.exp2(torch.frexp(x.abs().amax(0)).exponent.double())
    padded = torch.nn.functional.pad((x / units).float(), (0, 0, 0, -len(x) % PIECE))
    return padded.view(-1, PIECE, x.shape[1]), units


def refuse_short() -> None:
    """Refuse to multiply while PyTorch is set to round float32 to fewer digits; the setting is the process's, and is left as it is."""
    for backend in (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul):
        if (kind := backend.fp32_precision) not in FULL:
            advice = 'Call torch.set_float32_matmul_precision("highest").'
            raise Unsupported(f"PyTorch is set to multiply float32 as {kind}, which keeps fewer digits", advice)


def _here(values: torch.Tensor) -> Array:
    return np.asarray(values.cpu().numpy(), np.float64)


def _stream(device: str) -> AbstractContextManager[Any]:
    return torch.cuda.stream(torch.cuda.Stream(device)) if device.startswith("cuda") else nullcontext()


__all__ = ["DeviceRows", "OnDevice", "Single"]
