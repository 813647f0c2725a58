"""`summable describe`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from summable.cli import terminal
from summable.core.errors import Unsupported

if TYPE_CHECKING:
    from summable.models.describe import Description


def describe(
    data: terminal.Data,
    columns: Annotated[str | None, typer.Option(help="Only these columns, with commas between.")] = None,
    quantiles: Annotated[str, typer.Option(help="Which quantiles, with commas between.")] = "0.25,0.5,0.75",
    workers: terminal.Workers = None,
    as_json: terminal.Json = False,
    quiet: terminal.Quiet = False,
) -> None:
    """What data hold, in one or two readings: counts, missing values, moments, extremes, quantiles, distinct values, correlations, top levels."""
    from summable.models.describe import describe as described

    names = None if columns is None else [name.strip() for name in columns.split(",")]
    with terminal.progress(not quiet, data) as watch, terminal.stoppable("nothing was written"):
        found = described(data, names, quantiles=_numbers(quantiles), workers=workers, watch=watch)
    if as_json:
        typer.echo(terminal.as_json(found.to_dict()))
    elif not quiet:
        _show(found)


def _numbers(text: str) -> list[float]:
    try:
        return [float(one) for one in text.split(",") if one.strip()]
    except ValueError:
        raise Unsupported(f"--quantiles {text} is not understood", "Write it like --quantiles 0.1,0.5,0.9.") from None


def _show(found: Description) -> None:
    """A table as wide as the terminal; where that is too narrow, a line for each figure instead of a column."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    head, lines = found.cells()
    turned = [list(line) for line in zip(head, *lines, strict=True)]
    wide = sum(max(map(len, column)) + 2 for column in turned) <= console.width
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(head if wide else [turned[0][0], *turned[0][1:]]):
        shown.add_column(name, justify="left" if i < (2 if wide else 1) else "right", overflow="fold")
    for line in lines if wide else turned[1:]:
        shown.add_row(*line)
    console.print(shown)
    for note in found.notes():
        typer.echo(note)
