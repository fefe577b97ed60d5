"""Our own study directories: tables of trials, and comparisons of those that are comparable.

Studies are comparable if they spent the same budget on the same workload and data; the others form
separate comparisons.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfoptcmp.analysis.comparison import Comparison, comparison
from tfoptcmp.analysis.contestant import (
    MEASUREMENTS,
    RERUNS,
    Contestant,
    errors,
    first_steps,
    trials_table,
)
from tfoptcmp.analysis.sources.containers import find_beside
from tfoptcmp.metrics import Metric
from tfoptcmp.study.files import CannotRead, exists
from tfoptcmp.study.files import find as find_files
from tfoptcmp.study.looks import Looks, read_looks
from tfoptcmp.study.read import Study, find_studies, read_reruns, read_study
from tfoptcmp.study.rounds import FILE_NAME, Plan, earlier, judged, read_plan, round_number
from tfoptcmp.study.schema import STANDARD_ERRORS, Status, StudyConfig, StudyError, Trial

_CELLS = itemgetter(*MEASUREMENTS)
# The final measurement's columns that the table of trials carries over.
_FINAL = (*(c for c in MEASUREMENTS if c not in ("step", "learning_rate")), *STANDARD_ERRORS)


def find(path: Path) -> list[Path]:
    """Returns the path if a study lies at it or one level below, or in rounds."""
    try:
        return [path] if near_studies(judged(path)) else []
    except CannotRead:
        # Beside other tools' results a link that leads nowhere is no study.
        if exists(path / FILE_NAME) or near_studies(path):
            raise
        return []


def near_studies(path: Path) -> list[Path]:
    """Returns the study.json files at a path or one level below it."""
    return [*find_files(path, "study.json"), *find_beside(path, "*/study.json")]


def load_studies(directories: Path | str | Sequence[Path | str]) -> pd.DataFrame:
    """Reads studies into one tidy table, one row per trial.

    Columns: `study` (its directory), `workload`, `scale`, `signature`, `rule`, `study_seed`;
    `trial` (index from 0), `status`, `feasible`, `message`, `steps` (done), `seconds`; of the last
    measurement `train_loss`, `train_metric`, `validation_loss`, ..., `gradient_rms`, and the
    standard errors of the metrics; `steps_to_target` (the first measured step at the target or
    better; inf if feasible and not reached, NaN if infeasible or without a target); and for every
    name that occurs `searched_<name>` (hyperparameters as searched), `used_<argument>` (as the
    optimizer got them) and `seed_<purpose>`. NaN where a study has no such column.

        trials = load_studies("studies/digits")
        trials[trials.feasible].groupby("signature").validation_metric.min()

    Args:
        directories: Study directories or their parents.

    Raises:
        StudyError: If there is no study, or a file is damaged.
    """
    return pd.concat([_table(study) for study in _read(directories)], ignore_index=True)


def compare_studies(
    directories: Path | str | Sequence[Path | str], tuning_budget: int | None = None
) -> list[Comparison]:
    """Reads studies and groups those that are comparable, in the order of the workloads' names.

    Comparable studies of one name (another space, version or seed) get their directories' names.

    Args:
        directories: Study directories or their parents.
        tuning_budget: K >= 1, see `comparison`.

    Raises:
        StudyError: If there is no study, or a file is damaged.
        ValueError: If tuning_budget is out of range.
    """
    groups: dict[tuple[str, ...], list[tuple[Study, Contestant]]] = {}
    for study in _read(directories):
        # One after the other: those of 50,000 trials would take some hundred MB more.
        empty = replace(study, trials=(), packed=None)
        groups.setdefault(_what_must_agree(study.config), []).append((empty, contestant(study)))
    return [_comparison(studies, tuning_budget) for _, studies in sorted(groups.items())]


def _read(directories: Path | str | Sequence[Path | str]) -> Iterator[Study]:
    """The studies, in the order given, each directory once."""
    given = [directories] if isinstance(directories, Path | str) else directories
    found = [path for directory in given for path in find_studies(Path(directory))]
    if not found:
        raise StudyError("no study directory was named")
    once = {path.resolve(): path for path in reversed(found)}
    yield from (read_study(path) for path in reversed(once.values()))


def _what_must_agree(config: StudyConfig) -> tuple[str, ...]:
    # The number of trials may differ, and makes the scale "custom" where it does; K is the same.
    spent = {k: v for k, v in config.budget.items() if k not in ("scale", "num_feasible")}
    quantities = [[m.name, m.unit, m.maximize] for m in (config.metric, config.loss)]
    agreeing: list[Any] = [quantities, spent, config.num_examples]
    return config.workload, json.dumps(agreeing, sort_keys=True), config.partial


def _comparison(read: Sequence[tuple[Study, Contestant]], tuning_budget: int | None) -> Comparison:
    """The comparison of studies that are comparable; of them it needs no trials."""
    studies, contestants = [study for study, _ in read], _told_apart([one for _, one in read])
    config = studies[0].config
    target = config.budget["target"]
    made = comparison(
        workload=config.workload,
        metric=config.metric,
        loss=config.loss,
        contestants=contestants,
        tuning_budget=tuning_budget,
        budget={name: config.budget[name] for name in ("steps", "batch_size")},
        target=None if target is None else config.metric.error(target),
        num_examples=config.num_examples,
        interval_steps=config.budget["eval_every_steps"],
        partial=config.partial,
    )
    scales = [str(c.record.budget["scale"]) for c in made.contestants if c.record is not None]
    return replace(
        made,
        scale="/".join(dict.fromkeys(scales)),
        looks=_looks(studies),
        refinement=_refinement(studies),
    )


def _told_apart(contestants: Sequence[Contestant]) -> list[Contestant]:
    """Contestants of one name, of several directories, each with what its directory is called."""
    names = Counter(one.name for one in contestants)
    found = []
    for one in contestants:
        if names[one.name] > 1:
            alike = [Path(c.directory).resolve() for c in contestants if c.name == one.name]
            label = _which(Path(one.directory).resolve(), alike)
            one = replace(one, name=f"{one.name} ({label})", title=f"{one.title} ({label})")
        found.append(one)
    return found


def _which(directory: Path, others: Sequence[Path]) -> str:
    """The part of a directory's path, from its end, that no other has at this place."""
    parts = directory.parts
    for place in range(1, len(parts)):
        at_place = [path.parts[-place] for path in others if len(path.parts) >= place]
        if at_place.count(parts[-place]) == 1:
            return parts[-place]
    return str(directory)


