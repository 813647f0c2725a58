"""A fit of some rows says how far it may be from that of all, and it is no further."""

from __future__ import annotations

import numpy as np
import pandas as pd
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
