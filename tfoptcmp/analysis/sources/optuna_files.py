"""Studies in Optuna's files: storages (SQLite, journal) and the CSV of `trials_dataframe`.

A storage has the direction and the distribution of each parameter; the CSV has neither. Optuna need
not be installed.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tfoptcmp.analysis.sources.containers import (
    csv_header,
    opened,
    rows,
    sqlite_tables,
    why,
)
from tfoptcmp.analysis.sources.optuna_journal import is_journal, journal_studies
from tfoptcmp.analysis.sources.optuna_study import METRIC_NAMES, Study, Trial, external
from tfoptcmp.study.files import reading
from tfoptcmp.study.schema import StudyError

_TABLES = frozenset(("studies", "study_directions", "trials", "trial_params", "trial_values"))
_OBJECTIVE = re.compile("value|values?_.+|values")
_INFINITIES = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}


def is_optuna(path: Path) -> bool:
    """Returns whether a file is one of these, from its first bytes."""
    return is_storage(path) or _is_csv(path)


def is_storage(path: Path) -> bool:
    """Returns whether a file is an SQLite file or a journal of Optuna's."""
    return is_journal(path) or sqlite_tables(path) >= _TABLES


def studies_in(path: Path) -> list[Study]:
    """Reads all studies in a file.

    Raises:
        StudyError: If it is damaged; the message names it.
    """
    with reading(path):
        try:
            if _is_csv(path):
                return [_csv_study(path)]
            return journal_studies(path) if is_journal(path) else _sqlite_studies(path)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise StudyError(f"{path} is not a file of Optuna's: {why(error)}") from error


def _is_csv(path: Path) -> bool:
    names = csv_header(path)
    known = {"number", "state"} <= set(names) and "optimizer" not in names
    return known and any(map(_OBJECTIVE.fullmatch, names))


def _csv_study(path: Path) -> Study:
    levels = [0, 1] if "params" in csv_header(path) else 0  # of multi_index=True
    table = pd.read_csv(path, header=levels)
    if levels:
        table.columns = [
            first if str(second).startswith("Unnamed:") else f"{first}_{second}"
            for first, second in table.columns
        ]
    objectives = [name for name in map(str, table) if _OBJECTIVE.fullmatch(name)]
    trials = [
        Trial(
            state=str(row["state"]),
            value=float(row[objectives[0]]),
            parameters=_with_prefix("params_", row),
            attributes=_with_prefix("user_attrs_", row),
        )
        for row in table.to_dict("records")
    ]
    return Study(
        name=path.stem,
        path=path,
        directions=("NOT_SET",) * len(objectives),
        trials=tuple(trials),
        objective=re.sub("values?_?", "", objectives[0], count=1),
        has_distributions=False,
    )


def _with_prefix(prefix: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        str(name).removeprefix(prefix): value
        for name, value in row.items()
        if str(name).startswith(prefix) and pd.notna(value)
    }


def _sqlite_studies(path: Path) -> list[Study]:
    with opened(path) as database:
        tables = {
            name: rows(database, f"SELECT * FROM {name} ORDER BY 1")
            for name in (
                *("studies", "study_directions", "study_system_attributes", "trials"),
                *("trial_params", "trial_values", "trial_user_attributes"),
                "trial_intermediate_values",
            )
        }
    of_trial = {name: _by("trial_id", tables[name]) for name in tables if name.startswith("trial_")}
    of_study = {
        name: _by("study_id", tables[name])
        for name in ("study_directions", "study_system_attributes", "trials")
    }
    found = []
    for study in tables["studies"]:
        key = study["study_id"]
        directions = sorted(of_study["study_directions"][key], key=lambda row: row["objective"])
        named = [
            json.loads(row["value_json"])
            for row in of_study["study_system_attributes"][key]
            if row["key"] == METRIC_NAMES
        ]
        trials = sorted(of_study["trials"][key], key=lambda row: row["number"])
        found.append(
            Study(
                name=str(study["study_name"]),
                path=path,
                directions=tuple(row["direction"] for row in directions),
                trials=tuple(_sqlite_trial(trial, of_trial) for trial in trials),
                objective=named[0][0] if named else "",
            )
        )
    return found


def _sqlite_trial(
    trial: Mapping[str, Any], tables: Mapping[str, Mapping[Any, list[dict[str, Any]]]]
) -> Trial:
    of_it = {name: known[trial["trial_id"]] for name, known in tables.items()}
    parameters = of_it["trial_params"]
    distributions = {row["param_name"]: json.loads(row["distribution_json"]) for row in parameters}
    return Trial(
        state=trial["state"],
        value=next(
            (_number(row, "value") for row in of_it["trial_values"] if not row["objective"]),
            math.nan,
        ),
        reported={
            row["step"]: _number(row, "intermediate_value")
            for row in of_it["trial_intermediate_values"]
        },
        parameters={
            row["param_name"]: external(row["param_value"], distributions[row["param_name"]])
            for row in parameters
        },
        distributions=distributions,
        attributes={
            row["key"]: json.loads(row["value_json"]) for row in of_it["trial_user_attributes"]
        },
    )


def _by(key: str, table: Iterable[dict[str, Any]]) -> Mapping[Any, list[dict[str, Any]]]:
    found: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in table:
        found[row[key]].append(row)
    return found


def _number(row: Mapping[str, Any], column: str) -> float:
    """SQLite has no NaN and some databases no infinity: they are in a column of their own."""
    kind = str(row.get(f"{column}_type", "FINITE"))
    return _INFINITIES.get(kind, math.nan if row[column] is None else float(row[column] or 0.0))
