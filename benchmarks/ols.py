"""Least squares from Parquet, beside decoding the same files and doing nothing, and beside its peers.

    python -m benchmarks.ols [--quick]

Every row runs in a process of its own, so that peak memory is its own; times are medians of five after one warm-up.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.memory import peak

FEATURES, FILES, REPEATS = 12, 16, 5
NAMES = [f"x{j}" for j in range(FEATURES)]
FORMULA = f"y ~ {' + '.join(NAMES)}"


def write(folder: Path, rows: int) -> None:
    for number in range(FILES):
        draw = np.random.default_rng(number)
        x = draw.normal(size=(FEATURES, rows // FILES))
        y = 1 + x.sum(axis=0) + draw.normal(size=rows // FILES)
        pq.write_table(pa.table(dict(zip(NAMES, x, strict=True)) | {"y": y}), folder / f"{number:02d}.parquet")


def decode(folder: str) -> None:
    def one(path):
        file = pq.ParquetFile(path)
        for group in range(file.num_row_groups):
            file.read_row_group(group, use_threads=False)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, sorted(Path(folder).glob("*.parquet"))))


def matrix(folder: str) -> tuple[np.ndarray, np.ndarray]:
    table = pq.read_table(folder)
    return np.column_stack([table[name].to_numpy() for name in NAMES]), table["y"].to_numpy()


def ours(folder: str) -> list[float]:
    import summable

    return summable.ols(FORMULA, folder, workers=2).params.tolist()


def numpy(folder: str) -> list[float]:
    x, y = matrix(folder)
    x = np.column_stack([np.ones(len(x)), x])
    return np.linalg.solve(x.T @ x, x.T @ y).tolist()


def linear_regression(folder: str) -> list[float]:
    from sklearn.linear_model import LinearRegression

    fit = LinearRegression(copy_X=False).fit(*matrix(folder))
    return [fit.intercept_, *fit.coef_]


def ridge(folder: str) -> list[float]:
    from sklearn.linear_model import Ridge

    fit = Ridge(alpha=1e-9, solver="cholesky", copy_X=False).fit(*matrix(folder))
    return [fit.intercept_, *fit.coef_]


def statsmodels(folder: str) -> list[float]:
    from statsmodels.api import OLS, add_constant

    x, y = matrix(folder)
    return OLS(y, add_constant(x)).fit(method="qr").params.tolist()


def polars(folder: str) -> list[float]:
    """All products in one lazy query."""
    import polars

    names = ["1", *NAMES, "y"]
    column = {name: polars.col(name) for name in names[1:]} | {"1": polars.col("y") * 0.0 + 1.0}
    pairs = [(left, right) for place, left in enumerate(names) for right in names[place:]]
    sums = [(column[left] * column[right]).sum().alias(f"{left}*{right}") for left, right in pairs]
    found = polars.scan_parquet(f"{folder}/*.parquet").select(sums).collect(engine="streaming")
    return solved(dict(zip(pairs, found.row(0), strict=True)), names)


def duckdb(folder: str) -> list[float]:
    """All products in one query of SQL."""
    import duckdb

    names = ["1", *NAMES, "y"]
    pairs = [(left, right) for place, left in enumerate(names) for right in names[place:]]
    sums = ", ".join(f"sum({left} * {right}::DOUBLE)" for left, right in pairs)
    with duckdb.connect(config={"threads": 2}) as connection:
        row = connection.execute(f"SELECT {sums} FROM read_parquet('{folder}/*.parquet')").fetchone()
    return solved(dict(zip(pairs, row, strict=True)), names)


def mllib(folder: str) -> list[float]:
    """Spark's own, its session kept from one time to the next."""
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import LinearRegression

    from benchmarks.engines import session

    table = session().read.parquet(folder)
    fit = LinearRegression(solver="normal", labelCol="y").fit(VectorAssembler(inputCols=NAMES, outputCol="features").transform(table))
    return [fit.intercept, *fit.coefficients.toArray().tolist()]


def solved(products: dict[tuple[str, str], float], names: list[str]) -> list[float]:
    """The coefficients, from the products of the columns."""
    square = np.zeros((len(names), len(names)))
    for (left, right), value in products.items():
        square[names.index(left), names.index(right)] = square[names.index(right), names.index(left)] = value
    return np.linalg.solve(square[:-1, :-1], square[:-1, -1]).tolist()


ROWS = {
    "decode only": decode, "summable.ols": ours, "NumPy normal equations": numpy, "scikit-learn LinearRegression": linear_regression,
    "scikit-learn Ridge (cholesky)": ridge, "statsmodels OLS (qr)": statsmodels,
    "Polars, products": polars, "DuckDB, products": duckdb,
}  # fmt: skip
if find_spec("pyspark"):
    ROWS["Spark MLlib, local[2], without the JVM's memory"] = mllib


def run_one(name: str, folder: str) -> None:
    """In a process of its own: time a row, and tell its times, memory and answer."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        answer = ROWS[name](folder)
        times.append(time.perf_counter() - start)
    print(json.dumps({"seconds": median(times[1:]), "peak": peak(), "answer": answer}))


def compare(rows: int) -> dict[str, dict]:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), rows)
        decode(folder)  # the disk's cache is warm for everyone
        told = {}
        for name in ROWS:
            command = [sys.executable, "-m", "benchmarks.ols", "--row", name, "--folder", folder]
            environment = os.environ | {"OPENBLAS_NUM_THREADS": "2", "POLARS_MAX_THREADS": "2"}
            told[name] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)
        return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        run_one(options.row, options.folder)
        return
    rows = 1_000_000 if options.quick else 10_000_000
    for size in (rows, 2 * rows):
        told = compare(size)
        base, answer = told["decode only"]["seconds"], told["summable.ols"]["answer"]
        print(f"\n{size:,} rows × {FEATURES} float64, {FILES} Parquet files, 2 threads")
        print(f"{'':<48}{'seconds':>9}{'/ decoding':>12}{'peak MB':>9}{'largest difference':>20}")
        for name, row in told.items():
            apart = "" if row["answer"] is None else f"{np.abs(np.array(row['answer']) / answer - 1).max():.0e}"
            print(f"{name:<48}{row['seconds']:>9.3f}{row['seconds'] / base:>12.2f}{row['peak'] / 1e6:>9.0f}{apart:>20}")


if __name__ == "__main__":
    main()
