"""Studies in the layout of Shallue et al. (2019)'s release ("batch_science").

    <dataset>/<model>/<optimizer>/<batch size>/study.json
    <dataset>/<model>/<optimizer>/<batch size>/<trial>/metadata.json
    <dataset>/<model>/<optimizer>/<batch size>/<trial>/measurements.csv

`study.json` names dataset, model, optimizer, batch size, training steps and the ranges
(`parameter_configs`); `metadata.json` the parameters and the status COMPLETE, INCOMPLETE (left out
here) or INFEASIBLE; `measurements.csv` has one row per evaluation, with columns such as
`val/classification_error` and `test/cross_entropy_error`. If `train_steps` is 0, the budget was
time, and the steps of a trial are no budget.
"""

import csv
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.budgets import by_time
from tfoptcmp.analysis.sources.names import (
    between,
    one_of,
    searched_name,
)
from tfoptcmp.analysis.sources.studies import near_studies
from tfoptcmp.analysis.sources.tables import of_table
from tfoptcmp.metrics import CLASSIFICATION_ERROR, CROSS_ENTROPY, Metric
from tfoptcmp.rules import rule_named
from tfoptcmp.spaces import Dimension
from tfoptcmp.study.files import find as find_files
from tfoptcmp.study.files import find_below, reading
from tfoptcmp.study.read import read_json
from tfoptcmp.study.schema import StudyError

_METRICS = {
    "classification_error": CLASSIFICATION_ERROR,
    "cross_entropy_error": CROSS_ENTROPY,
}


def find(path: Path) -> list[Path]:
    """Returns the study.json files at or below a path, if all are of this layout.

    It does not walk through the trials of our own studies.
    """
    found = near_studies(path) or find_below(path, "study.json")
    return found if all("parameter_configs" in read_json(file) for file in found) else []


def read(files: Sequence[Path], tuning_budget: int | None = None) -> list[Comparison]:
    """Reads studies, a comparison for each data set, model and batch size.

    Args:
        files: The studies' study.json.
        tuning_budget: K >= 1; by default `planned_tuning_budget` of the trials.

    Raises:
        StudyError: If a file is missing or not of this layout; the message names it.
    """
    groups: dict[
        tuple[str, Metric | None], list[tuple[str, pd.DataFrame, dict[str, Dimension]]]
    ] = {}
    timed: dict[tuple[str, Metric | None], dict[str, list[float]]] = {}
    for path in sorted(files):
        study = read_json(path)
        try:
            metric, rows, trained = _trials(path.parent, study)
            workload = f"{study['dataset']} {study['model']}, batch size {study['batch_size']}"
            optimizer = str(study["optimizer"])
            ranges = _ranges(optimizer, study["parameter_configs"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise StudyError(f"{path} is not a study of this layout: {error!r}") from error
        table = pd.DataFrame(rows).assign(optimizer=optimizer)
        groups.setdefault((workload, metric), []).append((optimizer, table, ranges))
        if not study["train_steps"]:
            timed.setdefault((workload, metric), {})[optimizer] = trained
    return [
        of_table(
            workload,
            pd.concat([table for _, table, _ in studies], ignore_index=True),
            tuning_budget=tuning_budget,
            metric=metric,
            ranges={optimizer: ranges for optimizer, _, ranges in studies},
            origin=os.path.commonpath(files),
            remarks=by_time(timed.get((workload, metric), {})),
        )
        for (workload, metric), studies in groups.items()
    ]


def _trials(
    directory: Path, study: Mapping[str, Any]
) -> tuple[Metric | None, list[dict[str, Any]], list[float]]:
    """Returns the metric, a row for each trial that ended, and the steps that it trained."""
    known: Metric | None = None
    rows, trained = [], []
    folders = [path for path in find_files(directory, "*") if path.is_dir() and path.name.isdigit()]
    for folder in sorted(folders, key=lambda path: int(path.name)):
        trial = read_json(folder / "metadata.json")
        if trial["status"] not in ("COMPLETE", "INFEASIBLE"):
            continue
        measured = folder / "measurements.csv"
        with reading(measured), open(measured, newline="", encoding="utf-8") as file:
            measurements = list(csv.DictReader(file))
        last = measurements[-1] if measurements else {}
        metric = next((name for name in _METRICS if f"val/{name}" in last), "")
        known = known or _METRICS.get(metric)
        rows.append(
            {
                "validation": _number(last.get(f"val/{metric}")),
                "test": _number(last.get(f"test/{metric}")),
                "train_loss": _number(last.get("train/cross_entropy_error")),
                "diverged": trial["status"] == "INFEASIBLE",
                # Some trained beyond the budget; the table has the budget that each was given.
                "steps": float(study["train_steps"] or math.nan),
                **{name: float(value) for name, value in trial["parameters"].items()},
            }
        )
        trained.append(float(trial.get("steps") or math.nan))
    if not rows:
        raise ValueError("no trial that is COMPLETE or INFEASIBLE")
    return known, rows, trained


def _ranges(optimizer: str, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Dimension]:
    rule = rule_named(optimizer)
    found = {searched_name(name, rule): _dimension(name, one) for name, one in configs.items()}
    return {name: one for name, one in found.items() if one is not None}


def _dimension(name: str, config: Mapping[str, Any]) -> Dimension | None:
    if config["type"] == "DISCRETE":
        return one_of(name, map(float, config["feasible_points"]))
    low, high = float(config["min_value"]), float(config["max_value"])
    if config["scale"] == "REVERSE_LOG_SCALE":  # of 1 - momentum: the paper says how, no record
        return between(name, low, high)
    return between(name, low, high, logarithmic=config["scale"] == "LOG_SCALE")


def _number(text: str | None) -> float:
    return float(text) if text else math.nan
