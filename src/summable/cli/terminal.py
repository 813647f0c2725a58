"""What the commands share: progress on stderr, Ctrl-C in one line, JSON without what it cannot hold."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from summable.engines.threads import Watch

INTERRUPTED = 130

Data = Annotated[list[str], typer.Argument(help="Parquet, CSV, Arrow or JSON-lines files, folders, URIs or quoted globs; several are their union.")]
Json = Annotated[bool, typer.Option("--json", help="Print the results as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary; errors still show.")]
Workers = Annotated[int | None, typer.Option(help="Threads; all cores by default.", min=1)]


@contextmanager
def stoppable(advice: str) -> Iterator[None]:
    """Ctrl-C ends in one line, which says what to do next."""
    try:
        yield
    except KeyboardInterrupt:
        note(f"stopped; {advice}")
        raise typer.Exit(INTERRUPTED) from None


def note(sentence: str) -> None:
    """A line on stderr."""
    typer.echo(f"summable: {sentence}", err=True)


@contextmanager
def progress(wanted: bool, data: list[str]) -> Iterator[Watch | None]:
    """A bar on stderr while shards are read, if anybody is there to see it: shards done, and rows per second where the files know how many they hold."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("shards{task.fields[speed]}"), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def watch(measure: str, done: int, parts: int) -> None:
            if measure not in tasks:
                tasks[measure] = bar.add_task(measure, total=parts, speed="")
            bar.update(tasks[measure], completed=done)
            seconds = bar.tasks[tasks[measure]].elapsed
            bar.update(tasks[measure], speed=speed(measure, done / parts, seconds or 0.0, data))

        yield watch


def speed(measure: str, share: float, seconds: float, data: list[str]) -> str:
    """Rows per second of a measure that reads them all, once a share of them is read in so many seconds; nothing where files do not know theirs."""
    from summable.core.data import Data

    if seconds <= 0 or getattr(Data.vocabulary.get(measure), "first", None) is not None or (rows := _rows(tuple(data))) is None:
        return ""
    return f", {rows * share / seconds:,.0f} rows/s"


@lru_cache(1)
def _rows(data: tuple[str, ...]) -> int | None:
    """How many rows the files hold, if their footers tell."""
    from summable.open import rows_known, scan

    return rows_known(scan(list(data)).shards)


def as_json(value: Any) -> str:
    """JSON, in which what is not a finite number is null."""
    return json.dumps(_finite(value), indent=2)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
