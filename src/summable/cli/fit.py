"""`summable fit`."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from summable.cli import terminal
from summable.cli.cost import Wire
from summable.cli.families import FAMILY, named
from summable.cli.mesh import meshed
from summable.core.errors import SummableWarning, Unsupported

if TYPE_CHECKING:
    from summable.models.glm import GeneralizedFit
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
    category = "category"


class Arithmetic(str, Enum):
    """How the sums are taken."""

    auto = "auto"
    float = "float"
    qr = "qr"


class Information(str, Enum):
    """Which information gives the standard errors."""

    expected = "expected"
    observed = "observed"


class Solver(str, Enum):
    """How the optimum is found."""

    auto = "auto"
    newton = "newton"
    lbfgs = "lbfgs"
    gradient = "gradient"


class Prefer(str, Enum):
    """What a fit shall save."""

    rounds = "rounds"
    time = "time"


def fit(
    formula: Annotated[str, typer.Argument(help='What to fit, like "y ~ a + C(g) + a:b".')],
    data: terminal.Data,
    weights: Annotated[str | None, typer.Option(help="Column (or expression) of weights.")] = None,
    weight_kind: Annotated[WeightKind, typer.Option(help="What the weights mean.")] = WeightKind.analytic,
    offset: Annotated[str | None, typer.Option(help="Column (or expression) whose coefficient is one.")] = None,
    missing: Annotated[Missing, typer.Option(help="Drop rows with a missing value, raise an error, or make a category of missing labels.")] = Missing.drop,
    arithmetic: Annotated[
        Arithmetic | None, typer.Option(help="Sum the Gram, or take the R factor too; auto, the default, does where digits would be lost.")
    ] = None,
    family: Annotated[str | None, typer.Option(help=FAMILY + " Least squares without it.")] = None,
    link: Annotated[str | None, typer.Option(help="With --family: identity, log, logit, probit, cloglog, …; the canonical one by default.")] = None,
    trials: Annotated[str | None, typer.Option(help="With --family binomial: column of how many were tried, y being the successes.")] = None,
    exposure: Annotated[str | None, typer.Option(help="With a log link: column whose logarithm is an offset.")] = None,
    alpha: Annotated[float | None, typer.Option(help="With --family: ridge penalty, ½ mean deviance + alpha/2 |b|².")] = None,
    information: Annotated[Information | None, typer.Option(help="With --family: gives the standard errors; expected by default.")] = None,
    scale: Annotated[str | None, typer.Option(help="With --family: how the dispersion is estimated, pearson or deviance, or its value.")] = None,
    firth: Annotated[bool, typer.Option("--firth", help="With --family: Jeffreys' prior, so that separated outcomes have finite estimates.")] = False,
    solver: Annotated[Solver | None, typer.Option(help="With --family: by default the one that should take the least time.")] = None,
    network: Annotated[Wire | None, typer.Option(help="With --family: what lies between the parts; foretells the seconds on that wire.")] = None,
    prefer: Annotated[Prefer | None, typer.Option(help="With --family: fewest rounds, or fewest readings of the rows.")] = None,
    max_levels: Annotated[int, typer.Option(help="Levels that a category may have.", min=1)] = 1000,
    sample: Annotated[float | None, typer.Option(help="Look at this share of the rows, chosen by a hash; the errors say what that costs.")] = None,
    seed: Annotated[int, typer.Option(help="With --sample: which rows.")] = 0,
    key: Annotated[str | None, typer.Option(help="With --sample: a column of numbers whose hash chooses, instead of all columns used.")] = None,
    groups: Annotated[bool, typer.Option("--groups", help="With --sample: whole row groups of Parquet files, so that no others are read.")] = False,
    workers: terminal.Workers = None,
    mesh: Annotated[
        str | None,
        typer.Option(help="Under torchrun: how many processes share the rows, and how many the features, like 2x2, or 2x2/float32.", metavar="DPxTP"),
    ] = None,
    journal: Annotated[Path | None, typer.Option(help="Write down every answer here; a fit that was killed goes on from it when run again.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the fit as JSON.")] = None,
    as_json: terminal.Json = False,
    quiet: terminal.Quiet = False,
) -> None:
    """Least squares, or with --family a generalized linear model, by formula: coefficients, inference, and what it cost to distribute."""
    from summable import files

    own = {"arithmetic": arithmetic}
    others = {
        "link": link, "trials": trials, "exposure": exposure, "alpha": alpha, "information": information, "scale": scale,
        "firth": firth or None, "solver": solver, "network": network, "prefer": prefer,
    }  # fmt: skip
    with meshed(mesh) as (engine, speaks):
        _refuse(others if family is None else own, family)
        if mesh is not None and journal is not None:
            raise Unsupported("--journal is of one process, and --mesh has several", "Leave one of them out.")
        if save is not None:
            files.refuse_unwritable(save)
        with terminal.progress(speaks and not quiet, data) as watch, terminal.stoppable(_advice(journal)), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", SummableWarning)
            shared: dict[str, Any] = {
                "weights": weights, "weight_kind": weight_kind.value, "offset": offset, "missing": missing.value,
                "max_levels": max_levels, "workers": workers, "watch": watch, "journal": journal, "engine": engine,
                "sample": None if groups else sample, "seed": seed, "key": key,
            }  # fmt: skip
            looked_at = _grouped(data, sample, seed, key) if groups else data
            result = _fitted(formula, looked_at, family, shared | _given(own if family is None else others))
        if speaks:
            _tell(result, [str(warning.message) for warning in told], as_json, quiet, save)


def _tell(result: Any, sentences: list[str], as_json: bool, quiet: bool, save: Path | None) -> None:
    """Print a fit, or the fits of several responses, and keep it if so asked."""
    if as_json:
        typer.echo(terminal.as_json({response: _plain(one) for response, one in result.items()} if isinstance(result, Mapping) else _plain(result)))
    elif not quiet:
        typer.echo(result.summary())
    if save is not None:
        result.save(save)
    shown = not (as_json or quiet)
    for sentence in sentences:
        if not (shown and sentence in result.warnings):  # the summary's notes have it
            terminal.note(sentence)


def _refuse(foreign: dict[str, Any], family: str | None) -> None:
    """Refuse the options of the model that is not fitted."""
    for name in _given(foreign):
        if family is None:
            raise Unsupported(f"--{name} is for generalized linear models, and this is least squares", "Give a --family, or leave it out.")
        raise Unsupported(f"--{name} is for least squares, and this is --family {family}", "Leave one of them out.")


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were written, by their values; a scale may be a number."""
    found = {name: getattr(value, "value", value) for name, value in options.items() if value is not None}
    if "scale" in found:
        with contextlib.suppress(ValueError):
            found["scale"] = float(found["scale"])
    return found


