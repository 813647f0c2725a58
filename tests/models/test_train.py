"""Training by steps is PyTorch's, and the batches do not depend on where the rows lie."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import torch

import summable as sm
from summable.core.sample import Sample, chosen, keys

N, P, Q = 300, 5, 3


@pytest.fixture(scope="module")
def arrays():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(N, P))
    return x, x @ draw.normal(size=(P, Q)) + 0.3 * draw.normal(size=(N, Q)) + 2.0


def by_torch(x, y, optimizer, objective, steps=50, layer=None, **options):
    layer = layer or zeros(x.shape[1], y.shape[1])
    stepping, losses = optimizer(layer.parameters(), **options), []
    for _ in range(steps):
        stepping.zero_grad()
        loss = objective(layer(torch.tensor(x)), torch.tensor(y))
        loss.backward()
        stepping.step()
        losses.append(loss.item())
    return layer, losses


def zeros(features, targets):
    layer = torch.nn.Linear(features, targets, dtype=torch.float64)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    return layer


@pytest.mark.slow  # PyTorch takes seconds to start
def test_sgd_with_momentum_takes_the_steps_of_pytorch(arrays):
    fit = sm.train(*arrays, method="sgd", rate=0.1, momentum=0.9, steps=50)
    layer, losses = by_torch(*arrays, torch.optim.SGD, torch.nn.functional.mse_loss, lr=0.1, momentum=0.9)
    np.testing.assert_allclose(fit.losses, losses, rtol=1e-12)
    np.testing.assert_allclose(fit.coef, layer.weight.detach(), rtol=1e-12)
    np.testing.assert_allclose(fit.to_torch()(torch.tensor(arrays[0])).detach(), fit.predict(arrays[0]), rtol=1e-12)


@pytest.mark.slow  # PyTorch takes seconds to start
def test_adam_begins_at_a_given_layer_and_takes_the_steps_of_pytorch(arrays):
    torch.manual_seed(1)
    layer = torch.nn.Linear(P, Q, dtype=torch.float64)
    fit = sm.train(*arrays, rate=0.05, steps=50, start=layer)
    _, losses = by_torch(*arrays, torch.optim.Adam, torch.nn.functional.mse_loss, layer=layer, lr=0.05)
    np.testing.assert_allclose(fit.losses, losses, rtol=1e-12)
    np.testing.assert_allclose(fit.intercept, layer.bias.detach(), rtol=1e-12)


@pytest.mark.slow  # PyTorch takes seconds to start
def test_the_loss_of_zeros_and_ones_is_the_cross_entropy(arrays):
    x, labels = arrays[0], (arrays[1][:, :1] > 2).astype(float)
    fit = sm.train(x, labels, family="binomial", rate=0.1, steps=20)
    _, losses = by_torch(x, labels, torch.optim.Adam, torch.nn.functional.binary_cross_entropy_with_logits, 20, lr=0.1)
    np.testing.assert_allclose(fit.losses, losses, rtol=1e-12)
    assert 0 < fit.predict(x).min() < fit.predict(x).max() < 1


def test_batches_do_not_depend_on_order_cuts_or_formats(arrays, tmp_path):
    x, y = arrays[0], arrays[1][:, 0]
    options = {"rate": 0.05, "epochs": 4, "batch": 25, "seed": 8}
    whole = sm.train(x, y, **options)
    order = np.random.default_rng(1).permutation(N)
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(P)]).assign(y=y).iloc[order]
    frame[:7].to_parquet(tmp_path / "a.parquet", index=False)
    frame[7:].to_parquet(tmp_path / "b.parquet", index=False)
    for other in (sm.train(x[order], y[order], **options), sm.train(tmp_path / "*.parquet", "y", **options), sm.train([frame[:1], frame[1:]], "y", **options)):
        np.testing.assert_allclose(other.losses, whole.losses, rtol=1e-12)
    assert len(whole.losses) == 4 * 12
    assert np.abs(sm.train(x, y, **{**options, "seed": 9}).losses - whole.losses).max() > 1e-3


def test_an_epoch_sees_every_row_once(arrays):
    found = keys([*arrays[0].T], N)
    seen = np.sum([chosen(found, Sample(5, k / 7, (k + 1) / 7)) for k in range(7)], axis=0)
    assert (seen == 1).all()
    other = chosen(found, Sample(6, 0, 0.5)) & chosen(found, Sample(5, 0, 0.5))
    assert 0.15 < other.mean() < 0.35  # two seeds are independent: a quarter


def test_equal_values_have_equal_keys_however_they_are_stored():
    there = keys([np.array([1.0, 0.0, np.nan]), np.array([2.0, 3.0, 1.0])], 3)
    np.testing.assert_array_equal(there, keys([np.array([1, -0.0, -np.nan], np.float32), np.array([2, 3, 1], np.int8)], 3))
    assert len(set(keys([np.array([1.0, 2.0]), np.array([2.0, 1.0])], 2))) == 2


def test_a_key_alone_says_which_rows_go_together(arrays):
    x, y = arrays[0], arrays[1][:, 0]
    frame = pd.DataFrame({"x": x[:, 0], "y": y, "id": np.arange(N) // 3})
    fit = sm.train(frame, "y", features=["x"], key="id", rate=0.1, epochs=2, batch=50)
    wider = sm.train(frame.assign(x=frame.x + 1e-9), "y", features=["x"], key="id", rate=0.1, epochs=2, batch=50)
    np.testing.assert_allclose(fit.losses, wider.losses, atol=1e-7)  # the same batches, though no value of x is the same
    other = sm.train(frame.assign(x=frame.x + 1e-9), "y", features=["x"], rate=0.1, epochs=2, batch=50)
    assert np.abs(other.losses - fit.losses).max() > 1e-3


def test_weights_count_like_rows(arrays):
    x, y = arrays[0], arrays[1][:, 0]
    times = np.arange(N) % 3
    options = {"method": "sgd", "rate": 0.05, "epochs": 3, "batch": 1000}
    weighted = sm.train(x, y, weights=times, **options)
    repeated = sm.train(np.repeat(x, times, axis=0), np.repeat(y, times), **options)
    np.testing.assert_allclose(weighted.losses, repeated.losses, rtol=1e-12)


def test_a_long_way_leads_to_least_squares(arrays):
    x, y = arrays
    fit = sm.train(x, y, method="sgd", rate=0.3, steps=2000, tolerance=1e-12)
    exact = sm.LinearRegression().fit(x, y)
    np.testing.assert_allclose(fit.coef, exact.coef_, atol=1e-11)
    assert fit.converged and len(fit.losses) < 2000


def test_a_level_loss_ends_it(arrays):
    fit = sm.train(*arrays, method="sgd", rate=0.1, epochs=500, batch=100, loss_tolerance=1e-3)
    assert fit.converged and 9 <= len(fit.losses) < 300 and len(fit.losses) % 3 == 0


def test_rows_that_are_held_out_are_seen_by_no_step(arrays):
    x, y = arrays[0], arrays[1][:, 0]
    out = chosen(keys([*x.T, y], N), Sample(2**63 - 1 - 4, 0.0, 0.2))
    assert 0.1 < out.mean() < 0.3
    options = {"rate": 0.05, "seed": 4, "epochs": 3, "batch": 24}
    fit, seen = sm.train(x, y, validation=0.2, patience=9, **options), sm.train(x[~out], y[~out], **options)
    np.testing.assert_allclose(fit.losses, seen.losses, rtol=1e-12)
    np.testing.assert_allclose(fit.coef, seen.coef, rtol=1e-12)
    assert len(fit.validation) == 3 and not fit.converged
    np.testing.assert_allclose(fit.validation[-1], np.mean((y[out] - fit.predict(x[out])) ** 2), rtol=1e-12)
    order = np.random.default_rng(1).permutation(N)
    np.testing.assert_allclose(sm.train(x[order], y[order], validation=0.2, patience=9, **options).validation, fit.validation, rtol=1e-12)


def test_it_ends_where_the_loss_of_rows_held_out_is_least(tmp_path):
    draw = np.random.default_rng(5)
    x = draw.normal(size=(60, 40))
    y = 3 * x[:, 0] + 2 * draw.normal(size=60)  # forty features of sixty rows: what is learnt of most of them is noise
    options = {"method": "sgd", "rate": 0.02, "epochs": 200, "batch": 12, "validation": 0.3, "patience": 5}
    fit = sm.train(x, y, **options)
    least = int(np.argmin(fit.validation))
    assert fit.converged and 0 < least == len(fit.validation) - 1 - 5
    np.testing.assert_allclose(sm.train(x, y, **options | {"epochs": least + 1}).coef, fit.coef, rtol=1e-12)

    def die(step, loss):
        if step == 14:
            raise KeyboardInterrupt

    kept = options | {"checkpoint": tmp_path / "state.json", "save_every": 1}
    with pytest.raises(KeyboardInterrupt):
        sm.train(x, y, **kept, watch=die)
    again = sm.train(x, y, **kept)
    np.testing.assert_array_equal(again.validation, fit.validation)
    np.testing.assert_array_equal(again.coef, fit.coef)


def test_the_rate_decays_by_epochs(arrays):
    fit = sm.train(*arrays, method="sgd", rate=0.1, decay=1e-9, every=2, steps=5)
    changes = np.abs(np.diff(fit.losses))
    assert changes[:2].min() > 1e-3 and changes[2:].max() < 1e-6


def test_training_goes_on_from_its_checkpoint(arrays, tmp_path):
    options = {"rate": 0.05, "batch": 60, "steps": 23, "checkpoint": tmp_path / "state.json", "save_every": 5}

    def die(step, loss):
        if step == 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sm.train(*arrays, **options, watch=die)
    steps = []
    fit = sm.train(*arrays, **options, watch=lambda step, loss: steps.append(step))
    whole = sm.train(*arrays, rate=0.05, batch=60, steps=23)
    assert steps == list(range(16, 24))
    np.testing.assert_array_equal(fit.losses, whole.losses)
    np.testing.assert_array_equal(fit.coef, whole.coef)
    with pytest.raises(sm.SourceError, match=r"checkpoint of another training \(rate was 0.05, and is 0.1\)"):
        sm.train(*arrays, **{**options, "rate": 0.1})
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(sm.SourceError, match="holds no checkpoint"):
        sm.train(*arrays, **options)


def test_a_saved_training_is_loaded(arrays, tmp_path):
    fit = sm.train(*arrays, steps=3)
    fit.save(tmp_path / "fit.json")
    again = sm.load(tmp_path / "fit.json")
    np.testing.assert_array_equal(again.predict(arrays[0]), fit.predict(arrays[0]))
    assert again.ledger.nbytes == fit.ledger.nbytes > 0
    assert repr(again) == repr(fit) and "300 rows, 3 steps" in repr(fit)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0.0}, "rate=0.0 is no number"),
        ({"batch": 10, "tolerance": 1e-3}, "the gradient of a batch is never small"),
        ({"method": "rprop"}, "method='rprop' is not known"),
        ({"validation": 1.0}, "validation=1.0 is no share of the rows"),
        ({"validation": 1e-9}, "no row is held out"),
        ({"validation": 0.1, "patience": 0}, "patience=0 is no number"),
        ({"validation": 0.1, "method": "lbfgs"}, "look at all rows"),
        ({"start": (np.zeros((2, 2)), np.zeros(2))}, r"start has W \(2, 2\) and b \(2,\), and the data ask for \(3, 5\) and \(3,\)"),
        ({"start": torch.nn.Linear(5, 3, bias=False)}, "start is neither"),
        ({"split": "features"}, "split='features' needs a mesh"),
        ({"key": "id"}, "key='id' names a column, and X is an array"),
        ({"weights": -np.ones(N)}, "the weights are not a number of zero or more"),
        ({"rate": 1e3, "method": "sgd", "steps": 300}, r"the loss is not finite from step \d+ on. Take a smaller rate"),
        ({"weights": np.zeros(N)}, "no row is left to train on"),
    ],
)
def test_bad_input_ends_in_one_sentence(arrays, options, message):
    with pytest.raises(sm.SummableError, match=message):
        sm.train(*arrays, **options)


def test_without_pytorch_a_layer_says_what_to_install(arrays, monkeypatch):
    fit = sm.train(*arrays, steps=1)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "summable.engines.torch", raising=False)
    with pytest.raises(sm.Unsupported, match=r"needs the package torch. pip install 'summable\[torch\]'"):
        fit.to_torch()


def test_counts_that_cannot_be_are_refused(arrays):
    with pytest.raises(sm.DataError, match="y0 = -1 is negative"):
        sm.train(arrays[0], np.full(N, -1.0), family="poisson", steps=2)
