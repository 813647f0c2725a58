"""Rows that come once, from a queue or a cursor: an iterator of frames is fitted in a single pass, in the memory of one frame."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

import summable as sm


def arriving() -> Iterator[pd.DataFrame]:
    """Frames as they come."""
    draw = np.random.default_rng(1)
    for _ in range(50):
        x = draw.normal(size=2000)
        yield pd.DataFrame({"x": x, "y": 1 + 2 * x + draw.normal(size=2000)})


def main() -> None:
    """One pass suffices for numbers; categories need another, which is refused."""
    print(sm.ols("y ~ x", arriving()).tidy().round(4), "\n")
    data = sm.scan(arriving())
    sm.ols("y ~ x", data)
    try:
        sm.ols("y ~ x", data)
    except sm.DataError as error:
        print(error)


if __name__ == "__main__":
    main()
