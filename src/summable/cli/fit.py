"""`summable fit`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from summable.cli import terminal
from summable.core.errors import SummableWarning

if TYPE_CHECKING:
    from summable.models.linear import LinearFit


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


def fit(
    formula: Annotated[str, typer.Argument(help='What to fit, like "y ~ a + C(g) + a:b".')],
    data: terminal.Data,
    weights: Annotated[str | None, typer.Option(help="Column (or expression) of weights.")] = None,
    weight_kind: Annotated[WeightKind, typer.Option(help="What the weights mean.")] = WeightKind.analytic,
    offset: Annotated[str | None, typer.Option(help="Column (or expression) whose coefficient is one.")] = None,
    missing: Annotated[Missing, typer.Option(help="Drop rows with a missing value, or raise an error.")] = Missing.drop,
    arithmetic: Annotated[Arithmetic, typer.Option(help="Sum the Gram, or take the R factor too; auto does where digits would be lost.")] = Arithmetic.auto,
    max_levels: Annotated[int, typer.Option(help="Levels that a category may have.", min=1)] = 1000,
    workers: terminal.Workers = None,
    journal: Annotated[Path | None, typer.Option(help="Write down every answer here; a fit that was killed goes on from it when run again.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the fit as JSON.")] = None,
    as_json: terminal.Json = False,
    quiet: terminal.Quiet = False,
) -> None:
    """Least squares by formula: coefficients, inference, and what it cost to distribute."""
    from summable import files
    from summable.models.linear import ols

    if save is not None:
        files.refuse_unwritable(save)
    with terminal.progress(not quiet) as watch, terminal.stoppable(_advice(journal)), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", SummableWarning)
        result = ols(
            formula, data, weights=weights, weight_kind=weight_kind.value, offset=offset, missing=missing.value,
            arithmetic=arithmetic.value, max_levels=max_levels, workers=workers, watch=watch, journal=journal,
        )  # fmt: skip
    if as_json:
        typer.echo(terminal.as_json({response: _plain(one) for response, one in result.items()} if isinstance(result, Mapping) else _plain(result)))
    elif not quiet:
        typer.echo(result.summary())
    if save is not None:
        result.save(save)
    shown = not (as_json or quiet)
    for sentence in (str(warning.message) for warning in told):
        if not (shown and sentence in result.warnings):  # the summary's notes have it
            terminal.note(sentence)


def _advice(journal: Path | None) -> str:
    """What to do after Ctrl-C."""
    if journal is None:
        return "nothing was written. With --journal FILE, a fit that is stopped can be run again and goes on where it was."
    return f"what was answered is in {journal}. Run the same command again, and it goes on where it was."


def _plain(result: LinearFit) -> dict[str, Any]:
    """The results as JSON has them."""
    inferred: dict[str, Any] = {}
    if result.weight_kind != "sampling":
        inferred = {"bse": _by_name(result, result.inference.bse), "pvalues": _by_name(result, result.inference.pvalues)}
        inferred |= {"fvalue": result.fvalue, "f_pvalue": result.f_pvalue}
    numbers = ("nobs", "dropped", "df_model", "df_resid", "scale", "rsquared", "rsquared_adj", "llf", "aic", "bic", "condition_number")
    whole = {name: getattr(result, name) for name in numbers}
    shown = ("measure", "parts", "numbers", "down", "up", "seconds", "replayed")
    rounds = [{name: getattr(line, name) for name in shown} for line in result.rounds]
    values = {"formula": result.formula, "params": _by_name(result, result.inference.estimates.coef), **inferred, **whole}
    return values | {"rounds": rounds, "nbytes": result.ledger.nbytes}


def _by_name(result: LinearFit, values: Any) -> dict[str, float]:
    return dict(zip(result.coding.names, map(float, values), strict=True))
