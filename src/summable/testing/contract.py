"""What every engine promises, as checks that anyone can run on an engine of their own.

    for check in summable.testing.contract(open_, folder):
        check.run()

`open_` makes an engine of a list of Arrow tables, one partition each, in their order; `folder` is an empty one that all workers share.
Each check raises AssertionError where a promise is broken. Those of failure and cancellation ask questions that fail or wait on purpose:
they need tasks that are tried at least three times, and the main thread, to which they send the signal of Ctrl-C.
"""

from __future__ import annotations

import re
import signal
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa

from summable.core.design import Column, Design, Numeric
from summable.core.engine import Engine
from summable.core.errors import DataError, SummableError, SummableWarning, Unsupported
from summable.core.measure import Question
from summable.core.run import run
from summable.core.sample import Sample, sampled
from summable.core.statistic import Statistic
from summable.core.wire import encode
from summable.engines.threads import Threads
from summable.measures.appraisal import Clumps
from summable.measures.curvature import Curvature
from summable.measures.first import First
from summable.measures.histogram import Histogram
from summable.measures.slope import Slope
from summable.measures.slopes import Slopes
from summable.models.describe import describe
from summable.models.discriminant import LinearDiscriminantAnalysis
from summable.models.glm import glm
from summable.models.kmeans import KMeans
from summable.models.linear import ols
from summable.models.naive_bayes import GaussianNB
from summable.models.pca import PCA
from summable.models.regression import Ridge
from summable.models.train import train
from summable.open import scan
from summable.testing.trouble import Brittle, Broken, Waiting, design

Open = Callable[[Sequence[pa.Table]], Engine]
CLOSE = 1e-10  # of coefficients and standard errors: what ten digits of agreement mean
FEW = 1  # questions of a kind
GRACE = 1.0  # seconds in which Ctrl-C is heeded, by an engine that waits for what has begun
WEIGHED = {"weights": "w", "offset": "off"}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "binomial": ("yes ~ x + C(g) + C(h)", WEIGHED), "poisson": ("counts ~ x + flag + C(g)", {"exposure": "b"}),
    "gaussian": ("y ~ x + C(g)", WEIGHED), "gamma": ("b ~ x + C(g)", {"link": "log", "weights": "w"}),
    "inverse_gaussian": ("b ~ x", {"link": "log"}),
}  # fmt: skip
LINEAR: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("y ~ x + far", {}), "with weights, an offset and categories": ("y ~ x*C(g) + far + C(h) + flag", WEIGHED),
    "by its R factor": ("y ~ x + far", {"arithmetic": "qr"}), "nearly perfect": ("I(2 * x + 1e-9 * y) ~ x", {}),
    "with splines": ("y ~ bs(x, df=5) + cr(b, df=4) + poly(far, 2)", {}), "of two responses with a dot": ("y + b ~ .", {"weights": "w"}),
    "with a scaled product": ("y ~ scale(b):x + center(x)", {"weights": "w"}),
}  # fmt: skip

FEATURES: dict[str, Any] = {"features": ["x", "b"]}
MODELS: tuple[Callable[[Any], Any], ...] = (
    lambda place: ols("y ~ x + C(g)", place, sample=0.6),
    lambda place: Ridge().fit(place, "y", **FEATURES),
    lambda place: GaussianNB().fit(place, "g", **FEATURES),
    lambda place: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(place, "g", **FEATURES),
    lambda place: PCA().fit(place, **FEATURES),
    lambda place: train(place, "y", method="cg", alpha=1.0, **FEATURES),
    lambda place: KMeans(2, max_iter=2, random_state=0).fit(place, **FEATURES),
    describe,
)


@dataclass(frozen=True)
class Check:
    """A named promise; `run` raises AssertionError when it is broken."""

    name: str
    run: Callable[[], None]


