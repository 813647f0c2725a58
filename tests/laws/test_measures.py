"""Every measure obeys the laws it states, on rows that have broken sums before."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from summable.core.design import Category, Column, Constant, Design, Numeric, Product
from summable.core.measure import Measure
from summable.core.sample import Sample, sampled
from summable.core.statistic import Statistic
from summable.core.wire import decode, encode
from summable.engines.threads import fold
from summable.maths.linalg import unpack
from summable.maths.losses import loss
from summable.measures.appraisal import Appraisal
from summable.measures.census import Census
from summable.measures.curvature import Curvature
from summable.measures.distinct import Distinct
from summable.measures.glance import Glance
from summable.measures.gram import Gram
from summable.measures.header import Header
from summable.measures.image import Image
from summable.measures.jeffreys import Jeffreys
from summable.measures.local import Local
from summable.measures.middle import Middle
from summable.measures.moments import Moments
from summable.measures.normaliser import Normaliser
from summable.measures.overdispersion import Overdispersion
from summable.measures.profile import Profile
from summable.measures.residual import Residual
from summable.measures.rfactor import RFactor
from summable.measures.serial import Serial
from summable.measures.slope import Slope
from summable.measures.slopes import Slopes
from summable.measures.tally import Tally, key
from summable.measures.violations import Violations
from summable.measures.working import Working
from summable.sources import arrays
from summable.testing import hostile_tables, laws

X, FAR, SAME = (Product((Numeric(name, shift),)) for name, shift in (("x", 0.0), ("far", 1e6), ("same", 0.0)))
LEVELS = Category("g", ("a", "b", "c"))
DESIGN = Design(
    (*map(Column, ("y", "x", "far", "same", "w")), Column("g", "text")),
    (Constant(), X, FAR, SAME, Product((), (LEVELS,)), Product((Numeric("x"),), (LEVELS,))),
    (("y", Numeric("y", 3.0)), ("weight", Numeric("w"))),
)
AT = np.linspace(-1.0, 1.0, DESIGN.width)
TWO = replace(DESIGN, roles=(*DESIGN.roles, ("y", Numeric("x * far", -2.0))))
SHARES = replace(DESIGN, roles=(("y", Numeric("1 / (1 + exp(-y))")), ("weight", Numeric("w")), ("offset", Numeric("0.1 * x"))))
POINTS = np.column_stack([0.01 * AT, -0.01 * AT])
COUNTS = replace(SHARES, roles=(("y", Numeric("exp(0.2 * y)")), *SHARES.roles[1:]))
BINOMIAL, LEVELS_TRIED = loss("binomial", "probit"), np.array([-0.5, 0.0, 0.5])


TESTS = Path(__file__).parents[1]


def inner_products(triangle):
    r = unpack(triangle.r)
    return [r.T @ r]


MEASURES = {
    "header": (Header(), None, None),
    "glance": (Glance(("y", "g"), ("y", "log(far)")), None, None),
    "profile": (Profile(DESIGN), None, None),
    "gram": (Gram(DESIGN), None, lambda s: [s.yy, s.xy, s.xx]),
    "rfactor": (RFactor(DESIGN), inner_products, inner_products),
    "residual": (Residual(DESIGN, AT, 1.5), None, lambda s: s.values()),
    "gram of two targets": (Gram(TWO), None, lambda s: [s.yy, s.xy, s.xx]),
    "rfactor of two targets": (RFactor(TWO), inner_products, inner_products),
    "residual of two targets": (Residual(TWO, np.column_stack([AT, -AT]), np.array([1.5, 0.0])), None, lambda s: s.values()),
    "working": (Working(SHARES, BINOMIAL), None, lambda s: [s.trials, s.weight, s.total, s.constants[1:], s.xx, s.xz, s.zz]),
    "curvature": (Curvature(SHARES, BINOMIAL, POINTS, 2 * POINTS, LEVELS_TRIED, True, 0.001 * np.eye(DESIGN.width)), None, lambda s: s.values()[:-1]),
    "curvature nowhere": (Curvature(SHARES, BINOMIAL, POINTS[:, :0], POINTS[:, :0], LEVELS_TRIED), None, lambda s: s.values()),
    "slope": (Slope(SHARES, BINOMIAL, 0.01 * AT, POINTS), None, lambda s: s.values()),
    "slopes": (Slopes(TWO, loss("gaussian"), POINTS), None, lambda s: s.values()[1:]),
    "slopes of a sample": (Slopes(sampled(DESIGN, Sample(3, 0.2, 0.7)), loss("gaussian"), POINTS[:, :1]), None, lambda s: s.values()[1:]),
    "image": (Image(TWO, POINTS), None, lambda s: s.values()),
    "census": (Census(DESIGN), None, None),
    "appraisal": (Appraisal(SHARES, BINOMIAL, 0.01 * AT, 0.5, True), None, lambda s: [s.sums]),
    "violations": (Violations(SHARES, AT, 0.1, True), None, None),
    "jeffreys": (Jeffreys(SHARES, BINOMIAL, 0.01 * AT, 0.01 * np.eye(DESIGN.width)), None, lambda s: s.values()),
    "jeffreys at first": (Jeffreys(SHARES, loss("binomial"), 0.01 * AT, np.zeros((0, 0))), None, lambda s: s.values()),
    "overdispersion": (Overdispersion(COUNTS, loss("poisson").link, 0.01 * AT, -0.5), None, lambda s: s.values()),
    "normaliser": (Normaliser(SHARES, 2.5), None, None),
    "local": (Local(SHARES, loss("binomial"), np.array([0, 1, 2, 5, 6])), None, None),
    "middle": (Middle(replace(TWO, missing="keep")), None, None),
    "serial": (Serial(DESIGN, AT), None, None),
    "tally": (Tally(DESIGN, ("y", "weight", "y"), (0, key(0.5), key(-1.0)), (2**64 - 1, key(3.0), key(1.0)), 5), None, None),
    "distinct": (Distinct(DESIGN, ("y", "weight"), (-5.0, 0.5), (5.0, 2.0)), None, None),
    "moments": (Moments(DESIGN), None, None),
}
LAWS = [pytest.param(law, id=f"{name} {law.name}") for name, (m, view, weighted) in MEASURES.items() for law in laws(m, hostile_tables(), view, weighted)]


@pytest.mark.parametrize("law", LAWS)
def test_law(law):
    law.check()


def test_every_measure_is_held_to_the_laws():
    """Here, or in the test of the model that asks it."""
    import summable.measures as package
    from tests_support import submodules

    submodules(package)
    ours = {cls.__name__ for cls in everything_below(Measure) if cls.__module__.startswith("summable.") and ".testing." not in cls.__module__}
    held = {name for path in TESTS.rglob("test_*.py") if "laws" in (names := imported(path)) for name in names}
    assert ours <= held and {type(m).__name__ for m, _, _ in MEASURES.values()} <= held


def imported(path):
    """The names that a test takes from the library."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("summable")]
    return {alias.name for node in nodes for alias in node.names}


def everything_below(cls):
    return {cls_ for below in cls.__subclasses__() for cls_ in {below, *everything_below(below)}}


class Leaky(Measure[Statistic]):
    """Not a sum: the mean of y."""

    design = DESIGN

    def __call__(self, rows):
        return inner(rows)


def inner(rows):
    from summable.measures.residual import Remainder

    values = rows.column("y")
    return Remainder(np.asarray(values.mean() if values.size else 0.0), np.zeros(()), np.zeros(1))


def test_the_laws_catch_a_measure_that_is_no_sum():
    adds = next(law for law in laws(Leaky(), [t for t in hostile_tables() if len(t["y"]) > 1]) if law.name == "adds")
    with pytest.raises(AssertionError, match="union"):
        adds.check()


def test_a_sum_of_series_is_the_same_after_crossing_a_wire():
    shards = [arrays.shards(table)[0] for table in hostile_tables()[:2]]
    total = sum(fold(Serial(DESIGN, AT), shard) for shard in shards)
    assert decode(encode(total)).nbytes == total.nbytes
