"""Studies of Optuna as comparisons.

    an SQLite file, a journal file, or the CSV of `study.trials_dataframe()`

A parameter that names the optimizer (`optimizer`, `opt` ...) makes a study a comparison; studies
without one are the trials of one optimizer each, which the study is named after. The objective is
the validation metric, since trials are selected by it; a user attribute such as `test_error` is the
test metric, and `seed`, `steps` and `diverged` are what they say. Ranges are the parameters'
distributions.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.sources.columns import RESULTS
from tfoptcmp.analysis.sources.folders import folders
from tfoptcmp.analysis.sources.optuna_direction import direction_by_attributes
from tfoptcmp.analysis.sources.optuna_files import is_optuna, is_storage, studies_in
from tfoptcmp.analysis.sources.optuna_ranges import is_outside, ranges
from tfoptcmp.analysis.sources.optuna_study import Study, Trial
from tfoptcmp.analysis.sources.result_names import (
    higher_is_better,
    metric_of,
    result_on_test,
)
from tfoptcmp.analysis.sources.setting_names import is_role
from tfoptcmp.analysis.sources.settings import (
    number,
    optimizer_settings,
    settings_of,
    spelled,
)
from tfoptcmp.analysis.sources.statuses import none_ended
from tfoptcmp.analysis.sources.tables import of_table
from tfoptcmp.analysis.sources.workloads import by_workload, workload_settings
from tfoptcmp.rules import rule_named
from tfoptcmp.study.schema import StudyError

_UNNAMED = "no-name-"  # the name of a study that was given none starts so
_NOT_NAMED = "?"  # the optimizer of a trial that ended before it was chosen
_STORAGES = (".db", ".sqlite", ".sqlite3", ".log", ".journal")
_UNFINISHED = ("RUNNING", "WAITING", "FAIL", "PRUNED")

_SAMPLER = (
    "Optuna does not record the sampler: intervals and verdicts hold for random and quasi-random "
    "search, not for TPE, its default, whose trials depend on each other."
)


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A trial, its optimizer, and the parameters beside it."""

    trial: Trial
    optimizer: str
    parameters: Mapping[str, Any]


def find(path: Path) -> list[Path]:
    """Returns the path if it is a file of Optuna's, or the storages at it or in its folders."""
    if not path.is_dir():
        return [path] if is_optuna(path) else []
    files = [folder / n for folder, names in folders(path) for n in names if n.endswith(_STORAGES)]
    return [file for file in files if is_storage(file)]


def read(
    files: Sequence[Path], tuning_budget: int | None = None, *, maximize: bool = False
) -> list[Comparison]:
    """Reads studies; returns a comparison for each that names optimizers, and one of all others.

    Args:
        files: As `find` returns them.
        tuning_budget: K >= 1; by default `planned_tuning_budget` of the trials.
        maximize: Whether the user says that higher values are better, where a file does not say it.

    Raises:
        StudyError: If a file is damaged, no study has trials and one objective, optimizers are not
            named, or it is not clear which values are better.
    """
    said: list[str] = []
    usable = []
    for study in (study for path in files for study in studies_in(path)):
        if len(study.directions) > 1:
            said.append(
                f"Optuna study '{study.name}' has {len(study.directions)} objectives: trials are "
                "compared by one, so it is left out."
            )
        elif not study.trials:
            said.append(f"Optuna study '{study.name}' has no trials.")
        else:
            usable.append(study)
    if not usable:
        where = ", ".join(map(str, files))
        raise StudyError(f"{where}: there is no study to read. {' '.join(said)}".strip())
    found, of_one = [], []
    for study in usable:
        if rows := _with_optimizers(study):
            found += _comparisons([study], rows, study.name, tuning_budget, said, maximize)
        else:
            of_one.append(study)
    for some in _together(of_one):
        found += _of_studies(some, tuning_budget, said, maximize)
    return found


def _together(studies: Sequence[Study]) -> list[list[Study]]:
    """Returns which are a comparison: those of one folder, or one each of folders side by side."""
    of_folder: dict[Path, list[Study]] = {}
    for study in studies:
        of_folder.setdefault(study.path.absolute().parent, []).append(study)
    if len({folder.parent for folder in of_folder}) == 1 and len(of_folder) == len(studies):
        return [list(studies)]
    return list(of_folder.values())


def _with_optimizers(study: Study) -> list[_Row]:
    """Returns the trials of a study that names each one's optimizer; empty if it does not."""
    trials = study.trials
    in_parameters = optimizer_settings([trial.parameters for trial in trials])
    in_attributes = optimizer_settings([trial.attributes for trial in trials])
    if not in_parameters and not in_attributes:
        return []
    named = [
        trial.parameters.get(in_parameters[0])
        if in_parameters
        else trial.attributes.get(in_attributes[0])
        for trial in trials
    ]
    return [
        _Row(
            trial=trial,
            optimizer=optimizer or _NOT_NAMED,
            parameters={n: v for n, v in trial.parameters.items() if n not in in_parameters[:1]},
        )
        for trial, optimizer in zip(trials, spelled(named), strict=True)
    ]


