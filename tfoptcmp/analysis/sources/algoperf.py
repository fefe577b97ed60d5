"""Logs of AlgoPerf submissions (Dahl et al. 2023; mlcommons/algorithmic-efficiency).

    <submission>/study_<s>/<workload>_<framework>/trial_<n>/hparams.json
    <submission>/study_<s>/<workload>_<framework>/trial_<n>/meta_data_<k>.json
    <submission>/study_<s>/<workload>_<framework>/trial_<n>/flags_<k>.json
    <submission>/study_<s>/<workload>_<framework>/trial_<n>/eval_measurements.csv

A submission is an optimizer, and a study a seed: a point that is run in five studies is one trial.
The metric, its target and its direction are the workload's, as `meta_data_<k>.json` names them; the
last evaluation is the result. The budget is time. Submissions that tune themselves have one trial
without hyperparameters. A trial without any evaluation ended before it: it counts as failed.

`algoperf_spaces` reads what was searched over.
"""

import math
import os
import re
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.algoperf_spaces import (
    dimensions,
    newest,
    outside,
    read_space,
    space_file,
)
from tfoptcmp.analysis.sources.budgets import by_time
from tfoptcmp.analysis.sources.setting_names import column
from tfoptcmp.analysis.sources.tables import of_table
from tfoptcmp.analysis.sources.words import as_numbers, legend, numbers, words
from tfoptcmp.metrics import ACCURACY, CROSS_ENTROPY, PERPLEXITY, SHARE, Metric
from tfoptcmp.rules import rule_named
from tfoptcmp.spaces import Dimension
from tfoptcmp.study.files import exists, find_below, reading
from tfoptcmp.study.read import read_json
from tfoptcmp.study.schema import StudyError

PATTERN = "study_*/<workload>_<framework>/trial_*"

_TRIAL = re.compile(r"trial_(\d+)")
_WORKLOAD = re.compile(r"(.+)_(jax|pytorch)")
_STUDY = re.compile(r"study_(\d+)")
_EVALUATIONS = "eval_measurements.csv"

# Target metrics, by the name that logs have. Where logs do not say which one is the target, the
# first of them that was measured is.
_METRICS = {
    "bleu": Metric(name="BLEU", unit="", maximize=True),
    "mean_average_precision": Metric(name="mean average precision", unit="", maximize=True),
    "ssim": Metric(name="SSIM", unit="", maximize=True),
    "wer": Metric(name="word error rate", unit=""),
    "ppl": PERPLEXITY,
    "accuracy": ACCURACY,
    "ce_loss": CROSS_ENTROPY,
    "loss": Metric(name="loss", unit="nats"),
}
# A submission that tunes itself has nothing else by which its runs could be known for one trial.
_TUNES_ITSELF = "self_tuning"


def find(path: Path) -> list[Path]:
    """Returns the folders of trials at or below a path."""
    if _is_trial(path):
        return [path]
    files = (*find_below(path, "meta_data_*.json"), *find_below(path, "hparams.json"))
    return sorted({file.parent for file in files if _is_trial(file.parent)})


def read(files: Sequence[Path], tuning_budget: int | None = None) -> list[Comparison]:
    """Reads trials, a comparison for each workload, whatever the framework.

    Args:
        files: Folders of trials.
        tuning_budget: K >= 1; by default `planned_tuning_budget` of the trials.

    Raises:
        StudyError: If a file is damaged, or the metric of a workload is not known.
    """
    folders = [folder.absolute() for folder in files]
    names = _names({_submission(folder) for folder in folders})
    trials: dict[str, list[dict[str, Any]]] = {}
    for folder in folders:
        workload, framework = _matched(_WORKLOAD, folder.parent)
        study = _STUDY.fullmatch(folder.parents[1].name)
        trials.setdefault(workload, []).append(
            {
                "submission": _submission(folder),
                "optimizer": names[_submission(folder)],
                "framework": framework,
                "seed": float(study[1]) if study else 0.0,
                "trial": int(_matched(_TRIAL, folder)[0]),
                "folder": folder,
            }
        )
    return [_comparison(name, trials[name], tuning_budget) for name in sorted(trials)]


