"""Studies in a journal of Optuna's: one operation a line, as JSON.

What Optuna refuses when it replays a journal is left out here, too: a study whose name is taken,
changes of a trial that has ended.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfoptcmp.analysis.sources.containers import first_line
from tfoptcmp.analysis.sources.optuna_study import METRIC_NAMES, Study, Trial, external
from tfoptcmp.study.schema import StudyError

# Numbers in the journal.
_DIRECTIONS = ("NOT_SET", "MINIMIZE", "MAXIMIZE")
_STATES = ("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING")
_FINISHED = ("COMPLETE", "PRUNED", "FAIL")


def is_journal(path: Path) -> bool:
    """Returns whether a file is one, from its first line."""
    line = first_line(path)
    try:
        return line.startswith("{") and "op_code" in json.loads(line)
    except ValueError:
        return False


def journal_studies(path: Path) -> list[Study]:
    """Reads all studies in a journal.

    Raises:
        StudyError: If a line that is not the last is no JSON; the message names it.
    """
    replay = _Replay(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            operation = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                break  # it was being written
            raise StudyError(f"{path}, line {number}: must be JSON; {error}") from error
        replay.apply(operation)
    return replay.studies()


class _Replay:
    """The studies that operations of a journal lead to.

    Studies and trials are numbered as they are created, over the whole journal.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._studies: dict[int, Study] = {}
        self._created = 0
        self._trials: list[Trial] = []
        self._owners: list[int] = []

    def studies(self) -> list[Study]:
        return [
            replace(
                study,
                trials=tuple(
                    trial
                    for trial, owner in zip(self._trials, self._owners, strict=True)
                    if owner == number
                ),
            )
            for number, study in self._studies.items()
        ]

    def apply(self, operation: Mapping[str, Any]) -> None:
        match operation["op_code"]:
            case 0:
                self._create_study(operation)
            case 1:
                self._studies.pop(operation["study_id"], None)
            case 3:
                if names := operation["system_attr"].get(METRIC_NAMES):
                    number = operation["study_id"]
                    self._studies[number] = replace(self._studies[number], objective=names[0])
            case 4:
                self._create_trial(operation)
            case 5 | 6 | 7 | 8:
                self._set(operation)

    def _create_study(self, operation: Mapping[str, Any]) -> None:
        if any(study.name == operation["study_name"] for study in self._studies.values()):
            return  # refused
        self._studies[self._created] = Study(
            name=operation["study_name"],
            path=self._path,
            directions=tuple(_DIRECTIONS[number] for number in operation["directions"]),
            trials=(),
        )
        self._created += 1

    def _create_trial(self, operation: Mapping[str, Any]) -> None:
        if operation["study_id"] not in self._studies:
            return  # refused
        distributions = {
            name: json.loads(given) for name, given in operation.get("distributions", {}).items()
        }
        self._owners.append(operation["study_id"])
        self._trials.append(
            Trial(
                state=_STATES[operation.get("state", 0)],
                value=_first(operation.get("values") or [operation.get("value")]),
                reported={
                    int(step): value
                    for step, value in operation.get("intermediate_values", {}).items()
                },
                parameters={
                    name: external(value, distributions[name])
                    for name, value in operation.get("params", {}).items()
                },
                distributions=distributions,
                attributes=dict(operation.get("user_attrs", {})),
            )
        )

    def _set(self, operation: Mapping[str, Any]) -> None:
        number = operation["trial_id"]
        trial = self._trials[number]
        if trial.state in _FINISHED:
            return  # refused
        match operation["op_code"]:
            case 5:
                name = operation["param_name"]
                distribution = json.loads(operation["distribution"])
                value = external(operation["param_value_internal"], distribution)
                trial.parameters[name] = value
                trial.distributions[name] = distribution
            case 6:
                values = operation["values"]
                self._trials[number] = replace(
                    trial,
                    state=_STATES[operation["state"]],
                    value=trial.value if values is None else _first(values),
                )
            case 7:
                trial.reported[operation["step"]] = operation["intermediate_value"]
            case 8:
                trial.attributes.update(operation["user_attr"])


def _first(values: list[Any]) -> float:
    return math.nan if values[0] is None else float(values[0])
