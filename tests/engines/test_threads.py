from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import summable as sm
from summable.core.design import Design
from summable.core.errors import DataError, SourceError
from summable.core.measure import Measure
from summable.core.wire import to_json
from summable.engines.threads import Threads
from summable.engines.together import Together
from summable.measures.glance import Glance
from summable.measures.gram import Gram
from summable.measures.middle import Middle
from summable.measures.residual import Remainder
from summable.sources import arrays

FORMULA = "y ~ a*C(g) + far"


def test_the_same_bits_for_any_number_of_threads(table, tmp_path):
    for i, rows in enumerate(np.array_split(np.arange(len(table)), 23)):
        table.iloc[rows].to_parquet(tmp_path / f"{i:02d}.parquet")
    fits = [sm.ols(FORMULA, tmp_path, workers=workers) for workers in (1, 2, 5)]
    first, *others = [to_json(fit.solution) for fit in fits]
    assert all(other == first for other in others)


@pytest.mark.parametrize("parts", [1, 7, 40])
def test_the_same_fit_for_any_cut(table, parts):
    whole, cut = sm.ols(FORMULA, table), sm.ols(FORMULA, [table.iloc[rows] for rows in np.array_split(np.arange(len(table)), parts)])
    np.testing.assert_allclose(cut.params, whole.params, rtol=1e-12)
    np.testing.assert_allclose(cut.bse, whole.bse, rtol=1e-12)
    assert cut.ledger.rounds[-1].parts == parts


def test_empty_and_tiny_parts_change_nothing(table):
    cut = [table[:0], table[:1], table[1:1], table[1:3], table[3:], table[:0]]
    np.testing.assert_allclose(sm.ols(FORMULA, cut).params, sm.ols(FORMULA, table).params, rtol=1e-12)


@dataclass
class Flaky:
    """A shard that fails the first times it is read."""

    shard: object
    failures: int
    read: list[int] = field(default_factory=list)
    name: str = "flaky.parquet"

    def kinds(self):
        return self.shard.kinds()

    def rows(self, design, limit=None):
        blocks = list(self.shard.rows(design, limit))
        self.read.append(1)
        yield from blocks[:1]
        if len(self.read) <= self.failures:
            raise OSError("the disk coughed")
        yield from blocks[1:]


def flaky(table, failures):
    shards = arrays.shards({name: table[name].to_numpy() for name in ("y", "a", "far")})
    return Threads([*shards, Flaky(shards[0], failures)], workers=2)


def test_a_shard_that_fails_is_asked_again_and_counted_once(table):
    fit = sm.ols("y ~ a + far", flaky(table, 2))
    assert fit.nobs == 2 * len(table)
    np.testing.assert_allclose(fit.params, sm.ols("y ~ a + far", table).params, rtol=1e-10)


def test_a_shard_that_keeps_failing_is_named_once(table):
    with pytest.raises(SourceError) as caught:
        sm.ols("y ~ a + far", flaky(table, 99))
    assert str(caught.value) == (
        "no answer after 3 attempts (OSError: the disk coughed) in shard 1 (flaky.parquet), while taking Gram, round 2. Look into that shard."
    )


def test_bad_data_are_not_asked_twice(table):
    bad = Flaky(arrays.shards({"y": np.array([1.0]), "a": np.array([np.inf])})[0], 0)
    with pytest.raises(DataError, match=r"column 'a' has at least 1 infinite value in shard 0 \(flaky.parquet\), while taking Gram, round 2"):
        sm.ols("y ~ a", Threads([bad]))
    assert len(bad.read) == 2  # once to glance, once for the Gram


def test_an_error_stops_the_other_workers():
    good = Flaky(arrays.shards({"y": np.ones(5), "a": np.arange(5.0)})[0], 0)
    bad = Flaky(arrays.shards({"y": np.array([1.0]), "a": np.array([np.inf])})[0], 0)
    before = set(threading.enumerate())  # other tests' clusters have threads of the same name
    with pytest.raises(sm.DataError, match="infinite"):
        sm.ols("y ~ a", Threads([bad, *[good] * 100], workers=2))
    assert len(good.read) < Glance.enough + 20  # some parts were glanced at, and few were read for the Gram
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPoolExecutor") and thread not in before]


def test_of_many_parts_some_tell_where_columns_lie(table):
    parts = np.array_split(np.arange(len(table)), 200)
    shards = [Flaky(arrays.shards({name: table[name].to_numpy()[rows] for name in ("y", "a", "far")})[0], 0) for rows in parts]
    for fitted, looks in (
        (lambda place: sm.ols("y ~ a + far", place).params, Glance.enough),
        (lambda place: sm.LinearRegression().fit(place, "y", features=["a", "far"]).coef_, Middle.enough),
    ):
        for shard in shards:
            shard.read.clear()
        found = fitted(Threads(shards, workers=2))
        counts = np.array([len(shard.read) for shard in shards]) - 1  # of the sums
        assert counts.sum() == looks and counts.max() == 1 and np.diff(np.flatnonzero(counts)).max() <= 200 // looks + 1, "evenly apart"
        np.testing.assert_allclose(found, fitted(table), rtol=1e-10)
    without = Flaky(arrays.shards({"y": np.ones(2), "a": np.ones(2)})[0], 0)
    with pytest.raises(DataError, match="there is no column 'far' in shard 0"):
        sm.ols("y ~ a + far", Threads([without, *shards]))


@dataclass(frozen=True)
class BlasThreads(Measure[Remainder]):
    """How many threads BLAS has while a shard is summed."""

    design: Design = Design()

    def __call__(self, rows):
        most = max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return Remainder(np.asarray(float(most)), np.zeros(()), np.zeros(1))


def test_blas_has_one_thread_inside_workers_and_its_own_again_outside(table):
    before = threadpool_info()
    barrier = threading.Barrier(2)

    def fit():
        barrier.wait(60)
        for _ in range(20):
            sm.ols("y ~ a", table)

    fits = [threading.Thread(target=fit) for _ in range(2)]
    for thread in fits:
        thread.start()
    for thread in fits:
        thread.join()
    assert [pool["num_threads"] for pool in threadpool_info()] == [pool["num_threads"] for pool in before]
    assert Threads(sm.scan({"y": np.ones(3)}).shards).sum(BlasThreads()).square == 1.0


def test_together_is_the_union(table):
    halves = [sm.engine(table[:900]), sm.engine(table[900:])]
    fit = sm.ols(FORMULA, Together(halves))
    mixed = sm.ols(FORMULA, [halves[0], table[900:]])
    whole = sm.ols(FORMULA, table)
    np.testing.assert_allclose(fit.params, whole.params, rtol=1e-12)
    np.testing.assert_allclose(mixed.params, whole.params, rtol=1e-12)
    assert fit.ledger.rounds[0].parts == 2


def test_whoever_watches_is_told(table):
    told = []
    sm.ols("y ~ a", [table[:100], table[100:]], watch=lambda *what: told.append(what))
    assert told == [("Glance", 1, 2), ("Glance", 2, 2), ("Gram", 1, 2), ("Gram", 2, 2)]


def test_a_program_can_be_run_on_an_engine_by_hand(table):
    def total(design):
        return (yield from Gram(design))

    design = sm.ols("y ~ a", table).design
    products, ledger = sm.run(total(design), sm.engine(table))
    assert products.rows[0] == len(table) and len(ledger.rounds) == 1
