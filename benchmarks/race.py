"""Contenders beside each other: each in a process of its own, taking turns, so that what disturbs the machine disturbs all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import median

from benchmarks import contenders
from benchmarks.memory import peak

PAUSE = 0.2  # seconds before a turn, in which the threads of BLAS that another contender has left spinning go to sleep
THREADS = {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}


@dataclass(frozen=True)
class Work:
    kind: str
    rows: int
    columns: int
    order: str = "C"

    @property
    def name(self) -> str:
        of = {"C": ", by rows", "F": ", by columns"}.get(self.order, " levels")
        return f"{self.kind}, {self.rows:,} × {self.columns:,}{of}"


@dataclass(frozen=True)
class Time:
    seconds: float  # median of the wall clock
    least: float
    cpu: float  # the least CPU time of all threads
    peak: int  # bytes, with the data
    error: float


def race(work: Work, repeats: int) -> dict[str, Time]:
    """Every contender's time; those that fail are left out, with a word."""
    _, names, _ = contenders.KINDS[work.kind]
    running = {name: _start(work, name) for name in names}
    turns: dict[str, list[dict]] = {name: [] for name in names}
    for _ in range(repeats + 1):
        for name, process in running.items():
            time.sleep(PAUSE)
            process.stdin.write("go\n")
            process.stdin.flush()
            if line := process.stdout.readline():
                turns[name].append(json.loads(line))
    found = {}
    for name, process in running.items():
        rest, _ = process.communicate("")
        if not rest or not turns[name]:
            print(f"  {name} gave no answer", file=sys.stderr)
            continue
        told, timed = json.loads(rest), turns[name][1:]
        seconds = [turn["seconds"] for turn in timed]
        found[name] = Time(median(seconds), min(seconds), min(turn["cpu"] for turn in timed), told["peak"], told["error"])
    return found


def _start(work: Work, name: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "benchmarks.race", json.dumps([work.kind, work.rows, work.columns, work.order, name])]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | THREADS)


def run(kind: str, rows: int, columns: int, order: str, name: str) -> None:
    """One contender: a fit at every line that comes in, and at the end its peak of memory and the error of its answer."""
    make, names, error = contenders.KINDS[kind]
    x, y = make(rows, columns, order)
    coef = None
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        coef = names[name](x, y)
        print(json.dumps({"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}), flush=True)
    most = peak()
    print(json.dumps({"peak": most, "error": error(x, y, coef) if len(coef) > 1 else 0.0}))


if __name__ == "__main__":
    run(*json.loads(sys.argv[1]))
