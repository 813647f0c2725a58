"""Steps on a mesh: an epoch of mini-batches beside a plain PyTorch loop, a ridge too wide for one process, and a Hessian of rows that stay on a device.

    python -m benchmarks.mesh [--quick]

Both loops keep the rows in memory, see every row once an epoch in batches of an order drawn anew, and take Adam's steps on a linear layer
in float64, alone and in two processes (PyTorch's with DDP); then both hold features in float32, of which ours are still added in float64.
Times are medians of the epochs after the first, which also reads the rows, here, and warms both up; the two take turns. Where PyTorch sees a
GPU, one process does the same there.

The ridge has 200,000 features, which four processes share. They read a matrix on disk that none of them holds as a whole; what it takes in
memory is that of the process beyond what it had before (RssAnon, sampled every few milliseconds): all that lasts, and at most.

The Hessian is a logistic one (`Curvature`) of rows that one process holds on the GPU, or on the CPU where there is none, beside what PyTorch reaches
there in adding up the same numbers, and in a product of matrices.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from threadpoolctl import threadpool_limits

import summable as sm
from summable.core.design import Block, Constant, Design, Numeric
from summable.engines.torch import mesh
from summable.maths.losses import loss
from summable.measures.curvature import Curvature
from summable.open import matrices

EPOCHS = 6
SHAPES = {"narrow": (400_000, 20, 1, 4000), "wide": (20_000, 1000, 10, 500)}  # rows, features, targets, rows of a batch
RIDGE = (600, 200_000, 4)  # rows, features, ranks
MIB = 2**20


def data(rows: int, features: int, targets: int, share: slice) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    x, coef = draw.normal(size=(rows, features)), draw.normal(size=(features, targets))
    return x[share], (x @ coef + draw.normal(size=(rows, targets)))[share]


def ours(x: np.ndarray, y: np.ndarray, batches: int, batch: int, where: str) -> list[float]:
    times = [time.perf_counter()]

    def watch(step: int, loss: float) -> None:
        if step % batches == 0:
            times.append(time.perf_counter())

    sm.train(x, y, rate=0.01, batch=batch, epochs=EPOCHS, watch=watch, engine=where)
    return list(np.diff(times)[1:])


def torchs(x: np.ndarray, y: np.ndarray, batches: int, device: str, dtype: torch.dtype) -> list[float]:
    features, targets, times = torch.tensor(x, device=device, dtype=dtype), torch.tensor(y, device=device, dtype=dtype), []
    layer = torch.nn.Linear(x.shape[1], y.shape[1], device=device, dtype=dtype)
    model = torch.nn.parallel.DistributedDataParallel(layer) if dist.get_world_size() > 1 else layer
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    for _ in range(EPOCHS):
        start = time.perf_counter()
        for rows in torch.randperm(len(x), device=device).chunk(batches):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(features[rows]), targets[rows])
            loss.backward()
            optimizer.step()
            loss.item()  # the curve is kept by both
        times.append(time.perf_counter() - start)
    return times[1:]


def begin(number: int, ranks: int, folder: str, name: str) -> None:
    torch.set_num_threads(1)
    threadpool_limits(1)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "cpu:gloo"
    dist.init_process_group(backend, init_method=f"file://{folder}/{name}{ranks}", rank=number, world_size=ranks)


def epochs(number: int, ranks: int, folder: str, quick: bool) -> None:
    begin(number, ranks, folder, "epochs")
    for device in ["cpu", *["cuda"] * (ranks == 1 and torch.cuda.is_available())]:
        for kind in ("float64", "float32"):
            for name in SHAPES:
                epoch(number, ranks, name, device, kind, quick)
    dist.destroy_process_group()


def epoch(number: int, ranks: int, name: str, device: str, kind: str, quick: bool) -> None:
    many, features, targets, batch = SHAPES[name]
    rows = many // 10 if quick else many
    batches = round(rows / batch)
    x, y = data(rows, features, targets, slice(rows * number // ranks, rows * (number + 1) // ranks))
    plain, house = [], []
    for _ in range(2):
        plain += torchs(x, y, batches, device, getattr(torch, kind))
        house += ours(x, y, batches, batch, f"torch:{device}:{ranks}x1/{kind}")
    if number == 0:
        ratio = median(house) / median(plain)
        what = f"{name}, {kind} on {device}: {rows:,} rows x {features}, {targets} targets, {batches} batches"
        print(f"{ranks} process{'es' * (ranks > 1):<3} {what:<75}{median(plain):>9.3f} s PyTorch{median(house):>9.3f} s summable{ratio:>7.2f}", flush=True)


def hessian(number: int, _: int, folder: str, quick: bool) -> None:
    """A Hessian of rows that stay on a device, beside PyTorch's own reading and multiplying there."""
    begin(number, 1, folder, "hessian")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    square = torch.rand(2048, 2048, device=device, dtype=torch.float64)
    peak = 2 * 2048**3 / seconds(lambda: float((square @ square)[0, 0]))
    for many, features in ((8_000_000, 12), (200_000, 512)):
        x, y = data(many // 10 if quick else many, features, 1, slice(None))
        design = Design((), (Constant(), Block("X", (0.0,) * features)), (("y", Numeric("y")),))
        place = sm.engine(matrices(x, (y > 0).astype(float), None), engine=f"torch:{device}:1x1")
        ask = Curvature(design, loss("binomial"), np.zeros((features + 1, 1)), np.zeros((features + 1, 0)), np.zeros(0))
        took = seconds(lambda place=place, ask=ask: place.sum(ask))
        there = torch.tensor(x, device=device)
        reading = x.nbytes / seconds(lambda there=there: float(there.sum()))
        read, multiplied = x.nbytes / took, 2 * len(x) * features**2 / took
        print(f"Hessian on {device}, {len(x):,} rows x {features}: {read / 1e9:,.1f} GB/s, {read / reading:.2f} of reading; ", end="")
        print(f"{multiplied / 1e9:,.0f} GFLOP/s, {multiplied / peak:.2f} of products", flush=True)
    dist.destroy_process_group()


def seconds(ask: Callable[[], object]) -> float:
    """The median of five, after one."""
    times = [time.perf_counter()]
    for _ in range(6):
        ask()
        times.append(time.perf_counter())
    return median(np.diff(times)[1:])


class Watched:
    """What a block takes in memory beyond what the process had before, in bytes: at most, and what lasts."""

    def __enter__(self) -> Watched:
        self.before, self.most, self.over = anonymous(), 0, threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def look(self) -> None:
        while not self.over.wait(0.005):
            self.most = max(self.most, anonymous() - self.before)

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


def anonymous() -> int:
    """Memory of this process that no file backs, in bytes."""
    return int(re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024


def wide(number: int, ranks: int, folder: str, quick: bool) -> None:
    begin(number, ranks, folder, "wide")
    rows, features, _ = shape(quick)
    x, y = np.load(f"{folder}/x.npy", mmap_mode="r"), np.load(f"{folder}/y.npy")
    where = mesh(1, ranks)
    sm.train(np.eye(8), np.arange(8.0), method="cg", alpha=1.0, engine=where)  # what is imported is no memory of the design
    with Watched() as memory:
        start = time.perf_counter()
        fit = sm.train(x, y, method="cg", alpha=1000.0, engine=where)
        seconds = time.perf_counter() - start
    told: list[object] = [None] * ranks
    dist.all_gather_object(told, memory.most)
    if number == 0:
        full, inside = 8 * rows * features, [line.up + line.inside for line in fit.ledger.rounds if line.measure == "Image"]
        print(f"ridge of {rows} x {features:,} on {ranks} ranks by features: {len(fit.losses)} steps, residual {fit.residual:.0e}, {seconds:.1f} s")
        print(f"  the design is {full / MIB:,.0f} MiB; at most held beyond the process, per rank: {', '.join(f'{one / MIB:,.0f}' for one in told)} MiB")
        print(f"  {max(told) / full:.3f} of it where a quarter is 0.250; {inside[0]:,} bytes a step and rank, and a coefficient never crosses before the end")
    dist.destroy_process_group()


def shape(quick: bool) -> tuple[int, int, int]:
    rows, features, ranks = RIDGE
    return rows, features // 10 if quick else features, ranks


def write(folder: str, quick: bool) -> None:
    """A matrix on disk, row by row, of which the first ten features matter."""
    rows, features, _ = shape(quick)
    draw, x = np.random.default_rng(1), np.lib.format.open_memmap(f"{folder}/x.npy", "w+", np.float64, (rows, features))
    for row in range(rows):
        x[row] = draw.normal(size=features)
    np.save(f"{folder}/y.npy", x[:, :10].sum(axis=1) + draw.normal(size=rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, and of the features")
    options = parser.parse_args()
    start = "fork" if sys.platform == "linux" else "spawn"
    with tempfile.TemporaryDirectory() as folder:
        for ranks in (1, 2):
            processes.start_processes(epochs, (ranks, folder, options.quick), nprocs=ranks, start_method=start)
        write(folder, options.quick)
        processes.start_processes(wide, (RIDGE[2], folder, options.quick), nprocs=RIDGE[2], start_method=start)
        processes.start_processes(hessian, (1, folder, options.quick), nprocs=1, start_method=start)


if __name__ == "__main__":
    main()
