"""Whether a trial that is trained again measures what its study recorded, bit for bit."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from tfoptcmp.tools.common import provenance
from tfoptcmp.tools.common.cli import UserError

from tfoptcmp.study.read import Study
from tfoptcmp.study.same_study import differences
from tfoptcmp.study.schema import Devices, Measurement, StudyConfig, Trial
from tfoptcmp.study.trial import Outcome
from tfoptcmp.training.options import Options
from tfoptcmp.workload import Splits, Workload

_FOR_PEOPLE = ("git_commit", "hardware", "platform")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What a study recorded of one trial.

    Attributes:
        config: Of the study.
        trial: The trial, which ended.
        measurements: Of the trial, in the order of the steps.
    """

    config: StudyConfig
    trial: Trial
    measurements: Sequence[Measurement]


def recorded(study: Study, trial: Trial) -> Recorded:
    """Reads what --repeat is to compare with.

    Raises:
        UserError: If the trial has no end to compare with.
        StudyError: If its measurements are damaged.
    """
    if not trial.status.has_ended:
        raise UserError(
            f"--repeat: trial {trial.index} of {study.directory} has no end to compare with; it is "
            f"{trial.status}"
        )
    return Recorded(config=study.config, trial=trial, measurements=study.measurements(trial.index))


def as_recorded(options: Options, config: StudyConfig) -> Options:
    """Returns the options with what a study recorded of them."""
    return replace(
        options,
        threads_per_trial=config.threads_per_trial,
        mixed_precision=config.devices.get("mixed_precision", False),
        jit_compile=config.devices.get("jit_compile"),
    )


def unlike(config: StudyConfig, workload: Workload, splits: Splits, devices: Devices) -> list[str]:
    """Returns a line for each thing that can change a result and is not as the study recorded it.

    Args:
        config: Of the study.
        workload: As it is known here.
        splits: The data as they are here.
        devices: `Options.devices` of the process that repeats the trial.
    """
    from tfoptcmp.tools.common.run_studies import conditions  # imports TensorFlow

    here = replace(config, **conditions(workload, splits, devices))
    return differences(asdict(config), asdict(here), accept_version_changes=False)


def first_difference(there: Recorded, outcome: Outcome, measured: Sequence[Measurement]) -> str:
    """Returns in words what first is not the same as recorded; "" if all is.

    Values that only one of them measured are passed over: before the last step the training and
    test split may be left out.
    """
    for old, new in zip(there.measurements, measured, strict=False):
        for name in [name for name in old if name in new]:
            if not _same(old[name], new[name]):
                what = name.replace("_", " ")
                return f"at step {old['step']} {what} is {new[name]!r}, recorded {old[name]!r}"
    now, then = ended(outcome, measured), ended(there.trial, there.measurements)
    return "" if now == then else f"it is {now}, recorded {then}"


def ended(end: Outcome | Trial, measured: Sequence[Measurement]) -> str:
    """Returns how a trial ended, and how often it was measured, in words."""
    return f"{end.status} after {end.steps} steps, {len(measured)} measurements"


def _same(there: float | None, here: float | None) -> bool:
    if there is None or here is None:
        return True
    return there == here or (math.isnan(there) and math.isnan(here))


def other_place(config: StudyConfig) -> list[str]:
    """Returns a line for each of code, processor and system that is not the study's."""
    here = provenance.provenance()
    return [
        f"{name}: {config.provenance[name]} recorded, {here[name]} now"
        for name in _FOR_PEOPLE
        if config.provenance.get(name, "") not in ("", here[name])
    ]
