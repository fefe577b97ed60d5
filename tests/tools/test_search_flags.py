"""--search=grid and --space_file as users run them."""

import json

import pytest

from tests import programs
from tfoptcmp.study.read import find_studies, read_study

SPACE = {
    "dimensions": {
        "eta0": {"kind": "choice", "values": [0.1, 0.01]},
        "decay_steps_fraction": {"kind": "fixed", "fixed": 0.5},
        "decay_factor": {"kind": "fixed", "fixed": 0.1},
    }
}


def run(program, *arguments):
    small = ("--workload=digits_simple_cnn", "--scale=smoke", "--steps=4")
    return programs.run(program, *small, *arguments)


def test_a_grid_runs_every_point_of_every_optimizer(tmp_path):
    done = run(
        "tune",
        "--optimizers=sgd,rmsprop",
        "--space=wilson_lr_grid",
        "--search=grid",
        "--num_workers=1",
        f"--study_dir={tmp_path}",
    )
    assert done.returncode == 0, done.stderr
    rates = {
        study.name: [trial.values["eta0"] for trial in study.trials]
        for study in map(read_study, find_studies(tmp_path))
    }
    assert rates == {  # Wilson et al.'s grids, in their order
        "rmsprop": [0.005, 0.001, 0.0005, 0.0003, 0.0001],
        "sgd": [2.0, 1.0, 0.5, 0.25, 0.05, 0.01],
    }


@pytest.mark.parametrize("by_name", [False, True])
def test_a_space_of_ones_own(tmp_path, by_name):
    file = tmp_path / "space.json"
    file.write_text(json.dumps({"sgd": SPACE} if by_name else SPACE))
    done = run("tune", "--optimizers=sgd", f"--space_file={file}", "--plan")
    assert done.returncode == 0, done.stderr
    assert f"linear_decay, space from: {file}" in done.stdout
    assert "one of 0.1, 0.01" in done.stdout


def test_a_plan_of_a_space_that_diverges_at_its_low_end_is_one_line(tmp_path):
    file = tmp_path / "space.json"
    rates = {"eta0": {"kind": "log_uniform", "low": 1e20, "high": 1e21}}
    file.write_text(json.dumps({"dimensions": {**SPACE["dimensions"], **rates}}))
    done = run("tune", "--optimizers=sgd", f"--space_file={file}", "--plan")
    assert done.returncode == 2
    assert "no trial can be timed: SGD diverges within 16 steps at the low end of" in done.stderr
    assert "Traceback" not in done.stderr


BAD = {
    "a grid of ranges": (
        ("tune", "--search=grid", "--study_dir=x"),
        "--search=grid: a grid search needs a space of choices and fixed values; eta0 is",
    ),
    "a number of trials for a grid": (
        ("tune", "--search=grid", "--space=wilson_lr_grid", "--num_feasible=3", "--study_dir=x"),
        "--search=grid runs every point",
    ),
    "a point beyond the grid": (
        ("train", "--search=grid", "--space=wilson_lr_grid", "--trial=6"),
        "--search=grid: index must be < 6",
    ),
    "no such file": (
        ("train", "--space_file=nowhere.json"),
        "--space_file: nowhere.json cannot be read",
    ),
    "no JSON": (("train", "--space_file=torn.json"), "--space_file: torn.json cannot be read: "),
    "not for this optimizer": (
        ("train", "--space_file=adam.json"),
        "must have a space for 'sgd'; got ['adam']",
    ),
    "not what the rule needs": (
        ("train", "--space_file=short.json"),
        "missing ['decay_factor', 'decay_steps']",
    ),
    "regularisation that the workload has not": (
        ("train", "--space_file=l2.json"),
        "digits_simple_cnn does not take ['l2']",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_clear_message(case, tmp_path, monkeypatch):
    (program, *arguments), message = BAD[case]
    (tmp_path / "torn.json").write_text("{")
    (tmp_path / "adam.json").write_text(json.dumps({"adam": SPACE}))
    dimensions = SPACE["dimensions"]
    short, l2 = {"eta0": dimensions["eta0"]}, {"l2": {"kind": "fixed", "fixed": 0.1}}
    (tmp_path / "short.json").write_text(json.dumps({"dimensions": short}))
    (tmp_path / "l2.json").write_text(json.dumps({"dimensions": {**dimensions, **l2}}))
    monkeypatch.chdir(tmp_path)
    optimizer = "--optimizers=sgd" if program == "tune" else "--optimizer=sgd"
    done = run(program, optimizer, *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
