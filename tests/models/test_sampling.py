"""A fit of some rows says how far it may be from that of all, and it is no further."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import summable as sm

N = 20_000


@pytest.fixture(scope="module")
def frame():
    draw = np.random.default_rng(0)
    found = pd.DataFrame({"x": draw.normal(size=N), "g": draw.choice(list("abc"), N), "id": np.arange(N), "w": draw.choice([1.0, 2.0], N)})
    found["y"] = 1 + 2 * found.x + (found.g == "b") + draw.normal(size=N) * (1 + found.x**2)  # errors that the classical ones do not see
    found["z"] = (found.y + draw.logistic(size=N) > 1).astype(int)
    return found


@pytest.mark.slow
def test_samples_are_as_far_from_all_rows_as_they_say(frame):
    whole, churn = sm.ols("y ~ x + g", frame, weights="w"), sm.glm("z ~ x + g", frame, "binomial")
    everything = whole.evaluate(frame)
    apart = []
    for seed in range(25):
        fit, few = sm.ols("y ~ x + g", frame, weights="w", sample=0.1, seed=seed), sm.glm("z ~ x + g", frame, "binomial", sample=0.1, seed=seed)
        one, other = fit.sampling, few.sampling
        by_fit = (fit.rsquared - whole.rsquared) / one.rsquared_error, (one.loss - everything.loss) / one.loss_error
        by_churn = (other.loss - churn.deviance / N / 2) / other.loss_error
        apart.append([*(fit.params - whole.params) / fit.sampling_bse, *(few.params - churn.params) / few.sampling_bse, *by_fit, by_churn])
    spread = np.sqrt(np.square(apart).mean(axis=0))
    assert (spread > 0.6).all() and (spread < 1.5).all(), spread  # of 25 draws a standard deviation is good to a seventh
    assert fit.bse["x"] < 0.7 * fit.sampling_bse["x"]  # which the classical error, of its model, would not have told


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    """Two folders of files of row groups, whose rows are more alike than others."""
    draw, folder = np.random.default_rng(5), tmp_path_factory.mktemp("groups")
    for number in range(8):
        size = int(draw.integers(600, 1400))
        own = np.repeat(draw.normal(size=(size // 50 + 1, 2)), 50, axis=0)[:size]  # of each row group
        x = draw.normal(size=size) + own[:, 0]
        y = 1 + 2 * x + own[:, 1] + draw.normal(size=size)
        rows = pa.table({"x": x, "g": draw.choice(list("abc"), size), "y": y, "z": (y + draw.logistic(size=size) > 1).astype(int)})
        (folder / f"{number % 2}").mkdir(exist_ok=True)
        pq.write_table(rows, folder / f"{number % 2}" / f"{number // 2}.parquet", row_group_size=50)
    return folder


@pytest.mark.slow
def test_row_groups_are_as_far_from_all_rows_as_they_say(grouped):
    whole, churn, data = sm.ols("y ~ x + g", grouped), sm.glm("z ~ x", grouped, "binomial"), sm.scan(grouped)
    everything, apart, naive = whole.evaluate(grouped), [], []
    for seed in range(40):
        fit, few = sm.ols("y ~ x + g", data.sample(0.3, seed)), sm.glm("z ~ x", data.sample(0.3, seed), "binomial")
        one, other = fit.sampling, few.sampling
        by_fit = (fit.rsquared - whole.rsquared) / one.rsquared_error, (one.loss - everything.loss) / one.loss_error
        by_churn = (other.loss - churn.deviance / churn.nobs / 2) / other.loss_error
        apart.append([*(fit.params - whole.params) / fit.sampling_bse, *(few.params - churn.params) / few.sampling_bse, *by_fit, by_churn])
        naive.append((fit.params["x"] - whole.params["x"]) / (np.sqrt(0.7) * fit.bse["x"]))
    spread = np.sqrt(np.square(apart).mean(axis=0))
    assert (spread > 0.65).all() and (spread < 1.4).all(), spread  # of 40 draws a standard deviation is good to a ninth
    assert np.sqrt(np.mean(np.square(naive))) > 2, "rows of a group are alike, which an error by rows does not see"


def test_no_other_row_groups_are_read(grouped, monkeypatch):
    read, plain = [], pq.ParquetFile.read_row_group
    monkeypatch.setattr(pq.ParquetFile, "read_row_group", lambda self, group, *a, **k: read.append(group) or plain(self, group, *a, **k))
    data = sm.scan(grouped)
    groups = sum(pq.ParquetFile(file).num_row_groups for file in grouped.rglob("*.parquet"))
    some = data.sample(0.25, seed=1)
    assert len(some) == round(0.25 * groups) and [shard.name for shard in data.sample(0.25, seed=1).shards] == [shard.name for shard in some.shards]
    assert {shard.name for shard in data.sample(0.25, seed=2).shards} != {shard.name for shard in some.shards}
    fit = sm.ols("y ~ x", some)
    assert len(read) == 2 * 2 * len(some), "two columns, for the Gram and for what the groups differ by"
    assert fit.sampling.rows == sum(shard.table.rows_known for shard in data.shards) and fit.sampling.looked_at == fit.nobs
    assert fit.sampling.groups == (len(some), groups)
    assert f"rows in {len(some)} of {groups} row groups, chosen by a hash" in fit.summary()
    with pytest.warns(sm.SummableWarning, match="3 row groups tell roughly how much they differ"):
        sm.ols("y ~ x", data.sample(0.02))


def test_row_groups_that_cannot_be_chosen_are_refused(grouped, frame, tmp_path):
    data = sm.scan(grouped)
    frame[:100].to_csv(tmp_path / "rows.csv")
    frame[:100].to_parquet(tmp_path / "one.parquet")
    for ask, message in (
        (lambda: data.sample(1.0), "1.0 is no share of the row groups"),
        (lambda: sm.scan(frame).sample(0.5), "has no row groups"),
        (lambda: sm.scan(tmp_path / "rows.csv").sample(0.5), "rows.csv has no row groups"),
        (lambda: sm.scan(tmp_path / "one.parquet").sample(0.5), "there is only 1 row group"),
        (lambda: sm.ols("y ~ x", data.sample(0.5), sample=0.1), "the data are a sample of row groups already"),
        (lambda: sm.ols("y ~ x", [data.sample(0.5), frame]), "some row groups are to be added to other data"),
    ):
        with pytest.raises(sm.SummableError, match=message):
            ask()


def test_the_same_rows_are_looked_at_wherever_they_lie(frame, tmp_path):
    fit = sm.ols("y ~ x + C(g)", frame, sample=0.05, seed=3)
    shuffled = frame.sample(frac=1.0, random_state=1)
    shuffled[:7].to_parquet(tmp_path / "a.parquet")
    shuffled[7:].to_parquet(tmp_path / "b.parquet")
    other = sm.ols("y ~ x + C(g)", tmp_path, sample=0.05, seed=3)
    np.testing.assert_allclose(other.params, fit.params, rtol=1e-12)
    np.testing.assert_allclose(other.sampling_bse, fit.sampling_bse, rtol=1e-9)
    assert (other.sampling.rows, other.sampling.looked_at) == (N, fit.nobs) and 900 < fit.nobs < 1100
    assert sm.ols("y ~ x + C(g)", frame, sample=0.05, seed=4).params["x"] != fit.params["x"]


def test_a_sample_is_told_in_the_summary_kept_and_read(frame, tmp_path):
    fit = sm.glm("z ~ x", frame, "binomial", sample=0.1)
    assert f"Looked at {fit.nobs:,.0f} of 20,000 rows, chosen by a hash." in fit.summary()
    fit.save(tmp_path / "fit.json")
    np.testing.assert_array_equal(sm.load(tmp_path / "fit.json").sampling_bse, fit.sampling_bse)
    whole = sm.ols("y ~ x", frame)
    assert whole.sampling is None and (whole.sampling_bse == 0).all() and "Looked at" not in whole.summary()


def test_all_rows_are_evaluated_in_one_round(frame):
    fit = sm.ols("y ~ x + g", frame, weights="w", sample=0.05)
    told, mean = fit.evaluate(frame), fit.predict(frame)
    about = frame.y - np.average(frame.y, weights=frame.w)
    left = (frame.w * (frame.y - mean) ** 2).sum()
    assert (told.rows, told.dropped) == (N, 0)
    assert told.loss == pytest.approx(left / frame.w.sum() / 2, rel=1e-12)
    assert told.rsquared == pytest.approx(1 - left / (frame.w * about**2).sum(), rel=1e-12)
    whole = sm.ols("y ~ x + g", frame, weights="w")
    assert whole.evaluate(frame).rsquared == pytest.approx(whole.rsquared, rel=1e-12) and told.rsquared < whole.rsquared
    churn = sm.glm("z ~ x", frame, "binomial")
    assert churn.evaluate([frame[:9], frame[9:]]).loss == pytest.approx(churn.deviance / N / 2, rel=1e-12)


def test_an_average_of_averages_is_none_of_that(frame):
    """Of parts that differ, the mean of their R² is not that of all rows."""
    parts = [frame[frame.g == label].assign(y=frame.y + 10 * i) for i, label in enumerate("abc")]
    fit = sm.ols("y ~ x", parts)
    assert np.mean([fit.evaluate(part).rsquared for part in parts]) < fit.evaluate(parts).rsquared - 0.2


def test_rows_of_equal_values_go_together_and_a_key_tells_them_apart(frame):
    with pytest.warns(sm.SummableWarning, match=r"rows were looked at for sample=0.3: rows of equal values go together. Give key="):
        sm.ols("y ~ x", pd.concat([frame[:40]] * 500), sample=0.3, seed=1)
    fit = sm.ols("z ~ C(g)", frame, sample=0.1, key="id")
    assert 1800 < fit.nobs < 2200 and fit.warnings == []
    assert np.isfinite(fit.predict(frame[["g"]][:5])).all()
    assert fit.evaluate(frame.drop(columns="id")).rows == N  # the key is of the sample alone


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample": 0.0}, "sample=0.0 is no share of the rows"),
        ({"sample": 1.5}, "sample=1.5 is no share of the rows"),
        ({"key": "id"}, "key='id' is of a sample, and none is asked for"),
        ({"sample": 1e-9}, "no rows are left to fit"),
        ({"sample": 0.5, "key": "nowhere"}, "there is no column 'nowhere'"),
    ],
)
def test_bad_input_ends_in_one_sentence(frame, options, message):
    with pytest.raises(sm.SummableError, match=message):
        sm.ols("y ~ x", frame, **options)


def test_what_does_not_go_with_a_sample_is_refused(frame):
    with pytest.raises(sm.FormulaError, match=r"a sample is of one response, and the formula 'y . z ~ x' has 2"):
        sm.ols("y + z ~ x", frame, sample=0.1)
    with pytest.raises(sm.Unsupported, match="has looked at a sample, to which other rows do not add"):
        sm.ols("y ~ x", frame, sample=0.1).update(frame)
