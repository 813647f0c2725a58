"""New rows under the design of a fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from summable.core.design import Coding, Column, Design, Product
from summable.core.errors import DataError
from summable.core.statistic import Array
from summable.inference import Solved
from summable.maths import expressions
from summable.measures.glance import refuse_absent
from summable.open import Dataset, scan


def project(data: Any, design: Design, coding: Coding, solution: Solved, *, leverages: bool) -> tuple[Array, Array]:
    """For every new row x·coef + offset, (rows,), and if asked its leverage x'(root'root)⁻¹x, (rows,); NaN where a value is missing."""
    dataset = scan(data)
    design = _for_prediction(design, dataset)
    values, found = [np.zeros(0)], [np.zeros(0)]
    root = _whitening(design, coding, solution)
    for shard in dataset.shards:
        refuse_absent(design.names, shard.kinds())
        try:
            for rows in shard.rows(design):
                values.append(rows.project(solution.coef) + rows.column("offset"))
                if leverages:
                    found.append(np.square(rows.project(root)).sum(axis=1))
        except DataError as error:
            raise error.at(f"in {shard.name}") from error.__cause__
    return np.concatenate(values), np.concatenate(found)


def _for_prediction(design: Design, dataset: Dataset) -> Design:
    """The design without y and weights; one column at least, or nobody could count the rows."""
    factors = [n.expression for term in design.terms if isinstance(term, Product) for n in term.numerics]
    offset = [(role, numeric) for role, numeric in design.roles if role == "offset"]
    numbers = {name for text in [*factors, *(n.expression for _, n in offset)] for name in expressions.columns(text)}
    columns = tuple(column for column in design.columns if column.name in {*numbers, *_categories(design)})
    columns = columns or (Column(next(iter(dataset.schema)), "text"),)
    return Design(columns, design.terms, tuple(offset), missing="keep")


def _categories(design: Design) -> set[str]:
    return {category.column for term in design.terms if isinstance(term, Product) for category in term.categories}


def _whitening(design: Design, coding: Coding, solution: Solved) -> Array:
    """(width, rank): carries a row x to a vector whose square is its leverage."""
    whitening = np.zeros((design.width, solution.rank))
    whitening[coding.kept[solution.independent]] = solve_triangular(solution.root, np.eye(solution.rank))
    return whitening
