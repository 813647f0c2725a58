"""Rows on their way through a device that PyTorch knows: blocks are copied there, projected and multiplied, and given up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from summable.core.design import Design
from summable.core.rows import Groups, Rows, Shard
from summable.core.statistic import Array
from summable.maths import linalg


@dataclass(frozen=True)
class OnDevice:
    """A shard whose blocks are multiplied on a device, in float64: never more than one block of each reader is there.

    Readers are threads, each with a stream of its own, so that one block is copied while another is multiplied.
    """

    shard: Shard
    device: str

    @property
    def name(self) -> str:
        """The shard's."""
        return self.shard.name

    def kinds(self) -> Mapping[str, str]:
        """The shard's."""
        return self.shard.kinds()

    def rows(self, design: Design, limit: int | None = None) -> Iterator[Rows]:
        """The shard's blocks, as they are multiplied there."""
        with _stream(self.device):
            for rows in self.shard.rows(design, limit):
                yield DeviceRows(rows, self.device)


class DeviceRows:
    """A block whose features are copied to a device when they are first multiplied. Element by element, numbers stay where they are."""

    xp = np

    def __init__(self, rows: Rows, device: str) -> None:
        self.rows, self.device = rows, device
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
        return linalg.pack(_here((x * weights[:, None]).T @ x))

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


def _here(values: torch.Tensor) -> Array:
    return np.asarray(values.cpu().numpy(), np.float64)


def _stream(device: str) -> AbstractContextManager[Any]:
    return torch.cuda.stream(torch.cuda.Stream(device)) if device.startswith("cuda") else nullcontext()


__all__ = ["DeviceRows", "OnDevice"]