def _looks(studies: Sequence[Study]) -> Looks | None:
    """The looks beside these studies, if all that were looked at are among them."""
    parents = {study.directory.resolve().parent for study in studies}
    looks = read_looks(parents.pop()) if len(parents) == 1 else None
    if looks is None:
        return None
    names = {name for pair in looks.plan.pairs for name in pair}
    return looks if names <= {study.name for study in studies} else None


def _refinement(studies: Sequence[Study]) -> Plan | None:
    """The plan of the refinement that all these studies are a round of."""
    parents = {study.directory.resolve().parent for study in studies}
    if len(parents) > 1 or round_number(parent := parents.pop()) is None:
        return None
    return read_plan(parent.parent)


def _earlier(study: Study) -> tuple[Contestant, ...]:
    """The same optimizer in the rounds before."""
    found = earlier(study.directory.resolve())
    return tuple(contestant(read_study(path), alone=True) for path in found)


def contestant(study: Study, *, alone: bool = False) -> Contestant:
    """Returns a study as a contestant.

    Args:
        study: What was read.
        alone: Whether to leave out the rounds before.

    Raises:
        StudyError: If a study of an earlier round is missing or damaged.
    """
    signature = study.signature
    metric = study.config.metric
    measurements = _measurements(study)
    trials = _errors(metric, _table(study, measurements))
    measurements = _errors(metric, measurements)
    largest = measurements.groupby("trial")["gradient_rms"].max()
    trials = trials_table(
        _worst_if_lost(trials, study.config).assign(
            largest_gradient_rms=trials["trial"].map(largest).astype(float),
            seed=trials.get("seed_weights"),
        )
    )
    plain = signature.name == signature.rule.name
    return Contestant(
        name=signature.name,
        title=signature.rule.title if plain else signature.name,
        rule=signature.rule,
        trials=trials,
        dimensions=signature.space.dimensions,
        own=signature.space.own,
        schedule=signature.schedule,
        source=signature.space.source,
        measurements=measurements,
        reruns=_errors(metric, _reruns(study.directory)),
        earlier=() if alone else _earlier(study),
        record=study.config,
        directory=str(study.directory),
    )


