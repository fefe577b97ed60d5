"""A workload and an optimizer from outside the package, as the README's recipe has it."""

from dataclasses import replace
from pathlib import Path

import pytest
from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tools.lab.faults import fake
from tfoptcmp.tuners.executors import InProcess
from tfoptcmp.tuners.run_study import run_study

from tests import programs
from tfoptcmp.analysis import load_studies, read_comparisons
from tfoptcmp.analysis.statistics.verdicts import inclusion_verdicts

pytestmark = pytest.mark.filterwarnings(
    "ignore:(currentThread|getName)\\(\\) is deprecated:DeprecationWarning"
)

HERE = Path(__file__).parent


def run(program, *arguments):
    return programs.run(program, *arguments, cwd=HERE)


@pytest.mark.parametrize("workload", ["quadrants", "digits_simple_cnn"])
def test_their_optimizer_beside_ours(workload, tmp_path):
    done = run(
        "tune",
        "--import_module=my_extension",
        f"--workload={workload}",
        "--optimizers=adam,my_adamw",
        "--scale=smoke",
        "--steps=4",
        "--num_feasible=2",
        f"--num_workers={2 if workload == 'quadrants' else 1}",
        f"--study_dir={tmp_path}",
    )
    assert done.returncode == 0, done.stderr
    trials = load_studies(tmp_path)
    adamw = trials[trials.signature == "my_adamw"]
    assert adamw.feasible.sum() == 2
    # Stock hyperparameters are constants of the trace: each trial must have its own.
    assert adamw.used_weight_decay.nunique() == len(adamw)
    [comparison] = read_comparisons(tmp_path)
    verdicts = inclusion_verdicts(comparison)
    pairs = {(j.special.name, j.general.name) for j in verdicts.judgements}
    assert pairs == {("adam", "my_adamw")}
    done = run("report", str(tmp_path), f"--output_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "Adam <= My AdamW" in done.stdout
    assert adamw[adamw.feasible].validation_loss.nunique() == 2


def test_their_names_are_listed_beside_ours():
    done = run("train", "--import_module=my_extension", "--workload=x", "--optimizer=adam")
    assert done.returncode == 2
    assert "digits_simple_cnn" in done.stderr
    assert "quadrants" in done.stderr


def test_a_module_that_is_not_there_is_named():
    done = run("train", "--import_module=nowhere", "--workload=quadrants", "--optimizer=sgd")
    assert done.returncode == 2
    assert "--import_module: no module 'nowhere'" in done.stderr


ELSEWHERE = """
from tfoptcmp.rules import Rule
from tfoptcmp.signatures import Signature
from tfoptcmp.tools.lab.faults import fake

RULE = Rule(
    name="mine",
    title="Mine",
    optimizer="nowhere.optimizers:Mine",
    hyperparameters=("learning_rate", "momentum"),
)
MINE = Signature(name="mine", rule=RULE, space=fake.signature().space)
SIGNATURES = {"digits_simple_cnn": {"initial": {"mine": MINE}}}
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A directory with a module, and a study of its optimizer, which is in another module."""
    directory = tmp_path_factory.mktemp("elsewhere")
    (directory / "named.py").write_text(ELSEWHERE)
    found = {}
    exec(ELSEWHERE, found)
    config = fake.config(signature=found["MINE"].to_json(), workload="digits_simple_cnn")
    run_study(
        directory=directory / "mine",
        config=replace(config, num_feasible=1),
        signature=found["MINE"],
        executor=InProcess(fake.run_trial),
        clock=CLOCK,
    )
    return directory


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "--from_trial=mine"),
        ("tune", "--import_module=named", "--workload=digits_simple_cnn", "--optimizers=mine"),
    ],
)
def test_the_module_of_an_optimizer_that_is_not_found_is_named(elsewhere, arguments):
    more = ["--study_dir=x"] if arguments[0] == "tune" else []
    done = programs.run(*arguments, *more, cwd=elsewhere, fresh=True)
    assert done.returncode == 2, done.stderr
    assert "say --import_module=nowhere.optimizers" in done.stderr
    assert len(done.stderr.splitlines()) == 1
