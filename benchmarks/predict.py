"""Peak memory and time of `summable predict` on many rows: python benchmarks/predict.py [ROWS]."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import summable as sm

STEP = 2**20


def write(path: Path, rows: int) -> None:
    """A Parquet file of an identifier, two numbers and a label, a million rows at a time; and a fit of it."""
    draw, writer = np.random.default_rng(1), None
    for start in range(0, rows, STEP):
        count = min(STEP, rows - start)
        a, b, g = draw.normal(size=count), draw.gamma(2.0, size=count), draw.choice(["u", "v", "w"], count)
        table = pa.table({"id": np.arange(start, start + count), "a": a, "b": b, "g": g, "y": a - b + (g == "u") + draw.normal(size=count)})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()
    sm.ols("y ~ a + log(b) + C(g)", path).save(path.with_name("fit.json"))


def peak(command: list[str]) -> tuple[float, float]:
    """Seconds, and the most memory in MB, of a command."""
    start = time.perf_counter()
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0, command
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - start, usage.ru_maxrss * unit / 1e6


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        other = multiprocessing.get_context("spawn").Process(target=write, args=(folder / "new.parquet", rows))  # the peak of a child counts its parent's
        other.start()
        other.join()
        summable = [sys.executable, "-m", "summable"]
        print(f"{rows:,} rows in {os.path.getsize(folder / 'new.parquet') / 1e6:.0f} MB of Parquet\n")
        print(f"{'out':<10}{'options':<44}{'seconds':>9}{'peak MB':>9}")
        for ending, options in (
            (".parquet", []),
            (".parquet", ["--keep-all", "--interval", "prediction"]),
            (".arrow", ["--keep", "id"]),
            (".csv", ["--keep", "id"]),
        ):
            out = str(folder / f"out{ending}")
            seconds, memory = peak([*summable, "predict", str(folder / "fit.json"), str(folder / "new.parquet"), "-o", out, "-q", *options])
            print(f"{ending:<10}{' '.join(options):<44}{seconds:>9.1f}{memory:>9.0f}")


if __name__ == "__main__":
    main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000)
