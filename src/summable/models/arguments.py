"""What the doors of all models check of their arguments."""

from __future__ import annotations

from typing import Any

from summable.core.errors import FormulaError, Unsupported
from summable.maths import expressions

MISSING = ("drop", "raise", "category")
WEIGHT_KINDS = ("analytic", "frequency", "sampling")


def check(value: str, known: tuple[str, ...], name: str) -> None:
    """Refuse a word that is not among those known."""
    if value not in known:
        raise Unsupported(f"{name}={value!r} is not known", f"Choose from {', '.join(known)}.")


def check_alpha(alpha: float) -> None:
    """Refuse what is no probability."""
    if not 0 < alpha < 1:
        raise Unsupported(f"alpha={alpha!r} is not between 0 and 1", "It is the chance of missing: 0.05 gives 95 % intervals.")


def role_of(role: str, text: Any) -> str:
    """What plays a role, as an expression."""
    if not isinstance(text, str):
        raise FormulaError(f"{role} is given as a {type(text).__name__}", "Put it into the data, and give the name of its column.")
    try:
        expressions.columns(text)
    except FormulaError:
        return expressions.quoted(text)  # a name with spaces in it
    return text