def _of_studies(
    studies: Sequence[Study], tuning_budget: int | None, said: Sequence[str], maximize: bool
) -> list[Comparison]:
    """Returns the comparisons of studies that are of one optimizer each."""
    names = [study.name for study in studies]
    nameless = [study for study in studies if study.name.startswith(_UNNAMED)]
    nameless += [study for study in studies if not study.has_distributions and len(studies) == 1]
    nameless = [study for study in nameless if rule_named(study.name) is None]
    if nameless:
        raise StudyError(
            f"{nameless[0].path}: Optuna study '{nameless[0].name}' does not say which optimizer a "
            "trial used: tune a parameter 'optimizer', or give each optimizer a study of its name"
        )
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise StudyError(
            f"{studies[0].path}: studies of one optimizer each must have distinct names; got "
            f"{twice[0]!r} {names.count(twice[0])} times"
        )
    directions = {study.directions for study in studies}
    if len(directions) > 1:
        each = ", ".join(f"{study.name} {study.directions[0]}" for study in studies)
        raise StudyError(f"{studies[0].path}: studies must have the same direction; got {each}")
    workload, optimizers = _common_part(names)
    rows = [
        _Row(trial=trial, optimizer=optimizer, parameters=trial.parameters)
        for study, optimizer in zip(studies, optimizers, strict=True)
        for trial in study.trials
    ]
    taken = (
        *said,
        f"No parameter names the optimizer: each study is taken for one, {', '.join(optimizers)}.",
    )
    called = workload or studies[0].path.stem
    return _comparisons(studies, rows, called, tuning_budget, taken, maximize)


def _common_part(names: Sequence[str]) -> tuple[str, list[str]]:
    """Splits "digits_adam" and "digits_sgd" into "digits" and the optimizers."""
    if len(names) < 2 or all(rule_named(name) for name in names):
        return "", list(names)
    start = _shared_start(names)
    rest = [name.removeprefix(start) for name in names]
    end = _shared_start([name[::-1] for name in rest])[::-1]
    return (start + end).strip("_./:- "), [name.removesuffix(end) for name in rest]


def _shared_start(names: Sequence[str]) -> str:
    """Returns with what all names begin, up to a separator."""
    length = 0
    while all(name[: length + 1] == names[0][: length + 1] for name in names) and length < min(
        map(len, names)
    ):
        length += 1
    return re.sub(r"[^_./: -]*$", "", names[0][:length])


def _comparisons(
    studies: Sequence[Study],
    rows: Sequence[_Row],
    workload: str,
    tuning_budget: int | None,
    said: Sequence[str],
    maximize: bool,
) -> list[Comparison]:
    """Returns a comparison for each data set that parameters or user attributes name."""
    said = [*map(_described, studies), *said]
    rows, left_out = _named(studies[0], rows)
    said += left_out
    given = [{**row.trial.attributes, **row.parameters} for row in rows]
    names = workload_settings(given)
    states = ["diverged" if _diverged(row.trial) else row.trial.state for row in rows]
    groups, more = by_workload(given, names, workload, states)
    return [
        _comparison(
            studies,
            [_without(names, rows[i]) for i in places],
            called,
            tuning_budget,
            [*said, *more],
            maximize,
        )
        for called, places in groups.items()
    ]


def _without(names: Sequence[str], row: _Row) -> _Row:
    """A trial without the settings that name its data set."""
    parameters, attributes = (
        {name: value for name, value in given.items() if name not in names}
        for given in (row.parameters, row.trial.attributes)
    )
    return replace(row, parameters=parameters, trial=replace(row.trial, attributes=attributes))


