"""What a trial gets and what it returns: the interface between studies and training.

`tuners` hands a `TrialTask` to a `RunTrial` function and gets an `Outcome`; `tfoptcmp.training`
makes such a function. Neither needs the other, so studies can be tested without TensorFlow.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfoptcmp.study.schema import Measurement, Status

# What randomness a trial uses. Appending a name does not change the seeds of the others.
_PURPOSES = ("weights", "data", "dropout", "augmentation")


def trial_seeds(study_seed: int, index: int) -> dict[str, int]:
    """Derives the seeds of one trial, one per purpose, independent of the optimizer.

    Args:
        study_seed: Seed of the study, >= 0.
        index: Number of the trial, >= 0.

    Returns:
        "weights", "data", "dropout", "augmentation" to a seed in [0, 2**31).
    """
    return dict(zip(_PURPOSES, _seeds(study_seed, index), strict=True))


def rerun_seeds(study_seed: int, index: int, rerun: int) -> dict[str, int]:
    """Derives the seeds of a re-run of a trial, like `trial_seeds`; all differ from the trial's.

    Args:
        study_seed: Seed of the study, >= 0.
        index: Number of the trial, >= 0.
        rerun: Number of the re-run, >= 0.
    """
    return {
        purpose: int(np.random.SeedSequence(seed, spawn_key=(rerun,)).generate_state(1)[0] >> 1)
        for purpose, seed in trial_seeds(study_seed, index).items()
    }


@functools.lru_cache(maxsize=10_000)  # 0.1 ms; reading checks those of every trial of every rule
def _seeds(study_seed: int, index: int) -> tuple[int, ...]:
    return tuple(
        int(np.random.SeedSequence((study_seed, index, i)).generate_state(1)[0] >> 1)
        for i in range(len(_PURPOSES))
    )


@dataclass(frozen=True, kw_only=True)
class TrialTask:
    """One trial to run.

    Attributes:
        index: Number of the trial, from 0.
        values: Hyperparameters as searched.
        arguments: Hyperparameters as used (`SearchSpace.derive`).
        seeds: As `trial_seeds` returns them.
        directory: Where files of the trial may be put; exists. None for a trial of no study.
    """

    index: int
    values: Mapping[str, float]
    arguments: Mapping[str, float]
    seeds: Mapping[str, int]
    directory: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a trial ended.

    Attributes:
        status: COMPLETE or INFEASIBLE. A crash is an exception, not an outcome.
        steps: Updates that were applied.
        message: Why the trial is infeasible; "" if it is complete.
    """

    status: Status
    steps: int
    message: str = ""


class Interrupted(KeyboardInterrupt):
    """A trial was asked to stop; run again with the same task, it resumes from its checkpoint."""


# Runs a trial and hands over each measurement (`schema.COLUMNS`) as soon as it is taken. A trial
# that resumes from a checkpoint in its directory first hands over those taken before it, so that
# every run gives all of a trial's measurements. May raise `Interrupted`.
RunTrial = Callable[[TrialTask, Callable[[Measurement], None]], Outcome]
