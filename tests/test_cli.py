"""The command line, as a user's shell sees it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch

import summable as sm
from summable.cli import main


def summable(*words, cwd=".", **environment):
    """The command in this process, which has imported what takes long; `returncode`, `stdout` and `stderr` as of one of its own."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    surroundings = mock.patch.dict(os.environ, {"COLUMNS": "100"} | environment), mock.patch.object(sys, "argv", ["summable", *map(str, words)])
    with surroundings[0], surroundings[1], contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


@pytest.mark.slow
def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "summable", "fit", "y ~ a", "nowhere.csv"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.startswith("summable: nowhere.csv matches no file. ")


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for i, rows in enumerate(np.array_split(np.arange(len(table)), 4)):
        table.iloc[rows].to_parquet(folder / f"{i}.parquet")
    return folder


def test_a_fit_prints_its_summary_and_nothing_else(folder):
    done = summable("fit", "y ~ a + C(g)", folder, "--weights", "weight")
    assert done.returncode == 0 and done.stderr == ""
    fit = sm.ols("y ~ a + C(g)", folder, weights="weight")
    until = fit.summary().index("What it cost")  # seconds differ
    assert done.stdout[:until] == fit.summary()[:until]


def test_row_groups_are_a_sample_too(folder):
    done = summable("fit", "y ~ a", folder, "--sample", "0.7", "--groups", "--seed", "2", "--json")
    with pytest.warns(sm.SummableWarning, match="3 row groups tell roughly"):
        fit = sm.ols("y ~ a", sm.scan(folder).sample(0.7, seed=2))
    told = json.loads(done.stdout)
    assert told["params"] == dict(fit.params) and told["sampling"]["groups"] == [3, 4] and told["sampling"]["rows"] == fit.sampling.rows
    for words in (["--groups"], ["--groups", "--sample", "0.5", "--key", "a"]):
        assert summable("fit", "y ~ a", folder, *words).stderr.startswith("summable: --groups says how --sample chooses, and --key does that too. ")


def test_json_is_json(folder):
    done = summable("fit", "y ~ a", f"{folder}/*.parquet", "--json")
    told, fit = json.loads(done.stdout), sm.ols("y ~ a", folder)
    assert told["params"] == dict(fit.params) and told["bse"] == dict(fit.bse)
    assert told["rsquared"] == fit.rsquared and told["rounds"][1]["measure"] == "Gram" and told["nbytes"] == fit.ledger.nbytes


def test_quiet_and_save(folder, tmp_path):
    done = summable("fit", "y ~ a", folder / "0.parquet", folder / "1.parquet", "-q", "--save", tmp_path / "fit.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sm.load(tmp_path / "fit.json").nobs == 1000


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("y ~ nope", "DATA"), "there is no column 'nope' in shard 0 (0.parquet), while taking Glance, round 1. The columns are"),
        (("y ~ a", "nowhere/*.csv"), "nowhere/*.csv matches no file. Give a file, a folder or a glob of"),
        (("y ~ blah(a)", "DATA"), "the formula function 'blah'"),
        (("y ~ log(g)", "DATA"), "column 'g' holds text, and log(g) needs numbers"),
        (("y ~ a", "DATA", "--weights", "off"), "the weight off is negative in"),
        (("y ~ a", "DATA", "--save", "no/such/folder/fit.json"), "no/such/folder/fit.json cannot be written"),
    ],
)
def test_errors_are_one_sentence_on_stderr(folder, words, sentence):
    done = summable("fit", *(folder if word == "DATA" else word for word in words))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("summable: ") and sentence in done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1


