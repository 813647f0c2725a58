"""One linear layer, trained by four processes in every way that they can share it: who holds what, and what crosses.

Run it as it stands (it starts its own processes), or in those that are there: torchrun --nproc-per-node 4 examples/mesh.py
"""

from __future__ import annotations

import os
import sys
import tempfile

import numpy as np
import torch.distributed as dist
import torch.multiprocessing as processes

import summable as sm
from summable.engines.torch import bounds, mesh

ROWS, FEATURES, TARGETS, STEPS = 1000, 7, 4, 50
SCHEMES = {
    "data parallel": (4, 1, "", "each rank has its rows, and all coefficients; gradients are added up"),
    "tensor parallel by features": (1, 4, "features", "each rank has its columns; predictions are added up"),
    "tensor parallel by outputs": (1, 4, "outputs", "each rank has its targets; nothing is added up"),
    "both": (2, 2, "features", "predictions are added up along a row of ranks, gradients along a column"),
}


def data():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(ROWS, FEATURES))
    return x, x @ draw.normal(size=(FEATURES, TARGETS)) + 1.0 + 0.1 * draw.normal(size=(ROWS, TARGETS))


def predicted(dp, tp, sliced, rows, width, targets):
    """Bytes that a rank with so many rows, coefficients and targets gives to all-reduces in a step: those of 8-byte numbers."""
    answer = (width * targets + targets + 3) * (dp > 1)  # gradient, losses, two counts and the weight
    inside = rows * targets * (tp > 1 and sliced == "features")  # predictions
    return 8 * (answer + inside + 1)  # and one number by which ranks agree that all have an answer


def run(name):
    """Train in one scheme; what all ranks have to tell: [row of the mesh, column, rows, columns, targets, counted, predicted]."""
    dp, tp, sliced, _ = SCHEMES[name]
    where, (x, y) = mesh(dp, tp), data()
    row, column = where.get_local_rank("dp"), where.get_local_rank("tp")
    first, last = bounds(ROWS, dp)[row : row + 2]
    fit = sm.train(x[first:last], y[first:last], rate=0.1, steps=STEPS, engine=where, split=sliced)
    step = fit.ledger.rounds[1]
    width = np.diff(bounds(FEATURES + 1, tp))[column] if sliced == "features" else FEATURES + 1
    targets = np.diff(bounds(TARGETS, tp))[column] if sliced == "outputs" else TARGETS
    mine = [row, column, last - first, width, targets, step.up + step.inside, predicted(dp, tp, sliced, last - first, width, targets)]
    everyone = [None] * 4
    dist.all_gather_object(everyone, [int(number) for number in mine])
    return fit, everyone


def picture(name, everyone):
    """The mesh, a line for each row of ranks."""
    dp, tp, _, what = SCHEMES[name]
    lines = [f"{name}, {dp} x {tp}: {what}"]
    for at in range(dp):
        ranks = [(rank, told) for rank, told in enumerate(everyone) if told[0] == at]
        lines.append("   " + "   ".join(f"[rank {rank}: X {rows} x {width}, W {targets} x {width}]" for rank, (_, _, rows, width, targets, _, _) in ranks))
    counted, foretold = ([told[number] for told in everyone] for number in (5, 6))
    return [*lines, f"   bytes a step, counted {counted}, predicted {foretold}"]


def main():
    alone, fits = sm.train(*data(), rate=0.1, steps=STEPS), {}
    lines = [f"N = {ROWS} rows, p = {FEATURES} features and the constant, q = {TARGETS} targets; Adam, {STEPS} steps over all rows", ""]
    for name in SCHEMES:
        fits[name], everyone = run(name)
        lines += [*picture(name, everyone), ""]
    lines.append("loss at step   one process " + "".join(f"{name:>30}" for name in fits))
    for step in (0, 10, 20, 30, 40, 49):
        lines.append(f"{step:12}   {alone.losses[step]:11.7f} " + "".join(f"{fit.losses[step]:30.7f}" for fit in fits.values()))
    apart = max(np.abs(fit.losses / alone.losses - 1).max() for fit in fits.values())
    lines.append(f"The curves are the same: {'no' if apart > 1e-12 else 'apart by rounding only'}.")
    if dist.get_rank() == 0:
        print("\n".join(line.rstrip() for line in lines))


def rank_of_four(rank, file):
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=4)
    main()
    dist.destroy_process_group()


if __name__ == "__main__":
    if "RANK" in os.environ:
        dist.init_process_group("gloo")
        main()
        dist.destroy_process_group()
    else:
        with tempfile.TemporaryDirectory() as folder:
            start = "fork" if sys.platform == "linux" else "spawn"
            processes.start_processes(rank_of_four, (os.path.join(folder, "meet"),), nprocs=4, start_method=start)
