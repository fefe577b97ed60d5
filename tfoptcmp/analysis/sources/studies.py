"""Study directories as tables: one row a trial, for the statistics here and for anyone's pandas.

Losses are in nats; metrics as the workload's (shares in [0, 1] or nats), lower is better; steps
count from 1; times in seconds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from tfoptcmp.rules import RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.study.read import Study, find_studies, read_study
from tfoptcmp.study.schema import COLUMNS, Status, StudyConfig, StudyError, Trial

# The final measurement's columns that the table carries over.
FINAL = (
    "train_loss",
    "train_metric",
    "validation_loss",
    "validation_metric",
    "test_loss",
    "test_metric",
    "gradient_rms",
)

_COLUMNS = (
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
    *FINAL,
    "steps_to_target",
)


def _no_measurements() -> pd.DataFrame:
    return pd.DataFrame(columns=["trial", *COLUMNS], dtype=float)


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyResults:
    """One optimizer's trials on one workload.

    Attributes:
        directory: Where it was read from.
        config: What was studied.
        signature: The optimizer: its rule and search space.
        trials: One row a trial, see `load_studies`.
        measurements: One row a measurement: `trial` and `records.COLUMNS`, by trial and step; NaN
            where a split is absent. Empty where only final results are known.
    """

    directory: Path
    config: StudyConfig
    signature: Signature
    trials: pd.DataFrame
    measurements: pd.DataFrame = field(default_factory=_no_measurements)

    @property
    def name(self) -> str:
        """Name of the signature."""
        return self.signature.name

    @property
    def title(self) -> str:
        """Name for people: the rule's, unless the signature has one of its own."""
        plain = self.signature.name == self.signature.rule.name
        return self.signature.rule.title if plain else self.signature.name

    @cached_property
    def feasible(self) -> pd.DataFrame:
        """The rows that statistics are made of."""
        return self.trials[self.trials["feasible"]]

    @property
    def num_feasible(self) -> int:
        """N, the feasible trials that there are (not those planned)."""
        return len(self.feasible)

    @property
    def num_infeasible(self) -> int:
        """Trials that diverged."""
        return int((self.trials["status"] == Status.INFEASIBLE.value).sum())


def load_studies(directories: Path | str | Sequence[Path | str]) -> pd.DataFrame:
    """Reads studies into one tidy table, one row a trial.

    Columns: `study` (its directory), `workload`, `scale`, `signature`, `rule`, `study_seed`;
    `trial` (index from 0), `status`, `feasible`, `message`, `steps` (done), `seconds`; of the last
    measurement `train_loss`, `train_metric`, `validation_loss`, ..., `gradient_rms`;
    `steps_to_target` (the first measured step at or below the target; inf if feasible and not
    reached, NaN if infeasible or without a target); and for every name that occurs
    `searched_<name>` (hyperparameters as searched), `used_<argument>` (as the optimizer got them)
    and `seed_<purpose>`. NaN where a study has no such column.

        trials = load_studies("studies/digits")
        trials[trials.feasible].groupby("signature").validation_metric.min()

    Args:
        directories: Study directories or their parents.

    Raises:
        StudyError: If there is no study, or a file is damaged.
    """
    tables = [results.trials for results in read_results(directories)]
    return pd.concat(tables, ignore_index=True)


def read_results(directories: Path | str | Sequence[Path | str]) -> list[StudyResults]:
    """Reads studies, in the order given, each directory once.

    Args:
        directories: Study directories or their parents.

    Raises:
        StudyError: If there is no study, or a file is damaged.
    """
    given = [directories] if isinstance(directories, Path | str) else directories
    found = [path for directory in given for path in find_studies(Path(directory))]
    if not found:
        raise StudyError("no study directory was named")
    once = {path.resolve(): path for path in reversed(found)}
    return [_results(read_study(path)) for path in reversed(once.values())]


def _results(study: Study) -> StudyResults:
    try:
        signature = Signature.from_json(study.config.signature)
    except (KeyError, TypeError, ValueError) as error:
        raise StudyError(f"{study.directory}/study.json: signature: {error}") from error
    measurements = _measurements(study)
    rows = [_row(study, trial) for trial in study.trials]
    table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(_COLUMNS))
    table = table.astype({"feasible": bool})
    table["steps_to_target"] = steps_to(table, measurements, study.config.budget["target"])
    return StudyResults(
        directory=study.directory,
        config=study.config,
        signature=signature,
        trials=table,
        measurements=measurements,
    )


def steps_to(
    trials: pd.DataFrame, measurements: pd.DataFrame, target: float | None
) -> "pd.Series[float]":
    """Returns each trial's first measured step with a validation metric at or below the target.

    Args:
        trials: One row a trial, see `load_studies`.
        measurements: Of these trials, see `StudyResults`.
        target: In the metric's unit (shares in [0, 1]); None if there is none.

    Returns:
        With the index of `trials`: inf if feasible and not reached, NaN if infeasible or without a
        target.
    """
    if target is None:
        return pd.Series(math.nan, index=trials.index)
    reached = measurements[measurements["validation_metric"] <= target]
    first = reached.groupby("trial")["step"].min().to_dict()
    steps = [float(first.get(trial, math.inf)) for trial in trials["trial"]]
    return pd.Series(steps, index=trials.index, dtype=float).where(trials["feasible"])


def _measurements(study: Study) -> pd.DataFrame:
    found = {trial.index: study.measurements(trial.index) for trial in study.trials}
    rows = [
        [index, *(_number(measurement.get(name)) for name in COLUMNS)]
        for index, measurements in found.items()
        for measurement in measurements
    ]
    return pd.DataFrame(rows, columns=["trial", *COLUMNS], dtype=float)


def _row(study: Study, trial: Trial) -> dict[str, Any]:
    config, final = study.config, trial.final or {}
    return {
        "study": str(study.directory),
        "workload": config.workload,
        "scale": config.budget["scale"],
        "signature": study.name,
        "rule": config.signature["rule"],
        "study_seed": config.seed,
        "trial": trial.index,
        "status": trial.status.value,
        "feasible": trial.status is Status.COMPLETE,
        "message": trial.message,
        "steps": trial.steps,
        "seconds": _number(trial.seconds),
        **{name: _number(final.get(name)) for name in FINAL},
        "steps_to_target": math.nan,  # from the measurements, see `steps_to`
        **_prefixed("searched_", trial.values),
        **_prefixed("used_", trial.arguments),
        **_prefixed("seed_", trial.seeds),
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _prefixed(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    return {prefix + name: value for name, value in values.items()}


def inclusion_order(results: StudyResults) -> tuple[int, str]:
    """Sorts by: rules in the order of the inclusions, then signatures by name, the plain first.

    Rules from elsewhere come after ours.
    """
    rule = results.signature.rule.name
    place = list(RULES).index(rule) if rule in RULES else len(RULES)
    return place, "" if results.name == rule else results.name
