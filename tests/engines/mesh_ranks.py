"""What each of four processes of the tests of meshes does, and one alone. Started as: python mesh_ranks.py FOLDER."""

from __future__ import annotations

import os
import shutil
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from torch.utils._python_dispatch import TorchDispatchMode

import summable as sm
from summable.core.design import Block, Constant, Design, Numeric
from summable.core.run import run
from summable.core.sample import chosen, keys
from summable.engines import held_rows
from summable.engines.torch import Mesh, bounds, mesh
from summable.maths.losses import loss
from summable.measures.gram import Gram
from summable.open import matrices
from summable.solvers.lbfgs import lbfgs
from summable.solvers.problem import Problem
from summable.solvers.training import Course
from summable.testing import contract
from summable.testing.contract import threads

CUTS = {1: [0, 203], 2: [0, 37, 203], 4: [0, 5, 5, 120, 203]}  # rows of the shares: uneven, and one of four has none
SCHEMES = [(4, 1, ""), (1, 4, ""), (2, 2, ""), (1, 4, "features"), (2, 2, "features"), (1, 4, "outputs"), (2, 2, "outputs")]
LONGEST = 250  # seconds that four processes may take for all they do
STEPS, BATCH, TARGETS, FEATURES = 50, 40, 3, 6  # of seven columns with the constant, four ranks have 1, 2, 2 and 2
KILLED = {"rate": 0.05, "steps": STEPS, "batch": BATCH, "seed": 3, "save_every": 10}  # the training that a death interrupts


class Bytes(TorchDispatchMode):
    """Counts the bytes of the buffers that collectives are called with, where PyTorch calls them."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.namespace == "c10d":
            self.count += sum(tensor.nbytes for tensor in args[0])
        return function(*args, **(kwargs or {}))


def rows():
    draw = np.random.default_rng(11)
    x = draw.normal(size=(203, FEATURES))
    y = x @ draw.normal(size=(FEATURES, TARGETS)) + 0.5 * draw.normal(size=(203, TARGETS)) + 1.0
    return x, y, (y > 1.0).astype(float)


def table(x, y, churn):
    names = {f"x{i}": x[:, i] for i in range(FEATURES)}
    return {**names, "y": y[:, 0], "churn": churn[:, 0], "g": np.array(["a", "b", "c"])[(x[:, 5] > -0.5).astype(int) + (x[:, 5] > 0.5)]}


def files(folder, engine=None):
    """Least squares over three files, of which four ranks get one each, and one none."""
    fit = sm.ols("y ~ x0 + C(g)", f"{folder}/*.parquet", engine=engine)
    return {"files": np.concatenate([fit.params, fit.bse])}


def write(folder):
    """The rows in three files."""
    for number, part in enumerate(np.array_split(np.arange(203), [20, 150])):
        pd.DataFrame({name: values[part] for name, values in table(*rows()).items()}).to_parquet(Path(folder) / f"{number}.parquet")


def problem(family):
    design = Design((), (Constant(), Block("X", (0.0,) * FEATURES)), (("y", Numeric("y")),))
    width = FEATURES + 1
    return Problem(design, loss(family), np.arange(width), 0.5 * np.eye(width), 203.0, np.eye(width), np.zeros((0, 0)))


WAYS = ("sgd", "adam", "logistic sgd", "logistic adam", "narrow", "held out", "cg", "free lbfgs", "wide cg")
WHOLE = ("cg", "free lbfgs", "wide cg")  # which look at all rows


def ways(dp, tp, sliced):
    """Those in which a scheme is trained: all where a step is of its own kind."""
    return WAYS[:5] if sliced == "outputs" else WAYS if sliced or tp == 1 else ("sgd", "adam", "logistic sgd", "narrow", "held out", "cg", "free lbfgs")


def trained(x, y, churn, names=WAYS, **options):
    """Curves and coefficients of training in some ways."""
    common = {"steps": STEPS, "batch": BATCH, "seed": 3, **options}
    calls = {
        "sgd": lambda: sm.train(x, y, method="sgd", rate=0.05, momentum=0.9, decay=0.9, every=2, **common),
        "adam": lambda: sm.train(x, y, rate=0.05, **common),
        "narrow": lambda: sm.train(x[:, :2], y[:, 0], rate=0.05, **{**common, "steps": 3}),  # fewer columns, and targets, than ranks
        "held out": lambda: sm.train(x, y, rate=0.05, validation=0.25, patience=2, **common),
        "logistic sgd": lambda: sm.train(x, churn, family="binomial", method="sgd", rate=0.5, **common),
        "logistic adam": lambda: sm.train(x, churn, family="binomial", rate=0.1, **common),
    }
    wide = np.concatenate([x, np.sin(np.outer(x[:, 0], np.arange(1.0, 250.0))) + 3.0], axis=1)  # more columns than rows
    krylov = {"engine": options.get("engine"), "split": options.get("split"), "method": "cg"}
    calls |= {
        "cg": lambda: sm.train(x, y, weights=1.0 + (x[:, 1] > 0), alpha=0.5, **krylov),
        "wide cg": lambda: sm.train(wide, y[:, :2], alpha=30.0, **krylov),
        "free lbfgs": lambda: sm.train(x + 20.0, churn, family="binomial", alpha=0.5, tolerance=1e-10, **{**krylov, "method": "lbfgs"}),
    }
    fits = {name: calls[name]() for name in names}
    return {
        name: np.concatenate([[] if name in WHOLE else fit.losses, fit.validation, [fit.loss], np.ravel(fit.coef), fit.intercept]) for name, fit in fits.items()
    }


def representable(x):
    """The same features, as float32 holds them; one of them is so small in the last rows that float32 would be refused to whoever had no others."""
    x = x.astype(np.float32).astype(np.float64)
    x[120:, 1] = 1e-35 * (x[120:, 1] > 0)
    return x.astype(np.float32).astype(np.float64)


def short(x, y, churn, engine=None, split=None):
    """The same where ranks hold float32, of features that it holds in full: a fit too, whose products need everyone's columns."""
    found = {"short adam": trained(x, y, churn, ["adam"], engine=engine, split=split)["adam"]}
    if not split:
        fit = sm.glm("churn ~ x0 + x3 + x4", table(x, y, churn), "binomial", engine=engine, prefer="time")  # whose features are not shifted
        found["short logistic"] = np.concatenate([fit.params, fit.bse])
    return found


