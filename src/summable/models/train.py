"""Training a linear layer by steps: mini-batches, momentum or Adam, on one machine, a cluster, or a mesh."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
from sklearn.utils.validation import check_array, check_consistent_length

from summable.core.design import Column, Design, Numeric
from summable.core.engine import Engine, Slicing
from summable.core.errors import DataError, SummableWarning, Unsupported
from summable.core.measure import Rounds
from summable.core.run import run
from summable.core.statistic import Array
from summable.maths import expressions
from summable.maths.families import Family, Gaussian
from summable.maths.links import Link
from summable.maths.losses import Loss, loss
from summable.models import checkpoints, doors
from summable.models.arguments import check
from summable.models.checkpoints import Saver
from summable.models.trained import Trained
from summable.open import engine as place_of
from summable.open import matrices
from summable.solvers.adam import adam
from summable.solvers.conjugate import Approach, Normal, conjugate
from summable.solvers.sgd import sgd
from summable.solvers.training import Course, Listener, State, begin, overall
from summable.solvers.vector_free import vector_free

RATES = {"sgd": 0.01, "adam": 0.001}


def train(
    X: Any,
    y: Any,
    *,
    family: str | Family = "gaussian",
    link: str | Link | None = None,
    method: Literal["sgd", "adam", "cg", "lbfgs"] = "adam",
    rate: float | None = None,
    steps: int | None = None,
    epochs: int = 10,
    batch: int | None = None,
    seed: int = 0,
    momentum: float = 0.0,
    alpha: float = 0.0,
    decay: float = 1.0,
    every: int = 1,
    tolerance: float = 0.0,
    loss_tolerance: float = 0.0,
    validation: float = 0.0,
    patience: int = 1,
    features: Sequence[str] | None = None,
    weights: Any = None,
    key: str | None = None,
    start: Any = None,
    split: Literal["features", "outputs", ""] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    save_every: int = 100,
    watch: Callable[[int, float], Any] | None = None,
    workers: int | None = None,
    engine: Any = None,
) -> Trained:
    """Train W (q, p) and b (q,) by steps, each of one round over one mini-batch, which is the same wherever the rows lie.

    The objective is that of PyTorch: of a Gaussian y mean((XW' + b − Y)²), over rows and targets; of others the mean of half the
    deviance, which for 0 and 1 is the cross entropy. Where `ols` or `glm` will do, they are exact in a few rounds: see docs/parallelism.md.

    Parameters
    ----------
    X, y: arrays (n, p) and (n,) or (n, q); or data of any kind, and the name or names of y's columns.
    family, link: as for `glm`.  weights: (n,), or a column's name.  features: columns; by default all others.
    method: "sgd" with `momentum`, or "adam"; or "cg", conjugate gradients, the way to least squares of a design too wide for X'X, with
        `alpha`, the ridge: |y − Xb|² + alpha |b|², the intercept free; or "lbfgs", the same for every family: deviance + alpha |b|². Both take
        `tolerance`, of the gradient over that of the start (1e-10 for "cg", 1e-8 for "lbfgs"), `steps` (1000 at most, by default), start, split
        and weights, and of the other options none.
    rate: 0.01 and 0.001 by default, times `decay` every so many (`every`) epochs.
    steps, or epochs: how many.  batch: rows of a step, about; by default all. An epoch sees each row once.
    seed: of the batches.  key: a column of numbers that says which rows go together; by default all columns do, so that equal rows do.
    tolerance: of the gradient's greatest entry, where batch is None.  loss_tolerance: of the change of an epoch's loss.
    validation: a share of the rows, chosen by their hashes, that no step sees. Their loss is looked at after each epoch; when it has not fallen for
        `patience` epochs, the training ends. The coefficients are those of the epoch where it was least.
    start: an `nn.Linear`, or (W, b); zero by default.
    split: on a mesh, what its second dimension splits: "features" (by default), "outputs", or "" for steps that are whole on every rank.
    checkpoint: a file that is renewed every `save_every` steps, and from which the same call goes on, on this mesh or another.
    watch: called with (step, its loss; on a rank that holds some outputs, theirs).
    workers, engine: as for `ols`; or a mesh: engine=summable.engines.torch.mesh(2, 2), or "torch:2x2/float32".

    Returns a `Trained`. Raises `DataError` where a loss is not finite, or no row is left; `SourceError` or `Unsupported`.
    """
    check(method, ("sgd", "adam", "cg", "lbfgs"), "method")
    _check_numbers(rate, steps, epochs, batch, decay, every, save_every, patience)
    if not 0 <= validation < 1:
        raise Unsupported(f"validation={validation!r} is no share of the rows", "Give a number between zero and one, or leave it out.")
    if method in ("cg", "lbfgs"):
        way = _conjugate(tolerance) if method == "cg" else _lbfgs(tolerance)
        chosen = _refuse_steps(way, family, link, batch, checkpoint, split, validation)
        place, design, several = _problem(X, y, features, weights, key, workers, engine)
        return _by_all_rows(way, _sliced(place, split, False, False), design, chosen, several, start, _alpha(alpha), steps or 1000, watch)
    if alpha:
        raise Unsupported(f"alpha={alpha!r} goes with steps over all rows", 'Give method="lbfgs" or "cg", or leave it out.')
    if tolerance and batch is not None:
        raise Unsupported("the gradient of a batch is never small", "Give loss_tolerance=…, or leave out batch.")
    place, design, several = _problem(X, y, features, weights, key, workers, engine)
    place = _sliced(place, split, bool(tolerance), bool(loss_tolerance or validation))
    chosen, targets = loss(family, link), len(design.role("y"))
    whole = _start(start, design.width, targets)
    scale = _scale(chosen, targets)
    course = Course(
        steps or 0, RATES[method] if rate is None else rate, seed=seed, decay=decay, every=every,
        scale=scale, tolerance=tolerance, loss_tolerance=loss_tolerance, held_out=validation, patience=patience,
    )  # fmt: skip
    settings = {"method": method, "loss": repr(chosen), "batch": batch, "momentum": momentum, "design": repr(design) if design.columns else design.width}
    settings |= {"rate": course.rate, "seed": seed, "decay": decay, "every": every, "validation": validation}
    saver = Saver(checkpoint, save_every, tuple((name, str(value)) for name, value in settings.items()), place, (design.width, targets))
    state = saver.begin(begin(whole))

    def listener(state: State) -> None:
        saver.listen(state)
        if watch:
            watch(state.step, float(state.losses[-1].sum()))

    rule = _rule(method, momentum, listener)
    (state, final, rows), ledger = run(_program(design, chosen, course, rule, state, epochs if steps is None else None, batch), place)
    state, final = saver.whole(state), checkpoints.whole(place, final[None], targets, 1)[0]
    losses = _finite(state.losses.sum(axis=1), float(final.sum()))
    names = tuple(design.names[: design.width - 1])
    return Trained(
        state.at[1:].T, state.at[0], losses, float(final.sum()), chosen, names, rows, state.converged, several, tuple(ledger.rounds),
        validation=state.judged.sum(axis=1),
    )  # fmt: skip


@dataclass(frozen=True)
class Way:
    """A method that looks at all rows in every step."""

    method: str
    name: str
    tolerance: float
    program: Callable[..., Rounds[Approach]]  # (normal, loss, start, tolerance=, most=, listener=)
    advice: str  # where its steps did not suffice


def _conjugate(tolerance: float) -> Way:
    return Way("cg", "conjugate gradients", tolerance or 1e-10, lambda normal, _, start, **how: conjugate(normal, start, **how), "a greater alpha, ")


def _lbfgs(tolerance: float) -> Way:
    return Way("lbfgs", "L-BFGS", tolerance or 1e-8, vector_free, "an alpha, ")


def _by_all_rows(
    way: Way, place: Engine, design: Design, of: Loss, several: bool, start: Any, alpha: float, most: int, watch: Callable[[int, float], Any] | None
) -> Trained:
    """Steps over all rows, each rank with the features that it holds."""
    targets, constant = len(design.role("y")), np.eye(design.width, 1)
    share: Callable[[Array], Array] = place.share if isinstance(place, Slicing) else lambda whole: whole
    normal = Normal(design, share(np.broadcast_to(alpha * (1 - constant), (design.width, targets))), share(constant))

    def listener(step: int, objective: Array) -> None:
        if watch:
            watch(step, float(scale * objective.sum()))

    scale = _scale(of, targets)
    program = way.program(normal, of, share(_start(start, design.width, targets)), tolerance=way.tolerance, most=most, listener=listener)
    found, ledger = run(program, place)
    scale /= found.weight
    if not found.converged:
        what = f"{way.name} stopped after {len(found.objective) - 1} steps with a residual of {found.residual:.1e}, and {way.tolerance:.1e} was asked for"
        warnings.warn(f"{what}. Take more steps, {way.advice}or a greater tolerance.", SummableWarning, stacklevel=3)
    at = checkpoints.whole(place, found.at, design.width, 0)
    losses, loss_ = scale * found.objective[:-1].sum(axis=1), float(scale * found.value.sum())
    names = tuple(design.names[: design.width - 1])
    return Trained(at[1:].T, at[0], losses, loss_, of, names, found.rows, found.converged, several, tuple(ledger.rounds), found.residual)


def _refuse_steps(way: Way, family: Any, link: Any, batch: Any, checkpoint: Any, split: str | None, validation: float) -> Loss:
    """The loss, unless the way cannot go there."""
    chosen = loss(family, link)
    if way.method == "cg" and (not isinstance(chosen.family, Gaussian) or chosen.link.name != "identity"):
        raise Unsupported(f"{way.name} solve least squares, and the family is {chosen.name}", 'Take method="lbfgs", or `glm`.')
    if batch is not None or checkpoint is not None or validation:
        raise Unsupported(f"steps of {way.name} look at all rows, and keep no checkpoint", "Leave batch, checkpoint and validation out.")
    if split == "outputs":
        raise Unsupported("each output would be done at a step of its own", 'Take split="features".')
    return chosen


def _scale(of: Loss, targets: int) -> float:
    """Of the objective: it times the mean of Σ over targets of w · loss."""
    return (2.0 if isinstance(of.family, Gaussian) else 1.0) / targets


def _alpha(alpha: Any) -> float:
    if not (np.ndim(alpha) == 0 and 0 <= alpha < np.inf):
        raise Unsupported(f"alpha={alpha!r} is no penalty", "Give a number of zero or more.")
    return float(alpha)


def _finite(losses: Array, last: float) -> Array:
    """The losses of all steps, if they and the last one are numbers."""
    fine = np.isfinite(np.append(losses, last))
    if not fine.all():
        raise DataError(f"the loss is not finite from step {int(np.argmin(fine))} on", "Take a smaller rate, or scale the columns.")
    return losses


Rule = Callable[[Design, Loss, Course, State], Rounds[State]]


def _rule(method: str, momentum: float, listener: Listener) -> Rule:
    if method == "sgd":
        return lambda design, of, course, state: sgd(design, of, course, state, momentum=momentum, listener=listener)
    return lambda design, of, course, state: adam(design, of, course, state, listener=listener)


def _program(design: Design, of: Loss, course: Course, rule: Rule, state: State, epochs: int | None, batch: int | None) -> Rounds[tuple[State, Array, float]]:
    """A round to count the rows, the steps, and a round for the loss of all rows where they led: the state, the loss by targets, and the rows."""
    opening = yield from overall(design, of, state.at)
    rows = float(opening.rows[0])
    batches = 1 if batch is None else max(1, round(rows * (1 - course.held_out) / batch))
    course = replace(course, batches=batches, steps=course.steps if epochs is None else epochs * batches)
    state = yield from rule(design, of, course, state)
    total = yield from overall(design, of, state.at)
    return state, course.scale * total.value / float(total.weight), rows


def _problem(X: Any, y: Any, features: Any, weights: Any, key: str | None, workers: Any, engine: Any) -> tuple[Engine, Design, bool]:
    """The rows' place, their design, and whether there are several targets."""
    if doors.is_named(y):
        problem = doors.from_columns(SimpleNamespace(), X, y, features, weights)
        design = problem.design
        if key is not None:
            columns = tuple(dict.fromkeys([*design.columns, Column(key)]))
            design = replace(design, columns=columns, roles=(*design.roles, ("key", Numeric(expressions.quoted(key)))))
        return place_of(X, workers, None, engine), design, problem.several
    if key is not None:
        raise Unsupported(f"key={key!r} names a column, and X is an array", "Give data with columns, or leave key out.")
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], ensure_min_samples=0)  # a rank may have none
    y = check_array(y, ensure_2d=False, dtype=np.float64, ensure_min_samples=0, input_name="y")
    check_consistent_length(X, y)
    weight = None if weights is None else _weights(weights, len(y))
    problem = doors.of_matrix(X, y, weight)
    shards = matrices(X, y.reshape(len(y), 1 if y.ndim == 1 else y.shape[1]), weight)
    return place_of(shards, workers, None, engine), problem.design, problem.several