def test_ctrl_c_ends_in_one_line(folder):
    code = "import summable.models.linear as m, sys\ndef ols(*a, **k): raise KeyboardInterrupt\nm.ols = ols\nsys.argv = ['summable', 'fit', 'y ~ a', 'x']\n"
    done = subprocess.run([sys.executable, "-c", code + "from summable.cli import main; main()"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        130,
        "summable: stopped; nothing was written. With --journal FILE, a fit that is stopped can be run again and goes on where it was.\n",
    )


def test_warnings_are_told_once(folder):
    done = summable("fit", "y ~ a + I(2*a)", folder, "--json")
    assert done.stderr == "summable: Aliased with columns before them, so without coefficients: I(2 * a).\n"
    assert json.loads(done.stdout)["params"]["I(2 * a)"] is None


def test_help_has_examples_and_wrong_usage_its_own_code():
    done = summable("fit", "--help")
    assert done.returncode == 0 and "Examples" in done.stdout and "flights/*.parquet" in done.stdout
    assert summable("fit").returncode == 2
    assert summable("--version").stdout.strip() == sm.__version__


def test_importing_loads_nothing_heavy():
    code = (
        "import sys, summable, summable.cli; print([m for m in ('numpy', 'pandas', 'scipy', 'pyarrow', 'sklearn', 'numba', 'formulaic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- journal


@pytest.mark.slow
def test_ctrl_c_says_how_to_resume_and_the_same_command_goes_on(folder, tmp_path):
    """A shard at which the fit waits for a real SIGINT; the second run reads the rest, and prints what an uninterrupted fit prints."""
    code = """
import os, signal, sys
import summable.sources.parquet as source
batches, wait = source.Parquet.batches, len(sys.argv) > 1
def watched(self, columns, limit):
    if limit is None and wait and self.file.name == "3.parquet":
        os.kill(os.getpid(), signal.SIGINT)
    return batches(self, columns, limit)
source.Parquet.batches = watched
sys.argv = ["summable", "fit", "y ~ a + C(g)", os.environ["DATA"], "--journal", "fit.journal", "--workers", "1", "--json"]
from summable.cli import main
main()
"""

    def run(*words):
        environment = os.environ | {"DATA": str(folder)}
        return subprocess.run([sys.executable, "-c", code, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    stopped = run("wait")
    assert (stopped.returncode, stopped.stdout) == (130, "")
    assert stopped.stderr == "summable: stopped; what was answered is in fit.journal. Run the same command again, and it goes on where it was.\n"
    told = json.loads(run().stdout)
    assert told["params"] == dict(sm.ols("y ~ a + C(g)", folder).params)
    assert told["rounds"][0]["replayed"] == 4 and told["rounds"][1]["replayed"] >= 3


def test_a_torn_record_is_told_once_beside_the_summary(folder, tmp_path):
    path = tmp_path / "fit.journal"
    first = summable("fit", "y ~ a", folder, "--journal", path)
    path.write_bytes(path.read_bytes()[:-10])
    done = summable("fit", "y ~ a", folder, "--journal", path)
    assert first.stderr == "" and done.stderr.count("\n") == 1 and "was cut short" in done.stderr
    assert "Replayed from a journal, so sent in an earlier run: Glance (4 of 4 parts)" in done.stdout


# -- predict

READERS = {
    "parquet": pd.read_parquet,
    "csv": pd.read_csv,
    "tsv": lambda path: pd.read_csv(path, sep="\t"),
    "arrow": pd.read_feather,
    "jsonl": lambda path: pd.read_json(path, lines=True),
}


@pytest.fixture(scope="module")
def saved(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("fits") / "fit.json"
    sm.ols("y ~ a + C(g) + log(b)", folder).save(path)
    return path


@pytest.mark.parametrize("ending", READERS)
def test_predictions_come_in_every_format_and_in_order(saved, folder, table, tmp_path, ending):
    done = summable("predict", saved, folder, "-o", tmp_path / f"out.{ending}", "--keep", "h,g,flag", "--interval", "prediction", "--workers", 2)
    assert (done.returncode, done.stderr) == (0, "") and "2,000 rows" in done.stdout
    out, expected = READERS[ending](tmp_path / f"out.{ending}"), sm.load(saved).predict(folder, interval="prediction")
    assert list(out.columns) == ["h", "g", "flag", "mean", "se", "lower", "upper"]
    np.testing.assert_allclose(out[["mean", "se", "lower", "upper"]], expected, rtol=1e-9)  # pandas reads JSON to ten digits
    for name in ("h", "g", "flag"):
        assert (out[name].to_numpy() == table[name].to_numpy()).all() and out[name].dtype.kind == table[name].dtype.kind


def test_missing_values_give_empty_predictions_and_are_counted(saved, tmp_path):
    (tmp_path / "new.csv").write_text("id,when,a,b,g\n7,2024-01-01,1.5,2,u\n8,2024-01-02,,2,v\n9,2024-01-03,2.5,1,w\n")
    done = summable("predict", saved, tmp_path / "new.csv", "-o", tmp_path / "out.csv", "--keep-all")
    assert "3 rows, 1 of them without a prediction for a missing value" in done.stdout
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == '"id","when","a","b","g","mean"' and lines[2].endswith('"v",') and lines[1].startswith("7,")
    assert summable("predict", saved, tmp_path / "new.csv", "-o", tmp_path / "o.jsonl", "-q").stdout == ""
    assert [json.loads(line)["mean"] is None for line in (tmp_path / "o.jsonl").read_text().splitlines()] == [False, True, False]
    told = json.loads(summable("predict", saved, tmp_path / "new.csv", "-o", tmp_path / "o.parquet", "--json").stdout)
    assert (told["rows"], told["missing"]) == (3, 1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("-o", "out.xlsx"), "out.xlsx ends in .xlsx, which is not written. Give it one of .parquet"),
        (("-o", "no/such/out.csv"), "no/such/out.csv cannot be written"),
        (("-o", "out.csv", "--keep", "nope"), "there is no column 'nope'. The columns are a, b"),
        (("-o", "out.csv", "--keep", "a", "--keep-all"), "both --keep and --keep-all are given"),
        (("-o", "out.csv", "--interval", "confidence", "--alpha", "2"), "alpha=2.0 is not between 0 and 1"),
    ],
)
def test_predict_refuses_in_a_sentence_and_writes_nothing(saved, folder, tmp_path, words, sentence):
    done = summable("predict", saved, folder, *words, cwd=tmp_path)
    assert done.returncode == 1 and sentence in done.stderr and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_bad_row_leaves_what_was_there(saved, folder, table, tmp_path):
    (tmp_path / "out.csv").write_text("precious")
    table.assign(g="unheard of").to_parquet(tmp_path / "new.parquet")
    done = summable("predict", saved, folder, tmp_path / "new.parquet", "-o", tmp_path / "out.csv")
    assert done.returncode == 1 and "has the label 'unheard of', which the fit has not seen in new.parquet" in done.stderr
    assert (tmp_path / "out.csv").read_text() == "precious" and len(list(tmp_path.iterdir())) == 2


# -- cost and scan


@pytest.mark.parametrize("formula", ["y ~ a + b", "y ~ a*C(g) + C(h) + far", "y ~ 0 + flag:C(g)", "log(b) ~ C(h):C(g)"])
def test_the_cost_is_what_the_ledger_says_afterwards(folder, formula):
    levels = [word for name, count in (("g", 3), ("h", 3)) if f"C({name})" in formula for word in ("--levels", f"{name}={count}")]
    told = json.loads(summable("cost", formula, folder, *levels, "--json").stdout)
    fit = sm.ols(formula, folder, arithmetic="qr")
    lines = {line["measure"]: line for line in reversed(told["lines"])}
    assert told["parts"] == 4 and told["rows"] == 2000 and told["unknown"] == []
    assert [line["measure"] for line in told["lines"] if line["when"] == "always"] == [line.measure for line in fit.ledger.rounds[:-1]]
    for line in fit.ledger.rounds:
        assert lines[line.measure]["numbers"] == [line.numbers] * 2, line
        if line.measure not in ("Glance", "Profile"):
            assert lines[line.measure]["up"] == [line.up] * 2, line
        assert abs(lines[line.measure]["down"][0] / line.down - 1) < 0.35, line
    assert told["width"] == [fit.design.width] * 2


def test_unknown_levels_are_bounded_and_asked_for(folder):
    done = summable("cost", "y ~ a + C(g)", folder, "--max-levels", 50)
    assert "3–52 columns measured" in done.stdout and "--levels g=" in done.stdout and "20" not in done.stdout.split("Gram")[0].split("Profile")[0]
    exact = json.loads(summable("cost", "y ~ a + C(g)", folder, "--levels", "g=3", "--json").stdout)
    assert exact["width"] == [5, 5]


def test_a_cost_needs_no_data():
    told = json.loads(summable("cost", "--width", 300, "--parts", 40, "--rows", "1e6", "--json").stdout)
    assert told["lines"][1]["numbers"] == [301 * 302 // 2 + 3] * 2 and told["solve_flops"] == [300**3] * 2
    assert told["lines"][1]["flops"] == [10**6 * 301 * 302] * 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "a cost is told of a formula and data, or of a width"),
        (("y ~ a + C(g)", "DATA", "--levels", "g"), "--levels g is not understood"),
        (("y ~ a + C(g)", "DATA", "--levels", "h=3"), "levels are given for 'h', which is no category of the formula. Its categories are g."),
        (("y ~ nope", "DATA"), "there is no column 'nope'"),
    ],
)
def test_a_cost_is_refused_in_a_sentence(folder, words, sentence):
    done = summable("cost", *(folder if word == "DATA" else word for word in words))
    assert done.returncode == 1 and sentence in done.stderr and done.stderr.count("\n") == 1


def test_scan_shows_what_is_there_and_reads_no_row(folder, tmp_path):
    told = json.loads(summable("scan", folder, "--json", "--check").stdout)
    assert told["columns"]["g"] == "text" and told["columns"]["a"] == "number" and told["columns"]["flag"] == "boolean"
    assert (told["shards"], told["rows"], len(told["parts"]), told["differing"]) == (4, 2000, 4, {})
    assert told["bytes"] == sum(path.stat().st_size for path in folder.iterdir())
    page = summable("scan", folder).stdout
    assert "3.parquet" in page and "4 in all" in page and "2,000" in page
    pd.DataFrame({"a": [1], "more": ["x"]}).to_csv(tmp_path / "b.csv", index=False)
    done = summable("scan", folder / "0.parquet", tmp_path / "b.csv", "--check")
    assert "not known" in done.stdout and "a is not the same everywhere: number in 1, integer in 1" in done.stdout
    assert "more is not the same everywhere: text in 1, absent in 1" in done.stdout


def test_every_command_shows_examples():
    for command in ("fit", "predict", "cost", "scan"):
        shown = summable(command, "--help").stdout
        assert "Examples" in shown and f"summable {command} " in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell):
    assert "_SUMMABLE_COMPLETE" in summable(_SUMMABLE_COMPLETE=f"source_{shell}").stdout
    typed = (
        {"COMP_WORDS": "summable pre", "COMP_CWORD": "1"}
        if shell == "bash"
        else {"_TYPER_COMPLETE_ARGS": "summable pre", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    )
    told = summable(_SUMMABLE_COMPLETE=f"complete_{shell}", **typed).stdout
    assert "predict" in told and "cost" not in told


# -- generalized linear models


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    draw, folder = np.random.default_rng(11), tmp_path_factory.mktemp("shops")
    for i in range(4):
        x, g, e = draw.normal(size=300), draw.choice(["u", "v"], 300), draw.gamma(4.0, 1.0, 300)
        tried = draw.integers(1, 9, 300)
        chance = 1 / (1 + np.exp(0.3 - x - (g == "v")))
        frame = pd.DataFrame({"x": x, "g": g, "e": e, "tried": tried, "won": draw.binomial(tried, chance), "left": (draw.random(300) < chance) * 1})
        frame["count"], frame["cost"] = draw.poisson(e * np.exp(0.3 * x)), draw.gamma(3.0, np.exp(0.2 * x))
        frame.to_parquet(folder / f"{i}.parquet")
    return folder


@pytest.mark.parametrize(
    ("formula", "words", "options"),
    [
        ("left ~ x + C(g)", "--family binomial", {"family": "binomial"}),
        ("left ~ x", "--family binomial --link probit --information observed", {"family": "binomial", "link": "probit", "information": "observed"}),
        ("won ~ x", "--family binomial --trials tried --prefer rounds", {"family": "binomial", "trials": "tried", "prefer": "rounds"}),
        ("count ~ x", "--family poisson --exposure e --scale pearson", {"family": "poisson", "exposure": "e", "scale": "pearson"}),
        ("count ~ x", "--family poisson --scale 1.5", {"family": "poisson", "scale": 1.5}),
        ("cost ~ x", "--family gamma --link log --weights e", {"family": "gamma", "link": "log", "weights": "e"}),
        ("cost ~ x", "--family tweedie(1.5)", {"family": sm.families.Tweedie(1.5)}),
        ("count ~ x", "--family negative_binomial(0.5)", {"family": sm.families.NegativeBinomial(0.5)}),
        ("left ~ x + C(g)", "--family binomial --firth", {"family": "binomial", "firth": True}),
        ("left ~ x", "--family binomial --solver lbfgs --network internet", {"family": "binomial", "solver": "lbfgs", "network": "internet"}),
    ],
)
def test_json_of_a_generalized_model_is_that_of_its_fit(shops, formula, words, options):
    done = summable("fit", formula, shops, *words.split(), "--json")
    assert done.returncode == 0 and done.stderr == ""
    told, fit = json.loads(done.stdout), sm.glm(formula, shops, **options)
    assert (told["params"], told["bse"], told["pvalues"]) == (dict(fit.params), dict(fit.bse), dict(fit.pvalues))
    names = [name for name in ("deviance", "null_deviance", "llf", "aic", "bic", "scale", "nobs") if np.isfinite(getattr(fit, name))]
    assert {name: told[name] for name in names} == {name: getattr(fit, name) for name in names}
    assert told["certificate"]["decrement"] == fit.certificate.decrement and told["outcome"] == fit.outcome.name.lower() != "unfinished"
    assert told["solver"] == fit.solver.solver and all(line["foretold"] in (None, line["up"]) for line in told["rounds"])
    assert [line["measure"] for line in told["rounds"]] == [line.measure for line in fit.rounds] and told["nbytes"] == fit.ledger.nbytes


def test_an_estimated_alpha_is_told(shops, tmp_path):
    draw = np.random.default_rng(1)
    pd.DataFrame({"x": np.arange(200) / 100, "many": draw.poisson(3 * draw.gamma(1.0, 1.0, 200))}).to_parquet(tmp_path / "counts.parquet")
    told = json.loads(summable("fit", "many ~ x", tmp_path, "--family", "negative_binomial", "--json").stdout)
    fit = sm.glm("many ~ x", tmp_path, "negative_binomial")
    assert (
        told["overdispersion"]["value"] == fit.overdispersion.value and told["overdispersion"]["error"] == fit.overdispersion.error and told["aic"] == fit.aic
    )
    done = summable("fit", "left ~ x", shops, "--firth")
    assert done.returncode == 1 and "--firth is for generalized linear models" in done.stderr


def test_ways_are_compared_over_a_network(folder):
    words = ("--family", "binomial", "--width", 12, "--parts", 1000, "--rows", "1e6", "--network", "internet", "--shape", "tree")
    told, expected = (
        json.loads(summable("cost", *words, "--json").stdout),
        sm.cost("binomial", width=12, parts=1000, rows=1e6, network="internet", shape="tree"),
    )
    assert told["network"]["shape"] == "tree" and told["solver"]["solver"] == "newton" and list(told["ways"])[:2] == ["least squares", "Newton"]
    for one in expected.contenders:
        assert told["ways"][one.name]["seconds"] == one.seconds and told["ways"][one.name]["rounds"] == one.rounds
    assert summable("cost", *words).stdout == f"{expected}\n"
    page = summable("cost", "y ~ a + C(g)", folder, "--levels", "g=3", "--family", "poisson").stdout
    assert page.startswith("poisson with log link: 2,000 rows × 5 columns in 4 parts (datacentre, a tree")
    for words, sentence in ((("--width", 3, "--network", "rack"), "do not say how many rows"), (("--width", 3, "--rows", 9, "--family", "cauchy"), "'cauchy'")):
        done = summable("cost", *words)
        assert done.returncode == 1 and sentence in done.stderr and done.stderr.count("\n") == 1


def test_a_penalised_fit_has_no_standard_errors_in_json_either(shops):
    told = json.loads(summable("fit", "left ~ x", shops, "--family", "binomial", "--alpha", "0.1", "--json").stdout)
    assert "bse" not in told and "pvalues" not in told
    assert told["params"] == dict(sm.glm("left ~ x", shops, "binomial", alpha=0.1).params)


def test_a_generalized_fit_prints_saves_and_predicts(shops, tmp_path):
    path = tmp_path / "fit.json"
    done = summable("fit", "left ~ x + C(g)", shops, "--family", "binomial", "--save", path)
    assert done.returncode == 0 and "Generalized linear model, binomial with logit link" in done.stdout and "Newton decrement" in done.stdout
    done = summable("predict", path, shops, "-o", tmp_path / "out.parquet", "--keep", "left", "--interval", "confidence", "--alpha", "0.1")
    assert (done.returncode, done.stderr) == (0, "")
    written, known = pd.read_parquet(tmp_path / "out.parquet"), sm.load(path).predict(shops, interval="confidence", alpha=0.1)
    assert list(written) == ["left", "mean", "se", "lower", "upper"]
    np.testing.assert_array_equal(written[["mean", "se", "lower", "upper"]], known)
    refused = summable("predict", path, shops, "-o", tmp_path / "new.parquet", "--interval", "prediction")
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1 and "a prediction interval, of a new y, belongs to least squares. Take" in refused.stderr
    assert not (tmp_path / "new.parquet").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--link", "log"], "--link is for generalized linear models, and this is least squares. Give a --family"),
        (["--alpha", "0"], "--alpha is for generalized linear models"),
        (["--exposure", "e"], "--exposure is for generalized linear models"),
        (["--prefer", "time"], "--prefer is for generalized linear models"),
        (["--family", "poisson", "--arithmetic", "auto"], "--arithmetic is for least squares, and this is --family poisson."),
        (["--family", "poison"], "family='poison' is not known. Choose from"),
        (["--family", "tweedie(0.5)"], "a Tweedie family of power 0.5 is not here"),
        (["--family", "", "--link", "log"], "family='' is not known"),
        (["--family", "tweedie"], "family='tweedie' is not known. Choose from"),
        (["--family", "poisson", "--link", "logit"], "the link logit does not go with poisson"),
        (["--family", "poisson", "--scale", "chi"], "scale='chi' is not known"),
        (["--family", "poisson", "--scale", "nan"], "scale=nan is not positive"),
        (["--family", "poisson", "--trials", "tried"], "trials belong to the binomial family"),
        (["--family", "binomial"], "count ="),
    ],
)
def test_options_of_another_model_are_refused_in_a_sentence(shops, words, sentence):
    done = summable("fit", "count ~ x", shops, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("summable: ") and sentence in done.stderr and done.stderr.count("\n") == 1


def test_a_journal_of_a_generalized_fit_is_replayed(shops, tmp_path):
    words = ["fit", "left ~ x + C(g)", shops, "--family", "binomial", "--prefer", "rounds", "--journal", tmp_path / "fit.journal", "--json"]
    first, again = (json.loads(summable(*words).stdout) for _ in range(2))
    assert [line["replayed"] for line in first["rounds"]] == [0] * len(first["rounds"])
    assert [line["replayed"] for line in again["rounds"]] == [4] * len(again["rounds"])
    assert again["params"] == first["params"] and again["bse"] == first["bse"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--mesh", "2by2"], "--mesh '2by2' is no mesh. Write how many share the rows, and how many the features, like 2x2, or 2x2/float32."),
        (["--mesh", "2x2"], "there is one process, and the mesh has 4. Start it with torchrun --nproc-per-node 4."),
        (["--mesh", "1x1", "--journal", "j"], "--journal is of one process, and --mesh has several. Leave one of them out."),
    ],
)
def test_a_mesh_that_cannot_be(folder, options, sentence):
    done = summable("fit", "y ~ a", folder, *options)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"summable: {sentence}\n")


@pytest.mark.skipif(torch.cuda.is_available(), reason="PyTorch sees a GPU here")
def test_a_mesh_of_gpus_that_are_not_there(folder):
    done = summable("fit", "y ~ a", folder, "--mesh", "cuda:1x1")
    sentence = "there is no device cuda: PyTorch sees 0. Give one that it sees, or leave engine= out."
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"summable: {sentence}\n")


def test_a_mesh_of_one_process(folder):
    one, plain = (json.loads(summable("fit", "y ~ a", folder, "--json", *options).stdout) for options in (["--mesh", "1x1"], []))
    assert one["params"] == pytest.approx(plain["params"], rel=1e-12) and one["nbytes"] == 0
