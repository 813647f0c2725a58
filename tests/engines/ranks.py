"""Run by every rank: the contract, files that all ranks see, rows that are a rank's own, an error on one rank. Rank 0 prints what it finds."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from mpi4py import MPI

import summable as sm
from summable.core.wire import to_json
from summable.engines.mpi import Mpi
from summable.testing import contract
from summable.testing.contract import threads

WORLD = MPI.COMM_WORLD
FORMULA = "y ~ x + C(g)"


def open_(tables):
    """Neighbours on one rank; there may be ranks without any."""
    share = [len(tables) * rank // WORLD.size for rank in (WORLD.rank, WORLD.rank + 1)]
    return Mpi(threads(tables[slice(*share)]), WORLD)


def keeps_contract(folder):
    for check in contract(open_, folder):
        if "begins no more" in check.name:  # a signal for one process; see below
            continue
        check.run()
        told(f"kept: {check.name}")


def told(text):
    if WORLD.rank == 0:
        print(text, flush=True)


def same_bits(fit):
    return len(set(WORLD.allgather(hashlib.sha256(to_json(fit.solution).encode()).hexdigest()))) == 1


def main():
    folder = Path(sys.argv[1])
    (folder / str(WORLD.rank)).mkdir()
    keeps_contract(folder / str(WORLD.rank))
    shared = sm.ols(FORMULA, folder / "rows", engine="mpi")
    logistic = sm.glm("z ~ x + C(g)", folder / "rows", "binomial", engine=WORLD)
    one = sm.ols(FORMULA, folder / "rows"), sm.glm("z ~ x + C(g)", folder / "rows", "binomial")
    told(f"same bits: {same_bits(shared)} {same_bits(logistic)}")
    pairs = [(getattr(fit, name), getattr(whole, name)) for fit, whole in zip((shared, logistic), one, strict=True) for name in ("params", "bse")]
    told(f"apart: {max(float(np.abs(here / there - 1).max()) for here, there in pairs):.1e}")
    mine = pd.read_parquet(folder / "rows")[WORLD.rank :: WORLD.size]
    own = sm.ols(FORMULA, mine, engine="mpi")
    told(f"own rows: {float(np.abs(own.params / one[0].params - 1).max()) < 1e-10} parts: {own.ledger.rounds[-1].parts}")
    bad = mine.assign(x=np.where(np.arange(len(mine)) == 3, np.inf, mine.x)) if WORLD.rank == 1 else mine
    for data in (bad, folder / "rows" / f"{WORLD.rank}.parquet"):
        try:
            sm.ols("y ~ x", data, engine="mpi")
        except sm.SummableError as error:
            told(f"{type(error).__name__} on {WORLD.allgather(str(error)).count(str(error))} ranks: {error}")


if __name__ == "__main__":
    main()