def contract(open_: Open, folder: str | Path, families: Sequence[str] = ("binomial", "poisson")) -> Iterator[Check]:
    """The promises of an engine: answers, their order, what fails, and what is stopped."""
    tables = partitions()
    place = Place(open_, Path(folder), tables)
    yield Check("answers what fits ask, as threads do", place.answers)
    for name in LINEAR:
        yield Check(f"least squares {name}", lambda name=name: place.linear(name))  # type: ignore[misc]
    for name in families:
        for prefer in ("time", "rounds"):
            yield Check(f"{name}, for {prefer}", lambda name=name, prefer=prefer: place.family(name, prefer))  # type: ignore[misc]
    yield Check("trains on the same mini-batches", place.trained)
    yield Check("adds in the order of the parts", place.order)
    yield Check("fits a single row in many parts as alone", place.single)
    yield Check("refuses no rows at all in one sentence", place.nothing)
    yield Check("names the partition of bad data", place.bad)
    yield Check("asks again where a task failed, and counts it once", place.brittle)
    yield Check("names the partition that keeps failing", place.broken)
    yield Check("begins no more once it is stopped", place.stopped)


def partitions(seed: int = 11, rows: int = 400) -> list[pa.Table]:
    """Partitions of one table: empty, of one row, unsorted; numbers near and far, labels, weights of zero, missing values."""
    draw = np.random.default_rng(seed)
    x, b = draw.normal(size=rows), draw.gamma(3.0, 1.0, rows) + 0.1
    g, h, flag = draw.choice(["v", "u", "w"], rows), draw.choice([10, 1, 2], rows), draw.random(rows) < 0.3
    y = 1.0 + 2.0 * x + (g == "u") - 0.1 * h + flag + draw.normal(size=rows)
    far = np.where(draw.random(rows) < 0.02, np.nan, 1e6 + draw.normal(size=rows))
    values = {
        "y": y, "x": x, "far": far, "b": b, "g": g, "h": h, "flag": flag, "w": draw.choice([0.0, 0.5, 1.0, 3.0], rows), "off": 0.1 * draw.normal(size=rows),
        "yes": (y + draw.logistic(size=rows) > 1.0).astype(np.int64), "counts": draw.poisson(b * np.exp(0.2 + 0.3 * x)),
    }  # fmt: skip
    whole = pa.table({name: pa.array(column, from_pandas=True) for name, column in values.items()})
    cuts = [0, 0, 1, 130, 130, 131, 290, 400, 400]
    return [whole.slice(start, stop - start) for start, stop in pairwise(cuts)]


