"""One linear layer, trained by four processes in every way that they can share it: who holds what, and what crosses.

Run it as it stands (it starts its own processes), or in those that are there: torchrun --nproc-per-node 4 examples/mesh.py
With a folder behind it, it draws there what it prints.
"""

from __future__ import annotations

import os
import sys
import tempfile

import numpy as np
import pictures
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
    """Train in one scheme; what all ranks have to tell: (row of the mesh, its rows, columns and targets as (first, last), bytes counted, predicted)."""
    dp, tp, sliced, _ = SCHEMES[name]
    where, (x, y) = mesh(dp, tp), data()
    row, column = where.get_local_rank("dp"), where.get_local_rank("tp")
    rows = share(ROWS, dp, row)
    fit = sm.train(x[slice(*rows)], y[slice(*rows)], rate=0.1, steps=STEPS, engine=where, split=sliced)
    step = fit.ledger.rounds[1]
    columns = share(FEATURES + 1, tp, column) if sliced == "features" else (0, FEATURES + 1)
    targets = share(TARGETS, tp, column) if sliced == "outputs" else (0, TARGETS)
    counted, foretold = step.up + step.inside, predicted(dp, tp, sliced, size(rows), size(columns), size(targets))
    everyone = [None] * 4
    dist.all_gather_object(everyone, (row, rows, columns, targets, counted, foretold))
    return fit, everyone


def share(count, ranks, rank):
    return tuple(bounds(count, ranks)[rank : rank + 2])


def size(ends):
    return ends[1] - ends[0]


def picture(name, everyone):
    """The mesh, a line for each row of ranks."""
    dp, tp, _, what = SCHEMES[name]
    lines = [f"{name}, {dp} x {tp}: {what}"]
    for at in range(dp):
        ranks = [(rank, *map(size, told[1:4])) for rank, told in enumerate(everyone) if told[0] == at]
        lines.append("   " + "   ".join(f"[rank {rank}: X {rows} x {width}, W {targets} x {width}]" for rank, rows, width, targets in ranks))
    counted, foretold = ([told[number] for told in everyone] for number in (4, 5))
    return [*lines, f"   bytes a step, counted {counted}, predicted {foretold}"]


def draw(folder, alone, fits, told):
    """The same as pictures."""
    schemes = []
    for name, (dp, tp, _, what) in SCHEMES.items():
        added = what.split("; ")[-1]
        schemes.append((f"{name}, {dp} x {tp}", added, [rank[1:4] for rank in told[name]], f"{told[name][0][4]:,} bytes a step from each rank"))
    losses = {"one process": alone.losses, **{name: fit.losses for name, fit in fits.items()}}
    pictures.write(folder, schemes, ROWS, FEATURES + 1, TARGETS, losses)


def main():
    alone, fits, told = sm.train(*data(), rate=0.1, steps=STEPS), {}, {}
    lines = [f"N = {ROWS} rows, p = {FEATURES} features and the constant, q = {TARGETS} targets; Adam, {STEPS} steps over all rows", ""]
    for name in SCHEMES:
        fits[name], told[name] = run(name)
        lines += [*picture(name, told[name]), ""]
    lines.append("loss at step   one process " + "".join(f"{name:>30}" for name in fits))
    for step in (0, 10, 20, 30, 40, 49):
        lines.append(f"{step:12}   {alone.losses[step]:11.7f} " + "".join(f"{fit.losses[step]:30.7f}" for fit in fits.values()))
    apart = max(np.abs(fit.losses / alone.losses - 1).max() for fit in fits.values())
    lines.append(f"The curves are the same: {'no' if apart > 1e-12 else 'apart by rounding only'}.")
    if dist.get_rank() == 0:
        print("\n".join(line.rstrip() for line in lines))
        if sys.argv[1:]:
            draw(sys.argv[1], alone, fits, told)


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
