"""An optimizer that cannot be compared does not keep the others from it."""

import pytest

from tests.programs import run
from tfoptcmp.analysis import load_studies

# One that fails at high rates, while others of its trials run, and one that diverges at once.
MODULE = """
import keras
from tfoptcmp.rules import Rule
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import LogUniform, SearchSpace
from tfoptcmp.workloads.spaces.ranges import DECAY

class Failing(keras.optimizers.SGD):
    def __init__(self, learning_rate):
        super().__init__(learning_rate)
        self.rate = learning_rate.learning_rate

    def update_step(self, *args, **kwargs):
        if self.rate > 0.01:
            raise ZeroDivisionError("bug")
        super().update_step(*args, **kwargs)

class Diverging(keras.optimizers.SGD):
    def update_step(self, gradient, variable, learning_rate):
        self.assign(variable, variable + float("inf"))

def signature(name):
    rule = Rule(
        name=name, title=name, optimizer=f"mine:{name}", hyperparameters=("learning_rate",)
    )
    dimensions = {"eta0": LogUniform(low=1e-3, high=1e-1), **DECAY}
    return Signature(
        name=name, rule=rule, space=SearchSpace(source="mine", dimensions=dimensions)
    )

ALL = {name: signature(name) for name in ("Failing", "Diverging")}
SIGNATURES = {"digits_simple_cnn": {"initial": ALL}}
"""


@pytest.mark.parametrize("num_workers", [1, 2])
def test_the_others_run_and_the_reasons_come_last(tmp_path, num_workers):
    (tmp_path / "mine.py").write_text(MODULE)
    done = run(
        "tune",
        *("--import_module=mine", "--workload=digits_simple_cnn"),
        *("--optimizers=Failing,Diverging,sgd", "--steps=4", "--num_feasible=4"),
        *("--study_dir=runs", f"--num_workers={num_workers}"),
        cwd=tmp_path,
    )
    assert done.returncode == 2, done.stderr
    assert "Failing failed; the reason follows at the end" in done.stdout
    assert "sgd: complete\nFailing failed: trial" in done.stderr
    assert "Traceback (most recent call last):" in done.stderr
    *_, failing, diverging = done.stderr.split("\n")[:-1]  # the last line has an end, too
    assert failing.startswith("Failing failed: trial ")
    assert failing.endswith(": ZeroDivisionError: bug")
    assert diverging.startswith("Diverging failed: runs/Diverging: 3")
    assert " trials, of at most max_trials=40, gave no feasible one; " in diverging
    assert "every trial diverged by step 2, which is probably not the search space's" in diverging
    trials = load_studies(tmp_path / "runs")
    assert trials[trials.signature == "sgd"].feasible.sum() == 4
    assert (trials[trials.signature == "Diverging"].status == "INFEASIBLE").sum() in (30, 31)
