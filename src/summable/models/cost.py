"""What a fit will cost, told before it runs: no row is read, for what an answer weighs does not depend on the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from summable import formula
from summable.core.design import CATEGORY, Category, Column, Constant, Design, Numeric, Product, Term
from summable.core.errors import Unsupported
from summable.core.measure import Measure, PartMeasure, Question
from summable.core.statistic import Label, Labels, Statistic
from summable.core.wire import digest, encode
from summable.measures.first import First
from summable.measures.glance import Glance, Glimpse, refuse_absent
from summable.measures.gram import Gram
from summable.measures.profile import Profile
from summable.measures.residual import Residual
from summable.measures.rfactor import RFactor
from summable.open import scan
from summable.solvers.settle import Settled

EMPTY: dict[str, Any] = {"number": np.zeros(0), "float": np.zeros(0), "integer": np.zeros(0, np.int64), "boolean": np.zeros(0, bool), "text": np.zeros(0, "U1")}
ALWAYS, COLLINEAR = "always", "if columns are nearly collinear"
PERFECT, SHIFTED = "if the fit is nearly perfect", "if the first rows mislead about means"

LABEL = 8  # bytes of a label whose letters are not known
Ask = Callable[[Design], Measure[Any]]
Bounds = tuple[int, int]  # least and most, where levels are not known


@dataclass(frozen=True)
class Line:
    """A round to come: what each part is sent, answers and reckons."""

    measure: str
    numbers: Bounds
    down: Bounds  # bytes, about: the digits of shifts and the letters of labels are not known
    up: Bounds  # bytes, likewise
    passes: int  # readings of the rows
    flops: Bounds | None  # for all rows of all parts; None where no count of rows is known
    when: str = ALWAYS
    learns_design: bool = False


@dataclass(frozen=True)
class Cost:
    """The rounds of a fit, the certain ones first, and the solve at the centre."""

    lines: tuple[Line, ...]
    parts: int
    rows: int | None
    width: Bounds  # columns measured: all levels of all categories
    unknown: tuple[str, ...]  # categories whose levels only a pass can tell

    @property
    def solve(self) -> Bounds:
        """Flops at the centre: p³/3 for a Cholesky factor, and twice that for the inverse behind the standard errors."""
        return self.width[0] ** 3, self.width[1] ** 3

    def nbytes(self, certain: bool) -> Bounds:
        """Bytes sent by all parts, both ways; in the rounds that are certain, or in all that may be needed."""
        lines = [line for line in self.lines if line.when == ALWAYS or not certain]
        return _bounds([self.parts * sum(line.down[i] + line.up[i] for line in lines) for i in (0, 1)])


def of_formula(
    text: str, schema: Mapping[str, str], parts: int, rows: int | None, levels: Mapping[str, int], max_levels: int, roles: Mapping[str, str]
) -> Cost:
    """The cost of a fit by formula over columns of these kinds. Levels that are not given lie between one and `max_levels`."""
    parsed = formula.parse(formula.spelled(text, tuple(schema), roles) if formula.has_dot(text) else text)
    names, expressions = formula.columns(parsed, roles), formula.numerics(parsed)
    refuse_absent(names, schema)
    kinds = {name: frozenset[Label]({schema[name]}) for name in names}
    resolved = formula.resolve(parsed, kinds)
    if learnt := [factor.text for factor in resolved.factors if factor.kind == "transform"]:
        raise Unsupported(f"what {learnt[0]} costs is not told beforehand, as its columns are learnt from the rows", "Leave it out, or give --width.")
    draft = formula.draft(resolved, kinds, {}, roles, "drop")
    categories = {column.name: column.kind for column in draft.columns if column.kind != "number"}
    _refuse_strangers(levels, categories)
    least = {name: levels.get(name, 1) for name in categories}
    most = {name: levels.get(name, 2 if kind == "boolean" else max_levels) for name, kind in categories.items()}
    shape = Settled(resolved, draft, {name: frozenset(_labels(kind, 2)) for name, kind in categories.items()}, {}, {}, {}).design()[0]
    designs = _with(shape, categories, least), _with(shape, categories, most)
    glance = Glance(names, expressions)
    glimpse = Glimpse(Labels(tuple(frozenset[Label]({schema[name]}) for name in names)), *np.zeros((3, len(expressions))))
    lines = [_line(glance, [glimpse.numbers] * 2, [glimpse.nbytes] * 2, 0, 0)]
    if categories:
        profile, portrait = Profile(draft, max_levels), _answer(Profile(draft, max_levels))
        found = [sum(some.values()) for some in (least, most)]
        lines.append(_line(profile, [portrait.numbers + n for n in found], [portrait.nbytes + LABEL * n for n in found], rows and rows * draft.width, 1))
    unknown = tuple(name for name in categories if least[name] != most[name])
    return Cost((*lines, *_fitting(designs, rows)), parts, rows, (designs[0].width, designs[1].width), unknown)


def of_width(width: int, parts: int, rows: int | None) -> Cost:
    """The cost of a fit of so many numeric columns, the constant among them."""
    if width < 1 or parts < 1:
        raise Unsupported(f"a fit of {width} columns over {parts} parts is none", "Give one or more of each.")
    design = _numeric(width)
    names = design.names
    glimpse = Glimpse(Labels((frozenset[Label]({"number"}),) * len(names)), *np.zeros((3, len(names))))
    glance = _line(Glance(names, names), [glimpse.numbers] * 2, [glimpse.nbytes] * 2, 0, 0)
    return Cost((glance, *_fitting((design, design), rows)), parts, rows, (width, width), ())


def _fitting(designs: tuple[Design, Design], rows: int | None) -> list[Line]:
    """The rounds of least squares. A design is spelled out in the first, and named in the others."""
    many = rows or 0
    gram = _sized(Gram, designs, lambda width: many * (width + 1) * (width + 2), rows)
    factor = _sized(RFactor, designs, lambda width: 2 * many * (width + 1) ** 2, rows, named=True)
    left = _sized(_residual, designs, lambda width: 4 * many * width, rows, named=True)
    return [gram, replace(factor, when=COLLINEAR), replace(left, when=PERFECT), replace(gram, when=SHIFTED)]


def _sized(ask: Ask, designs: tuple[Design, Design], flops: Callable[[int], int], rows: int | None, named: bool = False) -> Line:
    """A round whose answer has a size that is quadratic in the width: told by those of no rows for widths one, two and three."""
    small = [_answer(ask(_numeric(width))) for width in (1, 2, 3)]
    numbers, up = ([_newton([getattr(answer, name) for answer in small], design.width - 1) for design in designs] for name in ("numbers", "nbytes"))
    asked = [ask(design) for design in designs]
    down = [len(encode(one, {digest(one.design)} if named else ())) for one in asked]
    work = None if rows is None else _bounds([flops(design.width) for design in designs])
    return Line(type(asked[0]).__name__, _bounds(numbers), _bounds(down), _bounds(up), 1, work)


def _newton(values: list[int], n: int) -> int:
    """The quadratic through f(0), f(1), f(2), at n: Newton's forward differences, in whole numbers."""
    first, second, third = values
    return first + n * (second - first) + n * (n - 1) // 2 * (third - 2 * second + first)


