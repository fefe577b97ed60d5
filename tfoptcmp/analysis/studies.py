"""Study directories as tables: one row a trial, for the statistics here and for anyone's pandas.

Reads `tfoptcmp.records` only. Losses are in nats; metrics as the workload's (shares in [0, 1] or
nats), lower is better; steps count from 1; times in seconds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tfoptcmp.records import Status, Study, StudyConfig, StudyError, Trial, find_studies, read_study
from tfoptcmp.signatures import RULES, Signature

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


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyResults:
    """One optimizer's trials on one workload.

    Attributes:
        directory: Where it was read from.
        config: What was studied.
        signature: The optimizer: its rule and search space.
        trials: One row a trial, see `load_studies`.
    """

    directory: Path
    config: StudyConfig
    signature: Signature
    trials: pd.DataFrame

    @property
    def name(self) -> str:
        """Name of the signature."""
        return self.signature.name

    @property
    def title(self) -> str:
        """Name for people: the rule's, unless the signature has one of its own."""
        plain = self.signature.name == self.signature.rule.name
        return self.signature.rule.title if plain else self.signature.name

    @property
    def feasible(self) -> pd.DataFrame:
        """The rows that statistics are made of."""
        return self.trials[self.trials["feasible"]]

    @property
    def num_feasible(self) -> int:
        """N, the feasible trials that there are (not those planned)."""
        return int(self.trials["feasible"].sum())

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
    rows = [_row(study, trial) for trial in study.trials]
    table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(_COLUMNS))
    return StudyResults(
        directory=study.directory,
        config=study.config,
        signature=signature,
        trials=table.astype({"feasible": bool}),
    )


def _row(study: Study, trial: Trial) -> dict[str, Any]:
    config, final = study.config, trial.final or {}
    feasible = trial.status is Status.COMPLETE
    return {
        "study": str(study.directory),
        "workload": config.workload,
        "scale": config.budget["scale"],
        "signature": study.name,
        "rule": config.signature["rule"],
        "study_seed": config.seed,
        "trial": trial.index,
        "status": trial.status.value,
        "feasible": feasible,
        "message": trial.message,
        "steps": trial.steps,
        "seconds": _number(trial.seconds),
        **{name: _number(final.get(name)) for name in FINAL},
        "steps_to_target": _steps_to_target(study, trial) if feasible else math.nan,
        **_prefixed("searched_", trial.values),
        **_prefixed("used_", trial.arguments),
        **_prefixed("seed_", trial.seeds),
    }


def _steps_to_target(study: Study, trial: Trial) -> float:
    target = study.config.budget["target"]
    if target is None:
        return math.nan
    for measurement in study.measurements(trial.index):
        metric, step = measurement["validation_metric"], measurement["step"]
        if metric is not None and step is not None and metric <= target:
            return float(step)
    return math.inf


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _prefixed(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    return {prefix + name: value for name, value in values.items()}


def inclusion_order(results: StudyResults) -> tuple[int, str]:
    """Sorts by: rules in the order of the inclusions, then signatures by name, the plain first."""
    plain = results.name == results.signature.rule.name
    return list(RULES).index(results.signature.rule.name), "" if plain else results.name
