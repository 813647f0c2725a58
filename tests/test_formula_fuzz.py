"""Random frames and formulas: the fit is statsmodels' on formulaic's matrix, or a sentence that says why not.

SUMMABLE_FUZZ=2000 (or any number) asks for more examples than the usual run.
"""

from __future__ import annotations

import os
import warnings

import formulaic
import numpy as np
import pandas as pd
import pytest
import statsmodels.api
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import summable as sm
from summable.plan import FUNCTIONS

EXAMPLES = int(os.environ.get("SUMMABLE_FUZZ", "150"))
SOME = 1e-3  # where columns are nearly dependent, those that have no more than this beside the others may be kept or left out
CLEAR, NOTHING = 1e-6, 1e-11  # of a unit column beside others: above, it is independent; below, dependent; between, only the squares left are bounded
NUMBERS = [
    "a", "b", "far", "n", "flag", "same", "twin", "gap", "log(b)", "I(a**2)", "np.sqrt(b)", "I(a > 0.5)", "center(a)", "scale(far)", "scale(b, center=False)",
    "standardize(n)", "poly(a, 2)", "poly(far, 3)", "poly(b, 2, raw=True)", "poly(log(b), 2)", "poly(n, 2)", "bs(a, df=4)", "bs(b, df=6, degree=2)", "bs(far)",
    "bs(n, df=4)", "bs(a, df=5, include_intercept=True)", "bs(gap, df=4)", "bs(a, knots=[0.2, 0.9], lower_bound=-9, upper_bound=9)",
    "bs(a, df=5, lower_bound=-1, upper_bound=1, extrapolation='clip')", "cr(a, df=3)", "cr(b, df=4, constraints='center')", "cc(a, df=3)", "a**2",
]  # fmt: skip
CATEGORIES = [
    "g", "C(g)", "C(h)", "C(n)", "C(flag)", "hole", "C(g, contr.sum)", "C(h, contr.helmert)", "C(n, contr.poly)", "C(h, contr.diff)", "C(g, contr.SAS)",
    "C(g, contr.treatment('u'))", "C(h, Treatment(2))", "C(g, contr.helmert(reverse=False, scale=True))", "C(h, contr.sum)",
]  # fmt: skip
FACTORS = st.one_of(st.sampled_from(NUMBERS), st.sampled_from(CATEGORIES))
SHAPES = ["{0}", "{0}", "{0} * {1}", "{0}:{1}", "{0} / {1}", "{0} %in% {1}", "({0} + {1})**2", "{0}:{1}:{2}"]
TERMS = st.builds(str.format, st.sampled_from(SHAPES), FACTORS, FACTORS, FACTORS)
LEFT = st.sampled_from(["y", "y", "y", "log(b)", "np.log(b)", "I(y / 2)", "I(far - a)", "far"])
FORMULAS = st.builds(
    lambda left, start, terms, end: f"{left} ~ {start}{' + '.join(terms)}{end}",
    LEFT, st.sampled_from(["", "", "", "0 + "]), st.lists(TERMS, min_size=1, max_size=3), st.sampled_from(["", "", "", " - 1"]),
)  # fmt: skip


def frame(seed: int) -> pd.DataFrame:
    """From 8 to 300 rows of everything that has broken a fit before."""
    draw = np.random.default_rng(seed)
    rows = int(np.exp(draw.uniform(np.log(8), np.log(300))))
    a = draw.normal(size=rows)
    found = pd.DataFrame(
        {
            "a": a, "b": draw.gamma(2.0, 1.0, rows) + 0.1, "far": 1e6 + draw.uniform(-1, 1, rows), "same": 3.0, "twin": 2 * a,
            "n": draw.integers(0, 5, rows), "flag": draw.random(rows) < 0.3, "g": draw.choice(["u", "v", "w"], rows, p=[0.5, 0.47, 0.03]),
            "h": draw.choice([1, 2, 10], rows), "hole": np.where(draw.random(rows) < 0.1, None, draw.choice(["x", "z"], rows)),
            "gap": np.where(draw.random(rows) < 0.1, np.nan, draw.normal(size=rows)), "w": draw.choice([0.0, 0.5, 1.0, 3.0], rows),
        }
    )  # fmt: skip
    return found.assign(y=3 + a - found["b"] + (found["g"] == "u") + draw.normal(size=rows) * draw.choice([1.0, 1e-3]))


def columns(data: pd.DataFrame) -> dict[str, np.ndarray]:
    return {name: data[name].to_numpy() for name in data}


