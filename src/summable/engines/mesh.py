"""What the ranks of a mesh hold of rows, and how they answer: PyTorch connects them, along the rows (dp) and the features or outputs (tp)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh

from summable.core import errors
from summable.core.design import Constant, Design
from summable.core.errors import SourceError, SummableError, Unsupported
from summable.core.measure import FeatureMeasure, PartMeasure, Question
from summable.core.rows import Shard
from summable.core.sample import Sampled, unsampled
from summable.core.statistic import Array, Statistic, pairwise
from summable.core.wire import decode, encode
from summable.engines.features import Dense
from summable.engines.held import Held, held
from summable.engines.held_rows import HeldRows
from summable.engines.part import HOPELESS, insisted, named
from summable.engines.ranks import Group, Lost, bounds, refuse_unconnected
from summable.engines.stored import refuse_beyond, stored
from summable.engines.threads import Threads

R = TypeVar("R")
S = TypeVar("S", bound=Statistic)


class Mesh:
    """What the ranks of a mesh hold: each its rows of the dp-th share, and of their features the tp-th.

    All ranks run the same program. Statistics are added over dp by one all-reduce; projections and moments over tp, inside the rows.
    With `sliced`, programs that treat coefficients one by one hold only their rank's: of its "features", so that neither coefficients
    nor gradients cross, or of its "outputs", so that nothing does. In one number, all ranks tell each round whether they have an answer.
    """

    def __init__(self, own: Sequence[Shard], mesh: DeviceMesh, sliced: Literal["features", "outputs", ""] = "", short: bool = False) -> None:
        if mesh.size() != dist.get_world_size():
            raise Unsupported(f"the mesh has {mesh.size()} of {dist.get_world_size()} ranks", "Give a mesh of all ranks.")
        refuse_unconnected(mesh.device_type)
        if sliced not in ("features", "outputs", ""):
            raise Unsupported(f"sliced={sliced!r} is not known", 'Choose "features" or "outputs", or leave it out.')
        self.own, self.mesh, self.sliced, self.short = own, mesh, sliced, short
        self.device = "cpu" if mesh.device_type == "cpu" else f"{mesh.device_type}:{torch.cuda.current_device()}"
        self.world = Group(dist.group.WORLD, dist.get_world_size(), dist.get_rank())
        self.dp, self.tp = (_group(mesh, name, self.device) for name in ("dp", "tp"))
        self._design: Design | None = None  # of what is held
        self._held: Held | None = None
        self._sizes = dict[Any, int]()  # of questions that all ranks have answered with so many plain numbers

    @property
    def parts(self) -> int:
        """The ranks."""
        return self.world.size

    @property
    def moved(self) -> tuple[int, int]:
        """Bytes that this rank gave to collectives in the last round: its answer's, and those inside of answering and of agreeing."""
        return self.dp.moved, self.tp.moved + self.world.moved

    def sum(self, measure: Question[S]) -> S:
        """The sum over the shares of rows, the same bits on all ranks of a share of features."""
        for group in (self.dp, self.tp, self.world):
            group.moved = 0
        ask = self._asked(measure)
        mine, failure = attempt(ask)
        if failure is not None and self.tp.size > 1 and not isinstance(failure, SummableError):
            dist.destroy_process_group()  # others wait inside of their answers, and would for minutes
            raise failure
        total = self._at_once(measure, mine) if self.dp.size == self.world.size > 1 else None
        return self._added(measure, mine, self._agree(failure, mine)) if total is None else total

    def over(self, measure: FeatureMeasure[S]) -> S:
        """The sum over the slices of features: over tp, inside of answering."""
        for group in (self.dp, self.tp, self.world):
            group.moved = 0
        mine = measure()
        return _summed(self.tp, mine) if self.sliced == "features" else mine

    def by(self, kind: Literal["features", "outputs", ""]) -> Mesh:
        """The same rows, with coefficients sliced so."""
        return Mesh(self.own, self.mesh, kind, self.short)

    def share(self, whole: Array) -> Array:
        """This rank's slice of coefficients, (width, targets); all of them where they are not sliced."""
        if not self.sliced:
            return whole
        mine = _mine(whole.shape[self._axis], self.tp)
        return np.ascontiguousarray(whole[mine] if self._axis == 0 else whole[:, mine])

    def whole(self, part: Array, size: int, axis: int = 0) -> Array:
        """Everyone's slices beside each other, so many along an axis, on all ranks: they cross now. As it is, where nothing is sliced there."""
        if not self.sliced or axis != self._axis or self.tp.size == 1:
            return part
        full = np.zeros((size, part.shape[1]) if axis == 0 else (part.shape[0], size))
        full[(_mine(size, self.tp),) if axis == 0 else (slice(None), _mine(size, self.tp))] = part
        return self.tp.sum(full)

    def told(self, text: bytes) -> bytes:
        """What the first rank says."""
        return self.world.texts(text if self.world.rank == 0 else b"")[0]

    @property
    def is_first(self) -> bool:
        """Whether this is the rank that writes files."""
        return self.world.rank == 0

    @property
    def _axis(self) -> int:
        return 0 if self.sliced == "features" else 1

    def _asked(self, measure: Question[S]) -> Callable[[], S | None]:
        """How this share answers; of no shards, with nothing where there are no features to hold."""
        if isinstance(measure, PartMeasure) or measure.learns_design or not measure.design.terms:
            return lambda: Threads(self.own, 1).sum(measure) if self.own else None
        rows = self._rows(measure.design)
        if self.tp.size > 1:
            return lambda: measure(rows)  # others wait inside of it: it cannot be asked again
        return lambda: insisted(lambda attempt: _named(lambda: measure(rows), attempt))

    def _rows(self, design: Design) -> HeldRows:
        """The rows held of a design; they are read where it is another than the last."""
        plain = unsampled(design)
        if plain != self._design or self._held is None or (isinstance(design, Sampled) and self._held.keys is None):
            self._held, self._design = self._read(design, plain), plain
        kept = self._held.looked_at(design.sample) if isinstance(design, Sampled) else self._held
        return HeldRows(kept, self.tp, plain.width, self.sliced, plain.terms[0] == Constant())

    def _read(self, design: Design, plain: Design) -> Held:
        """Read the own shards. All ranks do so in the same round, and agree that all could before any waits for another's features."""
        by_outputs = self.sliced == "outputs"
        self._held = None  # before others are read
        self.tp.bounds = [0, plain.width] if by_outputs else bounds(plain.width, self.tp.size)
        features = slice(None) if by_outputs else _mine(plain.width, self.tp)
        targets = _mine(len(plain.role("y")), self.tp) if by_outputs else None
        keep = stored(self.device) if self.short or self.device != "cpu" else Dense
        dtype = np.float32 if self.short else np.float64
        found, failure = attempt(lambda: insisted(lambda tried: held(self.own, design, features, targets, tried, keep, dtype)))
        self._agree(failure, None)
        if self.short and found is not None:
            self._refuse_beyond(found, features.indices(plain.width)[0])
        return found  # type: ignore[return-value]

    def _refuse_beyond(self, found: Held, first: int) -> None:
        """Refuse what float32 does not hold, by all rows of a feature, however they are cut."""
        least, greatest = -self.dp.greatest(-found.least), self.dp.greatest(found.greatest)
        _, failure = attempt(lambda: refuse_beyond(least, greatest, first))
        self._agree(failure, None)

    def _agree(self, failure: BaseException | None, mine: Any) -> bool:
        """Whether all ranks have an answer of plain numbers. Raises on all of them what the first to fail has met."""
        size, rank = self.world.size, self.world.rank
        least = self.world.least(rank if failure else size + is_plain(mine))
        if least >= size:
            return least > size
        told = named(failure, 1) if isinstance(failure, Exception) else SourceError("the run was stopped", "Start all ranks again.")
        text = json.dumps([type(told).__name__, told.what, told.advice, told.where]) if rank == least else ""
        kind, what, advice, where = json.loads(self.world.texts(text.encode())[least])
        if isinstance(failure, KeyboardInterrupt):
            raise failure
        raise getattr(errors, kind, SourceError)(what, advice, (*where, f"on rank {least}")) from failure

    def _at_once(self, measure: Question[S], mine: S | None) -> S | None:
        """The sum of plain numbers, and beside it whether all ranks have as many as when they were last asked so, in one buffer; None if not."""
        if (size := self._sizes.get(_kind(measure))) is None:
            return None
        values = _flat(mine) if mine is not None and is_plain(mine) else np.zeros(0)
        amiss = values.size != size
        total = self.dp.sum(np.append(np.zeros(size) if amiss else values, amiss))
        self.dp.moved, self.world.moved = self.dp.moved - 8, self.world.moved + 8  # which is agreeing
        return None if total[-1] or mine is None else _like(mine, total[:-1])

    def _added(self, measure: Question[S], mine: Any, plain: bool) -> Any:
        """The sum over the shares of rows: numbers in one buffer, anything else by its own + in the order of the shares."""
        if self.dp.size == 1:
            return mine
        if not plain:
            found = [decode(text) for text in self.dp.texts(encode(mine) if mine is not None else b"") if text]
            return pairwise(found)
        self._sizes[_kind(measure)] = _flat(mine).size
        return _summed(self.dp, mine)


