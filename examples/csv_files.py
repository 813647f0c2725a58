"""A folder of gzipped CSV files, one shard each; and one plain CSV file, which would be cut into ranges of lines if it were big."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import numpy as np

import summable as sm


def lines(draw: np.random.Generator, rows: int) -> str:
    """Some rows as CSV, with a header."""
    x, shop = draw.normal(size=rows), draw.choice(["north", "south, by the sea"], rows)
    y = 3 * x + (shop == "north") + draw.normal(size=rows)
    return "y,x,shop\n" + "".join(f'{a},{b},"{c}"\n' for a, b, c in zip(y, x, shop, strict=True))


def main(folder: Path) -> None:
    """Write the files and fit them."""
    draw = np.random.default_rng(1)
    (folder / "days").mkdir()
    for day in range(30):
        with gzip.open(folder / "days" / f"{day:02}.csv.gz", "wt") as file:
            file.write(lines(draw, 100))
    print(sm.scan(folder / "days"))
    print(sm.ols("y ~ x + shop", folder / "days").tidy().round(3), "\n")
    (folder / "year.csv").write_text(lines(draw, 20_000))
    print(sm.scan(folder / "year.csv"))
    print(sm.ols("y ~ x + shop", folder / "year.csv").tidy().round(3))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(scratch))
