"""Training by steps: what stochastic gradients and Adam have in common. Each step is one round over one mini-batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from summable.core.data import Data
from summable.core.design import Design
from summable.core.errors import DataError
from summable.core.measure import Rounds
from summable.core.sample import Sample, sampled
from summable.core.statistic import Array
from summable.maths.losses import Loss
from summable.measures.slopes import Slopes, Tangents

EPOCHS = 1_000_003  # apart lie the mixes of two seeds, so that no epoch of one is that of another


@dataclass(frozen=True)
class Course(Data):
    """How far to go, in steps of what length."""

    steps: int
    rate: float
    batches: int = 1  # mini-batches of an epoch: every row is in one of them
    seed: int = 0
    decay: float = 1.0  # by which the rate is multiplied
    every: int = 1  # so many epochs
    scale: float = 1.0  # of the objective: it times the mean of Σ over targets of w · loss
    tolerance: float = 0.0  # of the gradient's greatest entry; 0 never stops
    loss_tolerance: float = 0.0  # of the relative change of an epoch's mean loss; 0 never stops
    held_out: float = 0.0  # of the rows: a share that no step sees, and whose loss tells when to end
    patience: int = 1  # epochs in which that loss does not fall; then it ends

    def rate_of(self, step: int) -> float:
        """The length of a step."""
        return float(self.rate * self.decay ** (step // self.batches // self.every))

    def sample_of(self, step: int) -> Sample | None:
        """The rows of a step: a share of them in the order of their keys, which is another in every epoch; None for all."""
        seen = Sample(self._of_all, self.held_out, 1.0) if self.held_out else None
        if self.batches == 1:
            return seen
        epoch, number = divmod(step, self.batches)
        return Sample((self.seed * EPOCHS + epoch) % 2**63, number / self.batches, (number + 1) / self.batches, seen)

    @property
    def judge(self) -> Sample:
        """The rows that no step sees, the same in all epochs."""
        return Sample(self._of_all, 0.0, self.held_out)

    @property
    def _of_all(self) -> int:
        """A seed that no epoch has."""
        return 2**63 - 1 - self.seed % 2**62


@dataclass(frozen=True, eq=False)
class State(Data):
    """Where training is: all that the next step depends on."""

    step: int
    at: Array  # (width, targets)
    first: Array  # (width, targets) the momentum, or the mean of gradients
    second: Array  # (width, targets) the mean of their squares
    losses: Array  # (steps, targets) the objective's terms at each step's coefficients, over the rows of its batch
    judged: Array  # (epochs, targets) the same over the rows that were held out, after each epoch; (0, targets) without
    best: Array  # (width, targets) coefficients where they were least
    converged: bool = False


Rule = Callable[[State, Array, float], tuple[Array, Array, Array]]  # (state, gradient, rate) -> (at, first, second)
Listener = Callable[[State], Any]


def begin(at: Array) -> State:
    """The state before the first step, at coefficients (width, targets)."""
    nothing = np.zeros((0, at.shape[1]))
    return State(0, at, np.zeros_like(at), np.zeros_like(at), nothing, nothing, at)


def descend(design: Design, loss: Loss, rule: Rule, course: Course, state: State, listener: Listener | None = None) -> Rounds[State]:
    """Steps by a rule until all are done, or the gradient or the loss say so. A batch without rows leaves all as it is.

    Batches are sums, never averages of averages: however uneven the parts, the step is that of one machine. Where rows are held out, the
    coefficients at the end are those of the epoch after which their loss was least.

    Cost: one round a step over the rows of a batch, of (width + 1) · targets + 3 numbers up; one more an epoch, where rows are held out.
    Fails: DataError where no row is held out; a rate that is too great ends in losses that are not finite.
    Source: Bottou, Curtis & Nocedal 2018, §3 and §4.
    """
    while state.step < course.steps and not state.converged:
        sample = course.sample_of(state.step)
        total = yield from Slopes(sampled(design, sample) if sample else design, loss, state.at)
        with np.errstate(over="ignore", invalid="ignore"):
            state = stepped(state, total, rule, course)
        if course.held_out and state.step % course.batches == 0:
            total = yield from Slopes(sampled(design, course.judge), loss, state.at)
            state = judged(state, total, course)
        if listener:
            listener(state)
    return replace(state, at=state.best) if len(state.judged) else state


def stepped(state: State, total: Tangents, rule: Rule, course: Course) -> State:
    """The state after the sums of a batch."""
    weight = float(total.weight)
    if weight == 0:
        last = state.losses[-1:] if state.step else np.zeros((1, state.at.shape[1]))
        return replace(state, step=state.step + 1, losses=np.vstack([state.losses, last]))
    losses = np.vstack([state.losses, course.scale * total.value / weight])
    if not np.isfinite(losses[-1]).all():  # the training has failed, but ranks that hold other targets must not be left alone
        return replace(state, step=state.step + 1, losses=losses)
    gradient = course.scale * total.gradient / weight
    at, first, second = rule(state, gradient, course.rate_of(state.step))
    small = bool(np.max(np.abs(gradient), initial=0.0) <= course.tolerance) if course.tolerance else False
    done = small or level(losses, course)
    return replace(state, step=state.step + 1, at=at, first=first, second=second, losses=losses, converged=done)


def judged(state: State, total: Tangents, course: Course) -> State:
    """The state after the sums of the rows that were held out: it ends where their loss has not fallen for as long as was to be waited."""
    if total.weight == 0:
        raise DataError("no row is held out", "Give a greater share, validation=0.2.")
    losses = np.vstack([state.judged, course.scale * total.value / float(total.weight)])
    whole = np.nan_to_num(losses.sum(axis=1), nan=np.inf)
    least = int(np.argmin(whole))
    best = state.at if least == len(whole) - 1 else state.best
    return replace(state, judged=losses, best=best, converged=state.converged or len(whole) - 1 - least >= course.patience)


def level(losses: Array, course: Course) -> bool:
    """Whether the mean loss of an epoch that is just over is that of the epoch before it."""
    size = course.batches
    if not course.loss_tolerance or len(losses) % size or len(losses) < 2 * size:
        return False
    before, now = losses[-2 * size : -size].sum(), losses[-size:].sum()
    return bool(abs(now - before) <= course.loss_tolerance * abs(before))


def overall(design: Design, loss: Loss, at: Array) -> Rounds[Tangents]:
    """Loss and gradient over all rows, in one round. Raises DataError when there is no row."""
    total = yield from Slopes(design, loss, at)
    if total.weight == 0:
        raise DataError("no row is left to train on", "Check the data, the weights, and what is missing.")
    return total
