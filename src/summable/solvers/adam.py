"""Adam: steps in units of each coefficient's own gradients."""

from __future__ import annotations

import numpy as np

from summable.core.design import Design
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.losses import Loss
from summable.solvers.training import Course, Listener, State, descend

TINY = 1e-8  # beside the root of the mean square, so that no step is divided by zero: the paper's


def adam(
    design: Design, loss: Loss, course: Course, state: State, *, keep: tuple[float, float] = (0.9, 0.999), listener: Listener | None = None
) -> Rounds[State]:
    """B ← B − rate · m / (√v + 10⁻⁸), m and v being running means of gradients and of their squares, freed of their start at zero.

    `keep` is what of them a step keeps.

    Cost: those of `descend`: one round a step.
    Fails: nothing; a rate that is too great ends in losses that are not finite.
    Source: Kingma & Ba 2015, algorithm 1.
    """
    of_mean, of_square = keep

    def rule(state: State, gradient: Array, rate: float) -> tuple[Array, Array, Array]:
        mean = of_mean * state.first + (1 - of_mean) * gradient
        square = of_square * state.second + (1 - of_square) * gradient**2
        root = np.sqrt(square / (1 - of_square ** (state.step + 1)))
        return state.at - rate / (1 - of_mean ** (state.step + 1)) * mean / (root + TINY), mean, square

    return (yield from descend(design, loss, rule, course, state, listener))
