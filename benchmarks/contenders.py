"""The work, and who does it: each contender takes rows that were made beforehand and gives coefficients, the intercept first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack


def normal_data(rows: int, columns: int, order: str) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    x = draw.standard_normal((rows, columns)) if order == "C" else draw.standard_normal((columns, rows)).T
    return x, 1 + x.sum(axis=1) + draw.standard_normal(rows)


def logistic_data(rows: int, columns: int, order: str) -> tuple[np.ndarray, np.ndarray]:
    x, _ = normal_data(rows, columns, order)
    draw = np.random.default_rng(1)
    eta = 0.3 + x @ (draw.standard_normal(columns) / np.sqrt(columns))
    return x, (draw.random(rows) < 1 / (1 + np.exp(-eta))).astype(np.int64)


# -- least squares


def normal_equations(x, y):
    return np.append(0.0, np.linalg.solve(x.T @ x, x.T @ y))  # no intercept: the bare products, nothing else


def linear_regression(x, y):
    import summable as sm

    fit = sm.LinearRegression().fit(x, y)
    return np.append(fit.intercept_, fit.coef_)


def scikit_ridge(x, y):
    from sklearn.linear_model import Ridge

    fit = Ridge(alpha=1e-9, solver="cholesky").fit(x, y)
    return np.append(fit.intercept_, fit.coef_)


def reading(x, y):
    with ThreadPoolExecutor(2) as pool:
        return np.array([sum(pool.map(np.sum, np.array_split(x if x.flags.c_contiguous else x.T, 64)))])


# -- logistic regression


def logistic_regression(x, y):
    import summable as sm

    fit = sm.LogisticRegression(C=np.inf).fit(x, y)
    return np.append(fit.intercept_, fit.coef_)


def scikit(solver, tol):
    def fit(x, y):
        from sklearn.linear_model import LogisticRegression

        found = LogisticRegression(C=np.inf, solver=solver, tol=tol, max_iter=1000).fit(x, y)
        return np.append(found.intercept_, found.coef_)

    return fit


def glum(solver, tol):
    def fit(x, y):
        from glum import GeneralizedLinearRegressor

        found = GeneralizedLinearRegressor(family="binomial", alpha=0, solver=solver, gradient_tol=tol, max_iter=1000).fit(x, y.astype(float))
        return np.append(found.intercept_, found.coef_)

    return fit


def logistic_error(x, y, coef) -> float:
    """The relative length of the Newton step that is left, from the formula over NumPy: what a solver's answer is off by."""
    gradient, hessian = np.zeros(len(coef)), np.zeros((len(coef), len(coef)))
    for part in np.array_split(np.arange(len(y)), max(1, x.size >> 22)):
        rows = np.column_stack([np.ones(len(part)), x[part[0] : part[-1] + 1]])
        mean = 1 / (1 + np.exp(-rows @ coef))
        gradient += rows.T @ (mean - y[part])
        hessian += (rows * (mean * (1 - mean))[:, None]).T @ rows
    return float(np.linalg.norm(np.linalg.solve(hessian, gradient)) / np.linalg.norm(coef))


def least_squares_error(x, y, coef) -> float:
    """The relative length of the step that the gradient asks for, of the model with or without the intercept."""
    rest = y - x @ coef[1:] - coef[0]
    gradient, square = x.T @ rest, x.T @ x
    return float(np.linalg.norm(np.linalg.solve(square, gradient)) / np.linalg.norm(coef[1:]))


# -- Poisson regression on three categories


def categories(rows: int, levels: int, order: str) -> tuple[Any, np.ndarray]:
    """Three columns of labels, of a half, three tenths and a fifth of the levels, those of the first unevenly drawn; and counts."""
    import pandas as pd

    draw, columns, eta = np.random.default_rng(0), {}, np.full(rows, -0.5)
    for name, share in (("a", 0.5), ("b", 0.3), ("c", 0.2)):
        size = int(levels * share)
        code = np.minimum((draw.pareto(1.2, rows) * size / 20).astype(np.int64), size - 1) if name == "a" else draw.integers(0, size, rows)
        code[:size] = np.arange(size)
        eta += draw.normal(0, 0.3, size)[code]
        columns[name] = pd.Categorical.from_codes(code, [f"{name}{number:05d}" for number in range(size)])
    return pd.DataFrame(columns), draw.poisson(np.exp(eta)).astype(np.float64)


def poisson_formula(x, y):
    import summable as sm

    return np.asarray(sm.glm("y ~ a + b + c", x.assign(y=y), family="poisson", max_levels=100_000).params)


def poisson_glum(solver, tol):
    def fit(x, y):
        from glum import GeneralizedLinearRegressor

        found = GeneralizedLinearRegressor(family="poisson", alpha=0, solver=solver, gradient_tol=tol, drop_first=True, max_iter=1000).fit(x, y)
        return np.append(found.intercept_, found.coef_)

    return fit


def poisson_error(x, y, coef) -> float:
    """The relative length of the Newton step that is left, by sparse matrices of dummies."""
    rows, terms = np.arange(len(y)), [csr_matrix(np.ones((len(y), 1)))]
    for name in "abc":
        code = x[name].cat.codes.to_numpy()
        terms.append(csr_matrix((np.ones(int((code > 0).sum())), (rows[code > 0], code[code > 0] - 1)), (len(y), len(x[name].cat.categories) - 1)))
    design = hstack(terms, format="csr")
    mean = np.exp(design @ coef)
    hessian = (design.T @ design.multiply(mean[:, None]).tocsr()).toarray()
    return float(np.linalg.norm(np.linalg.solve(hessian, design.T @ (mean - y))) / np.linalg.norm(coef))


OURS = "summable"
LEAST_SQUARES = {OURS: linear_regression, "NumPy X'X": normal_equations, "scikit-learn Ridge (cholesky)": scikit_ridge, "reading X": reading}
LOGISTIC = {
    OURS: logistic_regression, "scikit-learn lbfgs": scikit("lbfgs", 1e-10), "scikit-learn newton-cholesky": scikit("newton-cholesky", 1e-10),
    "glum irls-ls": glum("irls-ls", 1e-7), "glum lbfgs": glum("lbfgs", 1e-9),
}  # fmt: skip
POISSON = {OURS: poisson_formula, "glum irls-ls": poisson_glum("irls-ls", 1e-7), "glum lbfgs": poisson_glum("lbfgs", 1e-9)}
KINDS = {
    "least squares": (normal_data, LEAST_SQUARES, least_squares_error), "logistic": (logistic_data, LOGISTIC, logistic_error),
    "Poisson, three categories": (categories, POISSON, poisson_error),
}  # fmt: skip
