"""Formulas: formulaic reads them and codes their categories; here they become designs.

A formula is settled in steps, each plain data: `parse` the text alone, `resolve` it and `draft` a design once the kinds of its columns
are known, and `coding.settle` it once the levels of its categories are. Coefficients are named, ordered and coded as formulaic does.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from summable import stateful
from summable.core.design import CATEGORY, Column, Constant, Design, Numeric, Product
from summable.core.errors import DataError, FormulaError
from summable.core.statistic import Label
from summable.maths import expressions


@dataclass(frozen=True)
class Factor:
    """A factor of a term as written, and what it reads."""

    text: str  # as formulaic writes it
    expression: str  # as our expressions are written; of a category, the name of its column
    kind: str  # "number", "category", "transform" (of all rows), or "bare": a column's name, to be told by its kind
    additive: bool = True  # whether a shift of it can be undone (of a transform)


@dataclass(frozen=True)
class Formula:
    """A formula that has been read, but knows nothing of the data."""

    text: str
    right: str  # what stands after the ~
    responses: tuple[Factor, ...]
    factors: tuple[Factor, ...]  # every factor of the right side, once
    terms: tuple[tuple[str, ...], ...]  # their texts, term by term


# -- the text alone

DOT = re.compile(r"(?<![\w.)\]])\.(?![\w.(])")  # that stands for all columns, and is in no number or name


def has_dot(text: str) -> bool:
    """Whether a formula's right side names all columns by a dot."""
    return "~" in text and DOT.search(_masked(text).split("~", 1)[1]) is not None


def spelled(text: str, names: Sequence[str], roles: Mapping[str, str]) -> str:
    """The formula with every column but those of the response and the roles (weights, offset) in place of its dot."""
    masked = _masked(text)
    tilde = masked.index("~") + 1
    left = [response.expression for response in parse(text[:tilde] + " 1").responses]
    used = {name for read in (*left, *roles.values()) for name in expressions.columns(read)}
    rest = [expressions.quoted(name) for name in names if name not in used]
    if not rest:
        raise FormulaError(f"the . in {text!r} stands for no column", "There are none but those of the response, the weights and the offset.")
    for match in reversed(list(DOT.finditer(masked, tilde))):
        text = f"{text[: match.start()]}({' + '.join(rest)}){text[match.end() :]}"
    return text


def _masked(text: str) -> str:
    """The text with what stands in backticks or quotation marks made unreadable."""
    return re.sub(r"`[^`]*`|'[^']*'|\"[^\"]*\"", lambda match: "_" * len(match[0]), text)


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
        reason = str(error).splitlines()[0] or type(error).__name__
        raise FormulaError(f"the formula {text!r} cannot be read ({reason})", "Write it like: y ~ a + C(g) + a:b.") from None
    if not targets:
        raise FormulaError(f"the formula {text!r} has 0 responses", "Write a column before the ~, like: y ~ a + b.")
    responses = tuple(_response(text, target) for target in targets)
    factors = dict.fromkeys(factor for term in terms for part in term if (factor := _factor(*part)))
    texts = tuple(tuple(name for name, _ in term) for term in terms)
    return Formula(text, _right(text), responses, tuple(replace(factor, additive=_is_additive(factor.text, texts)) for factor in factors), texts)


def _response(text: str, target: Sequence[tuple[str, str]]) -> Factor:
    """A numeric factor before the ~."""
    if len(target) != 1:
        raise FormulaError(f"the response of {text!r} is an interaction", "Write one column before the ~, or its arithmetic in I(…).")
    response = _factor(*target[0])
    if response is None or response.kind == "category":
        raise FormulaError(f"the response {target[0][0]!r} is not a number", "Least squares needs a numeric column before the ~.")
    if response.kind == "transform":
        raise FormulaError(f"the response {response.text!r} depends on all rows", "Write a column or its arithmetic before the ~.")
    return response


def _is_additive(text: str, terms: Sequence[tuple[str, ...]]) -> bool:
    """Whether a factor stands alone beside a constant, and every term that holds it beside the same term without: a shift of it can be undone."""
    spans = [frozenset(term) - {"1"} for term in terms]
    return frozenset({text}) in spans and all(span - {text} in spans for span in spans if text in span)


def _right(text: str) -> str:
    """What stands after the ~ that is not in backticks."""
    return text[_masked(text).index("~") + 1 :]


def _factor(text: str, method: str) -> Factor | None:
    """A factor told by its looks; None for a number such as the 1 of an intercept."""
    if method == "literal":
        return None
    if method == "lookup":
        return Factor(text, expressions.quoted(text), "bare")
    if category := _category(text):
        return Factor(text, category, "category")
    if transform := stateful.parse(text):
        return Factor(text, transform.expression, "transform")
    expressions.columns(text)
    return Factor(text, text, "number")


def _category(text: str) -> str | None:
    """The column in C(column, …); None if the factor is no category."""
    spelled, names = expressions.plain(text)
    tree = ast.parse(spelled, mode="eval").body
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "C"):
        return None
    if not (tree.args and isinstance(tree.args[0], ast.Name)):
        raise FormulaError(f"{text!r} does not name a column", "Write C(column), and compute the column first.")
    rest = [*tree.args[1:], *(word.value for word in tree.keywords)]
    if not all(map(_is_contrast, rest)) or any(word.arg not in ("contrasts", "levels") for word in tree.keywords):
        raise FormulaError(f"{text!r} asks for more than a contrast", "Write C(column, contr.treatment('b')), contr.sum, contr.helmert, or levels=[…].")
    return names.get(tree.args[0].id, tree.args[0].id)


