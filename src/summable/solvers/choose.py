"""Which solver answers, and why: a table of ways to an optimum, and what each costs.

| way | rounds | numbers up, each round | flops, each row and round | for |
|---|---|---|---|---|
| `newton` | 1 + 5 | width²/2 | width² | every design whose Hessian can be sent: the default |
| `lbfgs` | 1 + 60 + 1 | width | 36 width | designs so wide that sixty gradients cost less than half of five Hessians |
| `gradient` | 1 + 1000 + 1 | width | 4 width | the textbook: never chosen, only asked for |

The first round is that of the least-squares sums, by which aliased columns are found; the last, after first-order methods, that of the
Hessian, for standard errors and a certificate. Sixty rounds are what it takes until the coefficients have eight digits on data of mild
condition (docs/rounds.md); gradient descent's thousand are a guess, as they grow with the condition.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from summable.core.data import Data
from summable.core.errors import Unsupported
from summable.maths.losses import Loss
from summable.maths.network import Network

SOLVERS = ("auto", "newton", "lbfgs", "gradient")
STEPS = 7  # shorter ones, whose values come with every full step
ROUNDS = {"newton": 5, "lbfgs": 60, "gradient": 1000}
MOST = {"newton": 30, "lbfgs": 500, "gradient": 1000, "firth": 60}  # rounds after which each gives up
UNEVEN = 200  # gradients of L-BFGS where columns are levels, rare ones and frequent ones: so many were needed for three columns of 5,000
GATHERED = 1e9  # flops a second of a part where numbers are found by their places
DENSE, THIN = 1e10, 2e9  # flops a second of a part: of squares (BLAS 3), and of what reads a row for every two flops
WORTH = 0.5  # of Newton's seconds: for less than that, L-BFGS is worth its fewer digits
HEADER = 400  # bytes of a question beside its numbers, about


@dataclass(frozen=True)
class Way(Data):
    """A kind of round, and how often it is asked."""

    measure: str
    times: int
    down: int  # numbers
    up: int  # numbers
    flops: float  # for each of all rows
    speed: float  # flops a second
    centre: float = 0.0  # flops of what follows there

    def seconds(self, network: Network, parts: int, rows: float) -> float:
        """How long one takes: the wire, a part's share of the rows, and the centre."""
        here = self.flops * rows / parts / self.speed + self.centre / DENSE
        return network.seconds(parts, 8 * self.down + HEADER, 8 * self.up) + here

    def nbytes(self, parts: int) -> int:
        """Bytes sent by all parts, both ways, all times."""
        return parts * self.times * (8 * (self.down + self.up) + HEADER)


@dataclass(frozen=True)
class Choice(Data):
    """A solver, and why it."""

    solver: str
    because: str


def packed(width: int, order: int = 2) -> int:
    """Numbers in a packed symmetric array of an order."""
    return width * (width + 1) // 2 if order == 2 else width * (width + 1) * (width + 2) // 6


def gram(width: int) -> Way:
    """The round of least squares."""
    return Way("Gram", 1, 0, packed(width) + width + 4, width**2, DENSE, width**3 / 3)


def working(width: int) -> Way:
    """The first round of a generalized linear model."""
    return Way("Working", 1, 0, packed(width) + width + 9, width**2 + 30, DENSE, width**3 / 3)


def local(width: int) -> Way:
    """The first round where parts fit their own rows: some fifteen passes."""
    return Way("Local", 1, 0, 2 * packed(width) + 3 * width + 11, 15 * width**2 + 30, DENSE, width**3 / 3)


def curvature(loss: Loss, width: int, times: int = 1, points: int = 1, steps: int = STEPS, levels: int = 0, third: bool = False) -> Way:
    """A round of value, gradient and Hessian."""
    kinds = 1 if loss.is_canonical else 2
    cubes = kinds * packed(width, 3) if third else 0
    up = points * (2 + 2 * width + kinds * packed(width)) + cubes + steps + 3 * levels + 1
    flops = points * kinds * width**2 + 2 * cubes + 2 * steps * width + 60
    return Way("Curvature", times, width * (points + steps) + levels, up, flops, DENSE, width**3 / 3)


def slope(width: int, times: int, steps: int = STEPS) -> Way:
    """A round of value and gradient."""
    return Way("Slope", times, width * (1 + steps), 1 + width + steps, 4 * width * (1 + steps) + 30, THIN)


def ways(loss: Loss, width: int, solver: str) -> tuple[Way, ...]:
    """The rounds of a fit by a solver, as many as are usual."""
    end = curvature(loss, width, 1, steps=0)
    if solver == "newton":
        return working(width), curvature(loss, width, 1 if loss.is_quadratic else ROUNDS[solver])
    return working(width), slope(width, ROUNDS[solver], STEPS if solver == "lbfgs" else 0), end


def seconds(found: tuple[Way, ...], network: Network, parts: int, rows: float) -> float:
    """How long they all take."""
    return sum(way.times * way.seconds(network, parts, rows) for way in found)


def of_numbers(found: tuple[Way, ...], width: int, numbers: int) -> tuple[Way, ...]:
    """The same where only so many numbers of a row are not zero: products, and what is read, are of those."""
    if numbers == width:
        return found
    shares = [(numbers / width) ** (2 if way.speed == DENSE else 1) for way in found]
    ways = [replace(way, flops=way.flops * share, speed=GATHERED) for way, share in zip(found, shares, strict=True)]
    return tuple(replace(way, times=UNEVEN) if way.measure == "Slope" else way for way in ways)


def choose(loss: Loss, width: int, network: Network, parts: int, rows: float, wanted: str = "auto", numbers: int | None = None) -> Choice:
    """The solver for a design, of whose rows so many numbers are not zero (by default all), and why."""
    if wanted not in SOLVERS:
        raise Unsupported(f"solver={wanted!r} is not known", f"Choose from {', '.join(SOLVERS)}.")
    if wanted != "auto":
        return Choice(wanted, "it was asked for")
    if loss.is_quadratic:
        return Choice("newton", "one step of it is the answer")
    found = [of_numbers(ways(loss, width, solver), width, numbers or width) for solver in ("newton", "lbfgs")]
    newton, lbfgs = (seconds(each, network, parts, rows) for each in found)
    told = f"{ROUNDS['newton']} Hessians of {width} columns should take {newton:.2g} s, {found[1][1].times} gradients {lbfgs:.2g} s"
    return Choice("lbfgs" if lbfgs < WORTH * newton else "newton", told)
