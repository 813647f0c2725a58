"""Shared by the tests: a path for their helpers, and one small table that has everything."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What scikit-learn skips unless SciPy was told before it was imported is run by tests/models/test_array_api.py, in a process that was."""
    if "SCIPY_ARRAY_API" not in os.environ:
        elsewhere = [item for item in items if "check_array_api" in item.name]
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """Two thousand rows: numbers near and far, labels of each type, weights, an offset; nothing missing."""
    draw, rows = np.random.default_rng(7), 2000
    frame = pd.DataFrame(
        {
            "a": draw.normal(2.0, 1.0, rows), "b": draw.gamma(2.0, 1.0, rows) + 0.1, "far": 1e3 + draw.normal(size=rows),
            "g": draw.choice(["u", "v", "w"], rows), "h": draw.choice([1, 2, 10], rows), "flag": draw.random(rows) < 0.3,
            "weight": draw.integers(1, 5, rows).astype(float), "off": draw.normal(size=rows),
        }
    )  # fmt: skip
    effect = frame["g"].map({"u": 0.0, "v": 1.0, "w": -2.0}) + 0.1 * frame["h"]
    frame["y"] = 1.0 + 0.5 * frame["a"] - frame["b"] + 0.3 * frame["far"] + effect + frame["flag"] + draw.normal(size=rows)
    return frame
