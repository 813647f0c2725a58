"""Files in a bucket or on a server, by URI: here in fsspec's memory, with s3://, gs:// or https:// just the same."""

from __future__ import annotations

import io

import fsspec
import numpy as np
import pandas as pd

import summable as sm


def main() -> None:
    """Put three Parquet files there, and fit them where they are; only the wanted columns are fetched."""
    draw, far = np.random.default_rng(1), fsspec.filesystem("memory")
    for year in (2011, 2012, 2013):
        x, parquet = draw.normal(size=500), io.BytesIO()
        pd.DataFrame({"x": x, "y": 2 * x + draw.normal(size=500), "comment": "not read"}).to_parquet(parquet)
        far.pipe_file(f"/bucket/year={year}/part.parquet", parquet.getvalue())
    print(sm.scan("memory://bucket"))
    print(sm.ols("y ~ x + C(year)", "memory://bucket/**/*.parquet").tidy().round(3))


if __name__ == "__main__":
    main()
