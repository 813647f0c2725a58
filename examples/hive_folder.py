"""A folder of Parquet files whose paths spell columns, as Spark, Hive, DuckDB and Polars write them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import summable as sm


def main(folder: Path) -> None:
    """Write year=2013/month=1/part.parquet and so on; fit with the year and the month as columns."""
    draw = np.random.default_rng(1)
    for year in (2012, 2013):
        for month in range(1, 13):
            x = draw.normal(size=200)
            place = folder / f"year={year}" / f"month={month}"
            place.mkdir(parents=True)
            pd.DataFrame({"x": x, "y": 2 * x + month / 10 + draw.normal(size=200)}).to_parquet(place / "part.parquet")
    print(sm.scan(folder))
    print(sm.ols("y ~ x + month + C(year)", folder).tidy().round(3), "\n")
    print("Only the summer:")
    print(sm.ols("y ~ x + C(month)", f"{folder}/year=*/month=[678]/*.parquet").tidy().round(3))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(scratch))
