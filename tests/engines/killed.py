"""A fit of 200 shards that kills itself, as the n-th thing it does, and is run again: `python killed.py FOLDER SEED`.

What it does is counted where a shard is read, and where the journal is written (half of the record is then on the disk), brought to the
disk, or replaced. Prints a line of JSON for each moment: the bits of the resumed fit, and how often each shard was read before and after.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import summable as sm
from summable.core.wire import to_json
from summable.engines.threads import Threads
from summable.sources import arrays

SHARDS, WORKERS, MOMENTS = 200, 2, 10


class Fate:
    """Ends the process by SIGKILL at the n-th event, and counts events."""

    def __init__(self, moment):
        self.left, self.lock = moment, threading.Lock()

    def strikes(self):
        with self.lock:
            self.left -= 1
            return self.left == 0

    def event(self):
        if self.strikes():
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Logged:
    """A shard that writes down when it is read."""

    shard: object
    index: int
    fate: object
    log: str

    name = "logged"

    def fingerprint(self):
        return f"{self.index}"

    def kinds(self):
        return self.shard.kinds()

    def rows(self, design, limit=None):
        handle = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, f"{self.index}\n".encode())
        os.close(handle)
        self.fate.event()
        return self.shard.rows(design, limit)


def table(index):
    draw = np.random.default_rng(index)
    g, x = draw.choice(["a", "b", "c"], 40), draw.normal(3.0, 1.0, 40)
    return {"y": x + (g == "b") + draw.normal(size=40), "x": x, "g": g}


def fit(folder, fate):
    """The fit, and its bits in a file."""
    shards = [Logged(arrays.shards(table(i))[0], i, fate, str(folder / "log")) for i in range(SHARDS)]
    done = sm.ols("y ~ x + C(g)", Threads(shards, workers=WORKERS), journal=folder / "fit.journal")
    (folder / "bits").write_text(to_json(done.solution))
    (folder / "events").write_text(str(-fate.left))


def treacherous(fate):
    """Let fate strike where files are written, too."""
    write, replace = os.write, os.replace

    def half(handle, data):
        if len(data) > 50 and fate.strikes():  # a record, not the log
            write(handle, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return write(handle, data)

    def after(function):
        def called(*args):
            fate.event()
            result = function(*args)
            fate.event()
            return result

        return called

    os.write, os.fsync, os.replace = half, after(lambda handle: None), after(replace)  # a kill takes nothing from the system's hands


def alone(folder, moment):
    """Run the fit in a process of its own; the signal that ended it, or 0."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        fate = Fate(moment)
        treacherous(fate)
        fit(folder, fate)
        code = 0
    finally:
        os._exit(code)


def reads(folder):
    return Counter((folder / "log").read_text().split()) if (folder / "log").exists() else Counter()


def main(folder, seed):
    whole = folder / "whole"
    whole.mkdir()
    assert alone(whole, 0) == 0
    events = int((whole / "events").read_text())
    for moment in sorted(np.random.default_rng(seed).choice(np.arange(1, events), MOMENTS, replace=False)):
        here = folder / str(moment)
        here.mkdir()
        ended = alone(here, int(moment))
        resumed = alone(here, 0)
        more = reads(here) - reads(whole)
        print(json.dumps({
            "moment": int(moment), "of": events, "ended": ended, "resumed": resumed, "same": (here / "bits").read_text() == (whole / "bits").read_text(),
            "fewer": sum((reads(whole) - reads(here)).values()), "more": dict(more),
        }))  # fmt: skip
    before = reads(here)
    assert alone(here, 0) == 0 and reads(here) == before, "a fit that is done reads nothing"


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
