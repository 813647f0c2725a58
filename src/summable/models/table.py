"""The models under scikit-learn's names: a line each, from which come the public names, docs/models.md, and the checks that every model must pass."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """What is said of a model: where it is, what it asks of the rows, what that weighs, and in how many rounds it is done."""

    module: str  # among the models
    beside: str  # the module of scikit-learn that has its namesake
    tests: str  # and the tests of that
    asks: str  # the measure that fits it
    numbers: str  # that each part sends for it, of p features and k classes (outcomes, clusters), in Python
    rounds: str  # to fit; what learns shifts or labels is not counted
    why: str

    @property
    def full_module(self) -> str:
        """Where the model is, from the top of the package."""
        return f"models.{self.module}"


BY_CLASS = "Scatter", "k * (p + 1) * (p + 2) / 2 + 2", "1"
TOGETHER = "Scatter", "(p + 1) * (p + 2) / 2 + 2", "1"
LLOYD = "which centre is nearest depends on all of them: each step asks again, after seven rounds that draw a start"
DISCRIMINANT = "discriminant", "discriminant_analysis", "tests/test_discriminant_analysis"
PRODUCTS = "(p + 1) * (p + 2) / 2"
AGAIN = "once more, for the R factor, where features are nearly collinear"
STEPS = "the loss is a sum at given coefficients alone: each step asks again"
NORMAL = "Gram", f"{PRODUCTS} + p + 5", "1", f"the normal equations are sums; {AGAIN}"
NEWTON = "Working", f"{PRODUCTS} + p + 10", "3 to 8", STEPS
FAR = "once more where the first rows of a part misled"
MODELS = {
    "LinearRegression": Model("regression", "linear_model", "linear_model/tests/test_base", *NORMAL),
    "Ridge": Model("regression", "linear_model", "linear_model/tests/test_ridge", *NORMAL),
    "LogisticRegression": Model("generalized", "linear_model", "linear_model/tests/test_logistic", *NEWTON),
    "PoissonRegressor": Model("generalized", "linear_model", "linear_model/_glm/tests/test_glm", *NEWTON),
    "GammaRegressor": Model("generalized", "linear_model", "linear_model/_glm/tests/test_glm", *NEWTON),
    "TweedieRegressor": Model("generalized", "linear_model", "linear_model/_glm/tests/test_glm", *NEWTON),
    "GaussianNB": Model(
        "naive_bayes", "naive_bayes", "tests/test_naive_bayes", "Spread", "k * (2 * p + 3) + 2", "1", f"counts, sums and squares by class; {FAR}"
    ),
    "LinearDiscriminantAnalysis": Model(*DISCRIMINANT, *BY_CLASS, f"means and covariances by class; {FAR}"),
    "QuadraticDiscriminantAnalysis": Model(*DISCRIMINANT, *BY_CLASS, f"means and covariances by class; {FAR}"),
    "PCA": Model("pca", "decomposition", "decomposition/tests/test_pca", *TOGETHER, f"the covariance is a sum of products; {FAR}"),
    "KMeans": Model("kmeans", "cluster", "cluster/tests/test_k_means", "Nearest", "k * (p + 2)", "10 to 300", LLOYD),
}