def _errors(metric: Metric, table: pd.DataFrame) -> pd.DataFrame:
    """The metrics of a table as errors."""
    columns = [name for name in table if str(name).endswith("_metric")]
    return table.assign(**{name: errors(metric, table[name]) for name in columns})


def _worst_if_lost(trials: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Measured NaN becomes inf, the worst value; NaN stays for what was not measured."""
    columns = [f"{split}_{kind}" for split in config.num_examples for kind in ("loss", "metric")]
    lost = trials[columns].isna() & trials[["feasible"]].to_numpy()
    return trials.assign(**trials[columns].mask(lost, math.inf))


def _table(study: Study, measurements: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per trial, with the columns of `load_studies`."""
    metric, target = study.config.metric, study.config.budget["target"]
    if measurements is None:
        measurements = _measurements(study)
    table = pd.DataFrame([_row(study, trial) for trial in study.trials])
    if table.empty:
        table = pd.DataFrame(columns=[*_STUDY_COLUMNS, *_FINAL])
    table = table.astype({"feasible": bool})
    return table.assign(
        steps_to_target=first_steps(
            table, _errors(metric, measurements), None if target is None else metric.error(target)
        )
    )


_STUDY_COLUMNS = (
    "study",
    "workload",
    "scale",
    "signature",
    "rule",
    "study_seed",
    "trial",
    "status",
    "feasible",
    "message",
    "steps",
    "seconds",
)


def _row(study: Study, trial: Trial) -> dict[str, Any]:
    config, final = study.config, trial.final or {}
    facts = (
        str(study.directory),
        config.workload,
        config.budget["scale"],
        study.name,
        study.signature.rule.name,
        config.seed,
        trial.index,
        trial.status.value,
        trial.status is Status.COMPLETE,
        trial.message,
        trial.steps,
        _number(trial.seconds),
    )
    return {
        **dict(zip(_STUDY_COLUMNS, facts, strict=True)),
        **{name: _number(final.get(name)) for name in _FINAL},
        **_prefixed("searched_", trial.values),
        **_prefixed("used_", trial.arguments),
        **_prefixed("seed_", trial.seeds),
    }


def _measurements(study: Study) -> pd.DataFrame:
    rows, trials = [], []
    for trial in study.trials:
        measured = study.measurements(trial.index)
        rows += [_CELLS(measurement) for measurement in measured]
        trials += [trial.index] * len(measured)
    cells = np.array(rows, dtype=np.float64).reshape(-1, len(MEASUREMENTS))  # None becomes NaN
    table = np.column_stack([np.array(trials, dtype=np.float64), cells])
    return pd.DataFrame(table, columns=["trial", *MEASUREMENTS])


def _reruns(study: Path) -> pd.DataFrame:
    """The re-runs of a study that ended, in the order of trial and number."""
    rows = []
    for (index, rerun), trial in read_reruns(study).items():
        final = (trial.final if trial.status is Status.COMPLETE else None) or {}
        metrics = [_number(final.get(column)) for column in ("validation_metric", "test_metric")]
        rows.append([index, rerun, trial.status.value, trial.seeds.get("weights"), *metrics])
    return pd.DataFrame(rows, columns=list(RERUNS))


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _prefixed(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    return {prefix + name: value for name, value in values.items()}
