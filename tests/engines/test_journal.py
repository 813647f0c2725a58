"""The journal: what was answered is not asked again, and nothing else is taken for an answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import summable as sm
from summable.core.statistic import joined, pairwise
from summable.core.wire import to_json
from summable.engines import journal as module
from summable.engines.fingerprint import fingerprints
from summable.engines.journal import journalled
from summable.engines.lock import held
from summable.engines.threads import Threads
from summable.engines.together import Together
from summable.measures.glance import Glance
from summable.sources import arrays

FORMULA = "y ~ a*C(g) + far"


@pytest.mark.slow
def test_a_fit_killed_at_any_moment_goes_on_to_the_same_bits(tmp_path, seed=1):
    done = subprocess.run([sys.executable, Path(__file__).with_name("killed.py"), tmp_path, str(seed)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == 10
    for moment in told:
        assert (moment["ended"], moment["resumed"]) == (9, 0), moment
        assert moment["same"], moment
        assert moment["fewer"] == 0 and sum(moment["more"].values()) <= 2, f"no shard is read twice but those in flight, one a worker: {moment}"


@dataclass
class Counted:
    """A shard that counts how often it is read, and may break."""

    shard: object
    index: int
    read: list = field(default_factory=list)
    broken: bool = False
    name: str = "counted"

    def fingerprint(self):
        return self.index

    def kinds(self):
        return self.shard.kinds()

    def rows(self, design, limit=None):
        self.read.append(limit)
        if self.broken and limit is None:
            raise RuntimeError("the cord was pulled")
        return self.shard.rows(design, limit)


def counted(table, cut=23):
    parts = [table.iloc[rows] for rows in np.array_split(np.arange(len(table)), cut)]
    return [Counted(arrays.shards({name: part[name].to_numpy() for name in ("y", "a", "g", "far")})[0], i) for i, part in enumerate(parts)]


def bits(fit):
    return to_json(fit.solution)


def test_a_finished_fit_is_replayed_without_a_row_and_the_ledger_says_so(table, tmp_path):
    shards, path = counted(table), tmp_path / "fit.journal"
    first = sm.ols(FORMULA, Threads(shards), journal=path)
    reads = sum(len(shard.read) for shard in shards)
    again = sm.ols(FORMULA, Threads(shards), journal=path)
    assert bits(again) == bits(first) == bits(sm.ols(FORMULA, Threads(counted(table))))
    assert sum(len(shard.read) for shard in shards) == reads == Glance.enough + 2 * 23
    assert [line.replayed for line in first.ledger.rounds] == [0, 0, 0] and first.ledger.replayed == 0
    assert [line.replayed for line in again.ledger.rounds] == [23, 23, 23] and again.ledger.replayed == again.ledger.nbytes == first.ledger.nbytes
    assert "Replayed from a journal" in again.summary() and "Replayed" not in first.summary()
    assert sorted(os.listdir(tmp_path)) == ["fit.journal"]


@pytest.mark.parametrize("most", [0, 2000, 2**26])
def test_a_failed_pass_goes_on_at_the_shard_where_it_died(table, tmp_path, monkeypatch, most):
    monkeypatch.setattr(module, "ENOUGH", most)  # neighbours are added up at once, now and then, never
    shards, path = counted(table), tmp_path / "fit.journal"
    shards[17].broken = True
    for _ in range(2):
        with pytest.raises(sm.SourceError, match="the cord was pulled"):
            sm.ols("y ~ a + far", Threads(shards, workers=2), journal=path)
    shards[17].broken = False
    fit = sm.ols("y ~ a + far", Threads(shards, workers=2), journal=path)
    assert bits(fit) == bits(sm.ols("y ~ a + far", Threads(counted(table))))
    reads = [shard.read.count(None) for shard in shards if shard.index != 17]
    assert min(reads) == 1 and sum(reads) <= 22 + 2 * 2, "each failure costs what its two workers had in hand"
    assert fit.ledger.rounds[0].replayed == 23 and fit.ledger.rounds[1].replayed >= 14
    assert f"{fit.ledger.rounds[1].replayed} of 23" in fit.summary()


def test_a_journal_stays_small_however_many_shards_there_are(table, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ENOUGH", 20_000)
    path, sizes = tmp_path / "fit.journal", []
    sm.ols(FORMULA, Threads(counted(table, 300), watch=lambda *_: sizes.append(path.stat().st_size)), journal=path)
    assert max(sizes) < 60_000 < 300 * 700  # what the answers of the shards weigh
    assert path.stat().st_size < 15_000  # of which each shard's fingerprint takes 30 bytes


@pytest.mark.parametrize("count", range(1, 18))
def test_sums_of_neighbours_enter_at_their_places(count):
    leaves = [chr(97 + i) for i in range(count)]
    tree = pairwise([f"({leaf})" for leaf in leaves])
    for first in range(0, count, 4):
        if first + 4 <= count:
            begun = [(0, f"({leaf})") for leaf in leaves[:first]] + [(2, "".join(f"({leaf})" for leaf in leaves[first : first + 4]))]
            assert joined(begun + [(0, f"({leaf})") for leaf in leaves[first + 4 :]]) == tree


def test_engines_side_by_side_keep_their_own_answers(table, tmp_path):
    shards = counted(table, 12)
    place, path = Together([Threads(shards[:5]), Threads(shards[5:])]), tmp_path / "fit.journal"
    shards[9].broken = True
    with pytest.raises(sm.SourceError):
        sm.ols(FORMULA, place, journal=path)
    shards[9].broken = False
    assert bits(sm.ols(FORMULA, place, journal=path)) == bits(sm.ols(FORMULA, place))
    assert all(shard.read.count(None) == 1 + 1 + 2 for shard in shards[:5])  # the profile, the Gram, and both without a journal


@pytest.fixture
def finished(table, tmp_path):
    table.to_parquet(tmp_path / "0.parquet")
    table[:100].to_parquet(tmp_path / "1.parquet")
    fit = sm.ols("y ~ a + C(g)", tmp_path, journal=tmp_path / "fit.journal")
    return tmp_path, tmp_path / "fit.journal", bits(fit)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"formula": "y ~ a"}, r"another fit \(formula was 'y ~ a \+ C\(g\)', and is 'y ~ a'\)"),
        ({"weights": "weight"}, "another fit .weight was None, and is 'weight'"),
        ({"missing": "raise"}, "another fit .missing was 'drop', and is 'raise'"),
        ({"arithmetic": "qr"}, "another fit .arithmetic was 'auto', and is 'qr'"),
        ({"max_levels": 7}, "another fit .max_levels was '1000', and is '7'"),
    ],
)
def test_the_journal_of_another_fit_is_refused(finished, changed, reason):
    folder, path, _ = finished
    content = path.read_bytes()
    with pytest.raises(sm.SourceError, match=reason):
        sm.ols(**{"formula": "y ~ a + C(g)", "data": folder, "journal": path} | changed)
    assert path.read_bytes() == content


@pytest.mark.slow
@pytest.mark.parametrize("prefer", ["rounds", "time"])
def test_a_generalized_fit_goes_on_from_every_round_to_the_same_bits(table, tmp_path, prefer):
    """Killed after each of its rounds in turn: those that were answered are not asked again."""
    shards, options = [table[:800], table[800:]], {"prefer": prefer, "weights": "weight"}
    kept = module.Journal._finish

    def asked(most):
        left = iter(range(most))

        def dying(self, answer):
            kept(self, answer)
            if next(left, None) is None:
                raise KeyboardInterrupt

        return dying

    known = sm.glm("flag ~ a + C(g)", shards, "binomial", **options)
    for most in range(len(known.rounds)):
        path = tmp_path / f"{most}.journal"
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(module.Journal, "_finish", asked(most))
            sm.glm("flag ~ a + C(g)", shards, "binomial", journal=path, **options)
        fit = sm.glm("flag ~ a + C(g)", shards, "binomial", journal=path, **options)
        assert to_json(fit.solution) == to_json(known.solution)
        assert [line.replayed for line in fit.rounds] == [2] * (most + 1) + [0] * (len(known.rounds) - most - 1)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"family": "gaussian"}, "family was 'Binomial.*, and is 'Gaussian"),
        ({"link": "probit"}, r"link was 'Logit.*, and is 'Probit"),
        ({"alpha": 0.1}, "alpha was '0.0', and is '0.1'"),
        ({"prefer": "rounds"}, "prefer was 'time', and is 'rounds'"),
        ({"information": "observed"}, "observed was 'False', and is 'True'"),
        ({"offset": "b"}, "offset was None, and is 'b'"),
    ],
)
def test_the_journal_of_another_generalized_fit_is_refused(table, tmp_path, changed, reason):
    known = {"formula": "flag ~ a", "data": table, "family": "binomial", "journal": tmp_path / "fit.journal"}
    sm.glm(**known)
    with pytest.raises(sm.SourceError, match=reason):
        sm.glm(**known | changed)


def test_the_journal_of_other_data_is_refused(finished, table):
    folder, path, _ = finished
    with pytest.raises(sm.SourceError, match=r"other data \(2 shards, and these are 1\)"):
        sm.ols("y ~ a + C(g)", folder / "0.parquet", journal=path)
    table[:101].to_parquet(folder / "1.parquet")
    with pytest.raises(sm.SourceError, match=r"other data \(shard 1 is not what it was\)"):
        sm.ols("y ~ a + C(g)", folder, journal=path)


def test_a_journal_is_found_again_from_another_folder(finished, monkeypatch):
    folder, path, known = finished
    monkeypatch.chdir(folder)
    fit = sm.ols("y ~ a + C(g)", "*.parquet", journal="fit.journal")
    assert bits(fit) == known and fit.ledger.replayed == fit.ledger.nbytes
    assert path.exists()


def test_other_questions_under_the_same_heading_are_refused(table, tmp_path):
    def asking(text):
        return sm.ols(text, table).design

    from summable.measures.gram import Gram

    def program(design):
        return (yield from Gram(design))

    first, second = asking("y ~ a"), asking("y ~ b")
    with journalled(sm.engine(table), tmp_path / "j", {"program": "mine"}) as place:
        kept, _ = sm.run(program(first), place)
    refused = pytest.raises(sm.SourceError, match="holds the answer to another question in round 1")
    with journalled(sm.engine(table), tmp_path / "j", {"program": "mine"}) as place, refused:
        sm.run(program(second), place)
    with journalled(sm.engine(table), tmp_path / "j", {"program": "mine"}) as place:
        assert np.array_equal(sm.run(program(first), place)[0].xx, kept.xx)


@pytest.mark.slow
def test_every_cut_of_a_journal_is_taken_up(finished):
    """Whatever a kill leaves of the file is dropped, with a note where a record was torn, and the fit has the same bits."""
    folder, path, known = finished
    content = path.read_bytes()
    ends, noted = set(), 0
    for length in [*range(18, len(content), 41), len(content) - 1]:
        path.write_bytes(content[:length])
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert bits(sm.ols("y ~ a + C(g)", folder, journal=path)) == known
        noted += any("was cut short, as by a kill" in str(warning.message) for warning in told)
        ends.add(path.read_bytes())
    assert noted > 10 and all(len(end) == len(content) for end in ends)


def test_zeros_after_a_power_cut_are_torn_too(finished):
    folder, path, known = finished
    path.write_bytes(path.read_bytes() + bytes(4096))
    with pytest.warns(sm.SummableWarning, match="its 4096 bytes were dropped"):
        assert bits(sm.ols("y ~ a + C(g)", folder, journal=path)) == known


def test_a_damaged_journal_is_refused_and_never_believed(finished):
    folder, path, known = finished
    content = path.read_bytes()
    for position in range(0, len(content), 23):
        path.write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                assert bits(sm.ols("y ~ a + C(g)", folder, journal=path)) == known  # the last record alone may pass for a torn one
                assert position > len(content) - 500
            except sm.SourceError as error:
                assert "is damaged at byte" in str(error) or "is no journal" in str(error) or "journal of version" in str(error), error


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\x00" * 100])
def test_a_file_that_is_no_journal_is_left_alone(table, tmp_path, content):
    (tmp_path / "data.csv").write_bytes(content)
    with pytest.raises(sm.SourceError, match=r"data.csv is no journal, and is left as it is"):
        sm.ols("y ~ a", table, journal=tmp_path / "data.csv")
    assert (tmp_path / "data.csv").read_bytes() == content


def test_an_empty_file_will_do_and_a_folder_will_not(table, tmp_path):
    (tmp_path / "empty").touch()
    assert bits(sm.ols("y ~ a", table, journal=tmp_path / "empty")) == bits(sm.ols("y ~ a", table))
    with pytest.raises(sm.SourceError, match="is a folder"):
        sm.ols("y ~ a", table, journal=tmp_path)
    with pytest.raises(sm.SourceError, match="cannot be written"):
        sm.ols("y ~ a", table, journal=tmp_path / "no" / "fit.journal")


def test_two_fits_do_not_write_one_journal(table, tmp_path):
    path = tmp_path / "fit.journal"
    code = f"import sys; from summable.engines.lock import held\nwith held({str(path)!r}): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(sm.SourceError, match=r"fit.journal is in use by another fit. Wait for it to end, or"):
            sm.ols("y ~ a", table, journal=path)
        other.kill()
    sm.ols("y ~ a", table, journal=path)  # the dead hold nothing
    with held(str(path)), pytest.raises(sm.SourceError, match="in use"):
        sm.ols("y ~ a", table, journal=path)
    assert os.listdir(tmp_path) == ["fit.journal"]


def test_a_full_disk_ends_the_fit_in_a_sentence_and_leaves_the_journal_whole(table, tmp_path, monkeypatch):
    path, write = tmp_path / "fit.journal", os.write
    room = [3000]

    def full(handle, data):
        if room[0] <= 0:
            raise OSError(28, "No space left on device")
        done = write(handle, data[: room[0]])
        room[0] -= done
        return done

    shards = counted(table)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(sm.SourceError, match=r"fit.journal cannot be added to \(No space left on device\)"):
        sm.ols(FORMULA, Threads(shards, workers=2), journal=path)
    monkeypatch.setattr(os, "write", write)
    with pytest.warns(sm.SummableWarning, match="cut short"):
        assert bits(sm.ols(FORMULA, Threads(shards), journal=path)) == bits(sm.ols(FORMULA, Threads(counted(table))))


FRAMES = {"pandas": lambda t: t, "polars": pl.from_pandas, "arrow": pa.Table.from_pandas, "arrays": lambda t: {n: t[n].to_numpy() for n in t}}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_rows_in_memory_are_told_by_every_value(table, make):
    same = fingerprints(sm.scan(make(table)).shards)
    assert fingerprints(sm.scan(make(table.copy())).shards) == same
    for column, value in (("a", 7.0), ("g", "other"), ("flag", ~table["flag"][1234])):
        other = table.copy()
        other.loc[1234, column] = value
        assert fingerprints(sm.scan(make(other)).shards) != same, column
    assert fingerprints(sm.scan(make(table.rename(columns={"a": "b", "b": "a"}))).shards) != same


def test_masks_strange_columns_and_shards_count(table):
    values = np.arange(5.0)
    masked = [np.ma.MaskedArray(values, mask) for mask in (values > 2, values > 3)]
    assert fingerprints(sm.scan({"a": masked[0]}).shards) != fingerprints(sm.scan({"a": masked[1]}).shards)
    strange = pd.DataFrame({"a": [1.0, 2.0], "what": [{"b": 1}, "text"]})
    assert fingerprints(sm.scan(strange).shards) == fingerprints(sm.scan(strange.copy()).shards)
    many = {"a": np.zeros(2**19)}
    assert len(set(fingerprints(sm.scan(many).shards))) == 2


def test_what_cannot_be_told_from_others_is_refused(table, tmp_path):
    class Bare:
        parts = 1

        def sum(self, measure):
            raise AssertionError

    with pytest.raises(sm.Unsupported, match=r"a Bare cannot tell its data from others, as a journal needs. Give it fingerprints"):
        sm.ols("y ~ a", Bare(), journal=tmp_path / "fit.journal")
    with pytest.raises(sm.Unsupported, match="a list_iterator cannot be told from others"):
        fingerprints([arrays.Arrays(iter([]), 0, 1)])
    assert not list(tmp_path.iterdir())
