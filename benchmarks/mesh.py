"""An epoch of mini-batches beside a plain PyTorch loop on the same rows, alone and in two processes (there with DDP).

    python -m benchmarks.mesh [--quick]

Both keep the rows in memory, see every row once an epoch in batches of an order drawn anew, and take Adam's steps on a linear layer in
float64. Times are medians of the epochs after the first, which also reads the rows, here, and warms both up.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from statistics import median

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from threadpoolctl import threadpool_limits

import summable as sm
from summable.engines.torch import mesh

EPOCHS = 6
SHAPES = {"narrow": (400_000, 20, 1, 4000), "wide": (20_000, 1000, 10, 500)}  # rows, features, targets, rows of a batch


def data(rows: int, features: int, targets: int, share: slice) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    x, coef = draw.normal(size=(rows, features)), draw.normal(size=(features, targets))
    return x[share], (x @ coef + draw.normal(size=(rows, targets)))[share]


def ours(x: np.ndarray, y: np.ndarray, batches: int, batch: int) -> list[float]:
    times = [time.perf_counter()]

    def watch(step: int, loss: float) -> None:
        if step % batches == 0:
            times.append(time.perf_counter())

    sm.train(x, y, rate=0.01, batch=batch, epochs=EPOCHS, watch=watch, engine=mesh(dist.get_world_size()))
    return list(np.diff(times)[1:])


def torchs(x: np.ndarray, y: np.ndarray, batches: int) -> list[float]:
    features, targets, times = torch.tensor(x), torch.tensor(y), []
    layer = torch.nn.Linear(x.shape[1], y.shape[1], dtype=torch.float64)
    model = torch.nn.parallel.DistributedDataParallel(layer) if dist.get_world_size() > 1 else layer
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    for _ in range(EPOCHS):
        start = time.perf_counter()
        for rows in torch.randperm(len(x)).chunk(batches):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(features[rows]), targets[rows])
            loss.backward()
            optimizer.step()
            loss.item()  # the curve is kept by both
        times.append(time.perf_counter() - start)
    return times[1:]


def rank(number: int, ranks: int, folder: str, quick: bool) -> None:
    torch.set_num_threads(1)
    threadpool_limits(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet{ranks}", rank=number, world_size=ranks)
    for name, (many, features, targets, batch) in SHAPES.items():
        rows = many // 10 if quick else many
        batches = round(rows / batch)
        x, y = data(rows, features, targets, slice(rows * number // ranks, rows * (number + 1) // ranks))
        plain = [*torchs(x, y, batches), *torchs(x, y, batches)]
        house = [*ours(x, y, batches, batch), *ours(x, y, batches, batch)]
        if number == 0:
            ratio = median(house) / median(plain)
            what = f"{name}: {rows:,} rows x {features}, {targets} targets, {batches} batches"
            print(f"{ranks} process{'es' * (ranks > 1):<3} {what:<60}{median(plain):>9.3f} s PyTorch{median(house):>9.3f} s summable{ratio:>7.2f}", flush=True)
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    options = parser.parse_args()
    start = "fork" if sys.platform == "linux" else "spawn"
    with tempfile.TemporaryDirectory() as folder:
        for ranks in (1, 2):
            processes.start_processes(rank, (ranks, folder, options.quick), nprocs=ranks, start_method=start)


if __name__ == "__main__":
    main()