def _weights(weights: Any, rows: int) -> Array:
    weight = np.asarray(weights, np.float64)
    if weight.shape != (rows,) or not np.isfinite(weight).all() or (weight < 0).any():
        raise DataError("the weights are not a number of zero or more for every row", "Give an array (n,).")
    return weight


def _sliced(place: Engine, split: str | None, by_gradient: bool, by_loss: bool) -> Engine:
    """The place with its coefficients in slices, where it has a mesh and nobody asks for what only wholes can tell."""
    if not isinstance(place, Slicing):
        if split:
            raise Unsupported(f"split={split!r} needs a mesh", "Give engine=summable.engines.torch.mesh(2, 2), or leave split out.")
        return place
    kind = ("" if by_gradient else "features") if split is None else split
    if (kind and by_gradient) or (kind == "outputs" and by_loss):
        raise Unsupported(
            f"no rank knows the whole {'gradient' if by_gradient else 'loss'} where the mesh splits {kind}", 'Give split="", or a number of steps.'
        )
    return place.by(kind)


def _start(start: Any, width: int, targets: int) -> Array:
    """Coefficients (width, targets) of a module, or of W (q, p) and b (q,)."""
    if start is None:
        return np.zeros((width, targets))
    pair = (start.weight.detach().cpu(), start.bias.detach().cpu()) if getattr(start, "bias", None) is not None else start
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise Unsupported("start is neither a linear layer with a bias nor a pair (W, b)", "Give torch.nn.Linear(p, q), or arrays (q, p) and (q,).")
    coef, intercept = np.atleast_2d(np.asarray(pair[0], np.float64)), np.atleast_1d(np.asarray(pair[1], np.float64))
    if coef.shape != (targets, width - 1) or intercept.shape != (targets,):
        what = f"start has W {coef.shape} and b {intercept.shape}, and the data ask for {(targets, width - 1)} and {(targets,)}"
        raise Unsupported(what, "Give a layer of as many features and targets.")
    return np.vstack([intercept, coef.T])


def _check_numbers(rate: Any, steps: Any, epochs: Any, batch: Any, decay: Any, every: Any, save_every: Any, patience: Any) -> None:
    numbers: Mapping[str, tuple[Any, float]] = {
        "rate": (1.0 if rate is None else rate, 0.0), "steps": (1 if steps is None else steps, -1), "epochs": (epochs, 0),
        "batch": (1 if batch is None else batch, 0), "decay": (decay, 0.0), "every": (every, 0), "save_every": (save_every, 0), "patience": (patience, 0),
    }  # fmt: skip
    for name, (value, least) in numbers.items():
        if not (value > least and np.isfinite(value)):
            raise Unsupported(f"{name}={value!r} is no number that steps can be taken by", "Give a positive one.")
