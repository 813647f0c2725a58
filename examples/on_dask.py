"""A Dask data frame as data, on a cluster of two processes; its workers also read files themselves."""

from __future__ import annotations

import dask.dataframe as dd
import numpy as np
import pandas as pd
from distributed import Client

import summable as sm


def main() -> None:
    """Fit a frame of four partitions, and show how far it is."""
    draw = np.random.default_rng(1)
    rows = pd.DataFrame({"x": draw.normal(size=4000)})
    rows["y"] = 1 + 2 * rows.x + draw.normal(size=4000)
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None):
        fit = sm.ols("y ~ x", dd.from_pandas(rows, npartitions=4), watch=lambda name, done, parts: print(f"{name}, {done} of {parts} partitions"))
    print(f"    frame: {fit.params['x']:.12f}")


if __name__ == "__main__":
    main()
