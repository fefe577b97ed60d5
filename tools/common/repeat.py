"""Whether a trial that is trained again measures what its study recorded, bit for bit."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace

from tfoptcmp.tools.common import provenance
from tfoptcmp.tools.common.run_studies import fingerprints

from tfoptcmp.study.same_study import differences
from tfoptcmp.study.schema import Devices, Measurement, StudyConfig
from tfoptcmp.workload import Splits, Workload

_FOR_PEOPLE = ("git_commit", "hardware", "platform")


def unlike(config: StudyConfig, workload: Workload, splits: Splits, devices: Devices) -> list[str]:
    """Returns a line for each thing that can change a result and is not as the study recorded it.

    Args:
        config: Of the study.
        workload: As it is known here.
        splits: The data as they are here.
        devices: `Options.devices` of the process that repeats the trial.
    """
    here = replace(
        config,
        num_examples=splits.num_examples,
        partial=splits.partial,
        devices=devices,
        versions=provenance.versions(),
        fingerprints=fingerprints(workload),
    )
    return differences(asdict(config), asdict(here), accept_version_changes=False)


def first_difference(recorded: Sequence[Measurement], measured: Sequence[Measurement]) -> str:
    """Returns the first value that is not the same in both, in words; "" if all are.

    Values that only one of them measured are passed over: before the last step the training and
    test split may be left out.
    """
    for there, here in zip(recorded, measured, strict=False):
        for name in [name for name in there if name in here]:
            if not _same(there[name], here[name]):
                what = name.replace("_", " ")
                return f"at step {there['step']} {what} is {here[name]!r}, recorded {there[name]!r}"
    if len(recorded) != len(measured):
        return f"there are {len(measured)} measurements, recorded {len(recorded)}"
    return ""


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
