"""A Spark job while it runs: told how far it is, cancelled when it is not wanted any more, and its errors read."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Any
from uuid import uuid4

from summable.core import errors
from summable.core.engine import Watch
from summable.core.errors import SourceError, SummableError

MARKED = re.compile(r"<summable:([A-Za-z0-9+/=]+)>")
TASK = re.compile(r"[Tt]ask (\d+)\.\d+ in stage")
CAUSE = re.compile(r"^(?:Caused by: )?[\w.$]+(?:Error|Exception): (.+)$", re.MULTILINE)
RECORDS = "spark.sql.execution.arrow.maxRecordsPerBatch"
USUAL = 10_000  # what it is where nobody has set it
NUMBERS = 2**20  # of a batch that Python is handed: 8 MB, of which it does not feel what it spends on each
EVERY = 0.5  # seconds between two looks at how far a job is


@contextmanager
def followed(context: Any, name: str, parts: int, watch: Watch | None, each: int = 1) -> Iterator[None]:
    """Run one job, whose tasks read so many parts each: an error or Ctrl-C cancels its tasks, and what Spark says of a failure becomes one sentence."""
    tag, over = f"summable-{uuid4().hex}", Event()
    context.addJobTag(tag)
    looking = Thread(target=_look, args=(context, tag, name, parts, watch, over, each), daemon=True)
    if watch:
        looking.start()
    try:
        yield
    except Exception as error:
        raise _ours(error) from error
    except BaseException:
        context.cancelJobsWithTag(tag)
        raise
    finally:
        over.set()
        context.removeJobTag(tag)
        if watch:
            looking.join()
    if watch:
        watch(name, parts, parts)


class _Batches:
    """Batches of so many rows while any fit of this process is summing, where nobody has chosen their size; the last one out resets it."""

    def __init__(self) -> None:
        self.lock, self.inside = Lock(), dict[Any, int]()

    @contextmanager
    def __call__(self, session: Any, rows: int) -> Iterator[None]:
        with self.lock:
            if ours := rows != USUAL and (session in self.inside or session.conf.get(RECORDS) == str(USUAL)):
                self.inside[session] = self.inside.get(session, 0) + 1
                session.conf.set(RECORDS, str(rows))
        try:
            yield
        finally:
            if ours:
                self._leave(session)

    def _leave(self, session: Any) -> None:
        with self.lock:
            self.inside[session] -= 1
            if self.inside[session] == 0:
                del self.inside[session]
                session.conf.set(RECORDS, str(USUAL))


batches = _Batches()


def great(columns: int) -> int:
    """Rows of a batch of so many columns: more than usual, of few."""
    return max(NUMBERS // max(columns, 16), USUAL)


def spelled(error: SummableError) -> str:
    """One of our errors as a text that survives Spark's own messages."""
    told = json.dumps([type(error).__name__, error.what, error.advice, list(error.where)])
    return f"<summable:{base64.b64encode(told.encode()).decode()}> {error}"


def read(text: str) -> SummableError | None:
    """The error that was spelled somewhere in a text."""
    if not (found := MARKED.search(text)):
        return None
    name, what, advice, where = json.loads(base64.b64decode(found[1]))
    return getattr(errors, name)(what, advice, tuple(where))  # type: ignore[no-any-return]


def _ours(error: Exception) -> SummableError:
    """What a task raised, or what Spark says that happened to it."""
    if isinstance(error, SummableError):
        return error
    text = str(error)
    if ours := read(text):
        return ours
    task, causes = TASK.search(text), CAUSE.findall(text)
    reason = (causes[-1] if causes else text.splitlines()[0] if text else type(error).__name__).rstrip(". ")
    failed = SourceError(f"Spark could not read the rows ({reason})", "Spark's log may say more: can it count these rows?")
    return failed.at(f"in partition {task[1]}") if task else failed


def _look(context: Any, tag: str, name: str, parts: int, watch: Watch, over: Event, each: int) -> None:
    """Tell how many parts have been read, until all are."""
    tracker, told = context._jsc.sc().statusTracker(), 0
    while not over.wait(EVERY):
        done = min(parts, each * _done(context.statusTracker(), list(tracker.getJobIdsForTag(tag)), -(-parts // each)))
        if done > told:
            told = done
            watch(name, done, parts)


def _done(tracker: Any, jobs: list[int], tasks: int) -> int:
    """Tasks that are done, of the stage that has so many; the stages before it are the plan's own."""
    stages = [tracker.getStageInfo(stage) for job in jobs for stage in (tracker.getJobInfo(job) or _NONE).stageIds]
    return max((stage.numCompletedTasks for stage in stages if stage and stage.numTasks == tasks), default=0)


class _NONE:
    stageIds: tuple[int, ...] = ()
