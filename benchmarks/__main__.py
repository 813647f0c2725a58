"""Everything beside its peers, in one go: the same data, two threads, accuracy checked; written to benchmarks/RESULTS.md.

    python -m benchmarks [--quick] [--repeats 5]

Needs the extra `summable[benchmarks]`. Contenders take turns, each in a process of its own.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks import charts, ols
from benchmarks.aims import aims
from benchmarks.contenders import OURS
from benchmarks.race import Time, Work, race

HERE = Path(__file__).parent
PEERS = ("numpy", "scipy", "scikit-learn", "statsmodels", "glum", "numba", "pyarrow")
SHAPES = ((8_000_000, 12), (2_000_000, 50), (1_000_000, 100), (200_000, 500))
LEVELS = (5_000_000, 5_000)
LOGISTIC = ((10_000_000, 12), (2_000_000, 50), (500_000, 200))


def works(quick: bool) -> list[Work]:
    less = 20 if quick else 1
    return [
        *(Work("least squares", rows // less, columns, order) for rows, columns in SHAPES for order in "CF"),
        *(Work("logistic", rows // less, columns) for rows, columns in LOGISTIC),
        Work("Poisson, three categories", LEVELS[0] // less, LEVELS[1] // (5 if quick else 1), "levels"),
    ]


def table(work: Work, found: dict[str, Time]) -> list[str]:
    """Rows of Markdown: each contender, how many times longer it took than ours, and how near it came."""
    ours, gigabytes = found[OURS], 8e-9 * work.rows * work.columns
    read = "" if work.order == "levels" else "{:.1f}"
    lines = [f"### {work.name}", "", "| | seconds | least | CPU seconds | × ours | × ours, CPU | GB/s | peak MB | relative error |", "|---|" + "--:|" * 8]
    for name, one in found.items():
        error = "" if name == "reading X" else f"{one.error:.0e}"
        lines.append(
            f"| {name} | {one.seconds:.3f} | {one.least:.3f} | {one.cpu:.3f} | {one.seconds / ours.seconds:.2f} | {one.cpu / ours.cpu:.2f} "
            f"| {read.format(gigabytes / one.seconds)} | {one.peak / 1e6:.0f} | {error} |"
        )
    return [*lines, ""]


def from_parquet(rows: int, told: dict[str, dict]) -> list[str]:
    base = told["decode only"]["seconds"]
    lines = [f"### least squares from Parquet, {rows:,} × {ols.FEATURES}, {ols.FILES} files", "", "| | seconds | / decoding | peak MB |", "|---|--:|--:|--:|"]
    lines += [f"| {name} | {row['seconds']:.3f} | {row['seconds'] / base:.2f} | {row['peak'] / 1e6:.0f} |" for name, row in told.items()]
    return [*lines, ""]


def started() -> dict[str, float]:
    """Seconds until Python ends again."""
    found = {}
    for name, command in (("`import summable`", ["-c", "import summable"]), ("`summable --help`", ["-m", "summable", "--help"])):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
            times.append(time.perf_counter() - start)
        found[name] = median(times)
    return found


def machine() -> str:
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), platform.processor())
    flags = Path("/proc/cpuinfo").read_text()
    vectors = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    load = os.getloadavg()[0]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PEERS)
    return f"{cpu} ({vectors}), {os.cpu_count()} cores, {platform.system()}; Python {platform.python_version()}, {versions}. Load at the start: {load:.1f}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a twentieth of the rows")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    shortened = [f"Shortened: a twentieth of the rows, medians of {options.repeats}.", ""] if options.quick else []
    head, lines, found = ["# Results", "", machine(), "", *shortened, (HERE / "reading.md").read_text()], [], {}
    for work in works(options.quick):
        print(work.name, flush=True)
        found[work] = race(work, options.repeats)
        lines += table(work, found[work])
    rows = 500_000 if options.quick else 10_000_000
    parquet = ols.compare(rows)
    lines = [*head, *aims(found, parquet, started()), *lines, *from_parquet(rows, parquet)]
    pictures = {"seconds against rows": "rows", "memory against rows": "memory", "against columns": "columns", "threads": "threads", "pieces": "shards"}
    lines += [" ".join(f"![{name}]({file}.svg)" for name, file in pictures.items()), ""]
    beside = HERE / "RESULTS.md.part"
    beside.write_text("\n".join(lines))
    beside.replace(HERE / "RESULTS.md")
    charts.all_of_them(HERE, options.quick)


if __name__ == "__main__":
    main()
