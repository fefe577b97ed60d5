"""The files of a study directory, which are the only record of a study.

    <study_dir>/<signature>/
        study.json                    what was studied: `StudyConfig`
        lock                          held by the one process that writes
        trials/<index>/metadata.json  `Trial`: point, hyperparameters, status, times
        trials/<index>/measurements.csv   one row per measurement, see COLUMNS
        trials/<index>/               TensorBoard events beside them

Plain text, no pickle. JSON files are replaced atomically and durably (`tfoptcmp.study.durable`);
measurements are appended a line at a time, so that a kill loses at most the line being written.
Once the end of a trial is recorded, it and its measurements survive a power cut. Written by
`tfoptcmp.study.write`, read by `tfoptcmp.study.read`. Steps count training steps from 1; losses are
in nats; times in seconds since 1970 (UTC). Nothing here imports TensorFlow.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Required, TypedDict

from tfoptcmp.conversion import Count, Name, NonNegative, Number, PositiveCount
from tfoptcmp.metrics import Metric

SCHEMA_VERSION = 3
"""2 added `tuning_budget`; 3 the whole of `metric`, and `loss`."""

GRID = "grid"
"""All points of a space of choices, once."""

SEARCHES = ("quasirandom", "random", GRID)
"""How points are drawn from a search space."""

Cell = NonNegative | Literal["nan", "inf"] | None
Signed = Number | Literal["nan", "inf", "-inf"] | None


class Row(TypedDict, total=False):
    """A measurement in a JSON file.

    Losses are without regularisation and label smoothing, in evaluation mode, "train" on a fixed
    subset of the training split; metrics are the workload's, as users know them. gradient_rms is
    the root mean square over all entries of the training objective's gradient, and learning_rate
    the rate, that the step named used: both from before its update. A standard error is what the
    metric varies by because its split is finite; only the last measurement of a trial has it.
    Empty or left out where a split is absent or was not measured: before the last step only
    validation is, unless asked for otherwise.
    """

    step: Required[Count]
    learning_rate: Cell
    train_loss: Signed
    train_metric: Signed
    validation_loss: Signed
    validation_metric: Signed
    test_loss: Signed
    test_metric: Signed
    gradient_rms: Cell
    validation_standard_error: Cell
    test_standard_error: Cell


STANDARD_ERRORS = ("validation_standard_error", "test_standard_error")

COLUMNS = tuple(name for name in Row.__annotations__ if name not in STANDARD_ERRORS)
"""Those of measurements.csv."""

Measurement = dict[str, float | int | None]


class StudyError(Exception):
    """A study directory cannot be used as requested; the message says why and what to do."""


class StudyFailed(StudyError):
    """A study cannot be completed because of its own trials; the studies beside it can."""


class Status(StrEnum):
    """The state of a trial."""

    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"  # feasible: the training loss stayed finite to the end
    INFEASIBLE = "INFEASIBLE"  # the training loss became NaN or infinite
    FAILED = "FAILED"  # a crash: says nothing about the optimizer

    @property
    def has_ended(self) -> bool:
        """Whether it says something about the optimizer; a trial that crashed is run again."""
        return self in (Status.COMPLETE, Status.INFEASIBLE)


class Devices(TypedDict, total=False):
    """Settings of the devices that can change a result, if they are not the defaults."""

    distribution: Name
    replicas: PositiveCount
    mixed_precision: bool
    jit_compile: bool


class EarlierVersions(TypedDict):
    """`StudyConfig.versions` before a change that was accepted.

    Attributes:
        versions: What it was.
        num_trials: Trials ended until then.
    """

    versions: Mapping[str, str]
    num_trials: Count


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """Everything that determines the trials of a study, and where they were run; `study.json`.

    Attributes:
        signature: `Signature.to_json()`.
        workload: Name of the workload.
        metric: The workload's, of validation and test.
        loss: What training minimises, apart from regularisation and label smoothing.
        budget: `asdict` of the `Budget`, with the scale.
        num_examples: Split name to number of examples, for standard errors.
        partial: What the data lack; "" if complete.
        seed: Seed of the study.
        search: One of SEARCHES.
        num_feasible: N, the feasible trials to reach; may be raised later.
        max_trials: Limit on all trials, infeasible ones included.
        tuning_budget: K, the trials of the practitioner that the study is for; planned, so that the
            question does not depend on the trials that happen to exist.
        threads_per_trial: Threads of one operation; 0 leaves the choice to TensorFlow.
        versions: Package name to version, as far as they can change a result.
        provenance: Command line, git commit, hardware, start time: for people, never compared.
        devices: Other settings that can change a result.
        fingerprints: Of what a user gave for the workload, by what it is; see `Workload`.
        earlier_versions: In order.
    """

    signature: Mapping[str, Any]
    workload: Name
    metric: Metric
    loss: Metric
    budget: Mapping[str, Any]
    num_examples: Mapping[str, PositiveCount]
    partial: str
    seed: Count
    search: Name
    num_feasible: PositiveCount
    max_trials: PositiveCount
    tuning_budget: PositiveCount
    threads_per_trial: Count
    versions: Mapping[str, str]
    provenance: Mapping[str, Any]
    devices: Devices = field(default_factory=Devices)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    earlier_versions: Sequence[EarlierVersions] = ()
    schema_version: int = SCHEMA_VERSION


def planned_tuning_budget(num_feasible: int) -> int:
    """Returns K of a plan for N feasible trials that does not name it: N // 10, at least 2."""
    return max(2, num_feasible // 10)


def planned_max_trials(num_feasible: int) -> int:
    """Returns the limit on all trials of a plan for N feasible ones that does not name it: 10 N."""
    return 10 * num_feasible


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial; `metadata.json`.

    Attributes:
        index: Number of its point in the sequence, from 0.
        status: See `Status`.
        values: Hyperparameters as searched, by the search space's names.
        arguments: Hyperparameters as used, by the optimizer's and schedule's names.
        seeds: Purpose ("weights", "data", ...) to the seed derived from (study seed, index).
        started: Start, in seconds since 1970.
        seconds: Duration; None while running.
        steps: Training steps done; at divergence the number of updates that were applied.
        final: The last measurement; None if there is none.
        message: Why a trial is infeasible or failed; "" otherwise.
    """

    index: Count
    status: Status
    values: Mapping[str, Number]
    arguments: Mapping[str, Number]
    seeds: Mapping[str, Count]
    started: NonNegative
    seconds: NonNegative | None = None
    steps: Count = 0
    final: Measurement | None = None
    message: str = ""


def trial_directory(study: Path, index: int, rerun: int | None = None) -> Path:
    """Returns where the files of a trial are, or those of one of its re-runs."""
    if rerun is None:
        return study / f"trials/{index:06d}"
    return study / f"reruns/{index:06d}-{rerun}"


def trial_of(folder: Path) -> tuple[int, int | None] | None:
    """Returns the trial and the number of the re-run that a folder's name says; None if none."""
    name = re.fullmatch(r"(\d+)(?:-(\d+))?", folder.name, re.ASCII)
    if name is None:
        return None
    return int(name[1]), None if name[2] is None else int(name[2])
