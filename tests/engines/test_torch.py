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
from summable.engines.torch import Mesh, mesh
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
        assert set(mesh_ranks.ways(*scheme)) <= set(found)
        for name in set(found) - {"refused", "files refused"}:
            apart = np.abs(found[name] - alone[name]) / np.maximum(1, np.abs(alone[name]))
            least = LEAST.get(name, 1e-12)
            assert apart.max() <= least, f"{name} on rank {rank}"


def test_all_kinds_of_programs_were_run(answers):
    ways = {"ols", "newton", "logistic newton", "logistic few rounds", "lbfgs", "logistic lbfgs", "files"}
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


def test_more_processes_than_there_are_ask_for_torchrun():
    with pytest.raises(sm.Unsupported, match="Start it with torchrun --nproc-per-node 4"):
        mesh(2, 2)
