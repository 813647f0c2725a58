"""`summable cost`."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from summable.cli import terminal
from summable.cli.families import FAMILY, named
from summable.core.errors import Unsupported

if TYPE_CHECKING:
    from summable.models.comparison import Comparison
    from summable.models.cost import Bounds, Cost

WIDTH = 104


class Wire(str, Enum):
    """What lies between the parts."""

    machine = "machine"
    rack = "rack"
    datacentre = "datacentre"
    internet = "internet"


class Gathering(str, Enum):
    """How sums are gathered."""

    star = "star"
    tree = "tree"
    ring = "ring"


def cost(
    formula: Annotated[str | None, typer.Argument(help='What is to be fitted, like "y ~ a + C(g)"; or give --width.')] = None,
    data: Annotated[list[str] | None, typer.Argument(help="The data: their schema and footers are read, no row.")] = None,
    weights: Annotated[str | None, typer.Option(help="Column (or expression) of weights.")] = None,
    offset: Annotated[str | None, typer.Option(help="Column (or expression) whose coefficient is one.")] = None,
    levels: Annotated[list[str] | None, typer.Option(help="Levels of a category, like carrier=16; may be repeated.")] = None,
    max_levels: Annotated[int, typer.Option(help="Levels that a category has at most, if they are not given.", min=1)] = 1000,
    width: Annotated[int | None, typer.Option(help="Without data: columns of the design, the constant among them.", min=1)] = None,
    parts: Annotated[int, typer.Option(help="Without data: how many parts hold the rows.", min=1)] = 1,
    rows: Annotated[float | None, typer.Option(help="How many rows there are, where the files do not say.", min=0)] = None,
    family: Annotated[str | None, typer.Option(help=f"Compare the ways to a model of this family. {FAMILY}")] = None,
    link: Annotated[str | None, typer.Option(help="With --family: the link; the canonical one by default.")] = None,
    network: Annotated[Wire | None, typer.Option(help="Compare the ways over this network; by default that of a data centre.")] = None,
    shape: Annotated[Gathering | None, typer.Option(help="How sums are gathered in it.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """What a fit will cost before it runs: rounds, numbers and bytes of each part, flops, and the solve at the centre. Reads no row.

    With --family or --network: rounds, bytes and seconds of one-round least squares, Newton's method, L-BFGS and gradient descent, side by side.
    """
    from summable.models import cost as costs
    from summable.open import rows_known, scan

    count = None if rows is None else int(rows)
    if width is not None and formula is None:
        found = costs.of_width(width, parts, count)
    elif formula is not None and data and width is None:
        dataset = scan(data)
        roles = {role: text for role, text in (("weight", weights), ("offset", offset)) if text is not None}
        known = rows_known(dataset.shards) if count is None else count
        found = costs.of_formula(formula, dataset.schema, len(dataset), known, _levels(levels or []), max_levels, roles)
    else:
        raise Unsupported("a cost is told of a formula and data, or of a width", 'Write: summable cost "y ~ a + C(g)" data/, or: summable cost --width 300.')
    if family or link or network or shape:
        compared = _compared(found, family, link, network, shape)
        typer.echo(terminal.as_json(_side_by_side(compared)) if as_json else compared)
    else:
        typer.echo(terminal.as_json(_plain(found)) if as_json else "\n".join(_page(found, formula)))


def _compared(found: Cost, family: str | None, link: str | None, network: Wire | None, shape: Gathering | None) -> Comparison:
    """The ways to a model of as many columns, of categories whose levels are not known as many as there can be."""
    from summable.models.comparison import cost as compare

    if found.rows is None:
        raise Unsupported("the files do not say how many rows they hold", "Give --rows.")
    wire, way = (None if word is None else word.value for word in (network, shape))
    return compare(
        named(family or "gaussian"), link, width=found.width[1], parts=found.parts, rows=max(found.rows, 1), network=wire or "datacentre", shape=way
    )  # fmt: skip


def _side_by_side(compared: Comparison) -> dict[str, object]:
    """As JSON: each way by its name."""
    shown = ("rounds", "nbytes", "wire", "seconds", "again")
    first, newton = compared.contenders[:2]
    ways = {
        one.name: {name: getattr(one, name) for name in shown} | {"overtakes_least_squares": one.overtakes(first), "overtakes_newton": one.overtakes(newton)}
        for one in compared.contenders
    }
    about = {name: getattr(compared, name) for name in ("width", "parts", "rows")}
    family = {"family": compared.loss.family.name, "link": compared.loss.link.name}
    return family | about | {"network": asdict(compared.network), "solver": asdict(compared.choice), "ways": ways}


def _levels(given: list[str]) -> dict[str, int]:
    found = {}
    for text in given:
        name, _, count = text.rpartition("=")
        if not name or not count.isdigit():
            raise Unsupported(f"--levels {text} is not understood", "Write it like --levels carrier=16.")
        found[name] = int(count)
    return found


def _plain(found: Cost) -> dict[str, object]:
    """As JSON; where levels are not known, a pair of bounds stands for each number."""
    sent = {"nbytes_certain": found.nbytes(certain=True), "nbytes_all": found.nbytes(certain=False)}
    return asdict(found) | {"solve_flops": found.solve} | sent


def _page(found: Cost, formula: str | None) -> list[str]:
    rows = "rows not known" if found.rows is None else f"{found.rows:,} rows"
    lines = [f"{formula or 'Least squares'}: {found.parts:,} part{'s' * (found.parts > 1)}, {rows}, {_range(found.width)} columns measured"]
    lines += ["=" * WIDTH, f"{'round':<8}{'measure':<10}{'numbers each':>16}{'bytes down':>16}{'bytes up':>18}{'flops each':>16}   needed", "-" * WIDTH]
    certain = 0
    for line in found.lines:
        certain += not line.learns_design and line.when == "always"
        name = "design" if line.learns_design else str(certain) if line.when == "always" else "perhaps"
        flops = "?" if line.flops is None else _range((line.flops[0] // found.parts, line.flops[1] // found.parts), short=True)
        sizes = f"{_range(line.numbers):>16}{_range(line.down):>16}{_range(line.up):>18}{flops:>16}"
        lines.append(f"{name:<8}{line.measure:<10}{sizes}   {line.when if line.passes else line.when + ', no pass'}")
    return [*lines, "=" * WIDTH, *_notes(found)]


def _notes(found: Cost) -> list[str]:
    notes = [f"Sent by all parts, both ways: {_size(found.nbytes(certain=True))}; {_size(found.nbytes(certain=False))} if every round is needed."]
    notes.append(f"At the centre, once: about {_range(found.solve, short=True)} flops (p³) to solve for p = {_range(found.width)} coefficients at most.")
    if found.unknown:
        names = ", ".join(found.unknown)
        notes.append(f"Only a pass (Profile) can tell the levels of {names}: the bounds are for one, and for --max-levels. Know better? --levels {names}=…")
    if found.rows is None:
        notes.append("The files do not say how many rows they hold: give --rows to be told flops.")
    return [*notes, "Bytes are near: the digits of shifts and the letters of labels are not known before rows are read."]


def _range(bounds: Bounds, short: bool = False) -> str:
    shown = [f"{value:.2g}" if short and value >= 10_000 else f"{value:,}" for value in bounds]
    return shown[0] if bounds[0] == bounds[1] else "–".join(shown)


def _size(bounds: Bounds) -> str:
    from summable.report import size

    return size(bounds[0]) if bounds[0] == bounds[1] else f"{size(bounds[0])} to {size(bounds[1])}"
