"""Time against rows, columns and threads, and the solve beside the communication, as SVG."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import summable as sm
from benchmarks.contenders import normal_data
from summable.core.design import Column, Constant, Design, Numeric, Product
from summable.engines.threads import Threads
from summable.maths.linalg import cholesky, packed_size
from summable.measures.gram import Gram
from summable.sources import arrays


def least(work: Callable[[], object], repeats: int = 3) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def against_rows(sizes: Sequence[int]) -> dict[str, list[float]]:
    """Seconds of a fit of 12 columns."""
    found = []
    for rows in sizes:
        x, y = normal_data(rows, 12, "C")
        found.append(least(lambda x=x, y=y: sm.LinearRegression().fit(x, y)))
    return {"LinearRegression, 12 columns": found}


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
    sizes = [10**5, 10**6] if quick else [10**5, 10**6, 10**7]
    widths = [10, 30, 100, 300] if quick else [10, 30, 100, 300, 500, 1000, 2000]
    draw(folder / "rows.svg", sizes, against_rows(sizes), "rows", "seconds")
    draw(folder / "columns.svg", widths, against_columns(widths, 10**7 if quick else 5 * 10**7), "columns, of as many numbers in all", "seconds, MB")
    draw(folder / "threads.svg", [1, 2], against_threads(10**6 if quick else 5 * 10**6, 2), "threads", "seconds")
