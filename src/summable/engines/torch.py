"""PyTorch: a mesh of processes that it connects, rows split one way (dp), features or outputs the other (tp); or one of its devices."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from summable.core.engine import Request
from summable.core.errors import SummableError, Unsupported
from summable.core.statistic import Array
from summable.engines.device import OnDevice, Single, refuse_short
from summable.engines.fingerprint import fingerprints
from summable.engines.mesh import Mesh
from summable.engines.ranks import Lost, bounds, connect, is_news, refuse_unknown
from summable.engines.threads import Threads

MESHES = dict[tuple[tuple[int, int], str], tuple[Any, DeviceMesh]]()  # every new one costs threads and connections
SHAPE = re.compile(r"(?:(.*):)?([1-9]\d*)x([1-9]\d*)")  # of a mesh, after its device


def mesh(dp: int, tp: int = 1, device: str = "cpu") -> DeviceMesh:
    """A mesh of processes, rows split over `dp` and features over `tp`; under `torchrun`, or with a process group of one's own.

    On "cuda" every process holds its share on a GPU: the one of its number, among those that the machine has.
    """
    refuse_unknown(device)
    _refuse_absent(torch.device(device))
    connect(dp * tp, device)
    if device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", dist.get_rank())) % torch.cuda.device_count())
    return init_device_mesh(device, (dp, tp), mesh_dim_names=("dp", "tp"))


@contextmanager
def ranks(shape: str) -> Iterator[tuple[str, bool]]:
    """The engine of a mesh like "2x2" or "cuda:2x2/float32", and whether this process is the one that speaks.

    An error that several ranks meet is raised on one, the others leave in silence.
    """
    try:
        place = placed(f"torch:{shape}")
        dp, tp = place.shape  # type: ignore[misc]  # as whoever asks has made sure
        _refuse_absent(place.device)
        connect(dp * tp, str(place.device))
        yield f"torch:{shape}", dist.get_rank() == 0
    except SummableError as error:
        if is_news(str(error)):
            raise
        raise SystemExit(1) from None
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def linear(coef: Array, intercept: Array) -> torch.nn.Linear:
    """A linear layer in float64: weight (q, p), bias (q,)."""
    layer = torch.nn.Linear(coef.shape[1], coef.shape[0], dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(coef))
        layer.bias.copy_(torch.tensor(intercept))
    return layer


def opened(data: Any, request: Request) -> Mesh | Threads:
    """Files that every rank sees are shared out over dp; rows in memory are those of the rank's own share, the same on all ranks along tp.

    With a device in the place of a mesh, or a text like "torch:cuda/float32", one process reads all, and multiplies there.
    """
    if not hasattr(data, "shards"):
        raise Unsupported("PyTorch's tensors are no data to be opened", "Give arrays: tensor.numpy().")
    place = placed(request.place) if isinstance(request.place, str) else request.place
    if isinstance(place, torch.device):
        return _alone(data, request, Place(place, None, False))
    if isinstance(place, DeviceMesh):
        return _shared(data, Mesh(data.shards, place))
    if place.shape is None:
        return _alone(data, request, place)
    return _shared(data, Mesh(data.shards, _spelled(place.shape, str(place.device)), short=place.short))


def _spelled(shape: tuple[int, int], device: str) -> DeviceMesh:
    """A mesh that was asked for by its name: the same as before, as long as the processes are connected as they were."""
    world, found = MESHES.get((shape, device), (None, None))
    if found is None or not dist.is_initialized() or world is not dist.group.WORLD:
        dp, tp = shape
        found = mesh(dp, tp, device)
        MESHES[shape, device] = dist.group.WORLD, found
    return found


def _shared(data: Any, found: Mesh) -> Mesh:
    """A mesh; of files, each rank with its own."""
    if all(hasattr(shard, "table") for shard in data.shards):
        if len(set(found.world.texts("".join(fingerprints(data.shards)).encode()))) > 1:
            raise Unsupported("the ranks see different files under this path", "Let all see the same, or give each rank its own rows in memory.")
        shares = bounds(len(data.shards), found.dp.size)
        found.own = data.shards[slice(*shares[found.dp.rank : found.dp.rank + 2])]
    return found


def _alone(data: Any, request: Request, place: Place) -> Threads:
    """One process, which multiplies blocks on a device."""
    _refuse_absent(place.device)
    if place.short:
        refuse_short()
    shards = [OnDevice(shard, str(place.device), place.short) for shard in data.shards]
    return (Single if place.short else Threads)(shards, request.workers, watch=request.watch)


class Place(NamedTuple):
    """What a text like "torch:cuda:2x2/float32" asks for."""

    device: torch.device
    shape: tuple[int, int] | None  # dp and tp, of a mesh
    short: bool  # float32


def placed(text: str) -> Place:
    """A device, "torch:cuda" or "torch:cuda/float32", that one process multiplies on; a mesh, "torch:2x2" or "torch:cuda:2x2/float32"; or
    "torch", which is the mesh that splits rows over all processes.
    """
    if text == "torch":
        return Place(torch.device("cpu"), (dist.get_world_size() if dist.is_initialized() else int(os.environ.get("WORLD_SIZE", "1")), 1), False)
    name, _, kind = text.removeprefix("torch:").partition("/")
    if kind not in ("", "float32", "float64"):
        raise Unsupported(f"engine={text!r} asks for {kind!r}", 'Write float32, like "torch:cuda/float32", or leave it out for float64.')
    before, shape = (found[1], (int(found[2]), int(found[3]))) if (found := SHAPE.fullmatch(name)) else (name, None)
    try:
        device = torch.device("cpu" if before is None else before)
    except RuntimeError:
        raise Unsupported(f"engine={text!r} names no device {before!r} that PyTorch knows", 'Write one, like "torch:cuda".') from None
    return Place(device, shape, kind == "float32")


def _refuse_absent(device: torch.device) -> None:
    if device.type not in ("cpu", "cuda"):
        raise Unsupported(f"the device {device} is not known to multiply in float64", 'Give torch.device("cuda"), or leave engine= out.')
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise Unsupported(f"there is no device {device}: PyTorch sees {torch.cuda.device_count()}", "Give one that it sees, or leave engine= out.")


__all__ = ["Lost", "Mesh", "bounds", "linear", "mesh", "opened", "ranks"]
