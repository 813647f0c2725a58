"""Processes that PyTorch connects: who they are, and what they say to each other."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from summable.core.errors import SourceError, Unsupported
from summable.core.statistic import Array

LOST = "Start all ranks again; training with checkpoint=… goes on where it was."
BACKENDS = {"cpu": "cpu:gloo", "cuda": "cpu:gloo,cuda:nccl"}  # what ranks tell each other in a few words goes by gloo everywhere
BOARD: list[dist.Store] = []  # where ranks that were connected here leave notes for each other


@dataclass
class Group:
    """Ranks that speak to each other, and how many bytes of their buffers this one has given to collectives."""

    group: Any
    size: int
    rank: int
    bounds: Sequence[int] = (0, 0)  # whose features, or targets, begin where
    moved: int = 0
    device: str = "cpu"  # where buffers are added up: on GPUs, by NCCL

    def sum(self, array: NDArray[Any]) -> NDArray[Any]:
        """The sum over the ranks, on all of them: one all-reduce. The array is not used any more."""
        if self.size == 1 or array.size == 0:
            return np.asarray(array)
        flat = np.ascontiguousarray(array)
        self._collective(dist.all_reduce, flat)
        return flat.reshape(array.shape)

    def each(self, own: Array) -> Iterator[Array]:
        """Everyone's columns in turn: one broadcast by each."""
        for rank in range(self.size):
            width = self.bounds[rank + 1] - self.bounds[rank]
            columns = np.ascontiguousarray(own) if rank == self.rank else np.empty((len(own), width))
            if self.size > 1 and columns.size:
                self._collective(dist.broadcast, columns, src=dist.get_global_rank(self.group, rank))
            yield columns

    def texts(self, own: bytes) -> list[bytes]:
        """Everyone's bytes: an all-reduce of their lengths, then one of the texts side by side."""
        lengths = self.sum(np.eye(self.size)[self.rank] * len(own)).astype(int)
        ends = np.cumsum(lengths)
        row: NDArray[Any] = np.zeros(int(ends[-1]), np.uint8)
        row[ends[self.rank] - len(own) : ends[self.rank]] = np.frombuffer(own, np.uint8)
        row = self.sum(row)
        return [row[end - length : end].tobytes() for end, length in zip(ends, lengths, strict=True)]

    def greatest(self, array: NDArray[Any]) -> NDArray[Any]:
        """The greatest of everyone's numbers, at each place."""
        if self.size == 1 or array.size == 0:
            return array
        flat = np.array(array)
        self._collective(dist.all_reduce, flat, op=dist.ReduceOp.MAX)
        return flat

    def least(self, number: int) -> int:
        """The least of everyone's numbers."""
        return -int(self.greatest(np.array([-number]))[0])

    def _collective(self, call: Any, flat: Any, **options: Any) -> None:
        self.moved += flat.nbytes
        here = torch.from_numpy(flat)
        there = here.to(self.device)  # itself, where that is here
        try:
            call(there, group=self.group, **options)
            here.copy_(there)
        except RuntimeError as error:
            if dist.is_initialized():
                dist.destroy_process_group()  # so that those who wait for this rank learn of it too
            raise Lost(f"a rank of the mesh is gone ({_reason(error)})", LOST) from error


def _reason(error: Exception) -> str:
    """What gloo says of it, without where in its sources, and what it advises."""
    text = re.sub(r"^\[\S+\] *", "", str(error).splitlines()[0])
    return text.partition(". ")[0].rstrip(".")


class Lost(SourceError):
    """Another rank does not answer any more, so that there is none left to agree with."""


def bounds(count: int, ranks: int) -> list[int]:
    """Where each rank's of so many features, or targets, begin, and the last one's end: as even as can be."""
    return [count * rank // ranks for rank in range(ranks + 1)]


def connect(ranks: int, device: str = "cpu") -> None:
    """Connect the processes that torchrun started, so many; or one alone: by gloo, and if they have GPUs, by NCCL too. Raises Unsupported where
    there are others.
    """
    refuse_unknown(device)
    if not dist.is_initialized() and ranks > 1 and "RANK" not in os.environ:
        raise Unsupported(f"there is one process, and the mesh has {ranks}", f"Start it with torchrun --nproc-per-node {ranks}.")
    if not dist.is_initialized():
        store, rank, size = next(iter(dist.rendezvous("env://"))) if "RANK" in os.environ else (dist.HashStore(), 0, 1)
        dist.init_process_group(BACKENDS[device], store=store, rank=rank, world_size=size)
        BOARD[:] = [store]
    if dist.get_world_size() != ranks:
        raise Unsupported(f"there are {dist.get_world_size()} processes, and the mesh has {ranks}", "Let dp times tp be the number of processes.")


def refuse_unknown(device: str) -> None:
    """Refuse a mesh of devices that nothing is known of, or of one device."""
    if device not in BACKENDS:
        raise Unsupported(f"no mesh is made of {device!r}", 'Make it of "cpu" or "cuda", where each rank takes the GPU of its number.')


def refuse_unconnected(device: str) -> None:
    """Refuse a mesh of devices whose ranks could not tell each other what they must."""
    refuse_unknown(device)
    known = dist.get_backend_config()
    if missing := [one for one in BACKENDS[device].split(",") if one not in known]:
        what = f"the processes are connected by {known}, and the mesh needs {', '.join(missing)}"
        raise Unsupported(what, f'Connect them by init_process_group("{BACKENDS[device]}").')


def is_news(sentence: str) -> bool:
    """Whether no other rank has said this; if that cannot be told, it is."""
    try:
        return not BOARD or BOARD[0].add(f"summable: {sentence}", 1) == 1
    except RuntimeError:  # whoever held the notes is gone
        return True


__all__ = ["Group", "Lost", "bounds", "connect", "is_news"]