def _comparison(
    workload: str, trials: Sequence[Mapping[str, Any]], tuning_budget: int | None
) -> Comparison:
    ordered = sorted(trials, key=lambda one: (one["optimizer"], one["seed"], one["trial"]))
    read = [_Trial(one["folder"]) for one in ordered]
    known = next((one.target for one in read if one.target), "")
    if known not in _METRICS:
        raise StudyError(
            f"{ordered[0]['folder']}: the target metric of {workload} must be one of "
            f"{list(_METRICS)}; got {known or 'no evaluation at all'!r}"
        )
    rows = [
        {"optimizer": place["optimizer"], "seed": place["seed"], **one.row(known, _METRICS[known])}
        for place, one in zip(ordered, read, strict=True)
    ]
    texts = sorted({name for one in read for name in words(one.settings)})
    table, codes = as_numbers(pd.DataFrame(rows).reindex(columns=_columns(rows, texts)), texts)
    steps: dict[str, list[float]] = {}
    for place, one in zip(ordered, read, strict=True):
        steps.setdefault(place["optimizer"], []).append(one.last("global_step"))
    ranges, said = _all_ranges(ordered, table, codes)
    return of_table(
        workload,
        table,
        tuning_budget=tuning_budget,
        metric=_METRICS[known],
        ranges=ranges,
        origin=os.path.commonpath([one["folder"] for one in ordered]),
        remarks=(
            *by_time(steps),
            *_never_measured(ordered, read),
            *_self_tuned(ordered, read),
            *_told(known, read),
            *_machines(ordered, read),
            *legend(codes),
            *said,
        ),
    )


class _Trial:
    """What the files of one trial hold."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.meta = newest(folder, "meta_data_*.json")
        self.settings = _settings(folder)
        self.evaluations = _evaluations(folder / _EVALUATIONS)
        measured = (name for name in _METRICS if f"validation/{name}" in self.evaluations)
        self.target = str(self.meta.get("workload.target_metric_name") or next(measured, ""))

    def last(self, name: str) -> float:
        """A column's value at the last evaluation; NaN if there is none."""
        known = name in self.evaluations and len(self.evaluations)
        return float(self.evaluations[name].iloc[-1]) if known else math.nan

    def row(self, target: str, metric: Metric) -> dict[str, Any]:
        """The trial's row of the table of its workload."""
        validation = self.last(f"validation/{target}")
        row = {
            "validation": validation,
            "test": self.last(f"test/{target}"),
            "train_loss": self.last("train/loss" if "train/loss" in self.evaluations else "-"),
            "seconds": self.last("accumulated_submission_time"),
            "diverged": not math.isfinite(validation),
            "status": "complete" if len(self.evaluations) else "failed",
            **self._target_reached(target, metric),
        }
        if metric.unit == SHARE:
            row |= {f"num_{split}": self._examples(split) for split in ("validation", "test")}
        settings = {**numbers(self.settings), **words(self.settings)}
        return row | (settings or {_TUNES_ITSELF: 1.0})

    @property
    def wanted(self) -> float | None:
        """The validation target, where the logs have it."""
        value = self.meta.get("workload.validation_target_value")
        return None if value is None else float(value)

    def _target_reached(self, target: str, metric: Metric) -> dict[str, float]:
        name = f"validation/{target}"
        if self.wanted is None or name not in self.evaluations:
            return {}
        errors = metric.error(self.evaluations[name])
        reached = self.evaluations[errors <= metric.error(self.wanted)]["global_step"]
        return {"steps_to_target": float(reached.min()) if len(reached) else math.inf}

    def _examples(self, split: str) -> float:
        given = self.meta.get(f"workload.num_{split}_examples")
        return self.last(f"{split}/num_examples") if given is None else float(given)


