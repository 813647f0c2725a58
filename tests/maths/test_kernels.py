"""The compiled kernels give the sums of the general formula, which stays as their reference."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import summable as sm
from summable.core.rows import Columns
from summable.maths import kernels, linalg
from summable.maths.nearest import nearest


def lying(rows, width, order, dtype):
    """Columns in memory by rows or by columns, their shifts, and [1, columns less shifts] as the reference takes it."""
    draw = np.random.default_rng(rows + width)
    x = np.asarray(1e3 + draw.normal(size=(rows, width)), dtype, order=order)
    shifts = 1e3 + draw.normal(size=width)
    addresses = np.array([x.ctypes.data + j * x.strides[1] for j in range(width)], np.int64)
    columns = Columns(addresses, x.strides[0] // x.itemsize, dtype == np.float32, shifts, rows, (x,))
    return columns, np.vstack([np.ones(rows), (x - shifts).T]), draw


@pytest.mark.parametrize("rows", [0, 1, 7, 255, 256, 257, 3000])
@pytest.mark.parametrize("width", [0, 1, 3, 4, 5, 12, 33, 50])
@pytest.mark.parametrize(("order", "dtype"), [("C", np.float64), ("F", np.float64), ("C", np.float32), ("F", np.float32)])
def test_sums_are_those_of_the_reference(rows, width, order, dtype):
    columns, x, draw = lying(rows, width, order, dtype)
    by, weight, close = draw.normal(size=(2, rows)), draw.normal(size=rows), {"rtol": 1e-12, "atol": 1e-12 * rows}
    for weighed in (1.0, 0.5, weight):
        beside, second = kernels.gram(columns, weighed, by)
        np.testing.assert_allclose(second, linalg.gram(x, weighed), **close)
        np.testing.assert_allclose(beside, by @ x.T, **close)
    np.testing.assert_allclose(kernels.moment(columns, 1, by.T), x @ by.T, **close)
    np.testing.assert_allclose(kernels.moment(columns, 1, weight), x @ weight, **close)
    coef = draw.normal(size=(width + 1, kernels.MANY))
    for several in (coef, coef[:, :3], coef[:, 0]):
        np.testing.assert_allclose(kernels.project(columns, several), x.T @ several, **close)


@pytest.mark.parametrize("rows", [0, 1, 257, 3000])
@pytest.mark.parametrize(("width", "targets"), [(1, 1), (12, 1), (5, 3), (7, 6)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_targets_are_met_where_they_lie(rows, width, targets, order):
    columns, x, draw = lying(rows, width, order, np.float64)
    beside, y, _ = lying(rows, targets, order, np.float64)
    y, close = y[1:], {"rtol": 1e-12, "atol": 1e-12 * rows}
    for weight in (1.0, 0.5, draw.random(rows)):
        first, second, squares = kernels.normal(columns, weight, beside)
        np.testing.assert_allclose(second, linalg.gram(x, weight), **close)
        np.testing.assert_allclose(first, weight * y @ x.T, **close)
        np.testing.assert_allclose(squares, (weight * y * y).sum(axis=1), **close)


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="there is no AVX2 to compile for")
def test_without_avx512_the_sums_are_the_same(tmp_path):
    told = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma", "NUMBA_CACHE_DIR": str(tmp_path)}
    code = "import sys, pytest; from summable.maths.vectors import LANES; assert LANES == 4; sys.exit(pytest.main(sys.argv[1:]))"
    asked = [f"{__file__}::test_sums_are_those_of_the_reference", f"{__file__}::test_targets_are_met_where_they_lie"]
    asked += ["-q", "-p", "no:cacheprovider", "-k", "(C-float64 or F-float64 or targets) and not float32"]
    done = subprocess.run([sys.executable, "-c", code, *asked], capture_output=True, text=True, env=os.environ | told, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_a_nan_is_not_lost():
    columns, _, _ = lying(3, 2, "C", np.float64)
    columns.held[0][1, 0] = np.nan
    _, found = kernels.gram(columns, 1.0, np.zeros((0, 3)))
    assert np.isnan(found[1]) and not np.isnan(found[-1])


@pytest.mark.parametrize("width", [5, 8, 9, 16, 21])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_infinity_is_met_once(width, order):
    columns, _, _ = lying(40, width, order, np.float64)
    columns.held[0][3, width - 3] = np.inf
    eta = kernels.project(columns, np.ones(width + 1))
    assert eta[3] == np.inf and np.isfinite(np.delete(eta, 3)).all()


@pytest.mark.parametrize("order", ["C", "F"])
def test_bits_do_not_depend_on_where_an_array_begins(order):
    room = np.zeros(1000 * 7 + 1)
    found = []
    for begin in (0, 1):
        x = room[begin : begin + 7000].reshape((1000, 7), order=order)
        x[:] = np.random.default_rng(0).normal(size=(1000, 7))
        addresses = np.array([x[:, j].ctypes.data for j in range(7)], np.int64)
        found.append(kernels.gram(Columns(addresses, x.strides[0] // 8, False, np.zeros(7), 1000, (x,)), x[:, 0].copy(), np.zeros((0, 1000)))[1])
    np.testing.assert_array_equal(*found)


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
    code = "import os; os.access = lambda *a: False; from summable.maths import kernels; import numpy as np; "
    code += "from summable.core.rows import Columns; x = np.ones(5); held = Columns(np.array([x.ctypes.data]), 1, False, np.zeros(1), 5, (x,));"
    code += "print(kernels.moment(held, 2, 1.0))"
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"} | {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.strip() == "[5. 5. 5.]", done.stderr
    assert any(tmp_path.rglob("*.nbc"))


@pytest.mark.slow
def test_a_kernel_is_compiled_anew_when_one_that_it_calls_has_changed(tmp_path):
    package = shutil.copytree(Path(sm.__file__).parent, tmp_path / "summable", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "maths/outer.py").write_text(
        "from summable.maths.compiled import compiled\nfrom summable.maths.inner import one\n\n@compiled\ndef two():\n    return one() + one()\n"
    )
    for value in (1, 4):  # as an upgrade would: numba looks at the file of the outer one alone
        (package / "maths/inner.py").write_text(f"from summable.maths.compiled import compiled\n\n@compiled\ndef one():\n    return {value}\n")
        environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        code = "from summable.maths.outer import two; print(two())"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
        assert done.stdout.strip() == str(2 * value), done.stderr


@pytest.mark.parametrize("rows", [0, 1, 513, 3000])
@pytest.mark.parametrize(("width", "centres"), [(1, 1), (3, 2), (5, 7), (12, 20)])
@pytest.mark.parametrize(("order", "dtype"), [("C", np.float64), ("F", np.float32)])
def test_sums_by_nearest_centre_are_those_of_the_formula(rows, width, centres, order, dtype):
    columns, x, draw = lying(rows, width, order, dtype)
    at = np.column_stack([np.zeros(centres), draw.normal(size=(centres, width))])
    code = np.square(x.T[:, None, 1:] - at[:, 1:]).sum(axis=2).argmin(axis=1)
    for weight in (np.float64(0.5), draw.random(rows)):
        weights, firsts, costs = nearest(columns, at, 0.0, weight, True)
        each = np.broadcast_to(weight, rows)
        np.testing.assert_allclose(weights, np.bincount(code, each, centres), rtol=1e-12)
        by_hand = np.zeros((centres, width + 1))
        np.add.at(by_hand, code, (x * each).T)
        np.testing.assert_allclose(firsts, by_hand, rtol=1e-12, atol=1e-10)
        np.testing.assert_allclose(costs, np.bincount(code, each * np.square(x.T - at[code])[:, 1:].sum(axis=1), centres), rtol=1e-12)


def test_of_centres_that_are_equally_near_the_first_has_the_row():
    columns, _, _ = lying(600, 2, "C", np.float64)
    weights, _, _ = nearest(columns, np.array([[0.0, 9e9, 0.0], [0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]), 1e-12, np.float64(1.0), False)
    np.testing.assert_array_equal(weights, [0, 600, 0])
