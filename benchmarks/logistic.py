"""Logistic regression in memory beside scikit-learn and glum, each held to the accuracy that it reached.

    python -m benchmarks.logistic [--quick] [--repeats 5]

One of the works of `python -m benchmarks`, which writes them all to benchmarks/RESULTS.md; this one prints.
"""

from __future__ import annotations

import argparse

from benchmarks.__main__ import table, works
from benchmarks.race import race


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a twentieth of the rows")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    for work in works(options.quick):
        if work.kind == "logistic":
            print("\n".join(table(work, race(work, options.repeats))), flush=True)


if __name__ == "__main__":
    main()
