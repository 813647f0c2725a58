"""`summable predict`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from summable.cli import output, terminal
from summable.core.errors import Unsupported


class Interval(str, Enum):
    """Of what an interval is given."""

    confidence = "confidence"
    prediction = "prediction"


def predict(
    fit: Annotated[Path, typer.Argument(help="A fit that `summable fit --save` wrote.")],
    data: terminal.Data,
    out: Annotated[Path, typer.Option("--output", "-o", help="Where to write: .parquet, .csv, .tsv, .arrow or .jsonl.")],
    interval: Annotated[Interval | None, typer.Option(help="Also se, lower and upper: of the mean (confidence) or of a new y (prediction).")] = None,
    alpha: Annotated[float, typer.Option(help="The chance that an interval misses: 0.05 gives 95 %.")] = 0.05,
    keep: Annotated[str, typer.Option(help="Columns of the data to write beside the predictions, with commas between them.")] = "",
    keep_all: Annotated[bool, typer.Option("--keep-all", help="Write all columns of the data beside the predictions.")] = False,
    workers: Annotated[int, typer.Option(help="Threads that read; more cost memory, and the writing is soon what all wait for.", min=1)] = 1,
    as_json: terminal.Json = False,
    quiet: terminal.Quiet = False,
) -> None:
    """The mean of y for new rows, in their order and in bounded memory: a row out for each row in, empty where a value is missing.

    Written are the predictions alone (mean; se, lower and upper with an interval), unless columns are kept.
    """
    from summable import files
    from summable.models.base import load
    from summable.open import scan

    if keep and keep_all:
        raise Unsupported("both --keep and --keep-all are given", "Give one of them.")
    output.format_of(out)
    files.refuse_unwritable(out)
    fitted, dataset = load(fit), scan(data)
    if isinstance(fitted, Mapping):
        raise Unsupported(f"{fit} holds the fits of several responses", "Fit and save one response at a time.")
    kept = list(dataset.schema) if keep_all else [name.strip() for name in keep.split(",") if name.strip()]
    with terminal.progress(not quiet, data) as watch, terminal.stoppable(f"{out} was not written, or is as it was."):
        batches = fitted.predict_batches(dataset, None if interval is None else interval.value, alpha, kept, workers, watch)
        rows, missing = output.write(out, batches)
    if as_json:
        typer.echo(terminal.as_json({"output": str(out), "rows": rows, "missing": missing}))
    elif not quiet:
        typer.echo(f"{out}: {rows:,} rows" + (f", {missing:,} of them without a prediction for a missing value" if missing else ""))
