"""The command line: `summable fit`."""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from summable.core.errors import SummableError, SummableWarning

if TYPE_CHECKING:
    from summable.engines.threads import Watch
    from summable.models.linear import LinearFit

FAILED, INTERRUPTED = 1, 130

app = typer.Typer(
    name="summable", no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)

FIT_EXAMPLES = """
**Examples**

    summable fit "arr_delay ~ dep_delay + C(carrier)" 'flights/*.parquet'

    summable fit "y ~ a*b + log(c)" jan.csv feb.csv mar.csv --weights w --save fit.json

    summable fit "y ~ x" data/ --json | jq .params
"""


class WeightKind(str, Enum):
    """What a weight says of its row."""

    analytic = "analytic"
    frequency = "frequency"
    sampling = "sampling"


class Missing(str, Enum):
    """What becomes of a row with a missing value."""

    drop = "drop"
    refuse = "raise"


class Arithmetic(str, Enum):
    """How the sums are taken."""

    auto = "auto"
    float = "float"
    qr = "qr"


def _version(wanted: bool) -> None:
    if wanted:
        from summable import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _summable(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")] = False) -> None:
    """Exact linear models over data that are split, in as few rounds of sums as there can be."""


@app.command(epilog=FIT_EXAMPLES)
def fit(
    formula: Annotated[str, typer.Argument(help='What to fit, like "y ~ a + C(g) + a:b".')],
    data: Annotated[list[str], typer.Argument(help="Parquet or CSV files, folders or quoted globs; several are their union.")],
    weights: Annotated[str | None, typer.Option(help="Column (or expression) of weights.")] = None,
    weight_kind: Annotated[WeightKind, typer.Option(help="What the weights mean.")] = WeightKind.analytic,
    offset: Annotated[str | None, typer.Option(help="Column (or expression) whose coefficient is one.")] = None,
    missing: Annotated[Missing, typer.Option(help="Drop rows with a missing value, or raise an error.")] = Missing.drop,
    arithmetic: Annotated[Arithmetic, typer.Option(help="Sum the Gram, or take the R factor too; auto does where digits would be lost.")] = Arithmetic.auto,
    max_levels: Annotated[int, typer.Option(help="Levels that a category may have.", min=1)] = 1000,
    workers: Annotated[int | None, typer.Option(help="Threads; all cores by default.", min=1)] = None,
    save: Annotated[Path | None, typer.Option(help="Write the fit as JSON.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary; errors still show.")] = False,
) -> None:
    """Least squares by formula: coefficients, inference, and what it cost to distribute."""
    from summable import files
    from summable.models.linear import ols

    if save is not None:
        files.refuse_unwritable(save)
    with _progress(not quiet and sys.stderr.isatty()) as watch, _stoppable(), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", SummableWarning)
        result = ols(
            formula, data, weights=weights, weight_kind=weight_kind.value, offset=offset, missing=missing.value,
            arithmetic=arithmetic.value, max_levels=max_levels, workers=workers, watch=watch,
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(_plain(result), indent=2))
    elif not quiet:
        typer.echo(result.summary())
    if save is not None:
        result.save(save)
    if as_json or quiet:
        for warning in told:
            typer.echo(f"summable: {warning.message}", err=True)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C ends in one line."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("summable: stopped; nothing was written.", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _progress(wanted: bool) -> Iterator[Watch | None]:
    """A bar on stderr while shards are read, if anybody is there to see it."""
    if not wanted:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("shards"), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def watch(measure: str, done: int, parts: int) -> None:
            if measure not in tasks:
                tasks[measure] = bar.add_task(measure, total=parts)
            bar.update(tasks[measure], completed=done)

        yield watch


def _plain(result: LinearFit) -> dict[str, Any]:
    """The results as JSON can hold them: what is not a number is null."""
    inferred: dict[str, Any] = {}
    if result.weight_kind != "sampling":
        inferred = {"bse": _by_name(result, result.inference.bse), "pvalues": _by_name(result, result.inference.pvalues)}
        inferred |= {"fvalue": result.fvalue, "f_pvalue": result.f_pvalue}
    numbers = ("nobs", "dropped", "df_model", "df_resid", "scale", "rsquared", "rsquared_adj", "llf", "aic", "bic", "condition_number")
    whole = {name: getattr(result, name) for name in numbers}
    rounds = [{"measure": r.measure, "parts": r.parts, "numbers": r.numbers, "down": r.down, "up": r.up, "seconds": r.seconds} for r in result.rounds]
    values = {"formula": result.formula, "params": _by_name(result, result.inference.estimates.coef), **inferred, **whole}
    return _finite(values) | {"rounds": rounds, "nbytes": result.ledger.nbytes}  # type: ignore[no-any-return]


def _by_name(result: LinearFit, values: Any) -> dict[str, float]:
    return dict(zip(result.coding.names, map(float, values), strict=True))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def main() -> None:
    """Run the command; an error is one sentence on stderr and exit code 1, Ctrl-C one line and 130."""
    try:
        app()
    except SummableError as error:
        typer.echo(f"summable: {error}", err=True)
        sys.exit(FAILED)
