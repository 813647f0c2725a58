"""The compiled kernels give the sums of the general formula, which stays as their reference."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import summable as sm
from summable.maths import kernels, linalg


@pytest.mark.parametrize("rows", [0, 1, 511, 512, 513, 5000])
@pytest.mark.parametrize("width", [0, 1, 3, 4, 5, 12, 33])
def test_sums_are_those_of_the_reference(rows, width):
    draw = np.random.default_rng(rows + width)
    columns, shifts, weight = list(1e3 + draw.normal(size=(width, rows))), 1e3 + draw.normal(size=width), draw.random(rows)
    x = np.vstack([np.ones(rows), *(column - shift for column, shift in zip(columns, shifts, strict=True))])
    for by in (1.0, 0.5, weight):
        np.testing.assert_allclose(kernels.gram(columns, shifts, by, rows), linalg.gram(x, by), rtol=1e-12, atol=1e-12 * rows)
    np.testing.assert_allclose(kernels.dots(columns, shifts, weight, rows), x @ weight, rtol=1e-12, atol=1e-12 * rows)


def test_a_nan_is_not_lost():
    columns = [np.array([1.0, np.nan, 2.0]), np.arange(3.0)]
    found = kernels.gram(columns, [0.0, 0.0], 1.0, 3)
    assert np.isnan(found[1]) and not np.isnan(found[-1])


@pytest.mark.parametrize("weights", [None, "weight"])
def test_a_fit_is_the_same_by_both(table, monkeypatch, weights):
    told = []
    for rows in (0, 10**9):
        monkeypatch.setattr("summable.sources.encode.COMPILED", rows)
        told.append(sm.ols("y ~ a + b + far + log(b)", table, weights=weights))
    np.testing.assert_allclose(told[0].params, told[1].params, rtol=1e-11)
    np.testing.assert_allclose(told[0].bse, told[1].bse, rtol=1e-11)


@pytest.mark.slow
def test_a_read_only_home_is_no_obstacle(tmp_path):
    code = "import os; os.access = lambda *a: False; from summable.maths import kernels; import numpy as np; print(kernels.gram([np.ones(5)], [0.0], 1.0, 5))"
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"} | {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.strip() == "[5. 5. 5.]", done.stderr
    assert any(tmp_path.rglob("*.nbc"))
