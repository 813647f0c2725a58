"""Models beside scikit-learn's: in memory, and from Parquet in bounded memory, where scikit-learn cannot.

    python -m benchmarks.models [--quick]

Every row runs in a process of its own, so that peak memory is its own; times are the least of a few after one warm-up. K-means is timed for
each step, from the same start.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.memory import peak

FEATURES, CLASSES, CLUSTERS, FILES, REPEATS, STEPS = 20, 5, 20, 16, 3, 20
NAMES = [f"x{j}" for j in range(FEATURES)]
MODELS = {"GaussianNB": "naive_bayes", "LinearDiscriminantAnalysis": "discriminant_analysis", "PCA": "decomposition", "KMeans": "cluster"}
PLACES = ("summable", "scikit-learn", "summable, Parquet")


def drawn(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    labels, means = draw.integers(0, CLASSES, rows), np.random.default_rng(99).normal(size=(CLASSES, FEATURES))
    x = draw.normal(size=(rows, FEATURES))
    x += means[labels]
    return x, labels


def write(folder: Path, rows: int) -> None:
    for number in range(FILES):
        x, labels = drawn(rows // FILES, number)
        pq.write_table(pa.table({**dict(zip(NAMES, x.T, strict=True)), "y": labels}), folder / f"{number:02d}.parquet")


def seconds(fit, *arguments) -> float:
    start = time.perf_counter()
    fit(*arguments)
    return time.perf_counter() - start


def timed(name: str, place: str, folder: str, rows: int) -> float:
    """The time of a fit; of k-means, that of a step: what some more steps take, divided by their number."""
    from importlib import import_module

    house = import_module("summable" if place.startswith("summable") else f"sklearn.{MODELS[name]}")
    options = {"init": np.random.default_rng(1).normal(size=(CLUSTERS, FEATURES)), "n_init": 1, "tol": 0.0, "n_clusters": CLUSTERS} if name == "KMeans" else {}
    labelled = name in ("GaussianNB", "LinearDiscriminantAnalysis")
    if place.endswith("Parquet"):
        arguments, named = (folder, "y") if labelled else (folder,), {"features": NAMES}
    else:
        x, y = drawn(rows)
        arguments, named = (x, y) if labelled else (x,), {}

    def fit(steps):
        extra = {"max_iter": steps} if name == "KMeans" else {}
        return lambda: getattr(house, name)(**options, **extra).fit(*arguments, **named)

    if name == "KMeans":
        short, long = (min(seconds(fit(steps)) for _ in range(REPEATS)) for steps in (1, 1 + STEPS))
        return (long - short) / STEPS
    return min(seconds(fit(1)) for _ in range(REPEATS + 1))


def run_one(name: str, place: str, folder: str, rows: int) -> None:
    """In a process of its own: time a row, and tell its time and memory."""
    import warnings

    warnings.simplefilter("ignore")
    found = timed(name, place, folder, rows)
    print(json.dumps({"seconds": found, "peak": peak()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--row", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        run_one(*options.row[:3], int(options.row[3]))
        return
    rows = 500_000 if options.quick else 5_000_000
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), rows)
        print(f"{rows:,} rows × {FEATURES} float64, {CLASSES} classes, {CLUSTERS} clusters; {FILES} Parquet files\n")
        print(f"{'':<28}" + "".join(f"{place:>20}{'peak MB':>9}" for place in PLACES) + f"{'times faster':>14}")
        for name in MODELS:
            told = []
            for place in PLACES:
                command = [sys.executable, "-m", "benchmarks.models", "--row", name, place, folder, str(rows)]
                told.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ)).stdout))
            cells = "".join(f"{one['seconds']:>20.3f}{one['peak'] / 1e6:>9.0f}" for one in told)
            print(f"{name + (', each step' if name == 'KMeans' else ''):<28}{cells}{told[1]['seconds'] / told[0]['seconds']:>14.1f}", flush=True)


if __name__ == "__main__":
    main()