def _fitted(formula: str, data: Any, family: str | None, options: dict[str, Any]) -> Any:
    """The fit, or of several responses the fits, of a family, or by least squares."""
    from summable.models import glm, linear

    return linear.ols(formula, data, **options) if family is None else glm.glm(formula, data, named(family), **options)


def _grouped(data: list[str], sample: float | None, seed: int, key: str | None) -> Any:
    """Some row groups of the data."""
    from summable.open import scan

    if sample is None or key is not None:
        raise Unsupported("--groups says how --sample chooses, and --key does that too", "Give --sample 0.1 --groups.")
    return scan(data).sample(sample, seed)


def _advice(journal: Path | None) -> str:
    """What to do after Ctrl-C."""
    if journal is None:
        return "nothing was written. With --journal FILE, a fit that is stopped can be run again and goes on where it was."
    return f"what was answered is in {journal}. Run the same command again, and it goes on where it was."


def _plain(result: LinearFit | GeneralizedFit) -> dict[str, Any]:
    """The results as JSON has them."""
    inferred = {} if _is_bare(result) else {"bse": _by_name(result, result.inference.bse), "pvalues": _by_name(result, result.inference.pvalues)}
    shown = ("measure", "parts", "numbers", "down", "up", "inside", "foretold", "depth", "seconds", "rows", "replayed")
    rounds = [{name: getattr(line, name) for name in shown} for line in result.rounds]
    values = {"formula": result.formula, "params": _by_name(result, result.inference.estimates.coef), **inferred}
    values |= {name: getattr(result, name) for name in ("nobs", "dropped", "df_model", "df_resid", "scale", "llf", "aic", "bic")}
    if result.sampling:
        values["sampling"] = asdict(result.sampling) | {"bse": _by_name(result, result.sampling.bse)}
    return values | _particular(result, bool(inferred)) | {"rounds": rounds, "nbytes": result.ledger.nbytes}


def _is_bare(result: LinearFit | GeneralizedFit) -> bool:
    """Whether no classical standard error applies."""
    return result.weight_kind == "sampling" or getattr(result.solution, "penalised", False)


def _particular(result: LinearFit | GeneralizedFit, inferred: bool) -> dict[str, Any]:
    """What one of the models alone has."""
    from summable.models.linear import LinearFit

    if isinstance(result, LinearFit):
        tests = ("fvalue", "f_pvalue") if inferred else ()
        return {name: getattr(result, name) for name in (*tests, "rsquared", "rsquared_adj", "condition_number")}
    numbers = {name: getattr(result, name) for name in ("deviance", "null_deviance", "pearson_chi2")}
    found = {"family": result.loss.family.name, "link": result.loss.link.name, "outcome": result.outcome.name.lower()}
    alpha = {"overdispersion": asdict(result.overdispersion)} if result.overdispersion else {}
    return found | numbers | alpha | {"solver": result.solver.solver, "certificate": asdict(result.certificate)}


def _by_name(result: LinearFit | GeneralizedFit, values: Any) -> dict[str, float]:
    return dict(zip(result.coding.names, map(float, values), strict=True))
