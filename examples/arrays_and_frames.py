"""Arrays, mappings and data frames of any kind: one formula, one answer; and a list of them is their union."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import summable as sm


def main() -> None:
    """Fit the same rows in five shapes."""
    draw = np.random.default_rng(1)
    x = draw.normal(size=1000)
    rows = {"x": x, "y": 1 + 2 * x + draw.normal(size=1000)}
    for data in (rows, pd.DataFrame(rows), pl.DataFrame(rows), pa.table(rows), [pd.DataFrame(rows)[:300], pl.DataFrame(rows)[300:]]):
        print(f"{type(data).__module__.split('.')[0]:>10}: {sm.ols('y ~ x', data).params['x']:.12f}")
    matrix = np.column_stack([rows["y"], rows["x"]])
    print(f"{'matrix':>10}: {sm.ols('x0 ~ x1', matrix).params['x1']:.12f}")


if __name__ == "__main__":
    main()
