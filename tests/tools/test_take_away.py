"""What a comparison leaves to go on with: report --best, train --from_trial."""

import importlib
import json
import math
import re
import shutil
from pathlib import Path

import keras
import pandas as pd
import pytest

from tests.programs import run
from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.report.best import best_trials, choose_now
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.study.read import read_study

RESULTS = Path(__file__).parents[2] / "results/cpu/digits_simple_cnn"
ROUND = RESULTS / "refined-quasirandom/round-2"


def best_of(name):
    study = read_study(ROUND / name)
    feasible = [trial for trial in study.trials if trial.final is not None]
    feasible = [trial for trial in feasible if trial.status == "COMPLETE"]
    return study, min(feasible, key=lambda trial: trial.final["validation_metric"])


def test_the_best_trials_as_json_and_code():
    done = run("report", str(ROUND), "--best")
    assert done.returncode == 0, done.stderr
    _, best = best_of("adam")
    assert f"Adam, trial {best.index}: validation" in done.stdout
    lines = done.stdout.splitlines()
    used = [json.loads(line) for line in lines if line.startswith("{")]
    assert len(used) == 6
    assert dict(best.arguments) in used
    start = lines.index("    optimizer = keras.optimizers.Adam(")
    assert f"        epsilon={best.arguments['epsilon']!r}," in lines[start : start + 6]
    assert done.stdout.count("--rerun_best=5") == 6  # nobody ran them again
    assert done.stderr == ""
    found = json.loads(run("report", str(ROUND), "--json").stdout)
    codes = {one["optimizer"]: one["best_code"] for one in found["comparisons"][0]["optimizers"]}
    assert all(line[4:] in codes["adam"] for line in lines[start : start + 6])


