"""The command line: one file for each command.

Exit codes: 0 done, 1 an error that is one sentence on stderr, 2 wrong usage, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from summable.cli.cost import cost
from summable.cli.describe import describe
from summable.cli.fit import fit
from summable.cli.predict import predict
from summable.cli.scan import scan
from summable.core.errors import SummableError

FAILED = 1

app = typer.Typer(
    name="summable", no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)

EXAMPLES: dict[Callable[..., None], str] = {
    fit: """
    summable fit "arr_delay ~ dep_delay + C(carrier)" 'flights/*.parquet'

    summable fit "y ~ a*b + log(c)" jan.csv feb.csv mar.csv --weights w --save fit.json

    summable fit "churn ~ minutes + C(plan)" 'regions/*.parquet' --family binomial --prefer rounds

    summable fit "claims ~ age + C(region)" policies/ --family poisson --exposure years

    summable fit "hired ~ score + C(team)" offices/ --family binomial --firth

    summable fit "y ~ x" data/ --journal fit.journal        (killed? run it again: it goes on where it was)

    summable fit "y ~ x" data/ --json | jq .params

    torchrun --nproc-per-node 4 -m summable fit "y ~ x" data/ --mesh 2x2        (on several processes that PyTorch connects)
""",
    predict: """
    summable predict fit.json new.parquet -o out.parquet

    summable predict fit.json 'new/*.csv' -o out.csv --keep id,date --interval prediction --alpha 0.1

    summable predict fit.json new.parquet -o out.jsonl --keep-all
""",
    cost: """
    summable cost "arr_delay ~ dep_delay + C(carrier)" 'flights/*.parquet' --levels carrier=16

    summable cost --width 300 --parts 40 --rows 1e9

    summable cost --family binomial --width 300 --parts 40 --rows 1e9 --network internet
""",
    describe: """
    summable describe 'flights/*.parquet'

    summable describe data/ --columns income,region --quantiles 0.1,0.5,0.9 --json
""",
    scan: """
    summable scan 'flights/*.parquet'

    summable scan data/ --check --json
""",
}


def _version(wanted: bool) -> None:
    if wanted:
        from summable import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _summable(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")] = False) -> None:
    """Exact linear models over data that are split, in as few rounds of sums as there can be."""


for command, examples in EXAMPLES.items():
    app.command(epilog=f"**Examples**\n{examples}")(command)


def main() -> None:
    """Run the command; an error is one sentence on stderr and exit code 1, Ctrl-C one line and 130."""
    try:
        app()
    except SummableError as error:
        typer.echo(f"summable: {error}", err=True)
        sys.exit(FAILED)
