"""Four processes that PyTorch connects give the numbers of one, in every scheme, for the bytes that were foretold."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import summable as sm
from engines import mesh_ranks
from launching import launched
from summable.engines.torch import Mesh, mesh, placed
from summable.testing import contract

HERE = Path(__file__).parent
LEAST = {  # where more than rounding may lie between
    "logistic few rounds": 1e-8,  # the start of that fit depends on the cut, and its tolerance is 3e-11
    "cg": 1e-9, "wide cg": 1e-9, "free lbfgs": 1e-8,  # the residual is 1e-10 of the first, and rounding may take a step more to it
}  # fmt: skip
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the processes wrote, which are started once for all tests. They assert the byte accounts themselves, rank by rank."""
    folder = tmp_path_factory.mktemp("mesh")
    _, out, err = launched(HERE / "mesh_ranks.py", folder, timeout=600)
    assert out.split() == [*["0"] * 7, "1", *["0"] * 8], err[-3000:]
    return folder


@pytest.fixture(scope="module")
def answers(folder):
    """Scheme to the answers of its four ranks."""
    return {scheme: [dict(np.load(folder / f"{'{}x{}{}'.format(*scheme)}-{rank}.npz")) for rank in range(4)] for scheme in mesh_ranks.SCHEMES}


@pytest.fixture(scope="module")
def alone(folder):
    return dict(np.load(folder / "alone.npz"))


@pytest.mark.parametrize("scheme", mesh_ranks.SCHEMES, ids=lambda scheme: "{}x{}{}".format(*scheme))
def test_every_scheme_gives_what_one_process_gives(answers, alone, scheme):
    for rank, found in enumerate(answers[scheme]):
        assert {*mesh_ranks.ways(*scheme), "short adam"} <= set(found)
        for name in set(found) - {"refused", "files refused"}:
            apart = np.abs(found[name] - alone[name]) / np.maximum(1, np.abs(alone[name]))
            least = LEAST.get(name, 1e-12)
            assert apart.max() <= least, f"{name} on rank {rank}"


def test_all_kinds_of_programs_were_run(answers):
    ways = {"ols", "newton", "logistic newton", "logistic few rounds", "lbfgs", "logistic lbfgs", "files", "short logistic"}
    for scheme in mesh_ranks.SCHEMES[:3]:
        assert ways <= set(answers[scheme][0])
    for scheme in mesh_ranks.SCHEMES[3:]:
        assert {"sgd", "adam", "logistic sgd", "logistic adam"} <= set(answers[scheme][0])


def test_an_error_on_one_rank_is_the_same_sentence_on_all(answers):
    for scheme in mesh_ranks.SCHEMES[:3]:
        told = {str(found["refused"]) for found in answers[scheme]}
        assert {str(found["files refused"])[:49] for found in answers[scheme]} == {"the ranks see different files under this path. Let"[:49]}
        assert len(told) == 1
        assert re.fullmatch(r"column 'x' has at least 1 infinite value in shard 0 \(rows 0–\d+\), on rank 2, while taking Gram, round 2. Make .*", told.pop())


def test_a_killed_rank_ends_all_and_one_process_goes_on_where_they_were(folder, alone):
    errors = [(folder / f"error-{rank}.txt").read_text() for rank in range(3)]
    assert all(error.startswith("a rank of the mesh is gone (") and "while taking Slopes, round 2" in error for error in errors), errors
    assert all("Start all ranks again" in error for error in errors)
    x, y, _ = mesh_ranks.rows()
    asked = []
    fit = sm.train(x, y, **mesh_ranks.KILLED, checkpoint=folder / "mesh.json", watch=lambda step, loss: asked.append(step))
    assert asked == list(range(21, 51))
    found = np.concatenate([fit.losses, [fit.loss], np.ravel(fit.coef), fit.intercept])
    np.testing.assert_allclose(found, alone["adam"], rtol=0, atol=1e-12)


def test_another_mesh_goes_on_where_a_killed_one_was(folder, alone):
    for rank in range(4):
        found = np.load(folder / f"resumed-{rank}.npz")
        assert list(found["asked"]) == list(range(21, 51))
        np.testing.assert_allclose(found["adam"], alone["adam"], rtol=0, atol=1e-12)


def test_a_mesh_keeps_the_contract_of_every_engine(folder):
    names = [check.name for check in contract(None, "") if "begins no more" not in check.name]
    for rank in range(4):
        assert sorted((folder / f"kept-{rank}.txt").read_text().splitlines()) == sorted(names)


def test_one_process_is_a_mesh_of_one_by_one():
    x, y, _ = mesh_ranks.rows()
    where = mesh(1, 1)
    try:
        fit, plain = sm.train(x, y, steps=5, engine=where), sm.train(x, y, steps=5)
        np.testing.assert_allclose(fit.losses, plain.losses, rtol=1e-12)
        assert fit.ledger.nbytes == 0
        with pytest.raises(sm.Unsupported, match="no rank knows the whole gradient where the mesh splits features"):
            sm.train(x, y, engine=where, split="features", tolerance=1e-3)
        with pytest.raises(sm.Unsupported, match="1 processes, and the mesh has 4"):
            mesh(2, 2)
        with pytest.raises(sm.Unsupported, match="sliced='rows'"):
            Mesh((), where, "rows")
    finally:
        torch.distributed.destroy_process_group()