@dataclass(frozen=True)
class Place:
    """An engine under test."""

    open: Open
    folder: Path
    tables: list[pa.Table]

    # -- answers

    def answers(self) -> None:
        """Every question that fits ask has the same answer as on threads."""
        refused = [f"{name} ({error})" for name, error in answered(self.open, self.tables) if error]
        assert not refused, f"not answered: {', '.join(refused)}"

    def linear(self, name: str) -> None:
        """A least-squares fit equals that of the whole table."""
        formula, options = LINEAR[name]
        close(quietly(ols, formula, self.open(self.tables), **options), quietly(ols, formula, pa.concat_tables(self.tables), **options))

    def family(self, name: str, prefer: str) -> None:
        """A generalized linear fit equals that of the whole table; where parts begin with fits of their own, of the same cut."""
        formula, options = FAMILIES[name]
        other = pa.concat_tables(self.tables) if prefer == "time" else threads(self.tables)
        fit, expected = (quietly(glm, formula, data, name, prefer=prefer, **options) for data in (self.open(self.tables), other))
        close(fit, expected)

    def trained(self) -> None:
        """Mini-batches do not depend on where the rows lie, and nor do steps."""
        fit, whole = (train(data, "y", rate=0.1, batch=130, epochs=1, **FEATURES) for data in (self.open(self.tables), pa.concat_tables(self.tables)))
        apart = float(np.abs(fit.losses - whole.losses).max())
        assert apart <= CLOSE, f"the losses of mini-batches are {apart:.1e} apart"

    def order(self) -> None:
        """What does not commute is added in the order of the parts."""
        tables = [self.tables[2].slice(i * 3, 3) for i in range(40)]
        fit, whole = ols("y ~ x", self.open(tables)), pa.concat_tables(tables)
        here, there = fit.durbin_watson(whole), fit.durbin_watson(self.open(tables))  # type: ignore[union-attr]
        assert abs(here - there) <= CLOSE, f"the Durbin-Watson statistic is {there}, and {here} in the order of the rows"

    def single(self) -> None:
        """As many partitions as rows."""
        rows = [self.tables[2].slice(i, 1) for i in range(20)]
        close(quietly(ols, "y ~ x", self.open(rows)), quietly(ols, "y ~ x", pa.concat_tables(rows)))

    # -- failures

    def nothing(self) -> None:
        """No rows in any partition."""
        self.fails(lambda: ols("y ~ x", self.open([self.tables[0], self.tables[0]])), SummableError)

    def bad(self) -> None:
        """An infinite value."""
        column = pa.array([0.0] * (self.tables[5].num_rows - 1) + [np.inf])
        table = self.tables[5].set_column(self.tables[5].schema.get_field_index("x"), "x", column)
        engine = self.open([*self.tables[:5], table])
        text = self.fails(lambda: ols("y ~ x", engine), DataError)
        assert "'x'" in text and "infinite" in text and is_named(5, engine.parts == 6, text), f"neither the column nor partition 5 is named: {text}"

    def brittle(self) -> None:
        """A partition fails twice."""
        answer = self.open(self.tables).sum(Brittle(design(), str(self.fresh()), 2, self.marked()))
        rows = sum(table.num_rows for table in self.tables)
        assert float(answer.rows) == rows, f"{float(answer.rows):.0f} rows were counted of {rows}"

    def broken(self) -> None:
        """A partition fails always."""
        engine = self.open(self.tables)
        text = self.fails(lambda: run(program(Broken(design(), self.marked())), engine), SummableError)
        assert "while taking Broken" in text and is_named(4, engine.parts == len(self.tables), text), f"partition 4 is not named: {text}"
        assert float(engine.sum(Brittle(design(), str(self.fresh()), 0, 0.0)).rows) > 0, "nothing can be asked after a failure"

    def fails(self, ask: Callable[[], Any], kind: type[Exception]) -> str:
        """What an error says, in one sentence with advice."""
        try:
            ask()
        except kind as error:
            text = str(error)
            assert "\n" not in text and len(text) < 400, f"not one sentence: {text}"
            return text
        raise AssertionError("nothing was raised")

    def stopped(self) -> None:
        """Ctrl-C: what has not begun is not begun, and the engine can be asked again."""
        tables, folder = [self.tables[2].slice(i, 1) for i in range(60)], self.fresh()
        engine, over = self.open(tables), threading.Event()
        stop = threading.Thread(target=interrupt, args=(folder, threading.main_thread().ident, over))
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # as in whatever a shell has begun in the background
        if ignored:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.start()
        try:
            engine.sum(Waiting(design(), str(folder)))
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("Ctrl-C was not passed on")
        finally:
            over.set()
            stop.join()
            if ignored:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
        assert float(engine.sum(Brittle(design(), str(self.fresh()), 0, 0.0)).rows) == len(tables)
        begun = len(list(folder.glob("begun-*")))
        assert begun < len(tables), "every partition was read to the end after Ctrl-C"

    def marked(self) -> float:
        """The y of the only row of partition 4."""
        return float(self.tables[4].column("y")[0].as_py())

    def fresh(self) -> Path:
        """An empty folder."""
        folder = self.folder / uuid4().hex
        folder.mkdir()
        return folder


def interrupt(folder: Path, thread: int, over: threading.Event) -> None:
    """Send a thread Ctrl-C once a question has begun to wait, and let go on what waits when that has been heeded."""
    while not over.wait(0.01):
        if list(folder.glob("begun-*")):
            signal.pthread_kill(thread, signal.SIGINT)
            over.wait(GRACE)
            break
    (folder / "release").touch()


def program(question: Question[Any]) -> Any:
    """A program of one question."""
    return (yield from question)


def is_named(number: int, known: bool, text: str) -> bool:
    """Whether an error says which part it met, by its number if parts are partitions."""
    found = re.search(r"(?:in|on) (?:partition|shard|part|rank) (\d+)", text)
    return found is not None and (int(found[1]) == number or not known)


