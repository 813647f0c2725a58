"""The machine learner's door: what scikit-learn takes, and what lies in files, as an engine and a design."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from scipy.sparse import issparse
from sklearn import config_context, get_config
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from summable.core.design import Block, Category, Column, Constant, Design, Numeric, Product, Term
from summable.core.engine import Engine, is_single
from summable.core.errors import DataError, Unsupported
from summable.core.measure import Rounds
from summable.core.rows import Rows
from summable.core.run import Ledger, run
from summable.maths import expressions
from summable.open import Dataset, engine, matrices, scan

R = TypeVar("R")
SPARSE = ("csr", "csc", "coo")
NARROW = 2**16  # between the least and greatest whole number of y: then classes are found by counting, and not by sorting


@dataclass(frozen=True)
class Problem:
    """Rows somewhere, the design by which they are asked, and how the answer is to be dressed."""

    engine: Engine
    design: Design
    several: bool  # whether y had two dimensions, so that coef_ has
    dtype: Any  # of the coefficients
    rows: int | None = None  # where they are known
    unseen: Mapping[str, Any] = field(default_factory=dict)  # the arrays in which nobody has looked for a NaN


def is_named(y: Any) -> bool:
    """Whether y names columns, so that X is data to be opened and not an array."""
    return isinstance(y, str) or (isinstance(y, list | tuple) and bool(y) and all(isinstance(name, str) for name in y))


def is_located(data: Any, features: Any) -> bool:
    """Whether data without a y are to be opened, and not an array: they lie elsewhere, or their columns are named."""
    return features is not None or is_elsewhere(data) or (hasattr(data, "sum") and hasattr(data, "parts"))


def is_elsewhere(data: Any) -> bool:
    """Whether data are to be opened by `scan`, and not an array or frame."""
    return isinstance(data, str | os.PathLike | Dataset)


def is_looked_at_later(X: Any, sample_weight: Any) -> bool:
    """Whether the sums of a matrix tell of every NaN in it: not where a row of weight 0 is never read."""
    return sample_weight is None and not issparse(X)


def from_arrays(model: Any, X: Any, y: Any, sample_weight: Any, *, sparse: bool, reset: bool = True, later: bool = False) -> Problem:
    """Arrays, frames or sparse matrices, held to what scikit-learn asks of them; if `later`, `solved` will see to what is not finite in them."""
    later = later and is_looked_at_later(X, sample_weight)
    options = {"dtype": [np.float64, np.float32], "y_numeric": True, "multi_output": True}
    with config_context(assume_finite=later or get_config()["assume_finite"]):
        X, y = validate_data(model, X, y, accept_sparse=list(SPARSE) if sparse else False, reset=reset, **options)
    weight = None
    if sample_weight is not None:
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    problem = of_matrix(X, y, weight)
    return replace(problem, unseen={"X": X, "y": y}) if later else problem


def of_matrix(X: Any, y: Any, weight: Any) -> Problem:
    """A matrix with its targets and weights, which have been checked."""
    targets = np.asarray(y, np.float64).reshape(len(y), *(np.shape(y)[1:] or (1,)))
    roles = [("y", Numeric(f"y{number}")) for number in range(targets.shape[1])]
    return _of_matrix(X, targets, weight, roles, np.ndim(y) > 1)


def of_classes(X: Any, codes: Any, number: int, weight: Any = None) -> Problem:
    """A matrix, of whose rows each is in a class, 0 to number − 1; they have been checked."""
    return _of_matrix(X, codes[:, None], weight, [("class", Category("y", tuple(range(number))))])


def of_features(X: Any, weight: Any = None) -> Problem:
    """A matrix alone, which has been checked."""
    return _of_matrix(X, None, weight, [])


def _of_matrix(X: Any, y: Any, weight: Any, roles: Sequence[tuple[str, Numeric | Category]], several: bool = False) -> Problem:
    if hasattr(X, "tocsr"):
        X = X.tocsr()
    weights = [("weight", Numeric("weight"))] * (weight is not None)
    design = Design((), (Constant(), Block("X", (0.0,) * X.shape[1])), (*roles, *weights), missing="raise")
    return Problem(engine(matrices(X, y, weight)), design, several, X.dtype, X.shape[0])


def solved(model: Any, program: Rounds[R], problem: Problem) -> tuple[R, Ledger]:
    """Run the rounds of a fit. An array with a NaN or an infinity, which nobody has looked for, leaves no finite sum: it is refused then."""
    try:
        with np.errstate(all="ignore"):
            return run(program, problem.engine)
    except DataError:
        refuse_unseen(model, problem)
        raise


def refuse_unseen(model: Any, problem: Problem) -> None:
    """Refuse a NaN or an infinity in arrays that nobody has looked at until now."""
    for name, array in problem.unseen.items():
        assert_all_finite(array, estimator_name=type(model).__name__, input_name=name)


def coded(y: Any) -> tuple[Any, Any]:
    """The distinct labels, sorted, and the position of each row's among them; ValueError where y is no set of classes.

    Whole numbers near each other are counted, and any two are compared with: only other labels have their rows sorted.
    """
    if y.dtype.kind in "iu" and y.ndim == 1 and len(y) and (most := int(y.max())) - (least := int(y.min())) < NARROW:
        places = _above(y, least)
        found = np.bincount(places) > 0 if most - least > 1 else np.ones(most - least + 1, bool)  # both ends are there
        return np.flatnonzero(found).astype(y.dtype) + y.dtype.type(least), places if found.all() else (np.cumsum(found) - 1)[places]
    if y.dtype.kind in "biuf" and y.ndim == 1 and len(y):
        low, high = y.min(), y.max()
        second = y == high
        if -np.inf < low < high < np.inf and low == int(low) and high == int(high) and (second | (y == low)).all():
            return np.array([low, high]), second.astype(np.intp)  # as all others are, or kernels would be compiled twice
    check_classification_targets(y)
    return np.unique(y, return_inverse=True)


def _above(y: Any, least: int) -> Any:
    """How far whole numbers lie above the least of them: themselves, if that is 0."""
    if y.dtype.kind == "u":
        return (y - y.dtype.type(least)).astype(np.intp)
    return y.astype(np.intp, copy=False) - least if least else y.astype(np.intp, copy=False)


def from_columns(
    model: Any, data: Any, y: str | Sequence[str] | None, features: Sequence[str] | None, sample_weight: Any, *, reset: bool = True, classes: bool = False
) -> Problem:
    """Columns by name, of anything that `scan` opens, or of an engine; the features are all other columns unless they are given.

    Labels of classes are not known yet, and nor is the kind in which their column is to be read.
    """
    if sample_weight is not None and not isinstance(sample_weight, str):
        raise Unsupported("columns are taken by name, and sample_weight does not give one", "Put the weights into the data, and give the name of their column.")
    targets, place = [y] if isinstance(y, str) else list(y or ()), engine(data)
    if is_single(place) and isinstance(model, BaseEstimator):
        raise Unsupported(f"{type(model).__name__} has no rounds in which float64 refines float32", "Leave /float32 out of engine=…, for float64.")
    names, columns, terms = _features(place, data, features, {*targets, sample_weight})
    if reset:
        model.n_features_in_, model.feature_names_in_ = len(names), np.array(names, dtype=object)
    elif names != _names(model):
        raise Unsupported(f"the features are {names}, and were {_names(model)}", "Give the same ones in the same order.")
    roles: list[tuple[str, Numeric | Category]] = [("class", Category(name, ())) if classes else ("y", Numeric(expressions.quoted(name))) for name in targets]
    if sample_weight is not None:
        roles.append(("weight", Numeric(expressions.quoted(sample_weight))))
    others = map(Column, [*(() if classes else targets), *([sample_weight] if sample_weight else [])])
    design = Design(tuple(dict.fromkeys([*columns, *others])), (Constant(), *terms), tuple(roles), missing="raise")
    return Problem(place, design, not isinstance(y, str), np.float64)


def _features(place: Engine, data: Any, features: Any, used: set[str | None]) -> tuple[list[str], tuple[Column, ...], tuple[Term, ...]]:
    """Names, columns and terms of the features: columns by name, or the entries of one column of vectors where the place has such."""
    if isinstance(features, str) and hasattr(place, "vector"):
        block = Block(features, (0.0,) * place.vector(features))
        return [f"{features}[{number}]" for number in range(block.width)], (Column(features, "vector"),), (block,)
    names = list(_others(place, data, used) if features is None else features)
    _refuse_strings(names if features is None else features)
    return names, tuple(map(Column, names)), _terms(names)


def _terms(names: Sequence[str]) -> tuple[Term, ...]:
    return tuple(Product((Numeric(expressions.quoted(name)),)) for name in names)


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
    names = _names(model)
    at = np.vstack([np.atleast_1d(intercept)[None], np.asarray(coef).T.reshape(len(names), -1)])
    return np.concatenate([rows.project(at) for rows in _rows(data, names)])


def answers(model: Any, X: Any, answer: Callable[[Any], Any], **options: Any) -> Any:
    """What a fitted model answers to the features of an array or frame; or of files, by the names of their columns and block by block."""
    check_is_fitted(model)
    if is_elsewhere(X):
        return np.concatenate([answer(rows.matrix()[:, 1:]) for rows in _rows(X, _names(model))])
    return answer(validate_data(model, X, reset=False, **options))


def _names(model: Any) -> list[str]:
    names = list(getattr(model, "feature_names_in_", ()))
    if not names:
        raise Unsupported("the model was fitted without names of columns", "Give an array, or fit with features=[…] first.")
    return names


def _rows(data: Any, names: Sequence[str]) -> Iterator[Rows]:
    design = Design(tuple(map(Column, dict.fromkeys(names))), (Constant(), *_terms(names)), (), missing="raise")
    return (rows for shard in scan(data).shards for rows in shard.rows(design))
