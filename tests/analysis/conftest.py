"""Synthetic studies of the six rules, written the way real ones are.

Helpers are fixtures that return functions, because test folders are no packages.
"""

import math
from pathlib import Path

import numpy as np
import pytest

from tfoptcmp.metrics import TRAINING_LOSS, Metric
from tfoptcmp.rules import DEFAULT_RULES, RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Choice, Fixed, LogUniform, SearchSpace, Uniform
from tfoptcmp.study.rounds import Plan, begin, round_directory, round_seed
from tfoptcmp.study.schema import Status, StudyConfig, Trial
from tfoptcmp.study.trial import trial_seeds
from tfoptcmp.study.write import open_study

SCHEDULE = {
    "decay_steps_fraction": Uniform(low=0.5, high=1.0),
    "decay_factor": Choice(values=(1e-3, 1e-2, 1e-1)),
}
OWN = {
    "sgd": {"eta0": LogUniform(low=1e-2, high=1e2)},
    "momentum": {
        "eta0": LogUniform(low=1e-4, high=1e2),
        "one_minus_gamma": LogUniform(low=1e-4, high=1.0),
    },
    "nesterov": {
        "eta0": LogUniform(low=1e-4, high=1e2),
        "one_minus_gamma": LogUniform(low=1e-4, high=1.0),
    },
    "rmsprop": {
        "eta0_over_sqrt_epsilon": LogUniform(low=1e-2, high=1e4),
        "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
        "one_minus_rho": LogUniform(low=1e-4, high=1.0),
        "epsilon": LogUniform(low=1e-10, high=1e10),
    },
    **{
        name: {
            "alpha0_over_epsilon": LogUniform(low=1e-2, high=1e4),
            "one_minus_beta1": LogUniform(low=1e-3, high=1.0),
            "one_minus_beta2": LogUniform(low=1e-4, high=1e-1),
            "epsilon": LogUniform(low=1e-10, high=1e10),
        }
        for name in ("adam", "nadam")
    },
}


def make_signature(rule, *, name=None, schedule="linear_decay", **dimensions):
    """The rule's signature with wide ranges; keyword arguments replace or add dimensions."""
    space = SearchSpace(dimensions={**OWN[rule], **SCHEDULE, **dimensions}, source="test <space>")
    return Signature(name=name or rule, rule=RULES[rule], space=space, schedule=schedule)


