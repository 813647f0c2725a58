"""The machine learner's door: what scikit-learn takes, and what lies in files, as an engine and a design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight, validate_data

from summable.core.design import Block, Column, Constant, Design, Numeric, Product
from summable.core.engine import Engine
from summable.core.errors import Unsupported
from summable.maths import expressions
from summable.open import engine, matrices, scan

SPARSE = ("csr", "csc", "coo")


@dataclass(frozen=True)
class Problem:
    """Rows somewhere, the design by which they are asked, and how the answer is to be dressed."""

    engine: Engine
    design: Design
    several: bool  # whether y had two dimensions, so that coef_ has
    dtype: Any  # of the coefficients
    rows: int | None = None  # where they are known


def is_named(y: Any) -> bool:
    """Whether y names columns, so that X is data to be opened and not an array."""
    return isinstance(y, str) or (isinstance(y, list | tuple) and bool(y) and all(isinstance(name, str) for name in y))


def from_arrays(model: Any, X: Any, y: Any, sample_weight: Any, *, sparse: bool, reset: bool = True) -> Problem:
    """Arrays, frames or sparse matrices, held to what scikit-learn asks of them."""
    options = {"dtype": [np.float64, np.float32], "y_numeric": True, "multi_output": True}
    X, y = validate_data(model, X, y, accept_sparse=list(SPARSE) if sparse else False, reset=reset, **options)
    weight = None
    if sample_weight is not None:
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    return of_matrix(X, y, weight)


def of_matrix(X: Any, y: Any, weight: Any) -> Problem:
    """A matrix with its targets and weights, which have been checked."""
    if hasattr(X, "tocsr"):
        X = X.tocsr()
    targets = np.asarray(y, np.float64).reshape(len(y), *(np.shape(y)[1:] or (1,)))
    roles = [("y", Numeric(f"y{number}")) for number in range(targets.shape[1])]
    roles += [("weight", Numeric("weight"))] * (weight is not None)
    design = Design((), (Constant(), Block("X", (0.0,) * X.shape[1])), tuple(roles), missing="raise")
    return Problem(engine(matrices(X, targets, weight)), design, np.ndim(y) > 1, X.dtype, X.shape[0])


def from_columns(model: Any, data: Any, y: str | Sequence[str], features: Sequence[str] | None, sample_weight: Any, *, reset: bool = True) -> Problem:
    """Columns by name, of anything that `scan` opens, or of an engine; the features are all other columns unless they are given."""
    if sample_weight is not None and not isinstance(sample_weight, str):
        raise Unsupported("y names a column, and sample_weight does not", "Put the weights into the data, and give the name of their column.")
    targets = [y] if isinstance(y, str) else list(y)
    if features is None:
        features = _others(data, {*targets, sample_weight})
    _refuse_strings(features)
    if reset:
        model.n_features_in_, model.feature_names_in_ = len(features), np.array(features, dtype=object)
    elif list(features) != list(model.feature_names_in_):
        raise Unsupported(f"the features are {list(features)}, and were {list(model.feature_names_in_)}", "Give the same ones in the same order.")
    roles = [("y", Numeric(expressions.quoted(name))) for name in targets]
    if sample_weight is not None:
        roles.append(("weight", Numeric(expressions.quoted(sample_weight))))
    return Problem(engine(data), _design(features, [*targets, *([sample_weight] if sample_weight else [])], roles), not isinstance(y, str), np.float64)


def _design(features: Sequence[str], others: Sequence[str], roles: Sequence[tuple[str, Numeric]]) -> Design:
    columns = tuple(dict.fromkeys(map(Column, [*features, *others])))
    terms = [Product((Numeric(expressions.quoted(name)),)) for name in features]
    return Design(columns, (Constant(), *terms), tuple(roles), missing="raise")


def _others(data: Any, used: set[str | None]) -> list[str]:
    """Every column that is not used otherwise."""
    try:
        schema = getattr(data, "schema", None) if hasattr(data, "sum") and hasattr(data, "parts") else None
        schema = schema or scan(data).schema
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