def used(formula: str, data: pd.DataFrame, weights: str | None) -> pd.DataFrame:
    """The rows that are kept: those with a value in every column that the formula reads, and a weight."""
    kept = data.dropna(subset=[name for name in ("gap", "hole") if name in formula])
    return (kept[kept["w"] > 0] if weights else kept).infer_objects().reset_index(drop=True)


def reference(formula: str, data: pd.DataFrame, weights: str | None) -> tuple[list[str], np.ndarray, np.ndarray] | None:
    """Names, √W X and √W y as formulaic has them; None where it has none."""
    try:
        with np.errstate(all="ignore"):
            sides = formulaic.model_matrix(formula, data, context=FUNCTIONS)
    except Exception:
        return None
    x, y = np.asarray(sides.rhs, float), np.asarray(sides.lhs, float).ravel()
    root = np.sqrt(data["w"].to_numpy()) if weights else np.ones(len(data))
    return (list(sides.rhs.columns), x * root[:, None], y * root) if len(x) == len(data) and np.isfinite(x).all() else None


def orthonormal(unit: np.ndarray, least: float = NOTHING) -> tuple[np.ndarray, np.ndarray]:
    """An orthonormal basis of columns of unit norm, and what each column has beside those before it."""
    left, rest = np.zeros((len(unit), 0)), np.zeros(unit.shape[1])
    for j, column in enumerate(unit.T):
        for _ in range(2):
            column = column - left @ (left.T @ column)  # noqa: PLW2901
        rest[j] = np.linalg.norm(column)
        if rest[j] > least:
            left = np.column_stack([left, column / rest[j]])
    return left, rest


def check(formula: str, seed: int, weights: str | None, cut: float) -> str:
    """Hold a fit against the reference; how it was compared."""
    data = frame(seed)
    middle = int(cut * len(data))
    try:
        fit = sm.ols(formula, [columns(data[:middle]), columns(data[middle:])], weights=weights, workers=1)
    except sm.SummableError as error:
        assert str(error).endswith(".") and "\n" not in str(error)
        return "refused"
    kept = used(formula, data, weights)
    if (known := reference(formula, kept, weights)) is None:
        return "no reference"
    names, x, y = known
    assert fit.nobs == len(kept)
    assert list(fit.params.index) == names
    norms = np.linalg.norm(x, axis=0)
    unit = x / np.where(norms > 0, norms, 1.0)
    left, rest = orthonormal(unit)
    left_over, least = np.sum((y - left @ (left.T @ y)) ** 2), np.linalg.svd(unit[:, rest > NOTHING], compute_uv=False).min(initial=1.0)
    fitted = fit.predict(columns(kept)) * (np.sqrt(kept["w"].to_numpy()) if weights else 1.0)
    assert fit.ssr == pytest.approx(np.sum((y - fitted) ** 2), rel=1e-5, abs=1e-12 * np.sum(y * y))
    if least < CLEAR:
        few = orthonormal(unit, SOME)[0]
        assert left_over - 1e-7 * np.sum(y * y) <= fit.ssr <= np.sum((y - few @ (few.T @ y)) ** 2) + 1e-7 * np.sum(y * y)
        return "nearly collinear"
    np.testing.assert_allclose(fitted, left @ (left.T @ y), rtol=0, atol=1e-8 * np.abs(y).max())
    rank = left.shape[1]
    assert fit.solution.rank == rank
    assert fit.ssr == pytest.approx(left_over, rel=1e-6, abs=1e-14 * np.sum(y * y))
    if rank < x.shape[1]:
        return "aliased"
    expected = statsmodels.api.OLS(y, x).fit(method="pinv")
    scale = np.abs(expected.params * norms).max() + np.linalg.norm(y)  # a coefficient of a unit column is known to the digits of the greatest, and of y
    np.testing.assert_allclose(fit.params * norms, expected.params * norms, rtol=1e-6, atol=1e-8 * scale)
    if fit.df_resid and fit.ssr > 1e-12 * np.sum(y * y):
        np.testing.assert_allclose(fit.bse, expected.bse, rtol=1e-5)
    return "equal"


@pytest.mark.slow
@settings(max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(formula=FORMULAS, seed=st.integers(0, 10**6), weights=st.sampled_from([None, None, "w"]), cut=st.floats(0, 1))
def test_any_formula_agrees_or_is_refused(formula, seed, weights, cut):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(formula, seed, weights, cut)
