"""Time against rows, columns and threads, and the solve beside the communication, as SVG."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

import summable as sm
from benchmarks.contenders import normal_data
from benchmarks.memory import peak
from summable.core.design import Column, Constant, Design, Numeric, Product
from summable.engines.threads import Threads
from summable.maths.linalg import cholesky, packed_size
from summable.measures.gram import Gram
from summable.sources import arrays

MILLION = 10**6
FORMULA = f"y ~ {' + '.join(f'x{j}' for j in range(12))}"


def least(work: Callable[[], object], repeats: int = 3) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def table_of(rows: int) -> pa.Table:
    x, y = normal_data(rows, 12, "F")
    return pa.table({f"x{j}": x[:, j] for j in range(12)} | {"y": y})


def one_size(rows: int) -> tuple[float, float]:
    """Seconds of a fit of 12 columns and, in a process of its own, megabytes at its peak: of a table of a million rows, given as often as it takes."""
    table = table_of(min(rows, MILLION))
    work = [table] * max(1, rows // MILLION)
    seconds = least(lambda: sm.ols(FORMULA, work), 3 if rows <= 10 * MILLION else 1)
    return seconds, peak() / 1e6


def against_rows(sizes: Sequence[int]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds, and megabytes at the peak."""
    found = []
    for rows in sizes:
        told = subprocess.run([sys.executable, "-m", "benchmarks.charts", str(rows)], check=True, capture_output=True, text=True).stdout
        found.append(json.loads(told))
    seconds, peaks = map(list, zip(*found, strict=True))
    return {"ols, 12 columns": seconds}, {"ols, 12 columns": peaks}


def against_shards(rows: int, numbers: Sequence[int]) -> dict[str, list[float]]:
    """Seconds of a fit of as many rows in more and more pieces."""
    table, found = table_of(rows), []
    for number in numbers:
        pieces = [table.slice(start, -(-rows // number)) for start in range(0, rows, -(-rows // number))]
        found.append(least(lambda pieces=pieces: sm.ols(FORMULA, pieces)))
    return {"ols, 12 columns": found}


def against_columns(widths: Sequence[int], numbers: int) -> dict[str, list[float]]:
    """Seconds of the sum and of the solve, of as many numbers in all, and megabytes that cross."""
    summed, solved, sent = [], [], []
    for width in widths:
        x, y = normal_data(numbers // width, width, "C")
        summed.append(least(lambda x=x, y=y: sm.LinearRegression().fit(x, y), 2))
        square = x[: 4 * width].T @ x[: 4 * width] + np.eye(width)
        solved.append(least(lambda square=square, width=width: cholesky(square, np.ones(width), np.asarray(1.0)).solve()))
        sent.append(8 * packed_size(width + 2) / 1e6)
    return {"fit, seconds": summed, "solve alone, seconds": solved, "a part's answer, MB": sent}


def against_threads(rows: int, most: int) -> dict[str, list[float]]:
    x, y = normal_data(rows, 12, "F")
    names = [f"x{j}" for j in range(12)]
    design = Design(tuple(map(Column, [*names, "y"])), (Constant(), *(Product((Numeric(name),)) for name in names)), (("y", Numeric("y")),))
    shards = arrays.shards({name: x[:, j] for j, name in enumerate(names)} | {"y": y})
    return {f"{len(shards)} shards": [least(lambda workers=workers: Threads(shards, workers).sum(Gram(design))) for workers in range(1, most + 1)]}


def draw(path: Path, at: Sequence[float], series: dict[str, list[float]], label: str, unit: str) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "summable"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    for name, values in series.items():
        axes.loglog(at, values, "o-", label=name)
    axes.set(xlabel=label, ylabel=unit)
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def all_of_them(folder: Path, quick: bool) -> None:
    sizes = [10**5, 10**6] if quick else [10**5, 10**6, 10**7, 10**8]
    numbers = [1, 4, 16, 64, 256]
    widths = [10, 30, 100, 300] if quick else [10, 30, 100, 300, 500, 1000, 2000]
    seconds, peaks = against_rows(sizes)
    draw(folder / "rows.svg", sizes, seconds, "rows", "seconds")
    draw(folder / "memory.svg", sizes, peaks, "rows", "MB at the peak, with the data's first million rows")
    draw(folder / "shards.svg", numbers, against_shards(MILLION, numbers), "pieces of a million rows", "seconds")
    draw(folder / "columns.svg", widths, against_columns(widths, 10**7 if quick else 5 * 10**7), "columns, of as many numbers in all", "seconds, MB")
    draw(folder / "threads.svg", [1, 2], against_threads(10**6 if quick else 5 * 10**6, 2), "threads", "seconds")


if __name__ == "__main__":
    print(json.dumps(one_size(int(sys.argv[1]))))