def _is_contrast(node: ast.expr) -> bool:
    """Whether it is contr.name, a call of it with constants, or constants: nothing that formulaic's evaluation could run."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="contr")) | ast.Name(id="Treatment" | "Sum" | "Helmert" | "Poly" | "Diff")):
            return all(_is_literal(value) for value in [*node.args, *(word.value for word in node.keywords)])
        case ast.Attribute(value=ast.Name(id="contr")) | ast.Name(id="Treatment" | "Sum" | "Helmert" | "Poly" | "Diff"):
            return True
    return _is_literal(node)


def _is_literal(node: ast.expr) -> bool:
    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _is_literal(operand)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return all(map(_is_literal, items))
        case ast.Dict(keys=keys, values=values):
            return all(key is not None and _is_literal(key) for key in keys) and all(map(_is_literal, values))
    return False


def columns(formula: Formula, roles: Mapping[str, str]) -> tuple[str, ...]:
    """Every column that a formula and its roles read, in order of appearance."""
    texts = [*(response.expression for response in formula.responses), *(_reads(factor) for factor in formula.factors), *roles.values()]
    return tuple(dict.fromkeys(name for text in texts for name in expressions.columns(text)))


def numerics(formula: Formula) -> tuple[str, ...]:
    """The expressions that may have to be shifted, the responses first."""
    return tuple(dict.fromkeys([*(f.expression for f in formula.responses), *(f.expression for f in formula.factors if f.kind != "category")]))


def _reads(factor: Factor) -> str:
    return expressions.quoted(factor.expression) if factor.kind == "category" else factor.expression


# -- the kinds of its columns

Kinds = Mapping[str, frozenset[Label]]  # column to the kinds it has in one part or another


def resolve(formula: Formula, kinds: Kinds) -> Formula:
    """The formula with every bare column taken for what its kind says: text and categorical types for categories, the rest for numbers."""

    def told(factor: Factor) -> Factor:
        if factor.kind != "bare":
            return factor
        found = kinds[factor.text] - {"nothing"}
        is_category = bool(found) and all(kind == "text" or str(kind).endswith(CATEGORY) for kind in found)
        return Factor(factor.text, factor.text, "category") if is_category else Factor(factor.text, factor.expression, "number")

    return replace(formula, factors=tuple(map(told, formula.factors)))


def draft(formula: Formula, kinds: Kinds, shifts: Mapping[str, float], roles: Mapping[str, str], missing: str) -> Design:
    """A first design of a resolved formula: the columns as they will be read, a constant, and every number less its shift."""
    numbers = [*formula.responses, *(factor for factor in formula.factors if factor.kind != "category")]
    for factor in numbers:
        for name in set(expressions.columns(factor.expression)) - set(expressions.labelled(factor.expression)):
            _refuse_kind(name, kinds[name], factor)
    numeric = tuple(Numeric(factor.expression, shifts.get(factor.expression, 0.0)) for factor in numbers)
    texts = [*(one.expression for one in numeric), *roles.values()]
    gaps = missing == "category"
    labels = [Column(f.expression, label_kind(f.expression, kinds[f.expression]), gaps) for f in formula.factors if f.kind == "category"]
    words = {name for text in texts for name in expressions.labelled(text)}
    columns = [*(Column(name, "text" if name in words else "number") for text in texts for name in expressions.columns(text)), *labels]
    spelled = (*(("y", one) for one in numeric[: len(formula.responses)]), *((role, Numeric(text)) for role, text in roles.items()))
    return Design(tuple(dict.fromkeys(columns)), (Constant(), *(Product((one,)) for one in dict.fromkeys(numeric))), spelled, "drop" if gaps else missing)


def outcome(formula: Formula, kinds: Kinds) -> str | None:
    """The column of a response that holds labels; None if it holds numbers."""
    response = formula.responses[0]
    if response.kind != "bare":
        return None
    found = {str(kind).removesuffix(CATEGORY) for kind in kinds[response.text]} - {"nothing"}
    return response.text if found == {"text"} else None


def with_success(formula: Formula, labels: frozenset[Label]) -> Formula:
    """The formula whose response is one where its column has the second of two labels, in their order."""
    name = formula.responses[0].text
    if len(labels) != 2:
        shown = ", ".join(repr(label) for label in sorted(labels, key=str)[:5]) + (", …" if len(labels) > 5 else "")
        raise DataError(f"column {name!r} has {len(labels)} labels ({shown}), and an outcome has two", "Choose two of them, or write I(…) of a number.")
    return replace(formula, responses=(Factor(name, expressions.is_label(name, str(max(labels, key=str))), "number"),))


def label_kind(name: str, kinds: frozenset[Label]) -> str:
    """The one type that a column's labels have."""
    found = {str(kind).removesuffix(CATEGORY) for kind in kinds} - {"nothing"}
    if "date" in found:
        raise FormulaError(f"column {name!r} holds dates", "Make a category of them first, such as the month or the weekday, in a column of its own.")
    if "other" in found:
        raise FormulaError(f"column {name!r} holds values of a type that is not read", "Cast it to text or numbers.")
    if found and found <= {"number", "integer"}:
        return "float" if "number" in found else "integer"
    return min(found, default="text")  # a part with another type will say so, and where


def _refuse_kind(name: str, kinds: frozenset[Label], factor: Factor) -> None:
    if "date" in kinds:
        raise FormulaError(f"column {name!r} holds dates", "Turn them into a number first, such as days since a day, or into a category such as the month.")
    if kinds <= {"text"}:
        raise FormulaError(f"column {name!r} holds text, and {factor.text} needs numbers", f"Cast it to a number, or write C({name}) if it is a category.")
    if "other" in kinds:
        raise FormulaError(f"column {name!r} holds values of a type that is not read", "Cast it to numbers or text.")
