"""The house stands as drawn: who may import whom, what is documented, and how."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import summable
from summable.core.measure import FeatureMeasure, Measure, PartMeasure
from tests_support import submodules

SOURCE = Path(summable.__file__).parent
MODULES = {".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path for path in SOURCE.rglob("*.py")}

MAY_IMPORT = {  # room: the rooms it may look into
    "core": {"core"},
    "maths": {"core", "maths"},
    "stateful": {"core", "maths"},
    "formula": {"core", "maths", "stateful"},
    "plan": {"core", "maths", "formula"},
    "coding": {"core", "maths", "formula", "plan"},
    "measures": {"core", "maths", "measures"},
    "solvers": {"core", "maths", "measures", "solvers", "formula", "coding", "stateful"},
    "sources": {"core", "maths", "sources"},
    "engines": {"core", "maths", "engines", "files"},
    "open": {"core"},
    "files": {"core"},
    "inference": {"core", "maths", "solvers"},
    "likelihood": {"core", "maths", "solvers", "inference"},
    "report": {"core", "maths", "solvers", "inference"},
    "plot": {"core"},
    "models": {"core", "maths", "measures", "solvers", "models", "formula", "inference", "likelihood", "report", "plot", "open", "files"},
    "cli": {"core", "models", "open", "files", "report", "cli", ""},
    "testing": {"core", "engines", "sources", "measures", "models", "open", "testing"},
    "__main__": {"cli"},
    "": {"core", "maths", "models", "open", "solvers"},
}
ONLY_TYPES = {("open", "engines"), ("models", "engines"), ("cli", "engines"), ("report", "models")}  # for type checkers alone


def imports(path):
    """(module of ours, whether for type checkers alone) for every import of a file."""
    tree = ast.parse(path.read_text())
    typing = {id(node) for block in ast.walk(tree) if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test) for node in ast.walk(block)}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] == "summable":
                yield name.removeprefix("summable").lstrip("."), id(node) in typing


def room(module):
    head = module.split(".")[0]
    return head if head in MAY_IMPORT else ""


@pytest.mark.parametrize("module", sorted(MODULES))
def test_arrows(module):
    here = room(module)
    for name, for_types in imports(MODULES[module]):
        there = room(name)
        allowed = there in MAY_IMPORT[here] or (for_types and (here, there) in ONLY_TYPES)
        assert allowed, f"{module} imports {name}: {here or 'the front door'} may not look into {there}"


def test_core_needs_numpy_alone():
    for module, path in MODULES.items():
        if room(module) == "core":
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom | ast.Import):
                    name = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
                    assert not re.match(r"(scipy|pyarrow|pandas|numba|sklearn)", name or ""), f"{module} imports {name}"


def test_only_the_loop_asks_an_engine():
    asks = [m for m, path in MODULES.items() if room(m) != "testing" and ("engine.sum(" in path.read_text() or ".sum(measure)" in path.read_text())]
    assert sorted(asks) == ["core.run", "engines.journal", "engines.mesh", "engines.mpi", "engines.together"]


def measures():
    modules = submodules(__import__("summable.measures", fromlist=["measures"]))
    found = [
        value for module in modules for value in vars(module).values() if inspect.isclass(value) and issubclass(value, Measure | PartMeasure | FeatureMeasure)
    ]
    return sorted({cls for cls in found if cls not in (Measure, PartMeasure, FeatureMeasure)}, key=lambda cls: cls.__name__)


@pytest.mark.parametrize("measure", measures(), ids=lambda cls: cls.__name__)
def test_a_measure_says_what_it_costs(measure):
    text = inspect.getdoc(measure)
    assert all(section in text for section in ("Cost:", "Fails:", "Source:")) and re.search(r"pass", text) and len(text.splitlines()) <= 15
    statistic = inspect.signature(measure.__call__).return_annotation
    fields = [line for line in inspect.getsource(inspect.getmodule(measure)).splitlines() if re.match(r"    \w+: (Array|Labels|Extent)", line)]
    assert statistic and all("#" in line for line in fields), "every field of a statistic says its shape"


def test_a_solver_says_what_it_costs():
    from summable.solvers import (
        adam,
        conjugate,
        curves,
        descent,
        dispersed,
        firth,
        generalized,
        gradient,
        lbfgs,
        least_squares,
        newton,
        penalised,
        quantiles,
        settle,
        sgd,
        training,
        update,
    )

    found = (
        least_squares.least_squares,
        settle.settle,
        settle.read,
        curves.learn,
        quantiles.quantiles,
        update.update,
        update.durbin_watson,
        newton.newton,
        newton.look,
        firth.firth,
        firth.raised,
        dispersed.dispersed,
        dispersed.estimated,
        descent.descended,
        generalized.generalized,
        penalised.penalised,
        lbfgs.lbfgs,
        gradient.gradient,
        training.descend,
        conjugate.conjugate,
        conjugate.steps,
        conjugate.spread_of,
        conjugate.from_rows,
        sgd.sgd,
        adam.adam,
    )
    for solver in found:
        text = inspect.getdoc(solver)
        assert "Cost:" in text and "Fails:" in text and len(text.splitlines()) <= 15


@pytest.mark.parametrize("module", sorted(MODULES))
def test_public_names_are_documented(module):
    tree = ast.parse(MODULES[module].read_text())
    assert ast.get_docstring(tree) or not tree.body, f"{module} does not say what it is"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{module}.{node.name} has no docstring"


def test_the_front_door_opens():
    assert set(summable.PUBLIC) < set(dir(summable))
    for name in summable.PUBLIC:
        assert getattr(summable, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        summable.nonsense  # noqa: B018


def test_the_rule_of_the_house():
    """No helper overrides a concrete method; `super()` is for cooperation with Python's own machinery only."""
    users = [module for module, path in MODULES.items() if "super()." in path.read_text().replace("super().__sklearn_tags__()", "")]
    assert users == ["core.data"]  # scikit-learn's mixins build their tags so
