"""Tables for notebooks: plain HTML, without scripts or outside styles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], note: str = "") -> str:
    """A table whose first column is text and whose others are right-aligned numbers."""
    cells = "".join(f'<th scope="col" style="text-align:{_side(i)}">{escape(name)}</th>' for i, name in enumerate(head))
    lines = "".join(f"<tr>{''.join(_cell(i, text) for i, text in enumerate(row))}</tr>" for row in rows)
    under = f'<div style="font-size:smaller">{escape(note)}</div>' if note else ""
    return f"<div><table><caption>{escape(caption)}</caption><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>{under}</div>"


def _cell(i: int, text: str) -> str:
    return f'<td style="text-align:{_side(i)}">{escape(text)}</td>'


def _side(i: int) -> str:
    return "right" if i else "left"
