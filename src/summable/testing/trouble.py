"""Questions that fail, or wait, on purpose: for the contract of engines."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np

from summable.core.design import Column, Constant, Design, Numeric
from summable.core.measure import Measure
from summable.core.rows import Rows
from summable.core.statistic import Array, Statistic

PATIENCE = 60.0  # seconds after which a question that nobody releases gives up


@dataclass(frozen=True, eq=False)
class Rowcount(Statistic):
    """How many rows."""

    rows: Array  # ()


def design() -> Design:
    """A constant, and y."""
    return Design((Column("y"),), (Constant(),), (("y", Numeric("y")),))


@dataclass(frozen=True)
class Brittle(Measure[Rowcount]):
    """Counts rows; where y is `marked`, the first attempts fail, which are told by files in a folder."""

    design: Design
    folder: str
    failures: int
    marked: float

    def __call__(self, rows: Rows) -> Rowcount:
        """How many."""
        if _holds(rows, self.marked) and len(os.listdir(self.folder)) < self.failures:
            (Path(self.folder) / uuid4().hex).touch()
            raise OSError("the disk coughed")
        return Rowcount(np.asarray(float(rows.count()[0])))


@dataclass(frozen=True)
class Broken(Measure[Rowcount]):
    """Fails where y is `marked`, always."""

    design: Design
    marked: float

    def __call__(self, rows: Rows) -> Rowcount:
        """How many."""
        if _holds(rows, self.marked):
            raise OSError("the disk is gone")
        return Rowcount(np.asarray(float(rows.count()[0])))


@dataclass(frozen=True)
class Waiting(Measure[Rowcount]):
    """Tells by a file that it has begun, and waits for another that releases it."""

    design: Design
    folder: str

    def __call__(self, rows: Rows) -> Rowcount:
        """How many."""
        folder, until = Path(self.folder), time.monotonic() + PATIENCE
        (folder / f"begun-{uuid4().hex}").touch()
        while not (folder / "release").exists() and time.monotonic() < until:
            time.sleep(0.01)
        return Rowcount(np.asarray(float(rows.count()[0])))


def _holds(rows: Rows, marked: float) -> bool:
    return bool((np.asarray(rows.column("y")) == marked).any())