def test_the_best_trials_are_printed_in_one_way():
    done = run("report", str(ROUND), "--best", "--json")
    assert done.returncode == 2
    assert "leave out --best" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_trial_is_trained_again_and_saved(tmp_path):
    """With the study's own seed it is the trial; by default it is another run."""
    study, best = best_of("momentum")
    model = tmp_path / "best.keras"
    again = run(
        "train", f"--from_trial={ROUND / 'momentum'}", f"--seed={study.config.seed}",
        f"--save_model={model}",
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    last = next(line for line in again.stdout.splitlines() if line.split()[:1] == ["100"])
    metrics = [float(part) for part in last.replace("%", "").split()[2:8]]
    known = [best.final[f"{split}_metric"] for split in ("train", "validation", "test")]
    assert metrics[1::2] == pytest.approx([100 * value for value in known], abs=0.35)
    assert "to load it, import tfoptcmp.workloads.layers.convolution first" in again.stdout
    importlib.import_module("tfoptcmp.workloads.layers.convolution")
    assert keras.saving.load_model(model).count_params() > 1000
    other = run("train", f"--from_trial={ROUND / 'momentum'}", "--steps=2", "--set=momentum=0.5")
    assert other.returncode == 0, other.stderr
    assert f"seed {study.config.seed + 1}" in other.stdout
    assert "momentum = 0.5" in other.stdout


BAD = {
    "not a study": (["--from_trial=nowhere"], "holds no study.json"),
    "studies below": (
        [f"--from_trial={ROUND.parent}"],
        "is no study, but holds round-2/adam, round-2/momentum, round-2/nadam, round-2/nesterov, ",
    ),
    "studies two levels below": (
        [f"--from_trial={ROUND.parents[1]}"],
        "/round-2/sgd, default_epsilon-quasirandom/adam_default_epsilon, ",
    ),
    "two optimizers": ([f"--from_trial={ROUND / 'sgd'}", "--optimizer=sgd"], "leave out --optim"),
    "no such trial": ([f"--from_trial={ROUND / 'sgd'}", "--trial=100000"], "has no trial 100000"),
    "unknown name": ([f"--from_trial={ROUND / 'sgd'}", "--set=gamma=1"], "must be one of ['decay"),
    "the same twice": (
        [f"--from_trial={ROUND / 'adam'}", "--set=learning_rate=1,alpha0_over_epsilon=3"],
        "both determine learning_rate",
    ),
    "out of range": ([f"--from_trial={ROUND / 'adam'}", "--set=beta_1=1.5"], "must be a number in"),
    "nowhere to save": (
        [f"--from_trial={ROUND / 'sgd'}", "--save_model=/nowhere/a.keras"],
        "--save_model must be in a directory that exists; got '/nowhere/a.keras'",
    ),
    "not to be written": (  # not even by root
        [f"--from_trial={ROUND / 'sgd'}", "--save_model=/proc/a.keras"],
        "--save_model cannot be written: /proc/a.keras: ",
    ),
    "what to repeat": (["--repeat", "--optimizer=sgd"], "--repeat needs --from_trial"),
    "repeat and change": (
        [f"--from_trial={ROUND / 'sgd'}", "--repeat", "--steps=3"],
        "--repeat takes everything from the study: leave out --steps",
    ),
    "repeat with other devices": (
        [f"--from_trial={ROUND / 'sgd'}", "--repeat", "--mixed_precision"],
        "--repeat takes everything from the study: leave out --mixed_precision",
    ),
    "another space": (
        [f"--from_trial={ROUND / 'sgd'}", "--space=foo"],
        "--from_trial says what is trained: leave out --space",
    ),
    "no model": ([f"--from_trial={ROUND / 'sgd'}", "--save_model=x.h5"], "must end with .keras"),
}


def test_a_trial_is_repeated_bit_for_bit_or_not(tmp_path):
    done = run(
        "tune", "--workload=digits_simple_cnn", "--optimizers=adam", "--steps=6",
        "--eval_every_steps=3", "--num_feasible=2", "--seed=7", f"--study_dir={tmp_path}",
        "--threads_per_trial=1", "--num_workers=1", "--notensorboard",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    study = tmp_path / "adam"
    again = run("train", f"--from_trial={study}", "--repeat", "--measure_all")
    assert again.returncode == 0, again.stderr
    assert "seed 7" in again.stdout
    assert again.stdout.splitlines()[-1] == (
        "The same as recorded, bit for bit: COMPLETE after 6 steps, 2 measurements"
    )

    config = json.loads((study / "study.json").read_text())
    config["versions"]["keras"] = "3.9.9"
    config["provenance"]["hardware"] = "Cray-1"
    (study / "study.json").write_text(json.dumps(config))
    measured = study / "trials" / "000001" / "measurements.csv"
    table = pd.read_csv(measured)
    true = float(table.validation_loss[0])
    changed = math.nextafter(true, math.inf)
    table.loc[0, "validation_loss"] = changed
    table.to_csv(measured, index=False)
    other = run("train", f"--from_trial={study}", "--trial=1", "--repeat")
    assert other.returncode == 3, other.stderr
    assert re.search(
        r'NOT AS RECORDED: versions.keras: "3.9.9" recorded, "[\d.]+" now', other.stdout
    )
    at = other.stdout.index("Not the same as recorded: at step 3 validation loss is ")
    first, *places, last = other.stdout[at:].splitlines()
    assert first.endswith(f"is {true!r}, recorded {changed!r}")
    assert any(line.startswith("  hardware: Cray-1 recorded, ") for line in places)
    assert "kind of processor" in last


def test_how_a_trial_ended_is_repeated_too(tmp_path):
    """A trial that diverged before its first measurement, with steps and then as another says."""
    published = RESULTS / "contestants-quasirandom" / "round-0" / "momentum"
    study = read_study(published)
    (first, *_) = [
        trial for trial in study.trials if trial.status == "INFEASIBLE" and trial.final is None
    ]
    copy = tmp_path / "momentum"
    shutil.copytree(published, copy)
    same = run("train", f"--from_trial={copy}", f"--trial={first.index}", "--repeat")
    table = pd.read_csv(copy / "trials.csv", dtype=str, keep_default_na=False)
    row = (table["index"] == str(first.index)) & (table["rerun"] == "")
    table.loc[row, "steps"] = str(first.steps + 1)
    table.to_csv(copy / "trials.csv", index=False)
    other = run("train", f"--from_trial={copy}", f"--trial={first.index}", "--repeat")
    table.loc[row, "status"] = "FAILED"
    table.to_csv(copy / "trials.csv", index=False)
    failed = run("train", f"--from_trial={copy}", f"--trial={first.index}", "--repeat")
    assert failed.returncode == 2
    assert "has no end to compare with; it is FAILED" in failed.stderr
    steps = int(re.search(r"not finite at step (\d+)", same.stdout)[1]) - 1
    ended = f"INFEASIBLE after {steps} steps, 0 measurements"
    if steps == first.steps:  # not so, perhaps, on another kind of processor
        assert same.returncode == 0, same.stderr
        assert f"The same as recorded, bit for bit: {ended}" in same.stdout
    assert f"Not the same as recorded: it is {ended}, recorded INFEASIBLE" in other.stdout
    assert other.returncode == 3


SIZED = """
from dataclasses import replace

def _told(budget, splits):
    print("units:", budget.options["units"])
    return _build(budget, splits)

_smoke = replace(WORKLOADS["quadrants"].budgets["smoke"], options={"units": 8})
_budgets = {"smoke": _smoke, "cpu": replace(_smoke, scale="cpu", options={"units": 2})}
WORKLOADS = {"sized": replace(WORKLOADS["quadrants"], name="sized", build=_told, budgets=_budgets)}
"""


def test_a_changed_scale_keeps_its_sizes(tmp_path):
    extension = (Path(__file__).parent / "my_extension.py").read_text() + SIZED
    (tmp_path / "sized.py").write_text(extension)
    done = run(
        "tune", "--import_module=sized", "--workload=sized", "--optimizers=sgd", "--scale=smoke",
        "--steps=4", "--eval_every_steps=1", "--num_feasible=2", "--study_dir=runs",
        "--num_workers=1", "--notensorboard", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    train = ("train", "--import_module=sized", "--from_trial=runs/sgd")
    same, longer = (run(*train, *more, cwd=tmp_path) for more in ((), ("--steps=8",)))
    for again, steps in ((same, 4), (longer, 8)):
        assert again.returncode == 0, again.stderr
        assert "units: 8" in again.stdout and "units: 2" not in again.stdout
        assert f"scale custom, {steps} steps" in again.stdout
        rows = [line.split()[0] for line in again.stdout.splitlines() if line[:1] == " "]
        measured = [int(first) for first in rows if first.isdigit()]
        assert measured == [steps // 4, steps // 2, 3 * steps // 4, steps]


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_trained_is_one_line(arguments, message):
    done = run("train", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_large_epsilon_is_explained():
    """By hand from the best hyperparameters, as printed: about 2.63e6 / 1.3e5 (1 - 0.9338)."""
    (comparison,) = read_comparisons(ROUND.parents[1] / "contestants-quasirandom")
    told = {best.optimizer: best.acts_as for best in best_trials(comparison)}
    assert "acts as Momentum with a learning rate of 1.33;" in told["adam"]
    assert "acts as Nesterov with a learning rate of 0.51" in told["nadam"]
    assert "acts as Momentum with a learning rate of 0.207;" in told["rmsprop"]
    assert not any(told[name] for name in ("sgd", "momentum", "adamw", "lion", "lamb"))


def test_what_to_choose_now_and_what_it_gave_when_it_was_run_again():
    """By hand, from the table of re-runs in results/README.md."""
    (comparison,) = read_comparisons(ROUND.parents[1] / "contestants-quasirandom")
    said = choose_now(comparison, ranking(comparison))
    # Lion's mean validation error is the lowest of the re-runs, 1.20 %; Muon leads the ranking.
    assert said[0].startswith("Lion, trial 16: learning_rate=0.0078, beta_1=0.529, beta_2=0.99086")
    assert "Run again 5 times with other seeds: validation 1.20 % on average" in said[1]
    assert "so seeds vary too much to tell how much of it was luck" in said[1]  # 0.20 pp of 0.38 pp
    assert said[2].startswith("Muon leads in what tuning gives on average, but its best trial, 16")
    assert "validation 2.93 % on average" in said[2]
    assert said[3].startswith(
        "Mean test classification error of the best trials run again: Lion 2.40 %, Nesterov 2.67 %"
    )


CONTESTANTS = ROUND.parents[1] / "contestants-quasirandom" / "round-2"


def numbers(output, label):
    """The hyperparameters on the line with this label."""
    line = next(line for line in output.splitlines() if line.startswith(f"  {label}: "))
    pairs = (part.split(" = ") for part in line.partition(": ")[2].split(", "))
    return {name: float(value) for name, value in pairs}


def test_what_is_set_as_used_moves_what_depends_on_it():
    study, best = best_of(CONTESTANTS / "adamw")
    done = run("train", f"--from_trial={study.directory}", "--steps=2", "--set=learning_rate=0.01")
    assert done.returncode == 0, done.stderr
    searched, used = numbers(done.stdout, "searched"), numbers(done.stdout, "used")
    decay = best.values["weight_decay_per_step"] / 0.01
    assert used == pytest.approx(
        {
            **best.arguments,
            "learning_rate": 0.01,
            "weight_decay": decay,
            "decay_steps": used["decay_steps"],
        }
    )
    assert searched.keys() == best.values.keys() - {"alpha0_over_epsilon"}  # no longer true
    assert "moved with epsilon" not in done.stdout


def test_epsilon_moves_the_learning_rate_and_says_so():
    study, best = best_of(CONTESTANTS / "adamw")
    done = run("train", f"--from_trial={study.directory}", "--steps=2", "--set=epsilon=1.0")
    assert done.returncode == 0, done.stderr
    used, rate = numbers(done.stdout, "used"), best.values["alpha0_over_epsilon"]
    assert used["learning_rate"] == pytest.approx(rate)
    assert used["epsilon"] == 1.0
    assert used["weight_decay"] == pytest.approx(best.values["weight_decay_per_step"] / rate)
    assert f"from {best.arguments['learning_rate']:.4g} to {rate:.4g}" in done.stdout


def test_the_only_study_below_is_taken(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "sgd").symlink_to(ROUND / "sgd")
    (tmp_path / "empty").mkdir()
    for directory in (tmp_path / "mine", tmp_path):
        done = run("train", f"--from_trial={directory}", "--trial=100000")
        assert f"--from_trial: {tmp_path / 'mine' / 'sgd'} has no trial 100000" in done.stderr
