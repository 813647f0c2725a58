"""Run scikit-learn's own tests with this library's classes in place of its own, and write what came of it to docs/scikit-learn.md.

python scripts/scikit_learn.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from summable.models.table import MODELS

PAGE = Path(__file__).parent.parent / "docs" / "scikit-learn.md"
MODULES = tuple(dict.fromkeys(model.tests for model in MODELS.values()))
LATER = {"Only binary classification": "more than two classes", "An l1 penalty is not here yet": "an l1 penalty", "set_callbacks": "callbacks"}
REASONS = {
    "test_inplace_data_preprocessing": "expects `copy_X=False` to overwrite X; here X is never written to",
    "test_ridge_fit_intercept_sparse_sag": "expects a warning that `sag` may need many iterations; here it needs none",
    "test_n_iter": "scikit-learn's `sag`, `saga` and `lsqr` count their iterations up to `max_iter`; here one exact solve is all, whatever `solver` asks",
    "test_tweedie_link_auto": "reads `_base_loss`, private to scikit-learn's class",
    "test_tweedie_link_argument": "reads `_base_loss`, private to scikit-learn's class",
    "test_warm_start": "reads `_get_loss()`, private to scikit-learn's class",
    "test_linalg_warning_with_newton_solver": "expects a `LinAlgWarning` of collinear features; here they are left out, and the fit goes on",
    "test_newton_cholesky_fallback_to_lbfgs": "expects a fall from one solver to another; here the one needs no other",
    "test_max_iter": "expects the warning of a few iterations in the words of whichever `solver` was asked; here it has words of its own",
    "test_zero_max_iter": "asks for no step at all; here a fit takes two rounds at least",
    "test_large_sparse_matrix": "expects 64-bit indices to be refused by three solvers; here they are taken",
    "test_liblinear_with_large_values": "expects `liblinear` to refuse a value of 1e100; here it is taken",
    "test_liblinear_dual_random_state": "expects another answer from another seed; here no answer hangs on a seed",
    "test_dtype_match": "expects float64 coefficients of float32 from `liblinear`; here float32 comes out for it, whatever `solver` asks",
    "test_logistic_cv": "expects six decimals of `liblinear`, which penalises the intercept and stops sooner",
    "test_l1_ratio_None_deprecated": "expects a warning of scikit-learn's own deprecation",
    "test_lr_penalty_l1ratio_incompatible": "expects a warning of scikit-learn's own deprecation",
    "test_penalty_deprecated": "expects a warning of scikit-learn's own deprecation",
    "test_lda_ledoitwolf": "gives a `covariance_estimator`, which wants the rows themselves; here are their sums, and `shrinkage=\"auto\"` is from sums",
    "test_lda_predict": "gives a `covariance_estimator`, which wants the rows themselves; here are their sums, and `shrinkage=\"auto\"` is from sums",
    "test_lda_shrinkage": "gives a `covariance_estimator`, which wants the rows themselves; here are their sums, and `shrinkage=\"auto\"` is from sums",
    "test_qda_ledoitwolf": "gives a `covariance_estimator`, which wants the rows themselves; here are their sums, and `shrinkage=\"auto\"` is from sums",
    "test_qda_covariance_estimator": "expects the refusal of an estimator in other words",
    "test_pca_validation": "expects the refusal to name the solver that \"auto\" stands for; here there is one way, and the solver named is the one given",
    "test_pca_svd_solver_auto": "reads `_fit_svd_solver`, private to scikit-learn's class",
    "test_pca_score": "expects two likelihoods that are equal but for rounding to differ in one direction",
    "test_kmeans_init_auto_with_initial_centroids": "reads `_n_init`, private to scikit-learn's class",
    "test_n_init_auto": "reads `_n_init`, private to scikit-learn's class",
    "test_sample_weight_init": "calls `_init_centroids`, private to scikit-learn's class",
    "test_sample_weight_zero": "calls `_init_centroids`, private to scikit-learn's class",
    "test_kmeans_verbose": "expects lines that `verbose=1` prints; here `watch` and the ledger tell",
    "test_float_precision": "expects float32 to draw the rows that float64 does; here they are drawn by a hash of the numbers, which are others",
    "test_score_max_iter": "expects ten steps to be better than one; k-means|| started where one was enough",
    "test_warning_elkan_1_cluster": "expects a warning of Elkan's algorithm for one cluster; here there is one algorithm, for any number",
    "test_lbfgs_solver_error": "expects a `ConvergenceWarning` from L-BFGS cut short by `max_iter=1`; here nothing is cut short",
}  # fmt: skip


class Record:
    """A plugin of pytest: which tests made or fitted one of the classes, and how each ended."""

    def __init__(self) -> None:
        self.current, self.used, self.ended, self.why = "", set[str](), dict[str, str](), dict[str, str]()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        """Know which test is running."""
        self.current = item.nodeid
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep how it ended; a failure before or after it counts."""
        if report.when == "call" or report.outcome != "passed":
            self.ended[report.nodeid] = "xfailed" if hasattr(report, "wasxfail") else report.outcome
        if report.failed:
            self.why[report.nodeid] = report.longreprtext

    def mark(self) -> None:
        """The running test makes or fits one of the classes."""
        self.used.add(self.current)


