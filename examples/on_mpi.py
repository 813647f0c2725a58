"""Every rank draws its own rows and runs the same program; all of them learn the same fit.

mpiexec -n 4 python examples/on_mpi.py
"""

from __future__ import annotations

import numpy as np
from mpi4py import MPI

import summable as sm


def main() -> None:
    """Fit the rows of all ranks."""
    world = MPI.COMM_WORLD
    draw = np.random.default_rng(world.rank)
    x = draw.normal(size=1000)
    fit = sm.ols("y ~ x", {"x": x, "y": 1 + 2 * x + draw.normal(size=1000)}, engine=world)
    if world.rank == 0:
        print(f"     rows: {fit.params['x']:.12f}")
        print(f"{fit.nobs:,.0f} rows on {world.size} ranks")


if __name__ == "__main__":
    main()
