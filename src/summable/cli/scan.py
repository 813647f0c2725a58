"""`summable scan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from summable.cli import terminal

if TYPE_CHECKING:
    from summable.open import Dataset

SHOWN = 20  # shards in the table; JSON has them all


def scan(
    data: terminal.Data,
    check: Annotated[bool, typer.Option("--check", help="Ask every shard for its schema, and name the columns in which they differ.")] = False,
    as_json: terminal.Json = False,
) -> None:
    """What data hold, without reading their rows: columns and kinds, rows where the files know them, shards and sizes.

    Columns are those of the first shard. CSV files have no schema: theirs is a guess from their first lines.
    """
    from summable import open as opening

    dataset = opening.scan(data)
    shards = [{"name": shard.name, "rows": opening.rows_known([shard]), "bytes": opening.nbytes([shard])} for shard in dataset.shards]
    whole = {"shards": len(dataset), "rows": opening.rows_known(dataset.shards), "bytes": opening.nbytes(dataset.shards)}
    differing = _differing(dataset) if check else {}
    if as_json:
        typer.echo(terminal.as_json({"columns": dict(dataset.schema), **whole, "parts": shards} | ({"differing": differing} if check else {})))
    else:
        _show(dict(dataset.schema), whole, shards, differing, check)


def _differing(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Column to kind to how many shards have it so, of columns that are not the same everywhere."""
    counts: dict[str, dict[str, int]] = {}
    for shard in dataset.shards:
        for name, kind in shard.kinds().items():
            counts.setdefault(name, {}).setdefault(kind, 0)
            counts[name][kind] += 1
    for kinds in counts.values():
        if absent := len(dataset) - sum(kinds.values()):
            kinds["absent"] = absent
    return {name: kinds for name, kinds in counts.items() if len(kinds) > 1}


def _show(schema: dict[str, str], whole: dict[str, Any], shards: list[dict[str, Any]], differing: dict[str, dict[str, int]], checked: bool) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    columns = _table("column", "kind")
    for name, kind in schema.items():
        columns.add_row(name, kind)
    parts = _table("shard", "rows", "size")
    for shard in shards[:SHOWN]:
        parts.add_row(shard["name"], _count(shard["rows"]), _size(shard["bytes"]))
    if len(shards) > SHOWN:
        parts.add_row(f"… and {len(shards) - SHOWN:,} more", "", "")
    parts.add_section()
    parts.add_row(f"{whole['shards']:,} in all", _count(whole["rows"]), _size(whole["bytes"]))
    console.print(columns)
    console.print(parts)
    for name, kinds in differing.items():
        typer.echo(f"{name} is not the same everywhere: " + ", ".join(f"{kind} in {count:,}" for kind, count in kinds.items()))
    if checked and not differing:
        typer.echo("Every shard has the same columns.")


def _table(first: str, *rest: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in rest:
        table.add_column(name, justify="left" if name == "kind" else "right", no_wrap=True)
    return table


def _count(rows: int | None) -> str:
    return "not known" if rows is None else f"{rows:,}"


def _size(nbytes: int | None) -> str:
    from summable.report import size

    return "not known" if nbytes is None else size(nbytes)