@cache
def asked() -> tuple[Question[Any], ...]:
    """What all fits of this file ask of the partitions, one question of each kind from each."""
    found: list[Question[Any]] = []
    for formula, options in LINEAR.values():
        found += recorded(lambda place, f=formula, o=options: ols(f, place, **o))  # type: ignore[misc]
    for name, (formula, options) in {**FAMILIES, "binomial ": ("I(x > 0) ~ x", {})}.items():
        for prefer in ("time", "rounds"):
            found += recorded(lambda place, f=formula, n=name, p=prefer, o=options: glm(f, place, n.strip(), prefer=p, **o))  # type: ignore[misc]
    for name, options in (("binomial", {"firth": True}), ("negative_binomial", {})):
        found += recorded(lambda place, n=name, o=options: glm("counts ~ x" if n != "binomial" else "yes ~ x", place, n, **o))  # type: ignore[misc]
    for fit in MODELS:
        found += recorded(fit)
    curved = next(question for question in found if isinstance(question, Curvature) and question.at.size)
    found.append(Slope(curved.design, curved.loss, curved.at[:, 0], 0.1 * curved.at[:, :1]))
    found.append(First(curved, 2))
    found.append(Clumps(curved.design, curved.loss, curved.at[:, 0], 0.5))
    found.insert(0, Slopes(sampled(curved.design, Sample(1, 0.2, 0.7)), curved.loss, curved.at[:, :1]))
    numbers = Design((Column("x"),), (), (("0", Numeric("x")),), missing="keep")
    found.append(Histogram(numbers, ("0",), (0.0,), (1.0,), (-4.0,), (4.0,), (0.0,), 8))
    seen = Counter[type]()
    return tuple(one for one in {encode(one): one for one in found}.values() if not seen.update([type(one)]) and seen[type(one)] <= FEW)


def recorded(fit: Callable[[Any], Any]) -> list[Question[Any]]:
    """One question of each kind that a fit asks."""
    recorder = Recorder(threads(partitions()), {})
    quietly(fit, recorder)
    return list(recorder.asked.values())


@dataclass(frozen=True)
class Recorder:
    """An engine that remembers what it was asked."""

    engine: Engine
    asked: dict[type, Question[Any]]

    @property
    def parts(self) -> int:
        """Those of the engine."""
        return self.engine.parts

    def sum(self, measure: Question[Any]) -> Statistic:
        """The engine's sum."""
        self.asked[type(measure)] = measure
        return self.engine.sum(measure)  # type: ignore[no-any-return]


def answered(open_: Open, tables: Sequence[pa.Table]) -> Iterator[tuple[str, Unsupported | None]]:
    """Each question that fits ask, by name, and why an engine has no answer to it, if it has none; AssertionError where it is not that of threads."""
    engine, here = open_(tables), threads(tables)
    for question in asked():
        name, theirs = type(question).__name__, here.sum(question)
        try:
            ours = engine.sum(question)
        except Unsupported as error:
            yield name, error
            continue
        if type(theirs).__add__ is Statistic.__add__:  # else fields may differ that mean the same, as those of R factors: the fits will tell
            alike(ours, theirs, name)
        yield name, None


def alike(ours: Statistic, theirs: Statistic, name: str) -> None:
    """Two answers agree: numbers to rounding beside the greatest of them (a gradient is what is left of large sums), all else exactly."""
    scale = max((float(np.abs(value).max(initial=0.0)) for value in theirs.values() if isinstance(value, np.ndarray)), default=0.0)
    for here, there in zip(ours.values(), theirs.values(), strict=True):
        if isinstance(there, np.ndarray):
            assert here.shape == there.shape, f"{name} has the shape {here.shape}, and on threads {there.shape}"
            apart = float(np.abs(here - there).max(initial=0.0))
            assert apart <= CLOSE * scale, f"{name} is {apart:.1e} from what threads say, at a magnitude of {scale:.1e}"
        else:
            assert encode(here) == encode(there), f"{name} is {here}, and on threads {there}"


def threads(tables: Sequence[pa.Table]) -> Engine:
    """The engine that others are held against."""
    return Threads([shard for table in tables for shard in scan(table).shards])


def quietly(fit: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """A fit, whatever it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SummableWarning)
        return fit(*arguments, **options)


def close(fit: Any, whole: Any) -> None:
    """Coefficients and standard errors agree to ten digits; of several responses, each of them."""
    if hasattr(whole, "items"):
        for name, one in whole.items():
            close(fit[name], one)
        return
    for name in ("params", "bse"):
        here, there = getattr(fit, name), getattr(whole, name)
        apart = float(np.nanmax(np.abs(here - there) / np.maximum(np.abs(there), 1e-3)))
        assert list(here.index) == list(there.index) and apart <= CLOSE, f"{name} are {apart:.1e} apart"
    assert fit.nobs == whole.nobs and fit.dropped == whole.dropped, "rows were lost, or counted twice"


__all__ = ["FAMILIES", "Check", "answered", "asked", "contract", "partitions"]