def _comparison(
    studies: Sequence[Study],
    rows: Sequence[_Row],
    workload: str,
    tuning_budget: int | None,
    said: Sequence[str],
    is_said_higher: bool,
) -> Comparison:
    said = list(said)
    attributes = pd.DataFrame([row.trial.attributes for row in rows], index=range(len(rows)))
    found = settings_of(
        [row.parameters for row in rows],
        [row.optimizer for row in rows],
        lambda optimizer, setting, column: True,  # each was suggested
        has_steps=any(is_role(name, "steps") for name in _numbers(attributes)),
    )
    direction, objective = studies[0].directions[0], studies[0].objective
    known = direction != "NOT_SET"
    maximize = direction == "MAXIMIZE" if known else higher_is_better(objective)
    if maximize is None and not is_said_higher:
        complete = [i for i, row in enumerate(rows) if row.trial.state == "COMPLETE"]
        values_there = pd.Series([rows[i].trial.value for i in complete], complete, dtype=float)
        maximize, why = direction_by_attributes(
            studies[0].path, values_there, attributes[_numbers(attributes)]
        )
        said += [why] if why else []
    test = result_on_test(_numbers(attributes), objective, maximize)
    results, read = _results(rows, attributes, test)
    table = found.table.assign(**results)
    if maximize is None:
        said.append(
            "A CSV of trials_dataframe() does not say which values are better: lower ones are "
            "taken for better. If higher ones are, give --maximize."
        )
    elif not known and objective:
        side = "higher" if maximize else "lower"
        said.append(
            f"A CSV of trials_dataframe() does not say which values are better: {side} ones, by "
            f"the name {objective}."
        )
    if test:
        said.append(f"The test metric is the user attribute {test}.")
    said += [*found.said, *_on_statuses(rows, table), _SAMPLER, *none_ended(table)]
    values = [table[split] for split in ("validation", "test") if split in table]
    called = objective or (test and higher_is_better(test) == maximize and test) or ""
    outside = Counter(
        (row.optimizer, name)
        for row in rows
        for name, value in row.parameters.items()
        if is_outside(value, row.trial.distributions.get(name, {}))
    )
    searched, unclear = ranges(
        ((row.optimizer, row.trial.distributions) for row in rows), found.columns, outside
    )
    said += unclear
    return of_table(
        workload,
        table,
        tuning_budget=tuning_budget,
        metric=None if maximize is None else metric_of(called, maximize=maximize, values=values),
        ranges=searched,
        unread=found.unread,
        not_read=tuple(str(name) for name in attributes if name not in read),
        remarks=tuple(said),
        schedules=found.schedules,
        origin=studies[0].path,
    )


def _described(study: Study) -> str:
    direction = study.directions[0].lower().replace("not_set", "not known")
    ranges = "" if study.has_distributions else ", no ranges"
    return (
        f"Optuna study '{study.name}', {len(study.trials)} trials, direction {direction}{ranges}."
    )


def _named(study: Study, rows: Sequence[_Row]) -> tuple[list[_Row], list[str]]:
    """Leaves out trials that ended without an optimizer."""
    kept = [row for row in rows if row.optimizer != _NOT_NAMED or row.trial.state in _UNFINISHED]
    if all(row.optimizer == _NOT_NAMED for row in kept):
        raise StudyError(f"{study.path}: no trial of Optuna study '{study.name}' has an optimizer")
    wrong = len(rows) - len(kept)
    return kept, [f"Trials left out, since they have no optimizer: {wrong}."] if wrong else []


def _numbers(table: pd.DataFrame) -> list[str]:
    return [
        str(name)
        for name in table
        if all(number(value) is not None for value in table[name].dropna())
    ]


def _results(
    rows: Sequence[_Row], attributes: pd.DataFrame, test: str
) -> tuple[dict[str, Any], list[str]]:
    """Returns columns of results, and which attributes were read for them."""
    validation = pd.Series([row.trial.value for row in rows], dtype=float)
    found: dict[str, Any] = {"validation": validation}
    read = []
    for name in _numbers(attributes):
        roles = [role for role in ("seed", "steps") if is_role(name, role)]
        known = "test" if name == test else next(iter(roles), name)
        if known in RESULTS and known not in found and (known == "test") == (name == test):
            found[known] = attributes[name].astype(float)
            read.append(name)
    diverged = pd.Series([_diverged(row.trial) for row in rows])
    if "diverged" in attributes:
        read.append("diverged")
    words = pd.Series([row.trial.state for row in rows], dtype=object)
    found["status"] = words.mask(diverged, "diverged")
    found["diverged"] = diverged
    return found, read


def _diverged(trial: Trial) -> bool:
    """Whether it is on record that a trial diverged; Optuna calls one that returned NaN failed."""
    if trial.attributes.get("diverged") in (True, 1):
        return True
    if trial.state == "COMPLETE":
        return not math.isfinite(trial.value)
    last = trial.reported[max(trial.reported)] if trial.reported else None
    return trial.state in ("FAIL", "PRUNED") and last is not None and not math.isfinite(last)


def _on_statuses(rows: Sequence[_Row], table: pd.DataFrame) -> list[str]:
    said = []
    states = [row.trial.state for row in rows]
    counted = [s for s, d in zip(states, table["diverged"], strict=True) if d and s != "COMPLETE"]
    if counted:
        said.append(
            f"Failed or pruned trials that count as diverged: {len(counted)}. The last value that "
            "they reported is not finite, or their attribute says so."
        )
    if (table["status"] == "FAIL").any():
        said.append(
            "Optuna records a trial that returned NaN as failed, like one that crashed: some of "
            "the failed trials may have diverged. Set the user attribute 'diverged' to tell."
        )
    return said