def make_config(signature, *, num_feasible, **changes):
    budget = {
        "scale": "cpu",
        "batch_size": 64,
        "steps": 100,
        "eval_every_steps": 25,
        "num_feasible": num_feasible,
        "target": 0.25,
        "options": {},
        **changes.pop("budget", {}),
    }
    unit, classes = changes.pop("metric_unit", "share"), changes.pop("num_classes", 10)
    guess = {"share": 1 - 1 / classes, "nats": math.log(classes)}.get(unit) if classes else None
    name = changes.pop("metric", "classification error")
    maximize = changes.pop("maximize", False)
    if maximize and guess is not None:
        guess = 1 - guess
    settings = {
        "workload": "digits_simple_cnn",
        "metric": Metric(name=name, unit=unit, guess=guess, maximize=maximize),
        "loss": TRAINING_LOSS.with_classes(classes),
        "budget": budget,
        "num_examples": {"train": 1257, "validation": 270, "test": 270},
        "partial": "",
        "seed": 0,
        "search": "quasirandom",
        "num_feasible": num_feasible,
        "max_trials": 10 * num_feasible,
        "tuning_budget": max(2, num_feasible // 10),
        "threads_per_trial": 1,
        "versions": {"tensorflow": "2.21.0"},
        "provenance": {"command": "tfoptcmp-tune --workload=digits_simple_cnn", "cpus": 2},
        **changes,
    }
    return StudyConfig(signature=signature.to_json(), **settings)


def write_study(
    parent, signature, errors, *, infeasible=0, test_errors=None, unfinished=(), **changes
):
    """Writes a study whose feasible trials end with these validation errors.

    The error falls linearly from 0.9 at step 0, measured every 25 of 100 steps; the training loss
    is a tenth of the error. Infeasible trials come first. With `maximize` the metric is what the
    error lacks to 1.
    """
    config = make_config(
        signature, **{"num_feasible": len(errors) + len(unfinished) or 1, **changes}
    )
    tests = errors if test_errors is None else test_errors
    rng = np.random.default_rng(7)
    directory = Path(parent) / signature.name
    with open_study(directory, config) as writer:
        for index in range(infeasible):
            writer.write_trial(_trial(signature, rng, index, Status.INFEASIBLE, 3, None, config))
        for index, (error, test) in enumerate(zip(errors, tests, strict=True), start=infeasible):
            trial = _trial(signature, rng, index, Status.RUNNING, 0, None, config)
            writer.write_trial(trial)
            with writer.measurements(index) as measurements:
                for step in (0, 25, 50, 75, 100):
                    row = _measurement(step, error, test, config.num_examples)
                    if config.metric.maximize:
                        row |= {n: 1 - v for n, v in row.items() if n.endswith("_metric")}
                    measurements.write(row)
            writer.write_trial(_trial(signature, rng, index, Status.COMPLETE, 100, row, config))
        for offset, status in enumerate(unfinished):
            index = infeasible + len(errors) + offset
            writer.write_trial(_trial(signature, rng, index, status, 10, None, config))
    return directory


def _trial(signature, rng, index, status, steps, final, config):
    free = [d for d in signature.space.dimensions.values() if not isinstance(d, Fixed)]
    values = signature.space.values(rng.uniform(size=len(free)))
    return Trial(
        index=index,
        status=status,
        values=values,
        arguments=signature.space.derive(values, budget_steps=config.budget["steps"]),
        seeds=trial_seeds(config.seed, index),
        started=1.6e9,
        seconds=None if status is Status.RUNNING else 0.5 if final else 0.0,
        steps=steps,
        final=final,
        message="training loss is not finite" if status is Status.INFEASIBLE else "",
    )


def _measurement(step, error, test, num_examples):
    now = error + (0.9 - error) * (1 - step / 100)
    return {
        "step": step,
        "learning_rate": 0.1,
        "train_loss": 0.1 if math.isnan(now) else now / 10,
        "train_metric": now,
        "validation_loss": 2 * now,
        "validation_metric": now,
        "test_loss": 2 * test if "test" in num_examples else None,
        "test_metric": test if "test" in num_examples else None,
        "gradient_rms": math.exp(-step),
    }


def write_refined(study_dir, rounds, *, num_rounds=3, trials_per_round=20):
    """Writes a refinement: rule to its rounds, each the number of trials or (errors, dimensions).

    The results of a number of trials are the same in each round, from 0.1 to 0.9, in random order.
    """
    begin(study_dir, Plan(num_rounds=num_rounds, trials_per_round=trials_per_round))
    for rule, given in rounds.items():
        for number, what in enumerate(given):
            errors, dimensions = (what, {}) if isinstance(what, int) else what
            if isinstance(errors, int):
                evenly = np.linspace(0.1, 0.9, errors)
                errors = list(np.random.default_rng(number).permutation(evenly))
            signature = make_signature(rule, **dimensions)
            directory = round_directory(study_dir, number)
            write_study(directory, signature, errors, seed=round_seed(0, number))
    return study_dir


@pytest.fixture(name="make_signature")
def _make_signature():
    return make_signature


@pytest.fixture(name="write_study")
def _write_study():
    return write_study


@pytest.fixture(name="write_refined")
def _write_refined():
    return write_refined


@pytest.fixture
def six_rules(tmp_path):
    """Studies of the six rules on one workload, ten feasible trials each, K = 2."""
    rng = np.random.default_rng(1)
    parent = tmp_path / "digits"
    for i, rule in enumerate(reversed(DEFAULT_RULES)):
        errors = list(np.round(rng.uniform(0.05, 0.6 + 0.05 * i, 10) * 270) / 270)
        tests = [error + 0.01 for error in errors]
        write_study(parent, make_signature(rule), errors, infeasible=i, test_errors=tests)
    return parent
