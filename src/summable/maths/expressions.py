"""A small language of element-wise arithmetic: `log(a)`, `I(a**2)`, `a / (b + 1)`, `I(x > 3)`.

Expressions are text, so they cross wires as data; they are walked, never evaluated by Python, so no name but those of the
columns and of the functions listed here can be reached. Columns whose name is not an identifier stand in backticks.
"""

from __future__ import annotations

import ast
import keyword
import operator
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from summable.core.errors import FormulaError

FUNCTIONS = [
    "log", "log2", "log10", "log1p", "exp", "exp2", "expm1", "sqrt", "abs", "sign", "floor", "ceil", "minimum", "maximum",
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
]  # fmt: skip
OF_ALL_ROWS = ["poly", "bs", "cr", "cs", "cc", "center", "scale", "standardize"]  # understood as factors of their own
ARITHMETIC: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.Mod: operator.mod, ast.FloorDiv: operator.floordiv,
    ast.USub: operator.neg, ast.UAdd: operator.pos,
}  # fmt: skip
COMPARISONS: dict[type, Callable[..., Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
QUOTED = re.compile(r"`([^`]*)`")


def quoted(name: str) -> str:
    """A column's name as an expression."""
    plain = name.isidentifier() and not keyword.iskeyword(name) and unicodedata.normalize("NFKC", name) == name  # as Python reads names
    return name if plain else f"`{name}`"


@lru_cache(maxsize=4096)
def is_column(expression: str) -> bool:
    """Whether an expression is just the name of a column."""
    return quoted(expression.strip("`")) == expression


@lru_cache(maxsize=4096)
def columns(expression: str) -> tuple[str, ...]:
    """The columns that an expression reads, in order of appearance."""
    tree, names = _parsed(expression)
    _check(tree, expression)
    functions = {id(name) for node in ast.walk(tree) if isinstance(node, ast.Call) for name in ast.walk(node.func)}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions]
    found.sort(key=lambda node: node.col_offset)
    return tuple(dict.fromkeys(names.get(node.id, node.id) for node in found))


def labelled(expression: str) -> tuple[str, ...]:
    """The columns whose labels an expression compares with a text, as in `answer == "yes"`."""
    tree, names = _parsed(expression)
    pairs = [node.left for node in ast.walk(tree) if isinstance(node, ast.Compare) and _is_label(node)]
    return tuple(dict.fromkeys(names.get(left.id, left.id) for left in pairs if isinstance(left, ast.Name)))


def is_label(column: str, label: str) -> str:
    """The expression that is one where a column has a label, and zero elsewhere."""
    spelled = repr(label).replace("`", "\\x60")  # backticks are for names
    return f"{quoted(column)} == {spelled}"


def _is_label(node: ast.Compare) -> bool:
    match node:
        case ast.Compare(left=ast.Name(), ops=[ast.Eq()], comparators=[ast.Constant(value=str())]):
            return True
    return False


def evaluate(expression: str, column: Callable[[str], Any], xp: Any) -> Any:
    """The expression's values over the columns, in the namespace `xp`."""
    tree, names = _parsed(expression)
    try:
        return _walk(tree, lambda name: column(names.get(name, name)), xp)
    except ArithmeticError as error:
        raise FormulaError(f"the numbers in {expression!r} cannot be computed ({error})", "Check its constants.") from None


def plain(text: str) -> tuple[str, dict[str, str]]:
    """The text with identifiers in place of names in backticks, and what each stands for."""
    names: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        names[word := f"_quoted_{len(names)}"] = match[1]
        return word

    return QUOTED.sub(stand_in, text.strip()), names


@lru_cache(maxsize=4096)
def _parsed(expression: str) -> tuple[ast.expr, dict[str, str]]:
    text, names = plain(expression)
    try:
        return ast.parse(text, mode="eval").body, names
    except SyntaxError:
        raise FormulaError(f"{expression!r} is not an expression", "Write arithmetic of columns, such as I(a**2) or log(a / b).") from None


def _walk(node: ast.AST, column: Callable[[str], Any], xp: Any) -> Any:
    match node:
        case ast.Constant(value=str() as label):
            return label
        case ast.Constant(value=int() | float() as value):
            return float(value)  # whole numbers could grow without bound
        case ast.Name(id=name):
            return column(name)
        case ast.UnaryOp(op=op, operand=operand):
            return ARITHMETIC[type(op)](_walk(operand, column, xp))
        case ast.BinOp(left=left, op=op, right=right):
            return ARITHMETIC[type(op)](_walk(left, column, xp), _walk(right, column, xp))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return COMPARISONS[type(op)](_walk(left, column, xp), _walk(right, column, xp)) * 1.0
        case ast.Call(func=func, args=args):
            values = [_walk(arg, column, xp) for arg in args]
            name = _function(func)
            return values[0] if name == "I" else getattr(xp, name)(*values)
    raise AssertionError(f"_check let {ast.dump(node)} through")


def _check(node: ast.AST, expression: str) -> None:
    """Refuse, with the reason, whatever `_walk` does not know."""
    match node:
        case ast.Constant(value=bool() | int() | float()) | ast.Name():
            return
        case ast.UnaryOp(op=op, operand=operand) if type(op) in ARITHMETIC:
            _check(operand, expression)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            _check(left, expression)
            _check(right, expression)
        case ast.Compare() if _is_label(node):
            return
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
            _check(left, expression)
            _check(right, expression)
        case ast.Call(func=func, args=args, keywords=[]) if args and (name := _function(func)) in [*FUNCTIONS, "I"]:
            if len(args) != (2 if name in ("minimum", "maximum") else 1):
                raise FormulaError(f"{name} in {expression!r} is given {len(args)} arguments", "It takes another number of them.")
            for arg in args:
                _check(arg, expression)
        case ast.Call(func=ast.Name(id=name)) if name in OF_ALL_ROWS:
            raise FormulaError(f"{name}(…), which depends on all rows, stands within {expression!r}", "Let it be a factor of its own.")
        case ast.Call(func=func):
            known = ", ".join([*FUNCTIONS, *OF_ALL_ROWS])
            raise FormulaError(f"the formula function {ast.unparse(func)!r} in {expression!r} is not known", f"Known are C, I, {known}.")
        case ast.BinOp(op=ast.BitXor()):
            raise FormulaError(f"{expression!r} uses ^", "Powers are written with **.")
        case _:
            raise FormulaError(f"{ast.unparse(node)!r} in {expression!r} is not arithmetic of columns", "Compute it into a column first.")


def _function(func: ast.expr) -> str:
    match func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name):
            return name
    return ""
