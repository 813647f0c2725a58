"""Stochastic gradient descent with momentum, on mini-batches that do not depend on where the rows lie."""

from __future__ import annotations

from summable.core.design import Design
from summable.core.measure import Rounds
from summable.core.statistic import Array
from summable.maths.losses import Loss
from summable.solvers.training import Course, Listener, State, descend


def sgd(design: Design, loss: Loss, course: Course, state: State, *, momentum: float = 0.0, listener: Listener | None = None) -> Rounds[State]:
    """v ← momentum · v + gradient, B ← B − rate · v, from a state: `begin` of some coefficients, or one to go on from.

    Cost: those of `descend`: one round a step.
    Fails: nothing; a rate that is too great ends in losses that are not finite.
    Source: Robbins & Monro 1951; Polyak 1964; in the form of Sutskever et al. 2013 without Nesterov's look ahead.
    """

    def rule(state: State, gradient: Array, rate: float) -> tuple[Array, Array, Array]:
        velocity = momentum * state.first + gradient
        return state.at - rate * velocity, velocity, state.second

    return (yield from descend(design, loss, rule, course, state, listener))