def _columns(rows: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> list[str]:
    """All columns of the rows, and of the settings that are words."""
    return list(dict.fromkeys([*(name for row in rows for name in row), *texts]))


def _is_trial(path: Path) -> bool:
    return bool(_TRIAL.fullmatch(path.name) and _WORKLOAD.fullmatch(path.parent.name))


def _matched(pattern: re.Pattern[str], path: Path) -> tuple[str, ...]:
    found = pattern.fullmatch(path.name)
    assert found is not None, path  # `find` has looked
    return found.groups()


def _submission(folder: Path) -> Path:
    above = folder.parents[1]
    return above.parent if _STUDY.fullmatch(above.name) else above


def _names(submissions: set[Path]) -> dict[Path, str]:
    """Names of submissions, with as many folders above as tell them apart."""
    for depth in range(1, 1 + max(len(path.parts) for path in submissions)):
        names = {path: "/".join(path.parts[-depth:]) for path in submissions}
        if len(set(names.values())) == len(names):
            break
    return names


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / "hparams.json"
    if not exists(path):
        return {}
    return {column(name): value for name, value in read_json(path).items()}


def _evaluations(path: Path) -> pd.DataFrame:
    if not exists(path):
        return pd.DataFrame()
    with reading(path):
        text = path.read_text(encoding="utf-8")
    if not text.strip():
        return pd.DataFrame()
    try:
        return pd.read_csv(StringIO(text)).apply(pd.to_numeric)
    except (ValueError, TypeError) as error:
        raise StudyError(f"{path} is not a table of evaluations: {error}") from error


def _told(target: str, trials: Sequence[_Trial]) -> tuple[str, ...]:
    wanted = sorted({one.wanted for one in trials if one.wanted is not None})
    if not wanted:
        return ()
    shown = ", ".join(f"{value:g}" for value in wanted)
    return (
        f"The result is {_METRICS[target].name} at the last evaluation; AlgoPerf scores the time "
        f"to its validation target {shown}.",
    )


def _machines(places: Sequence[Mapping[str, Any]], trials: Sequence[_Trial]) -> tuple[str, ...]:
    """What else differs between submissions, and decides what can be done in the time given."""
    on: dict[str, list[str]] = {}
    for place, one in zip(places, trials, strict=True):
        hardware = one.meta.get("gpu_model_name", "unknown hardware")
        on.setdefault(f"{place['framework']} on {hardware}", []).append(place["optimizer"])
    if len(on) < 2:
        return ()
    each = (f"{machine}: {', '.join(dict.fromkeys(names))}" for machine, names in on.items())
    return (f"Trials ran on different platforms; {'; '.join(each)}.",)


def _never_measured(
    places: Sequence[Mapping[str, Any]], trials: Sequence[_Trial]
) -> tuple[str, ...]:
    """Names the submissions of which nothing is left to compare."""
    measured = {
        p["optimizer"] for p, one in zip(places, trials, strict=True) if len(one.evaluations)
    }
    without = dict.fromkeys(p["optimizer"] for p in places if p["optimizer"] not in measured)
    return (f"No trial was evaluated of: {', '.join(without)}.",) if without else ()


def _self_tuned(places: Sequence[Mapping[str, Any]], trials: Sequence[_Trial]) -> tuple[str, ...]:
    """Names the submissions that have no search space, because they need none."""
    without = [p["optimizer"] for p, one in zip(places, trials, strict=True) if not one.settings]
    shown = ", ".join(dict.fromkeys(without))
    return (f"No hyperparameters were given to: {shown}.",) if without else ()


def _all_ranges(
    places: Sequence[Mapping[str, Any]],
    table: pd.DataFrame,
    codes: Mapping[str, Mapping[str, float]],
) -> tuple[dict[str, dict[str, Dimension]], tuple[str, ...]]:
    """Returns the ranges of each submission, and which files of ranges are of other trials."""
    ranges, said = {}, []
    for submission, name in dict.fromkeys((p["submission"], p["optimizer"]) for p in places):
        folder = next(p["folder"] for p in places if p["submission"] == submission)
        path = space_file(submission, folder)
        if path is None:
            continue
        space = read_space(path, codes)
        if other := outside(space, table[table["optimizer"] == name]):
            said.append(
                f"{path} is not the search space of {name}: its trials have other values of "
                f"{', '.join(other)}."
            )
        else:
            ranges[name] = dimensions(space, rule_named(name))
    return ranges, tuple(said)
