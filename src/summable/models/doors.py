"""The machine learner's door: what scikit-learn takes, and what lies in files, as an engine and a design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import _check_sample_weight, validate_data

from summable.core.design import Block, Column, Constant, Design, Numeric, Product, Term
from summable.core.engine import Engine
from summable.core.errors import DataError, Unsupported
from summable.core.measure import Rounds
from summable.core.run import Ledger, run
from summable.maths import expressions
from summable.open import engine, matrices, scan

R = TypeVar("R")
SPARSE = ("csr", "csc", "coo")


@dataclass(frozen=True)
class Problem:
    """Rows somewhere, the design by which they are asked, and how the answer is to be dressed."""

    engine: Engine
    design: Design
    several: bool  # whether y had two dimensions, so that coef_ has
    dtype: Any  # of the coefficients
    rows: int | None = None  # where they are known
    unseen: Any = None  # the matrix, where nobody has looked for a NaN


def is_named(y: Any) -> bool:
    """Whether y names columns, so that X is data to be opened and not an array."""
    return isinstance(y, str) or (isinstance(y, list | tuple) and bool(y) and all(isinstance(name, str) for name in y))


def is_looked_at_later(X: Any, sample_weight: Any) -> bool:
    """Whether the sums of a matrix tell of every NaN in it: not where a row of weight 0 is never read."""
    return sample_weight is None and not issparse(X)


def from_arrays(model: Any, X: Any, y: Any, sample_weight: Any, *, sparse: bool, reset: bool = True, later: bool = False) -> Problem:
    """Arrays, frames or sparse matrices, held to what scikit-learn asks of them; if `later`, `solved` will see to what is not finite in X."""
    later = later and is_looked_at_later(X, sample_weight)
    options = {"dtype": [np.float64, np.float32], "y_numeric": True, "multi_output": True}
    X, y = validate_data(model, X, y, accept_sparse=list(SPARSE) if sparse else False, reset=reset, ensure_all_finite=not later, **options)
    weight = None
    if sample_weight is not None:
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    problem = of_matrix(X, y, weight)
    return replace(problem, unseen=X) if later else problem


def of_matrix(X: Any, y: Any, weight: Any) -> Problem:
    """A matrix with its targets and weights, which have been checked."""
    if hasattr(X, "tocsr"):
        X = X.tocsr()
    targets = np.asarray(y, np.float64).reshape(len(y), -1)
    roles = [("y", Numeric(f"y{number}")) for number in range(targets.shape[1])]
    roles += [("weight", Numeric("weight"))] * (weight is not None)
    design = Design((), (Constant(), Block("X", (0.0,) * X.shape[1])), tuple(roles), missing="raise")
    return Problem(engine(matrices(X, targets, weight)), design, np.ndim(y) > 1, X.dtype, X.shape[0])


def solved(model: Any, program: Rounds[R], problem: Problem) -> tuple[R, Ledger]:
    """Run the rounds of a fit. A matrix with a NaN or an infinity, which nobody has looked for, leaves no finite sum: it is refused then."""
    try:
        with np.errstate(all="ignore"):
            return run(program, problem.engine)
    except DataError:
        if problem.unseen is not None:
            assert_all_finite(problem.unseen, estimator_name=type(model).__name__, input_name="X")
        raise


def from_columns(model: Any, data: Any, y: str | Sequence[str], features: Sequence[str] | None, sample_weight: Any, *, reset: bool = True) -> Problem:
    """Columns by name, of anything that `scan` opens, or of an engine; the features are all other columns unless they are given."""
    if sample_weight is not None and not isinstance(sample_weight, str):
        raise Unsupported("y names a column, and sample_weight does not", "Put the weights into the data, and give the name of their column.")
    targets, place = [y] if isinstance(y, str) else list(y), engine(data)
    if isinstance(features, str) and hasattr(place, "vector"):
        terms: tuple[Term, ...] = (Constant(), Block(features, (0.0,) * place.vector(features)))
        columns: tuple[Column, ...] = (Column(features, "vector"),)
        names = [f"{features}[{number}]" for number in range(terms[1].width)]
    else:
        names = list(_others(place, data, {*targets, sample_weight}) if features is None else features)
        _refuse_strings(names if features is None else features)
        columns, terms = tuple(map(Column, names)), (Constant(), *(Product((Numeric(expressions.quoted(name)),)) for name in names))
    if reset:
        model.n_features_in_, model.feature_names_in_ = len(names), np.array(names, dtype=object)
    elif names != list(model.feature_names_in_):
        raise Unsupported(f"the features are {names}, and were {list(model.feature_names_in_)}", "Give the same ones in the same order.")
    roles = [("y", Numeric(expressions.quoted(name))) for name in targets]
    if sample_weight is not None:
        roles.append(("weight", Numeric(expressions.quoted(sample_weight))))
    others = map(Column, [*targets, *([sample_weight] if sample_weight else [])])
    design = Design(tuple(dict.fromkeys([*columns, *others])), terms, tuple(roles), missing="raise")
    return Problem(place, design, not isinstance(y, str), np.float64)


def _design(features: Sequence[str], others: Sequence[str], roles: Sequence[tuple[str, Numeric]]) -> Design:
    columns = tuple(dict.fromkeys(map(Column, [*features, *others])))
    terms = [Product((Numeric(expressions.quoted(name)),)) for name in features]
    return Design(columns, (Constant(), *terms), tuple(roles), missing="raise")


def _others(place: Engine, data: Any, used: set[str | None]) -> list[str]:
    """Every column that is not used otherwise."""
    try:
        schema = getattr(place, "schema", None) or scan(data).schema
    except Unsupported:
        raise Unsupported("the columns of an engine are not known before it is asked", "Name them: features=[…].") from None
    return [name for name in schema if name not in used]


def _refuse_strings(features: Any) -> None:
    if isinstance(features, str) or not all(isinstance(name, str) for name in features) or not len(features):
        raise Unsupported(f"features={features!r} is not a list of columns", 'Give their names: features=["a", "b"].')


def predictions(model: Any, data: Any, coef: Any, intercept: Any) -> Any:
    """x·coef + intercept for the rows of files and tables, by the names of their columns, shard by shard."""
    names = list(getattr(model, "feature_names_in_", ()))
    if not names:
        raise Unsupported("the model was fitted without names of columns", "Predict from an array, or fit with features=[…].")
    design = _design(names, [], [])
    at = np.vstack([np.atleast_1d(intercept)[None], np.asarray(coef).T.reshape(len(names), -1)])
    parts = [rows.project(at) for shard in scan(data).shards for rows in shard.rows(design)]
    return np.concatenate(parts)
