"""Runs of DeepOBS (Schneider et al. 2019) as comparisons.

    <test problem>/<Optimizer>/<settings>/random_seed__<seed>__<time>.json

One JSON file per run, as versions 1.1 and 1.2 write them: lists `test_losses` and `test_accuracies`
(and `valid_losses`, `valid_accuracies` from 1.2 on) with one value per epoch, `testproblem`,
`batch_size`, `random_seed`, and the optimizer as `optimizer`, `learning_rate`, `hyperparams` (1.1)
or `optimizer_name`, `optimizer_hyperparams` (1.2). The learning rate's schedule is
`lr_sched_epochs` and `lr_sched_factors`, which are in `training_params` from 1.2 on. What was
searched over is not recorded.

Runs of another schedule, number of epochs, or setting that is not a number are another optimizer.
"""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.tables import of_table
from tfoptcmp.analysis.sources.words import differing, numbers, words
from tfoptcmp.metrics import CLASSIFICATION_ERROR, Metric
from tfoptcmp.study.files import find_below
from tfoptcmp.study.read import read_json
from tfoptcmp.study.schema import StudyError

PATTERN = "random_seed__*.json"

_LOSS = Metric(name="loss", unit="nats")
_SCHEDULE = ("lr_sched_epochs", "lr_sched_factors")
_CONSTANT = "constant"


def find(path: Path) -> list[Path]:
    """Returns the files of runs below a path."""
    return find_below(path, PATTERN)


def read(files: Sequence[Path], tuning_budget: int | None = None) -> list[Comparison]:
    """Reads runs; returns one comparison for each test problem and batch size.

    Runs of one optimizer that differ only in the seed count as one trial.

    Args:
        files: JSON files of runs.
        tuning_budget: K >= 1; by default `planned_tuning_budget` of the trials.

    Raises:
        StudyError: If a file is not such a run; the message names it.
    """
    rows, others = zip(*(_row(path, read_json(path)) for path in sorted(files)), strict=True)
    table, apart = pd.DataFrame(rows), pd.DataFrame(others)
    found = []
    for (problem, batch_size), runs in table.groupby(["workload", "batch_size"], sort=True):
        runs = runs.assign(optimizer=_names(runs, apart.loc[runs.index]))
        schedules = dict(zip(runs["optimizer"], apart.loc[runs.index, "schedule"], strict=True))
        of_one = runs.drop(columns=["workload", "batch_size", "is_share"]).dropna(axis=1, how="all")
        found.append(
            of_table(
                f"{problem}, batch size {batch_size}",
                of_one.sort_values("seed", kind="stable").reset_index(drop=True),
                tuning_budget=tuning_budget,
                metric=CLASSIFICATION_ERROR if runs["is_share"].iloc[0] else _LOSS,
                schedules=schedules,
                origin=os.path.commonpath(files),
            )
        )
    return found


def _names(runs: pd.DataFrame, apart: pd.DataFrame) -> "pd.Series[str]":
    """The optimizers' names, with what makes runs of one of them different optimizers."""
    names = runs["optimizer"].copy()
    told = differing(apart.assign(optimizer=names), list(apart))
    for index, name in names.items():
        said = (_said(one, apart.at[index, one]) for one in told[name])
        names[index] = ", ".join([name, *said])
    return names


def _said(name: str, value: Any) -> str:
    if name == "epochs":
        return "epochs unknown" if pd.isna(value) else f"{value:g} epochs"
    if name == "schedule":
        return f"{value} schedule" if value == _CONSTANT else str(value)
    return f"{name} {'unknown' if pd.isna(value) else value}"


def _schedule(run: Mapping[str, Any]) -> str:
    """The learning rate's schedule in words: factors of the first rate from these epochs on."""
    given = {**run, **(run.get("training_params") or {})}
    epochs, factors = ([f"{x:g}" for x in given.get(name) or ()] for name in _SCHEDULE)
    if not epochs or not factors:
        return _CONSTANT
    return f"step at epochs {', '.join(epochs)} by {', '.join(factors)}"


def _row(path: Path, run: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the run's row of the table, and what keeps it apart from runs of the same name."""
    try:
        settings = dict(run.get("optimizer_hyperparams") or run.get("hyperparams") or {})
        if run.get("learning_rate") is not None:
            settings.setdefault("learning_rate", run["learning_rate"])
        for key in ("weight_decay", "l2_reg"):
            if run.get(key) is not None:
                settings.setdefault(key, run[key])
        name = str(run.get("optimizer_name") or run["optimizer"])
        nesterov = any([settings.pop(key, False) for key in ("use_nesterov", "nesterov")])
        training = run.get("training_params") or {}
        settings |= {key: value for key, value in training.items() if key not in _SCHEDULE}
        epochs = run.get("num_epochs")
        apart = {
            "epochs": math.nan if epochs is None else float(epochs),
            "schedule": _schedule(run),
            **words(settings),
        }
        final = {
            split: _final(run, prefix) for split, prefix in (("test",) * 2, ("validation", "valid"))
        }
        losses = [value for key in ("train_losses", "test_losses") for value in run[key][-1:]]
        row = {
            "workload": run["testproblem"],
            "batch_size": run["batch_size"],
            "is_share": bool(run.get("test_accuracies")),
            "optimizer": f"{name} (Nesterov)" if nesterov else name,
            "rule": "nesterov" if nesterov else name,
            **final,
            "diverged": not all(map(math.isfinite, losses)),
            "steps": _steps(run),
            "train_loss": float(run["train_losses"][-1]),
            "seed": float(run["random_seed"]),
            **numbers(settings),
        }
        return row, apart
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise StudyError(f"{path} is not a run of DeepOBS: {error!r}") from error


def _final(run: Mapping[str, Any], prefix: str) -> float:
    """The error of the last epoch, or the loss where there is no accuracy."""
    if run.get(f"{prefix}_accuracies"):
        return 1.0 - float(run[f"{prefix}_accuracies"][-1])
    losses = run.get(f"{prefix}_losses")
    return float(losses[-1]) if losses else math.nan


def _steps(run: Mapping[str, Any]) -> float:
    batches = run.get("minibatch_train_losses")
    return float(len(batches) * run.get("train_log_interval", 1)) if batches else math.nan
