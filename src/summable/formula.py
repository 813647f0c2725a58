"""Formulas: formulaic reads them and codes their categories; here they become designs.

A formula is settled in three steps, each plain data: `parse` the text alone, `draft` a design once the kinds of its columns are
known, and `coding.settle` it once the levels of its categories are. Coefficients are named, ordered and coded as formulaic does.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from summable.core.design import Column, Constant, Design, Numeric, Product
from summable.core.errors import FormulaError
from summable.core.statistic import Label
from summable.maths import expressions


@dataclass(frozen=True)
class Factor:
    """A factor of a term as written, and what it reads."""

    text: str  # as formulaic writes it
    expression: str  # as our expressions are written; of a category, its column
    kind: str  # "number", "category", or "bare": a column's name, to be told by its kind


@dataclass(frozen=True)
class Formula:
    """A formula that has been read, but knows nothing of the data."""

    text: str
    response: Factor
    factors: tuple[Factor, ...]  # every factor of the right side, once
    terms: tuple[tuple[str, ...], ...]  # their texts, term by term


# -- the text alone


def parse(text: str) -> Formula:
    """Read a formula, or say in a sentence why it cannot be read."""
    import formulaic

    try:
        sides = formulaic.Formula(text, _ordering="degree")
        left, right = list(getattr(sides, "lhs", [])), list(getattr(sides, "rhs", sides))
        terms = [[(str(f.expr), f.eval_method.value) for f in term.factors] for term in right]
        targets = [[(str(f.expr), f.eval_method.value) for f in term.factors] for term in left]
    except FormulaError:
        raise
    except Exception as error:
        reason = str(error).splitlines()[0].strip() if str(error) else type(error).__name__
        raise FormulaError(f"the formula {text!r} cannot be read ({reason})", "Write it like: y ~ a + C(g) + a:b.") from None
    if len(targets) != 1 or len(targets[0]) != 1:
        raise FormulaError(f"the formula {text!r} has {len(targets)} responses", "Write one column before the ~, like: y ~ a + b.")
    response = _factor(*targets[0][0])
    if response is None or response.kind == "category":
        raise FormulaError(f"the response {targets[0][0][0]!r} is not a number", "Least squares needs a numeric column before the ~.")
    factors = [factor for term in terms for part in term if (factor := _factor(*part))]
    return Formula(text, response, tuple(dict.fromkeys(factors)), tuple(tuple(name for name, _ in term) for term in terms))


def _factor(text: str, method: str) -> Factor | None:
    """A factor told by its looks; None for a number such as the 1 of an intercept."""
    if method == "literal":
        return None
    if method == "lookup":
        return Factor(text, expressions.quoted(text), "bare")
    if category := _category(text):
        return Factor(text, category, "category")
    expressions.columns(text)
    return Factor(text, text, "number")


def _category(text: str) -> str | None:
    """The column in C(column, …); None if the factor is no category."""
    spelled = expressions.QUOTED.sub(lambda match: f"_{match[1].encode().hex()}_quoted", text)
    tree = ast.parse(spelled, mode="eval").body
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "C"):
        return None
    if not (tree.args and isinstance(tree.args[0], ast.Name)):
        raise FormulaError(f"{text!r} does not name a column", "Write C(column), and compute the column first.")
    name = tree.args[0].id
    return bytes.fromhex(name[1:-7]).decode() if name.endswith("_quoted") else name


def columns(formula: Formula, roles: Mapping[str, str]) -> tuple[str, ...]:
    """Every column that a formula and its roles read, in order of appearance."""
    texts = [formula.response.expression, *(_reads(factor) for factor in formula.factors), *roles.values()]
    return tuple(dict.fromkeys(name for text in texts for name in expressions.columns(text)))


def numerics(formula: Formula) -> tuple[str, ...]:
    """The expressions that may have to be shifted, the response first."""
    return tuple(dict.fromkeys([formula.response.expression] + [f.expression for f in formula.factors if f.kind != "category"]))


def _reads(factor: Factor) -> str:
    return expressions.quoted(factor.expression) if factor.kind == "category" else factor.expression


# -- the kinds of its columns


def draft(formula: Formula, kinds: Mapping[str, frozenset[Label]], shifts: Mapping[str, float], roles: Mapping[str, str], missing: str) -> Design:
    """A first design: the columns as they will be read, a constant, and every number less its shift."""
    wanted = [Column(name) for text in roles.values() for name in expressions.columns(text)]
    terms: list[Constant | Product] = [Constant()]
    for factor in (formula.response, *formula.factors):
        if _is_category(factor, kinds) and factor is not formula.response:
            name = factor.expression if factor.kind == "category" else factor.text
            wanted.append(Column(name, _label_kind(name, kinds[name])))
        else:
            names = expressions.columns(factor.expression)
            for name in names:
                _refuse_kind(name, kinds[name], factor)
            wanted.extend(Column(name) for name in names)
            terms.append(Product((Numeric(factor.expression, shifts.get(factor.expression, 0.0)),)))
    response = Numeric(formula.response.expression, shifts.get(formula.response.expression, 0.0))
    spelled = (("y", response), *((role, Numeric(text)) for role, text in roles.items()))
    return Design(tuple(dict.fromkeys(wanted)), tuple(dict.fromkeys(terms)), spelled, missing)


def _is_category(factor: Factor, kinds: Mapping[str, frozenset[Label]]) -> bool:
    return factor.kind == "category" or (factor.kind == "bare" and kinds[factor.text] - {"nothing"} == {"text"})


def _label_kind(name: str, kinds: frozenset[Label]) -> str:
    """The one type that a column's labels have."""
    found = kinds - {"nothing"}
    if found & {"date", "other"}:
        raise FormulaError(f"column {name!r} holds dates or values of a type that is not read", "Make it text, or a number, in a column of its own.")
    if found and found <= {"number", "integer"}:
        return "float" if "number" in found else "integer"
    return str(min(found, default="text"))  # a part with another type will say so, and where


def _refuse_kind(name: str, kinds: frozenset[Label], factor: Factor) -> None:
    if "date" in kinds:
        raise FormulaError(f"column {name!r} holds dates", "Turn them into a number first, such as days since a day, or into a category such as the month.")
    if kinds <= {"text"}:
        raise FormulaError(f"column {name!r} holds text, and {factor.text} needs numbers", f"Cast it to a number, or write C({name}) if it is a category.")
    if "other" in kinds:
        raise FormulaError(f"column {name!r} holds values of a type that is not read", "Cast it to numbers or text.")
