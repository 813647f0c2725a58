"""Training that goes on where it was: its state in a file that is whole or not there, the same for any mesh."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from summable import files
from summable.core.data import Data
from summable.core.engine import Engine, Slicing
from summable.core.errors import SourceError
from summable.core.statistic import Array
from summable.core.wire import from_json, to_json
from summable.solvers.training import State


@dataclass(frozen=True, eq=False)
class Checkpoint(Data):
    """A state, and the settings of the training whose state it is."""

    settings: tuple[tuple[str, str], ...]
    state: State


@dataclass(frozen=True)
class Saver:
    """Where a state is kept, every so many steps; and on a mesh, how slices become wholes and back."""

    path: str | os.PathLike[str] | None
    every: int
    settings: tuple[tuple[str, str], ...]
    place: Engine
    shape: tuple[int, int]  # (width, targets)

    def begin(self, state: State) -> State:
        """The state that the file holds, or else the one given; this rank's slice of it. The first rank reads, and tells the others."""
        if self.path is None:
            return self._slice(state)
        text = self._read() if self._is_first else b""
        text = self.place.told(text) if isinstance(self.place, Slicing) else text
        return self._slice(self._known(text.decode()) if text else state)

    def listen(self, state: State) -> None:
        """Keep the state, if it is time."""
        if self.path is not None and state.step % self.every == 0:
            found = self.whole(state)
            if self._is_first:
                files.write(self.path, to_json(Checkpoint(self.settings, found)))

    def whole(self, state: State) -> State:
        """The state with the slices of all ranks."""
        axis = 1 if _by_outputs(self.place) else 0
        at, first, second = (whole(self.place, part, self.shape[axis], axis) for part in (state.at, state.first, state.second))
        best = whole(self.place, state.best, self.shape[axis], axis) if len(state.judged) else at
        return replace(state, at=at, first=first, second=second, best=best, losses=whole(self.place, state.losses, self.shape[1], 1))

    def _slice(self, state: State) -> State:
        if not isinstance(self.place, Slicing):
            return state
        share: Callable[[Array], Array] = self.place.share
        losses = share(state.losses) if _by_outputs(self.place) else state.losses
        return replace(state, at=share(state.at), first=share(state.first), second=share(state.second), best=share(state.best), losses=losses)

    @property
    def _is_first(self) -> bool:
        return not isinstance(self.place, Slicing) or self.place.is_first

    def _read(self) -> bytes:
        assert self.path is not None
        files.refuse_unwritable(self.path)
        return files.read(self.path).encode() if os.path.exists(self.path) else b""

    def _known(self, text: str) -> State:
        """The state in a file's text, if it is one of this training."""
        advice = "Give this training a checkpoint of its own, or delete that one."
        try:
            found = from_json(text)
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(f"{self.path} holds no checkpoint ({str(error).rstrip('.')})", advice) from error
        if not isinstance(found, Checkpoint):
            raise SourceError(f"{self.path} holds no checkpoint but a {type(found).__name__}", advice)
        before, now = dict(found.settings), dict(self.settings)
        for name in before | now:
            if before.get(name) != now.get(name):
                raise SourceError(f"{self.path} is the checkpoint of another training ({name} was {before.get(name)}, and is {now.get(name)})", advice)
        return found.state


def whole(place: Engine, part: Array, size: int, axis: int) -> Array:
    """All ranks' slices beside each other; as it is, where there are none."""
    return place.whole(part, size, axis) if isinstance(place, Slicing) else part


def _by_outputs(place: Engine) -> bool:
    return isinstance(place, Slicing) and place.sliced == "outputs"
