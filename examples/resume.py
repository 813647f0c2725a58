"""A fit that is killed half-way, run again, and ends with the same bits, having read again only what it had in hand.

python examples/resume.py [FOLDER]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import summable as sm

FILES, ROWS = 60, 2_000
FORMULA = "y ~ x + C(g)"

KILLED = """
import os, signal, sys
import summable as sm
def watch(measure, done, parts):
    if measure == "Gram" and done == parts // 2:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
sm.ols(sys.argv[1], sys.argv[2], journal=sys.argv[3], watch=watch)
"""


def write(folder: Path) -> None:
    """Some files of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(FILES):
        draw = np.random.default_rng(number)
        x, g = draw.normal(size=ROWS), draw.choice(["a", "b", "c"], ROWS)
        pd.DataFrame({"x": x, "g": g, "y": 1 + 2 * x + (g == "b") + draw.normal(size=ROWS)}).to_parquet(folder / f"{number:03d}.parquet")


def main(folder: Path) -> None:
    """Fit in a process that is killed; fit again; hold the result against a fit that nothing disturbed."""
    write(folder)
    data, journal = f"{folder}/*.parquet", folder / "fit.journal"
    ended = subprocess.run([sys.executable, "-c", KILLED, FORMULA, data, str(journal)], check=False).returncode
    print(f"The first fit was killed (exit code {ended}); its journal weighs {journal.stat().st_size:,} bytes.")
    resumed, whole = sm.ols(FORMULA, data, journal=journal), sm.ols(FORMULA, data)
    for line in resumed.ledger.rounds:
        print(f"{line.measure:<8} {line.replayed:>3} of {line.parts} parts replayed, {line.parts - line.replayed:>3} asked")
    print("The same bits as a fit that nothing disturbed:", resumed.params.equals(whole.params) and resumed.bse.equals(whole.bse))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(scratch))