def run_tests(result: str, modules: Sequence[str]) -> None:
    """Substitute the classes, run the tests, and keep what happened as JSON."""
    import sklearn

    import summable

    record = Record()
    for name, model in MODELS.items():
        mine = getattr(summable, name)
        setattr(import_module(f"sklearn.{model.beside}"), name, mine)
        mine.__new__ = lambda cls, *args, **named: (record.mark(), object.__new__(cls))[1]
        mine.fit = marking(record, mine.fit)
    folder = Path(sklearn.__file__).parent
    Path("pytest.ini").write_text("[pytest]\n")  # theirs, not ours, which may lie above their folder
    options = ["-q", "--tb=line", "-c", "pytest.ini", "--rootdir", str(folder), "--noconftest", "-p", "sklearn.conftest"]
    options += ["-p", "no:cacheprovider", "-p", "no:randomly"]
    pytest.main([*options, *(str(folder / f"{module}.py") for module in modules)], plugins=[record])
    Path(result).write_text(json.dumps({"used": sorted(record.used), "ended": record.ended, "why": record.why}))


def marking(record: Record, fit: Any) -> Any:
    """The method, which tells the record that it is called."""

    @wraps(fit)
    def recorded(*arguments: Any, **named: Any) -> Any:
        record.mark()
        return fit(*arguments, **named)

    return recorded


def measured(modules: Sequence[str] = MODULES) -> dict[str, Any]:
    """The record of a run in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "record.json")
        environment = os.environ | {"SKLEARN_TESTS_GLOBAL_RANDOM_SEED": "42"}
        subprocess.run([sys.executable, __file__, "--run", result, *modules], check=False, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
        return json.loads(Path(result).read_text())


def ending(record: dict[str, Any], node: str) -> str:
    """How an item ended: "passed", "failed" or what it asks for that is not here yet."""
    end = record["ended"].get(node, "")
    why = record["why"].get(node, "")
    return next((name for sign, name in LATER.items() if sign in why), end) if end == "failed" else end


def failures(record: dict[str, Any]) -> Counter[str]:
    """Test functions that failed, and in how many items."""
    return Counter(node.split("::")[1].split("[")[0] for node in record["used"] if ending(record, node) == "failed")


def page(record: dict[str, Any]) -> str:
    """The page, from a record."""
    import sklearn

    failed = failures(record)
    counts = {module: Counter(ending(record, node) for node in record["used"] if f"{module}.py" in node) for module in MODULES}
    passed, total = sum(c["passed"] for c in counts.values()), sum(c["passed"] + c["failed"] for c in counts.values())
    later = Counter(end for c in counts.values() for end in c.elements() if end in LATER.values())
    lines = [
        "# The estimators, held to scikit-learn's own tests", "",
        f"{', '.join(f'`{name}`' for name in MODELS)}",
        "take scikit-learn's parameters and give its attributes. They pass its `parametrize_with_checks` with no expected failure.",
        "Here its own test modules are run with these classes put in the place of its own",
        f"(scikit-learn {sklearn.__version__}); an item counts if it made or fitted one of them. This page is written by `python scripts/scikit_learn.py`.", "",
        "| module | items | passed | failed |", "| --- | ---: | ---: | ---: |",
        *(f"| `{module}` | {c['passed'] + c['failed']} | {c['passed']} | {c['failed']} |" for module, c in counts.items()),
        f"| all | {total} | {passed} ({100 * passed / total:.1f} %) | {total - passed} |", "",
        "| test that fails | items | why |", "| --- | ---: | --- |",
        *(f"| `{name}` | {number} | {REASONS.get(name, 'not explained')} |" for name, number in sorted(failed.items())), "",
        "Not counted above are items that ask for what is not here yet, and is refused in a sentence: "
        + ", ".join(f"{name} ({number})" for name, number in later.most_common()) + ".", "",
    ]  # fmt: skip
    return "\n".join(lines) + NOTES


NOTES = """
A plane through four files, by the names of their columns, and the same from an array:

```python
>>> import numpy as np, pandas as pd, summable as sm
>>> table = pd.DataFrame({"a": np.arange(8.0), "b": np.arange(8.0) ** 2 % 5}).assign(y=lambda t: 1 + 2 * t.a - 3 * t.b)
>>> for part in range(4):
...     table[2 * part : 2 * part + 2].to_parquet(f"part-{part}.parquet")
>>> model = sm.LinearRegression().fit("part-*.parquet", "y", features=["a", "b"])
>>> print(model.coef_.round(12), model.intercept_.round(12))
[ 2. -3.] 1.0
>>> print(sm.LinearRegression().fit(table[["a", "b"]], table["y"]).coef_.round(12))
[ 2. -3.]
>>> [(line.measure, line.parts, line.numbers) for line in model.ledger_.fitting]
[('Gram', 4, 13)]

```

Where they differ on purpose:

* **Data may lie anywhere.** `fit(data, "y", features=["a", "b"], sample_weight="w")` takes a path, a glob, a folder, a `Dataset`, an engine or a list
  of these, and columns by name; `features` are all the others unless they are given. `partial_fit` adds rows, and gives what fitting all of them would.
* **`solver=` is checked and not needed.** The answer is the exact one, from sums; `tol` and `max_iter` cannot cut it short, and `n_iter_` is one.
* **Features of different magnitude are not taken for collinear.** scikit-learn's `LinearRegression` drops singular values below `tol` times the largest,
  which a column in other units suffices for. Here collinearity is judged with columns of equal norm, and only then does `tol` decide.
* **float32 goes in and comes out; between, sums are float64.**
* **A missing value among columns taken by name is an error**, as it is in arrays.
* `ledger_` tells the rounds and the bytes, `statistic_` holds the sums.
"""


def main() -> None:
    """Write the page; with --run, be the process that runs the tests."""
    if "--run" in sys.argv:
        run_tests(sys.argv[2], sys.argv[3:])
        return
    text = page(measured())
    PAGE.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
