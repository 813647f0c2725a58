"""Write the table of docs/engines.md: which engine answers which measure, found by running the contract, and what an idle round takes.

python scripts/engines_table.py [engine …]     the columns of these engines, or of all
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

import summable as sm
from summable.measures.header import Header
from summable.open import ENGINES
from summable.testing import contract
from summable.testing.contract import Open, answered, partitions, threads

PLACES = [name for name in ENGINES if name != "torch"]  # a mesh keeps the contract in its own processes: tests/engines/mesh_ranks.py
PAGE = Path(__file__).parent.parent / "docs" / "engines.md"
BEGIN, END = "<!-- scripts/engines_table.py -->\n", "<!-- end -->\n"
RANKS, PARTS, ROUNDS = 2, 2, 30
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OPENBLAS_NUM_THREADS": "1"}
ORDER, SERIAL = "adds in the order of the parts", "Serial"  # the check of the contract that asks this measure
TINY = [pa.table({"y": [1.0]})] * PARTS
Place = Iterator[tuple[Open, Any]]  # how to open tables there, and an engine with little to do
Found = dict[str, Any]  # "answers": measure to whether it is answered; "seconds" of a round


def found(open_: Open, idle: Any) -> Found:
    """What an engine answers, by the contract, and the least that a round takes where there is hardly a row."""
    answers = {name: error is None for name, error in answered(open_, partitions())}
    with tempfile.TemporaryDirectory() as folder:
        next(check for check in contract(open_, folder) if check.name == ORDER).run()
    return {"answers": {**answers, SERIAL: True}, "seconds": round_of(idle)}


def round_of(engine: Any) -> float:
    """The least seconds of a question that reads no rows."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        engine.sum(Header())
        times.append(time.perf_counter() - start)
    return min(times)


@contextmanager
def on_spark() -> Place:
    """DataFrames of a session on two cores."""
    from pyspark.sql import SparkSession
    from pyspark.sql.pandas.types import from_arrow_schema

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master("local[2,4]").config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1")
    session = builder.config("spark.ui.showConsoleProgress", "false").config("spark.log.level", "OFF").getOrCreate()

    def open_(tables: Sequence[pa.Table]) -> Any:
        def emit(batches: Any) -> Any:
            for number in (number for batch in batches for number in batch.column(0).to_pylist()):
                yield from tables[number].to_batches()

        return sm.engine(session.range(0, len(tables), 1, len(tables)).mapInArrow(emit, from_arrow_schema(tables[0].schema)))

    yield open_, sm.engine(session.range(0, PARTS, 1, PARTS))  # in which no Python is run but ours
    session.stop()


@contextmanager
def on_dask() -> Place:
    """Delayed frames on a cluster of two processes."""
    from dask import delayed
    from distributed import Client

    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0, silence_logs=50):

        def open_(tables: Sequence[pa.Table]) -> Any:
            return sm.engine([delayed(table.to_pandas()) for table in tables])

        yield open_, open_(TINY)


@contextmanager
def on_ray() -> Place:
    """References to tables."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=200 * 2**20, log_to_driver=False, configure_logging=False)

    def open_(tables: Sequence[pa.Table]) -> Any:
        return sm.engine([ray.put(table) for table in tables])

    yield open_, open_(TINY)
    ray.shutdown()


@contextmanager
def on_threads() -> Place:
    """Tables here."""
    yield threads, threads(TINY)


def by_ranks() -> Found:
    """What is found by ranks that run this script."""
    command = [Path(sys.executable).parent / "mpiexec", "--oversubscribe", "-n", str(RANKS), sys.executable, __file__, "--rank"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | AS_ROOT)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def as_rank() -> None:
    """One rank's part of the contract; the first prints what is found."""
    from mpi4py import MPI

    from summable.engines.mpi import Mpi

    world = MPI.COMM_WORLD

    def open_(tables: Sequence[pa.Table]) -> Any:
        first, last = (len(tables) * rank // world.size for rank in (world.rank, world.rank + 1))
        return Mpi(threads(tables[first:last]), world)

    one = found(open_, open_(TINY))
    if world.rank == 0:
        print(json.dumps(one), flush=True)


PLACES: dict[str, Callable[[], Any]] = {"threads": on_threads, "spark": on_spark, "dask": on_dask, "ray": on_ray}
NAMES = [*PLACES, "mpi"]


def on(name: str) -> Found:
    """What is found on an engine."""
    if name not in PLACES:
        return by_ranks()
    with PLACES[name]() as (open_, idle):
        return found(open_, idle)


def known(text: str) -> dict[str, Found]:
    """What a table says."""
    cells = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in text.splitlines()]
    if not cells:
        return {}
    (_, *names), _, *lines, (_, *times) = cells
    answers = {name: {line[0]: line[i] == "yes" for line in lines} for i, name in enumerate(names, 1)}
    return {name: {"answers": answers[name], "seconds": float(time_) / 1000} for name, time_ in zip(names, times, strict=True)}


def table(results: dict[str, Found]) -> str:
    """Measures by engines; the last row is what a round takes."""
    lines = [["measure", *results], ["---"] * (len(results) + 1)]
    measures = sorted({name for one in results.values() for name in one["answers"]})
    lines += [[f"`{name}`", *("yes" if one["answers"].get(name) else "no" for one in results.values())] for name in measures]
    lines.append(["an idle round, ms", *(f"{round(1000 * one['seconds'], 1 if one['seconds'] < 0.01 else None)}" for one in results.values())])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main(names: Sequence[str]) -> None:
    """Write the table between its marks."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    shown, mark, after = rest.partition(END)
    if not mark:
        raise SystemExit(f"{PAGE.name} has no {BEGIN.strip()} … {END.strip()}")
    results = known(shown) | {name: on(name) for name in names}
    PAGE.write_text(before + BEGIN + table({name: results[name] for name in NAMES if name in results}) + END + after)


if __name__ == "__main__":
    as_rank() if "--rank" in sys.argv else main(sys.argv[1:] or NAMES)
