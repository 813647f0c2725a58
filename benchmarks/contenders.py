"""The work, and who does it: each contender takes rows that were made beforehand and gives coefficients, the intercept first."""

from __future__ import annotations

import numpy as np


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
    return np.array([sum(part.sum() for part in np.array_split(x if x.flags.c_contiguous else x.T, 64))])


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


OURS = "summable"
LEAST_SQUARES = {OURS: linear_regression, "NumPy X'X": normal_equations, "scikit-learn Ridge (cholesky)": scikit_ridge, "reading X": reading}
LOGISTIC = {
    OURS: logistic_regression, "scikit-learn lbfgs": scikit("lbfgs", 1e-10), "scikit-learn newton-cholesky": scikit("newton-cholesky", 1e-10),
    "glum irls-ls": glum("irls-ls", 1e-9), "glum lbfgs": glum("lbfgs", 1e-9),
}  # fmt: skip
KINDS = {"least squares": (normal_data, LEAST_SQUARES, least_squares_error), "logistic": (logistic_data, LOGISTIC, logistic_error)}