def fitted(x, y, churn, engine=None):
    """Solutions of the programs that know nothing of a mesh."""
    data = table(x, y, churn)
    right = "x0 + x1 + x2 + x3 + x4 + x5 + C(g)"
    linear = sm.ols(f"y ~ {right}", data, engine=engine)
    found = {
        "ols": linear,
        "newton": sm.glm("y ~ x0 + x3 + x4", data, "gaussian", engine=engine, prefer="time"),
        "logistic newton": sm.glm("churn ~ x0 + x3 + x4", data, "binomial", engine=engine, prefer="time"),
        "logistic few rounds": sm.glm("churn ~ x0 + x3", data, "binomial", engine=engine, prefer="rounds"),
    }
    descents = {"lbfgs": descended("gaussian", x, y, engine), "logistic lbfgs": descended("binomial", x, churn, engine)}
    return {name: np.concatenate([fit.params, fit.bse]) for name, fit in found.items()} | descents


def descended(family, x, y, engine):
    """Where L-BFGS leads."""
    (at, done), _ = run(lbfgs(problem(family), np.zeros(FEATURES + 1)), sm.engine(matrices(x, y[:, :1], None), engine=engine))
    assert done
    return at


def predicted(dp, tp, sliced, batch_rows, width, targets):
    """Bytes that a rank gives to collectives in a step: (of the answer, inside of it but for agreeing)."""
    tp_rank = dist.get_rank() % tp
    features = width if sliced != "features" else len(range(width)[slice(width * tp_rank // tp, width * (tp_rank + 1) // tp)])
    outputs = targets if sliced != "outputs" else len(range(targets)[slice(targets * tp_rank // tp, targets * (tp_rank + 1) // tp)])
    answer = 0 if dp == 1 else 8 * (features * outputs + outputs + 3)
    if tp == 1 or sliced == "outputs":
        return answer, 0
    return answer, 8 * (batch_rows * targets + (0 if sliced else width * targets))


def accounts(x, y, where, dp, tp, sliced):
    """Asserts that what PyTorch saw, what the ledger says and what the formula predicts are the same, whole passes and batches."""
    for batch in (None, BATCH):
        with Bytes() as seen:
            fit = sm.train(x, y, method="sgd", steps=4, batch=batch, engine=where, split=sliced)
        told = [line.up + line.inside for line in fit.ledger.rounds]
        gathered = 0 if not sliced or tp == 1 else 8 * (3 * (FEATURES + 1) * TARGETS + (5 * TARGETS if sliced == "outputs" else 0))
        assert seen.count == sum(told) + gathered, (dp, tp, sliced, seen.count, told, gathered)
        sizes = [len(x)] * 6 if batch is None else [len(x), *batches(x, y), len(x)]
        for number, (size, line) in enumerate(zip(sizes, fit.ledger.rounds, strict=True)):
            answer, inside = predicted(dp, tp, sliced, size, FEATURES + 1, TARGETS)
            agreed = 8 * (1 + (number == 0 or (batch is not None and number == 1)))  # and once more where rows, or their keys, are read
            assert (line.down, line.up, line.inside) == (0, answer, inside + agreed), (dp, tp, sliced, number, line, answer, inside)


def account_of_squares(x, y, where, dp, tp):
    """The same of least squares: X'X and X'y at once, for which every rank gives its columns to all in turn."""
    design = Design((), (Constant(), Block("X", (0.0,) * FEATURES)), tuple(("y", Numeric(f"y{i}")) for i in range(TARGETS)))
    place, width = sm.engine(matrices(x, y, None), engine=where), FEATURES + 1
    packed = width * (width + 1) // 2
    with Bytes() as seen:
        _, ledger = run(once(design), place)
    (line,) = ledger.rounds
    inside = (len(x) * width + packed + width * TARGETS) * (tp > 1)
    assert (line.up, line.inside) == (8 * (3 + TARGETS + width * TARGETS + packed) * (dp > 1), 8 * (inside + 2)), (dp, tp, line, inside)
    assert seen.count == line.up + line.inside, (dp, tp, seen.count, line)


def account_of_directions(x, y, where, dp, tp, sliced):
    """The same of conjugate gradients: a step is an image of the rows, and two rounds of inner products where coefficients are sliced.

    With the curve, one of them; with the next residual, two, and one for each that is remembered.
    """
    width = FEATURES + 1
    own = np.diff(bounds(width, tp))[where.get_local_rank("tp")] if sliced == "features" else width
    with Bytes() as seen:
        fit = sm.train(x, y, method="cg", steps=3, tolerance=1e-3, engine=where, split=sliced)
    told = [line.up + line.inside for line in fit.ledger.rounds]
    assert seen.count == sum(told) + 8 * width * TARGETS * (tp > 1 and sliced == "features")  # which cross once, at the end
    inner = [line for line in fit.ledger.rounds if line.measure == "Inner"]
    asked = {8 * TARGETS * pairs * (tp > 1) for pairs in range(1, 3 + len(fit.losses))}
    assert bool(inner) and {line.up for line in inner} == {0} and {line.inside for line in inner} == asked
    images = [line for line in fit.ledger.rounds if line.measure == "Image"]
    inside = 8 * (1 + len(x) * TARGETS * (tp > 1))
    assert images and {(line.up, line.inside) for line in images} == {(8 * (own * TARGETS + TARGETS) * (dp > 1), inside)}


def account_of_inner_products(x, y, where, dp, tp):
    """The same of L-BFGS: a step is a gradient of the rows, a lift, a value told with two more, and five inner products for each step remembered."""
    own = np.diff(bounds(FEATURES + 1, tp))[where.get_local_rank("tp")]
    with Bytes() as seen:
        fit = sm.train(x, y, method="lbfgs", steps=20, tolerance=1e-3, engine=where, split="features")
    told = [line.up + line.inside for line in fit.ledger.rounds]
    assert seen.count == sum(told) + 8 * (FEATURES + 1) * TARGETS * (tp > 1)  # which cross once, at the end
    slopes = [line for line in fit.ledger.rounds if line.measure == "Slopes"]
    assert {(line.up, line.inside) for line in slopes} == {(8 * (own * TARGETS + TARGETS + 3) * (dp > 1), 8 * (1 + len(x) * TARGETS * (tp > 1)))}
    products = [line.inside for line in fit.ledger.rounds if line.measure == "Inner"]
    remembered = [8 * (1 + 5 * count) * (tp > 1) for count in range(len(fit.losses) + 1)]
    assert sorted({*products}) == sorted({*remembered, 8 * TARGETS * (tp > 1), 8 * 3 * TARGETS * (tp > 1)}), (products, remembered)


def once(design):
    return (yield from Gram(design))


def batches(x, y):
    """How many of these rows are in each of the first four of five batches."""
    found = keys([*x.T, *y.T], len(x))
    return [int(chosen(found, Course(4, 0.1, 5, 0).sample_of(step)).sum()) for step in range(4)]


def refusals(where, x, y):
    """An error on one rank is the same sentence on all."""
    bad = {"x": x[:, 0].copy(), "y": y[:, 0].copy()}
    if dist.get_rank() == 2 and len(x):
        bad["x"][0] = np.inf
    try:
        sm.ols("y ~ x", bad, engine=where)
    except sm.DataError as error:
        return str(error)
    return "none"


def refused_files(folder, where):
    """Ranks that see other files are told, all of them."""
    try:
        sm.ols("y ~ x0", f"{folder}/{dist.get_rank() // 2}.parquet", engine=where)
    except sm.Unsupported as error:
        return str(error)
    return "none"


def everything(rank, folder):
    begin(rank, folder, "all")
    x, y, churn = rows()
    for dp, tp, sliced in SCHEMES:
        where = mesh(dp, tp)
        share = slice(*CUTS[dp][where.get_local_rank("dp") :][:2])
        mine = x[share], y[share], churn[share]
        held_rows.COMPILED = 1 if tp == 1 else 2**16  # of few rows too: only such a mesh has all features where kernels could read them
        found = trained(*mine, ways(dp, tp, sliced), engine=where, split=sliced)
        found |= short(representable(x)[share], *mine[1:], f"torch:{dp}x{tp}/float32", sliced)
        if not sliced:
            found |= {**fitted(*mine, where), **files(folder, where), "refused": refusals(where, *mine[:2]), "files refused": refused_files(folder, where)}
            account_of_squares(*mine[:2], where, dp, tp)
        accounts(*mine[:2], where, dp, tp, sliced)
        if sliced == "features":
            account_of_directions(*mine[:2], where, dp, tp, sliced)
            account_of_inner_products(*mine[:2], where, dp, tp)
        np.savez(Path(folder) / f"{dp}x{tp}{sliced}-{rank}.npz", **found)
    dist.destroy_process_group()


AGAIN = ("asks again where a task failed, and counts it once", "names the partition that keeps failing")


def contracts(rank, folder):
    """What every engine promises; where features are split, but for being asked again, since others wait inside of an answer."""
    begin(rank, folder, "contracts")
    own, kept = Path(folder) / f"own-{rank}", []
    own.mkdir()
    for dp, tp in ((2, 2), (4, 1)):
        where = mesh(dp, tp)
        for check in contract(partial(placed, where), own):
            if "begins no more" in check.name or (check.name in AGAIN) != (tp == 1):  # a signal is for one process
                continue
            check.run()
            kept.append(check.name)
    (Path(folder) / f"kept-{rank}.txt").write_text("\n".join(kept))
    dist.destroy_process_group()


def placed(where, tables):
    """Neighbours on one row of the mesh; there may be rows without any."""
    share = bounds(len(tables), where.size(0))[where.get_local_rank("dp") :][:2]
    return Mesh(threads(tables[slice(*share)]).shards, where)


def killed(rank, folder):
    """One rank dies in the midst; what the others say is written down."""
    begin(rank, folder, "killed")
    x, y, _ = rows()
    where = mesh(2, 2)
    share = slice(*CUTS[2][where.get_local_rank("dp") :][:2])

    def watch(step, _loss):
        if step == 25 and rank == 3:
            os._exit(1)

    try:
        sm.train(x[share], y[share], **KILLED, engine=where, checkpoint=Path(folder) / "mesh.json", watch=watch)
    except sm.SourceError as error:
        (Path(folder) / f"error-{rank}.txt").write_text(str(error))


def resumed(rank, folder):
    """Four others go on where those were, as another mesh."""
    begin(rank, folder, "resumed")
    (x, y, _), where, asked = rows(), mesh(4, 1), []
    share = slice(*CUTS[4][rank:][:2])
    fit = sm.train(x[share], y[share], **KILLED, engine=where, checkpoint=Path(folder) / "again.json", watch=lambda step, loss: asked.append(step))
    np.savez(Path(folder) / f"resumed-{rank}.npz", adam=np.concatenate([fit.losses, [fit.loss], np.ravel(fit.coef), fit.intercept]), asked=asked)
    dist.destroy_process_group()


def begin(rank, folder, name):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{Path(folder).resolve()}/{name}", rank=rank, world_size=4)


def started(what, folder):
    """Four processes, forked so that nothing is imported again; their exit codes. One that hangs is ended, and has another than any that ends itself."""
    ranks = processes.start_processes(what, (folder,), nprocs=4, join=False, daemon=True, start_method="fork").processes
    deadline = time.monotonic() + LONGEST
    for process in ranks:  # each is waited for: none is to be ended by another than itself
        process.join(max(0.0, deadline - time.monotonic()))
    for process in ranks:
        if process.exitcode is None:
            process.kill()
            process.join()
    return [process.exitcode for process in ranks]


if __name__ == "__main__":
    write(sys.argv[1])
    found = trained(*rows()) | short(representable(rows()[0]), *rows()[1:]) | fitted(*rows()) | files(sys.argv[1])
    np.savez(Path(sys.argv[1]) / "alone.npz", **found)
    print(*started(everything, sys.argv[1]), *started(killed, sys.argv[1]))
    shutil.copy(Path(sys.argv[1]) / "mesh.json", Path(sys.argv[1]) / "again.json")
    print(*started(resumed, sys.argv[1]), *started(contracts, sys.argv[1]))