@pytest.fixture
def one():
    """What a process that was connected to itself leaves behind is taken away."""
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def test_a_mesh_of_float32_rounds_features_once(one):
    x, y, churn = mesh_ranks.rows()
    fit, plain = sm.train(x, y, steps=20, engine="torch:1x1/float32"), sm.train(x, y, steps=20)
    apart = np.abs(fit.coef / plain.coef - 1).max()
    assert 1e-12 < apart < 1e-6  # measured 1.3e-8: a rounding is 6e-8, and 203 of them average out
    rows = mesh_ranks.table(x, y, churn)
    fit, plain = sm.ols("y ~ x0 + x3 + C(g)", rows, engine="torch:1x1/float32"), sm.ols("y ~ x0 + x3 + C(g)", rows)
    np.testing.assert_allclose(fit.params, plain.params, rtol=1e-6)
    np.testing.assert_allclose(fit.bse, plain.bse, rtol=1e-6)
    told = "Features were rounded to float32; all sums of them are in float64."
    assert told in str(fit.summary()) and told not in str(plain.summary())


def test_what_float32_does_not_hold_is_refused(one):
    x, y, _ = mesh_ranks.rows()
    with pytest.raises(sm.DataError, match=r"feature 1 \(the constant is 0\) lies between -\d.\d+e\+60 and \d.\d+e\+60, which float32 does not hold on rank 0"):
        sm.train(x * 1e60, y, steps=2, engine="torch:1x1/float32")
    with pytest.raises(sm.DataError, match=r"of which float32 tells few numbers apart on rank 0, .* Subtract one near its mean"):
        sm.train(x + 1e6, y, steps=2, engine="torch:1x1/float32")


def test_a_mesh_that_is_spelled_is_made_once(one):
    x, y, _ = mesh_ranks.rows()
    for _ in range(3):
        sm.train(x, y, steps=2, engine="torch:1x1")
    assert sm.engine(sm.scan(x), engine="torch:1x1").mesh is sm.engine(sm.scan(x), engine="torch:1x1/float32").mesh
    torch.distributed.destroy_process_group()
    sm.train(x, y, steps=2, engine="torch:1x1")  # connected anew


def test_processes_that_are_connected_otherwise_are_refused(one, monkeypatch):
    where = mesh(1, 1)
    monkeypatch.setattr(torch.distributed, "get_backend_config", lambda: "cuda:nccl")
    with pytest.raises(sm.Unsupported, match=r'connected by cuda:nccl, and the mesh needs cpu:gloo. Connect them by init_process_group\("cpu:gloo"\)'):
        Mesh((), where)


@pytest.mark.parametrize(
    ("text", "device", "shape", "short"),
    [
        ("torch", "cpu", (1, 1), False), ("torch:cpu", "cpu", None, False), ("torch:cuda:1/float32", "cuda:1", None, True),
        ("torch:2x3", "cpu", (2, 3), False), ("torch:cuda:2x1/float32", "cuda", (2, 1), True), ("torch:cpu:12x4/float64", "cpu", (12, 4), False),
    ],
)  # fmt: skip
def test_places_are_spelled(text, device, shape, short):
    assert placed(text) == (torch.device(device), shape, short)


@pytest.mark.parametrize("text", ["torch:", "torch:0x2", "torch:2x2x2", "torch:gpu:2x2", "torch::2x2", "torch:2x2/float16"])
def test_what_is_no_place_is_refused(text):
    with pytest.raises(sm.Unsupported, match=r"names no device|asks for 'float16'"):
        placed(text)


@pytest.mark.parametrize("device", ["gpu", "cpu:0", "cuda:0", "meta"])
def test_a_mesh_of_one_device_is_refused(device):
    with pytest.raises(sm.Unsupported, match=f"no mesh is made of '{device}'. Make it of"):
        mesh(1, 1, device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="PyTorch sees a GPU here")
def test_a_mesh_of_gpus_that_are_not_there_is_refused():
    with pytest.raises(sm.Unsupported, match="there is no device cuda: PyTorch sees 0"):
        mesh(1, 1, "cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU here, so nothing is said of one")
@pytest.mark.parametrize("kind", ["", "/float32"])
def test_one_gpu_is_a_mesh_of_one_by_one(one, kind):
    x, y, churn = mesh_ranks.rows()
    x = x.astype(np.float32).astype(np.float64)
    np.testing.assert_allclose(sm.train(x, y, steps=20, engine=f"torch:cuda:1x1{kind}").coef, sm.train(x, y, steps=20).coef, rtol=1e-10)
    rows = mesh_ranks.table(x, y, churn)
    fit, plain = (sm.glm("churn ~ x0 + x3 + x4", rows, "binomial", engine=engine) for engine in (f"torch:cuda:1x1{kind}", None))
    np.testing.assert_allclose(fit.params, plain.params, rtol=1e-10)


def test_more_processes_than_there_are_ask_for_torchrun():
    with pytest.raises(sm.Unsupported, match="Start it with torchrun --nproc-per-node 4"):
        mesh(2, 2)
