"""A study whose trials need no training: what they measure is a function of the task alone."""

import json
import math

from tfoptcmp.records import Status, StudyConfig
from tfoptcmp.signatures import RULES, Signature
from tfoptcmp.spaces import Fixed, LogUniform, SearchSpace, Uniform
from tfoptcmp.trial import Outcome
from tuners.executors import InProcess
from tuners.studies import run_study

STEPS = (5, 10)


def signature(low=1e-4):
    space = SearchSpace(
        source="test",
        dimensions={
            "eta0": LogUniform(low=low, high=1.0),
            "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
            "decay_steps_fraction": Uniform(low=0.5, high=1.0),
            "decay_factor": Fixed(fixed=0.1),
        },
    )
    return Signature(name="momentum", rule=RULES["momentum"], space=space)


def config(**changes):
    settings = {
        "signature": signature().to_json(),
        "workload": "none",
        "metric": "classification error",
        "metric_unit": "share",
        "budget": {"steps": 100, "scale": "custom"},
        "num_examples": {"train": 10, "validation": 5},
        "partial": "",
        "seed": 0,
        "search": "quasirandom",
        "num_feasible": 5,
        "max_trials": 50,
        "threads_per_trial": 1,
        "versions": {"tfoptcmp": "0"},
        "provenance": {},
    }
    return StudyConfig(**(settings | changes))


def is_feasible(task):
    return task.arguments["learning_rate"] < 0.03


def measurement(task, step):
    """What a trial measures: a function of its task alone, with NaN where it diverges."""
    diverged = step == STEPS[-1] and not is_feasible(task)
    loss = math.nan if diverged else task.seeds["weights"] / step
    return {
        "step": step,
        "learning_rate": task.arguments["learning_rate"],
        "train_loss": loss,
        "train_metric": 0.5,
        "validation_loss": loss,
        "validation_metric": task.arguments["momentum"],
        "gradient_rms": 1 / 3,
    }


def run_trial(task, on_measurement):
    for step in STEPS:
        on_measurement(measurement(task, step))
    return Outcome(status=Status.COMPLETE, steps=STEPS[-1])


def study(directory, trial=run_trial, observers=(), max_retries=0, **changes):
    return run_study(
        directory=directory,
        config=config(**changes),
        signature=signature(),
        executor=InProcess(trial),
        observers=observers,
        max_retries=max_retries,
    )


def contents(directory):
    """Every file of the trials, without the times."""
    found = {}
    for path in sorted(directory.glob("trials/*/*")):
        name = str(path.relative_to(directory))
        found[name] = path.read_text()
        if path.suffix == ".json":
            data = json.loads(found[name])
            found[name] = {k: v for k, v in data.items() if k not in ("started", "seconds")}
    return found


class Stop:
    """A trial function that works for some trials and then raises in the middle of one."""

    def __init__(self, trials, error):
        self.left = trials
        self.error = error
        self.indices = []

    def __call__(self, task, on_measurement):
        self.indices.append(task.index)
        if self.left == 0:
            on_measurement(measurement(task, STEPS[0]))
            raise self.error
        self.left -= 1
        return run_trial(task, on_measurement)
