"""Sums by class: the labels that the classes have, the points about which to sum, and the sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from summable.coding import in_order
from summable.core.design import Category, Column, Constant, Design
from summable.core.errors import DataError
from summable.core.measure import Measure, Rounds
from summable.core.statistic import Array
from summable.formula import label_kind
from summable.measures.class_middle import ClassMiddle, ClassMiddles
from summable.measures.class_sums import ClassSums
from summable.measures.glance import Glance
from summable.measures.profile import Profile, refuse_many
from summable.solvers.centred import FAR, NEGLIGIBLE, centres, shifted, shifts

MOST = 1000  # classes that are collected; of more, a column is hardly one of classes


S = TypeVar("S", bound=ClassSums)


@dataclass(frozen=True, eq=False)
class Sums(Generic[S]):
    """What was summed, under which design, and about which points."""

    design: Design
    about: Array  # (classes, width) in the units of the features
    total: S


def by_class(design: Design, question: Callable[[Design, Array], Measure[S]]) -> Rounds[Sums[S]]:
    """Learn the classes' labels, and where the features of each lie; then ask the question, once more if the points were far off.

    Cost: a pass over the labels where they are not known, a round that reads a few rows of each part, and one for the sums; rarely a second one.
    Fails: DataError where there are more than a thousand classes; as the rows do.
    Source: Chan, Golub & LeVeque 1983, §3.
    """
    design = yield from with_levels(design)
    middles = yield from ClassMiddle(design)
    about = points(design, middles)
    if len(about) == 1:
        design, about = shifted(design, about[0]), np.zeros_like(about)
    total = yield from question(design, about)
    means, strayed = stray(design, about, total)
    if strayed.any():
        about = about + np.where(strayed, means, 0.0)
        total = yield from question(design, about)
    return Sums(design, about + shifts(design)[: design.width], total)


def with_levels(design: Design) -> Rounds[Design]:
    """The design with the labels of its classes, which are asked for where it does not say them.

    Cost: none, or a round that reads schemas and a pass over the labels.
    Fails: DataError where there are too many, FormulaError where they are dates.
    """
    labels = design.label("class")
    if labels is None or labels.levels:
        return design
    glimpse = yield from Glance((labels.column,), ())
    column = Column(labels.column, label_kind(labels.column, glimpse.kinds.sets[0]))
    portrait = yield from Profile(Design((column,)), MOST)
    refuse_many(labels.column, portrait.labels.size, MOST)
    if not portrait.labels.size:
        raise DataError(f"column {labels.column!r} has no labels", "Give rows to fit.")
    return labelled(design, Category(labels.column, in_order(portrait.labels.sets[0])), column)


def labelled(design: Design, labels: Category, column: Column) -> Design:
    """The design with classes of these labels."""
    columns = tuple(dict.fromkeys((*(one for one in design.columns if one.name != column.name or one.kind == "number"), column)))
    roles = tuple((role, labels if role == "class" else one) for role, one in design.roles)
    return replace(design, columns=columns, roles=roles)


def points(design: Design, middles: ClassMiddles) -> Array:
    """Where each class was seen to lie, (classes, width); one that was not seen, where all do."""
    found = centres(middles.seen[:, None], middles.centre, middles.spread)
    about = np.where(middles.seen[:-1, None] > 0, found[:-1], found[-1])
    about[:, constants(design)] = 0.0
    return np.asarray(about)


def stray(design: Design, about: Array, total: ClassSums) -> tuple[Array, NDArray[np.bool_]]:
    """The means of each class about its point, and which of them lie so far off that squares lost digits, (classes, width)."""
    weights, firsts, seconds = total.places()
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.nan_to_num(firsts / weights[:, None])
    means[:, constants(design)] = 0.0
    between = np.square(means) * weights[:, None]
    place = np.abs(about + shifts(design)[: design.width])
    return means, (between > FAR * np.maximum(seconds - between, 0.0)) & (np.abs(means) > NEGLIGIBLE * place)


def constants(design: Design) -> list[int]:
    """The positions of the features that are one in every row."""
    return [position for position, term in enumerate(design.terms) if isinstance(term, Constant)][:1]
