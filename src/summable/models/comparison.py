"""What the ways to a model cost over a network: rounds, bytes and seconds, and after how many rounds one overtakes another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

from summable.core.errors import Unsupported
from summable.maths.families import Family
from summable.maths.links import Link
from summable.maths.losses import Loss, is_open, loss, with_alpha
from summable.maths.network import Network, named
from summable.report import size
from summable.solvers import choose
from summable.solvers.choose import THIN, Choice, Way
from summable.solvers.newton import WIDEST_CUBE

BATCH, EPOCHS = 256, 10  # rows of a part between two rounds of stochastic gradient descent, and its passes over all
WIDTH = 101
Shape = Literal["star", "tree", "ring"]


@dataclass(frozen=True)
class Contender:
    """A way to a model: its rounds, and what they cost."""

    name: str
    ways: tuple[Way, ...]
    rounds: int
    nbytes: int  # of all parts, both ways, in all rounds
    wire: float  # seconds of all rounds on the network alone
    seconds: float  # and with what parts and centre reckon
    again: float  # seconds of one more of the rounds that it repeats

    def overtakes(self, other: Contender) -> float:
        """R*: how many of its rounds take as long as all of the other's."""
        return other.seconds / self.again if self.again else float("inf")


@dataclass(frozen=True)
class Comparison:
    """The ways to a model over a network, the one round of least squares first."""

    loss: Loss
    width: int
    parts: int
    rows: int
    network: Network
    contenders: tuple[Contender, ...]
    choice: Choice

    def __getitem__(self, name: str) -> Contender:
        found = [one for one in self.contenders if one.name == name]
        if not found:
            raise Unsupported(f"there is no way called {name!r}", f"They are {', '.join(one.name for one in self.contenders)}.")
        return found[0]

    def __str__(self) -> str:
        wire = self.network
        link = "no wire" if wire.name == "machine" else f"{wire.name}, a {wire.shape}: {wire.latency:g} s, {size(wire.bandwidth)}/s"
        parts = f"{self.parts:,} part" + "s" * (self.parts > 1)
        lines = [f"{self.loss.name}: {self.rows:,} rows × {self.width} columns in {parts} ({link})", "=" * WIDTH]
        lines.append(f"{'':<20}{'rounds':>8}{'bytes':>10}{'s a round':>12}{'s on wire':>12}{'s in all':>12}{'R*, one round':>15}{'R*, Newton':>12}")
        lines.append("-" * WIDTH)
        for one in self.contenders:
            stars = [_star(one.overtakes(other)) if other is not one else "" for other in (self.contenders[0], self.contenders[1])]
            times = f"{one.again:>12.3g}{one.wire:>12.3g}{one.seconds:>12.3g}"
            lines.append(f"{one.name:<20}{one.rounds:>8,}{size(one.nbytes):>10}{times}{stars[0]:>15}{stars[1]:>12}")
        return "\n".join([*lines, "=" * WIDTH, *self._notes()])

    def _notes(self) -> list[str]:
        return [
            "R*: how many rounds of a way take as long as all of least squares, in its one round, or of Newton's method.",
            f"The solver would be {self.choice.solver}: {self.choice.because}.",
            f"At the centre, each time: about {self.width**3:.2g} flops (p³) to solve for {self.width} coefficients.",
            "Rounds are usual ones, to eight digits (gradient descent: a guess; stochastic: hardly two digits), and can be given.",
            "Bytes are those of all parts, both ways. Seconds are a model's, to compare by.",
        ]


def cost(
    family: str | Family = "binomial",
    link: str | Link | None = None,
    *,
    width: int,
    parts: int = 1,
    rows: float = 1e6,
    network: str | Network = "datacentre",
    shape: Shape | None = None,
    rounds: Mapping[str, int] | None = None,
) -> Comparison:
    """What a model of so many columns costs over a network, by each of the ways to it: to be printed, or asked by name.

    Parameters
    ----------
    family, link: as for `glm`.
    width: columns of the design, the constant among them.  parts, rows: how many parts hold how many rows in all.
    network: "machine", "rack", "datacentre", "internet", or summable.Network(name, latency, bandwidth, shape), in seconds and bytes a second.
    shape: how sums are gathered, if not as usual in that network: "star", "tree" or "ring".
    rounds: how many rounds a way takes, if that is known better: like {"Newton": 8, "L-BFGS": 200}.

    Raises `Unsupported` for what is no network, no family or no size.
    """
    if width < 1 or parts < 1 or rows < 1:
        raise Unsupported(f"a model of {width} columns, {parts} parts and {rows:g} rows is none", "Give one or more of each.")
    chosen, wire = loss(family, link), named(network, shape)
    known = with_alpha(chosen, 1.0) if is_open(chosen) else chosen
    found = _named_ways(known, width, parts, rows)
    given = dict(rounds or {})
    if strangers := [name for name in given if name not in found or given[name] < 1]:
        raise Unsupported(f"rounds are given for {strangers[0]!r}", f"Give one or more for any of {', '.join(found)}.")
    contenders = tuple(_contender(name, _with_rounds(some, given.get(name)), wire, parts, rows) for name, some in found.items())
    return Comparison(known, width, parts, int(rows), wire, contenders, choose.choose(known, width, wire, parts, rows))


def _named_ways(loss: Loss, width: int, parts: int, rows: float) -> dict[str, tuple[Way, ...]]:
    """Each way's rounds."""
    found = {"least squares": (choose.gram(width),), "Newton": choose.ways(loss, width, "newton")}
    if width <= WIDEST_CUBE and not loss.is_quadratic:
        first = choose.curvature(loss, width, 1, points=3, steps=0, levels=1, third=True)
        found["Newton, few rounds"] = (choose.local(width), first, choose.curvature(loss, width, 1, third=True))
    found["L-BFGS"], found["gradient descent"] = choose.ways(loss, width, "lbfgs"), choose.ways(loss, width, "gradient")
    share = min(1.0, BATCH * parts / rows)
    found["stochastic gradient"] = (Way("Slope", ceil(EPOCHS / share), width, width + 1, 4 * width * share, THIN),)
    return found


def _with_rounds(ways: tuple[Way, ...], given: int | None) -> tuple[Way, ...]:
    """The ways, of which the repeated one is asked so often that they are as many as given."""
    if given is None:
        return ways
    again = _repeated(ways)
    others = sum(way.times for way in ways if way is not again)
    return tuple(replace(way, times=max(given - others, 1)) if way is again else way for way in ways)


def _repeated(ways: tuple[Way, ...]) -> Way:
    """The one that is asked most often, of several the last."""
    return max(reversed(ways), key=lambda way: way.times)


def _contender(name: str, ways: tuple[Way, ...], network: Network, parts: int, rows: float) -> Contender:
    again = _repeated(ways)
    return Contender(
        name, ways, sum(way.times for way in ways), sum(way.nbytes(parts) for way in ways),
        sum(way.times * way.seconds(network, parts, 0) - way.times * way.centre / choose.DENSE for way in ways),
        choose.seconds(ways, network, parts, rows), again.seconds(network, parts, rows),
    )  # fmt: skip


def _star(rounds: float) -> str:
    return f"{rounds:,.1f}" if rounds < 1e6 else f"{rounds:.2g}"