def _residual(design: Design) -> Residual:
    return Residual(design, np.zeros(design.width), np.zeros(()))


def foreteller() -> Callable[[Question[Any]], int | None]:
    """Tells what a measure's answer will weigh, in bytes: what that of no rows weighs. None where only rows know, by their kinds and labels."""
    known: dict[tuple[Any, ...], tuple[Design, int]] = {}  # the design is kept, so that no other has its identity

    def foretold(measure: Question[Any]) -> int | None:
        if measure.learns_design:
            return None
        if isinstance(measure, First):
            return foretold(measure.measure)
        sizes = [value.shape if isinstance(value, np.ndarray) else value for name, value in vars(measure).items() if name != "design"]
        key = (type(measure), id(measure.design), *sizes)
        if key not in known:
            known[key] = measure.design, _answer(measure).nbytes
        return known[key][1]

    return foretold


def _answer(measure: Question[Any]) -> Statistic:
    """A measure's answer of no rows."""
    (shard,) = scan({column.name: EMPTY[column.kind.removesuffix(CATEGORY)] for column in measure.design.columns}).shards
    return measure(shard) if isinstance(measure, PartMeasure) else measure(next(iter(shard.rows(measure.design))))  # type: ignore[no-any-return]


def _line(measure: Glance | Profile, numbers: list[int], up: list[int], flops: int | None, passes: int) -> Line:
    down = len(encode(measure))
    return Line(type(measure).__name__, _bounds(numbers), (down, down), _bounds(up), passes, None if flops is None else (flops, flops), learns_design=True)


def _bounds(values: list[int]) -> Bounds:
    least, most = values
    return least, most


def _numeric(width: int) -> Design:
    """A design of a constant and numeric columns."""
    names = [f"x{i}" for i in range(1, width)]
    terms: tuple[Term, ...] = (Constant(), *(Product((Numeric(name),)) for name in names))
    return Design(tuple(map(Column, [*names, "y"])), terms, (("y", Numeric("y")),))


def _with(design: Design, kinds: Mapping[str, str], levels: Mapping[str, int]) -> Design:
    """The design with so many levels in each category."""
    labels = {name: tuple(sorted(_labels(kinds[name], levels[name]))) for name in kinds}

    def told(term: Term) -> Term:
        if not isinstance(term, Product):
            return term
        return replace(term, categories=tuple(Category(category.column, labels[category.column]) for category in term.categories))

    return replace(design, terms=tuple(map(told, design.terms)))


def _labels(kind: str, count: int) -> list[Any]:
    """Labels to stand for those of a column."""
    if kind == "boolean":
        return [False, True][:count]
    return [float(i) if kind == "float" else i if kind == "integer" else f"{i:0{LABEL}}" for i in range(count)]


def _refuse_strangers(levels: Mapping[str, int], categories: Mapping[str, str]) -> None:
    for name, count in levels.items():
        if name not in categories:
            raise Unsupported(f"levels are given for {name!r}, which is no category of the formula", f"Its categories are {', '.join(categories) or 'none'}.")
        if count < 1:
            raise Unsupported(f"{name!r} is given {count} levels", "Give one or more.")