def _kind(measure: Question[Any]) -> tuple[Any, ...]:
    """What tells questions apart whose answers are unlike in size: the class, and the shapes of what it is asked at."""
    return type(measure), *(np.shape(value) for value in vars(measure).values() if isinstance(value, np.ndarray))


def _summed(group: Group, mine: S) -> S:
    """Fields of numbers, added over a group in one buffer."""
    return _like(mine, group.sum(_flat(mine)))


def _flat(answer: Statistic) -> Array:
    """The numbers of an answer's fields, one after another."""
    return np.concatenate([np.ravel(value) for value in answer.values()])


def _like(mine: S, flat: Array) -> S:
    """An answer as another one is, of such numbers."""
    values = mine.values()
    parts = np.split(flat, np.cumsum([value.size for value in values])[:-1])
    return type(mine)(*(part.reshape(value.shape) for part, value in zip(parts, values, strict=True)))


def attempt(call: Callable[[], R]) -> tuple[R | None, BaseException | None]:
    """What a call gives, or what it raises; but if others cannot be told, it is raised at once."""
    try:
        with np.errstate(over="ignore", under="ignore"):
            return call(), None
    except Lost:
        raise
    except (Exception, KeyboardInterrupt) as error:
        return None, error


def _named(call: Callable[[], R], attempt: int) -> R:
    """What a call gives; an error that is not one of ours says how often it was tried."""
    try:
        return call()
    except HOPELESS:
        raise
    except Exception as error:
        raise named(error, attempt) from error


def is_plain(answer: Statistic | None) -> bool:
    """Whether an answer adds number by number. Classes that say otherwise have a + of their own."""
    own = getattr(type(answer), "__add__", None) is not Statistic.__add__
    return answer is not None and not own and all(isinstance(value, np.ndarray) and value.dtype == np.float64 for value in answer.values())


def _mine(count: int, group: Group) -> slice:
    return slice(*bounds(count, group.size)[group.rank : group.rank + 2])


def _group(mesh: DeviceMesh, name: str, device: str) -> Group:
    """The ranks along a dimension; of one that the mesh lacks, this alone."""
    names = mesh.mesh_dim_names or ()
    if not set(names) <= {"dp", "tp"} or not names:
        raise Unsupported(f"the dimensions of the mesh are called {names}", 'Call them "dp", that splits rows, and "tp", that splits features.')
    if name not in names:
        return Group(None, 1, 0)
    return Group(mesh.get_group(name), mesh.size(names.index(name)), mesh.get_local_rank(name), device=device)
