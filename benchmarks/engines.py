"""Spark, Dask, Ray and MPI: least squares and a logistic regression beside MLlib's in one session, and what an idle round costs.

    python -m benchmarks.engines [--quick] [--repeats 3] [--folder DIR]

MLlib and ours take turns on the same Parquet files, uncached; times are medians of some turns after a warm-up, which is left out with the start.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import summable as sm
from summable.measures.header import Header

FILES, IDLE = 16, 20
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
ROUND = """
import time, numpy as np, summable as sm
from mpi4py import MPI
from summable.measures.gram import Gram
from summable.core.design import *
rows = sm.engine({"x": np.ones(9), "y": np.ones(9)}, engine="mpi")
design = Design((Column("x"), Column("y")), (Constant(), Product((Numeric("x"),))), (("y", Numeric("y")),))
rows.sum(Gram(design))
times = []
for _ in range(200):
    start = time.perf_counter()
    rows.sum(Gram(design))
    times.append(time.perf_counter() - start)
if MPI.COMM_WORLD.rank == 0:
    print(sorted(times)[100])
"""


def write(folder: Path, rows: int, features: int) -> None:
    """Files of a response, a binary one, and features."""
    folder.mkdir(exist_ok=True)
    for number in range(FILES):
        draw = np.random.default_rng(number)
        x = draw.normal(size=(features, rows // FILES))
        y = 1 + 0.1 * x.sum(axis=0) + draw.normal(size=rows // FILES)
        columns = {f"x{j}": column for j, column in enumerate(x)}
        pq.write_table(pa.table(columns | {"y": y, "z": (y + draw.logistic(size=rows // FILES) > 1).astype(float)}), folder / f"{number:02d}.parquet")


def seconds(repeats: int, *asks: Callable[[], object]) -> list[float]:
    """The median of each, taken in turns."""
    times: list[list[float]] = [[] for _ in asks]
    for turn in range(repeats + 1):
        for ask, found in zip(asks, times, strict=True):
            start = time.perf_counter()
            ask()
            found.extend([time.perf_counter() - start] * (turn > 0))
    return [median(found) for found in times]


def session():
    """Spark on two cores."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.memory": "4g", "spark.log.level": "ERROR"}
    builder = SparkSession.builder.master("local[2]")
    for name, value in {**settings, "spark.ui.showConsoleProgress": "false"}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def beside_mllib(spark, folder: str, features: int, repeats: int) -> None:
    """Ours from files and from a DataFrame, beside MLlib's."""
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import LinearRegression

    names = [f"x{j}" for j in range(features)]
    right, assembler = " + ".join(names), VectorAssembler(inputCols=names, outputCol="features")

    def frame():
        return spark.read.parquet(folder)

    def linear():
        return LinearRegression(solver="normal", labelCol="y").fit(assembler.transform(frame()))

    def logistic():
        return LogisticRegression(labelCol="z", tol=1e-8).fit(assembler.transform(frame()))

    rows = {
        "least squares": (linear, lambda: sm.ols(f"y ~ {right}", folder, engine=spark), lambda: sm.ols(f"y ~ {right}", frame())),
        "logistic": (logistic, lambda: sm.glm(f"z ~ {right}", folder, "binomial", engine=spark), lambda: sm.glm(f"z ~ {right}", frame(), "binomial")),
    }
    for name, asks in rows.items():
        theirs, files, frames = seconds(repeats, *asks)
        apart = np.abs(asks[1]().params[1:].to_numpy() / asks[0]().coefficients.toArray() - 1).max()
        print(f"{name:<16}{theirs:>9.2f}{files:>9.2f}{frames:>11.2f}{theirs / files:>9.1f}{theirs / frames:>11.1f}{apart:>12.0e}", flush=True)


def idle(name: str, data: object, **options: object) -> None:
    """What a question that reads nothing takes."""
    engine, times = sm.engine(data, **options), []
    for _ in range(IDLE):
        start = time.perf_counter()
        engine.sum(Header())
        times.append(time.perf_counter() - start)
    print(f"{name:<8}{1000 * median(times[2:]):>10.1f} ms", flush=True)


def rounds(spark) -> None:
    """The overhead of a round on tiny data; MPI's first, for its ranks wait by spinning, and what others leave to end takes their cores."""
    import ray
    from distributed import Client

    print("\nA round that reads nothing, two parts", flush=True)
    command = [Path(sys.executable).parent / "mpiexec", "--oversubscribe", "-n", "2", sys.executable, "-c", ROUND]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | AS_ROOT | {"OPENBLAS_NUM_THREADS": "1"})
    print(f"{'mpi':<8}{1000 * float(done.stdout):>10.1f} ms", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(2):
            pq.write_table(pa.table({"x": [1.0, 2.0]}), f"{folder}/{number}.parquet")
        idle("threads", folder)
        idle("spark", folder, engine=spark)
        with Client(n_workers=2, threads_per_worker=1, dashboard_address=None):
            idle("dask", folder, engine="dask")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        idle("ray", folder, engine="ray")
        ray.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a twentieth of the rows")
    parser.add_argument("--repeats", type=int, default=3, help="turns after one to warm up")
    parser.add_argument("--folder", help="where the files are written, and removed from; a temporary folder by default")
    options = parser.parse_args()
    spark = session()
    for rows, features in ((10_000_000, 12), (500_000, 200)):
        many = rows // 20 if options.quick else rows
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            write(Path(folder), many, features)
            print(f"\n{many:,} rows × {features} float64, {FILES} Parquet files, local[2], seconds")
            print(f"{'':<16}{'MLlib':>9}{'files':>9}{'DataFrame':>11}{'/ files':>9}{'/ DataFrame':>11}{'apart':>12}")
            beside_mllib(spark, folder, features, options.repeats)
    rounds(spark)
    spark.stop()


if __name__ == "__main__":
    main()
