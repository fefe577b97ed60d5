"""refinement.json: a search that goes from a wide space to a final one in rounds, and its plan.

    <study_dir>/refinement.json           `Plan`
    <study_dir>/round-0/<signature>/      a study in the space that it begins with
    <study_dir>/round-1/<signature>/      in the space that follows from these trials, and so on

The studies of a round are studies like any others; their study.json holds the space. Only the last
round is judged. How a space follows from trials stands in `tfoptcmp.analysis.ranges.narrowing`.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tfoptcmp.conversion import PositiveCount, convert
from tfoptcmp.study import looks, pack
from tfoptcmp.study.files import exists, find
from tfoptcmp.study.record import check_version, read_record, write_record
from tfoptcmp.study.same_study import changes
from tfoptcmp.study.schema import StudyError

FILE_NAME = "refinement.json"

SCHEMA_VERSION = 1

SEEDS_APART = 1000
"""Between the study seeds of two rounds, so that a space that stays is searched by other trials."""

_FOLDER = re.compile(r"round-(0|[1-9][0-9]*)", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is fixed before the first trial, the same for all optimizers.

    Attributes:
        num_rounds: Rounds, the last included; there are more if a space is not accepted then.
        trials_per_round: Feasible trials of each optimizer in every round before the last.
    """

    num_rounds: PositiveCount
    trials_per_round: PositiveCount
    schema_version: int = SCHEMA_VERSION


def round_directory(study_dir: Path, number: int) -> Path:
    """Returns the parent of the studies of a round, which are numbered from 0."""
    return study_dir / f"round-{number}"


def round_number(directory: Path) -> int | None:
    """Returns which round of a refinement a directory is; None if it is none of any."""
    name = _FOLDER.fullmatch(directory.name)
    return int(name[1]) if name and exists(directory.parent / FILE_NAME) else None


def round_seed(seed: int, number: int) -> int:
    """Returns the study seed of a round, from that of the refinement."""
    return seed + SEEDS_APART * number


def round_numbers(study_dir: Path) -> list[int]:
    """Returns the rounds of a refinement with a study, finished or not, in their order."""
    if not exists(study_dir / FILE_NAME):
        return []
    found = {round_number(file.parent.parent) for file in _files(study_dir)}
    return sorted(number for number in found if number is not None)


def earlier(study: Path) -> list[Path]:
    """Returns the studies of the rounds before from which a study's space followed, if any.

    Raises:
        StudyError: If one is missing.
    """
    number = round_number(study.parent) or 0
    found = [round_directory(study.parent.parent, i) / study.name for i in range(number)]
    lost = [path for path in found if not exists(path / "study.json")]
    if lost:
        raise StudyError(
            f"{lost[0]} is missing, and the space of {study} followed from it; put it back, or "
            f"move {study} away"
        )
    return found


def last_round(study_dir: Path) -> int | None:
    """Returns the last round with a study, finished or not; None if there is none."""
    return max(round_numbers(study_dir), default=None)


def last_to_run(study_dir: Path, plan: Plan) -> int:
    """Returns the last round that is planned or on record."""
    return max(plan.num_rounds - 1, last_round(study_dir) or 0)


def to_judge(study_dir: Path, plan: Plan | None) -> Path:
    """Returns the parent of the studies that are to be judged, in the last round if there are any.

    Args:
        study_dir: Parent of the studies or rounds; need not exist.
        plan: Of the rounds; None if there are none.
    """
    return round_directory(study_dir, last_to_run(study_dir, plan)) if plan else study_dir


def most_feasible(plan: Plan | None, num_feasible: int) -> int:
    """Returns the most trials of an optimizer in any round; the last has `num_feasible`."""
    return max(num_feasible, plan.trials_per_round if plan else 0)


LEAST_TRIALS_PER_ROUND = 20
"""That the default gives a round before the last."""

LEAST_FEASIBLE = 15
"""Feasible trials that a boundary check needs, and so every round before the last."""


def default_trials_per_round(num_feasible: int, there: Plan | None) -> int:
    """Returns the trials of a round before the last: as on record, else from those of the last.

    So more trials of the last round do not change those before it.
    """
    return there.trials_per_round if there else max(LEAST_TRIALS_PER_ROUND, 2 * num_feasible // 5)


def judged(study_dir: Path) -> Path:
    """Returns the parent of the studies to judge: of a refinement its last round, else itself.

    Raises:
        StudyError: If there are rounds without their plan, and nothing else.
    """
    if not any(exists(study_dir / name) for name in (FILE_NAME, "study.json")) and not find(
        study_dir, "*/study.json"
    ):
        _check_no_studies(study_dir)
    number = last_round(study_dir)
    return study_dir if number is None else round_directory(study_dir, number)


def read_plan(study_dir: Path) -> Plan | None:
    """Reads refinement.json; None if there is none.

    Raises:
        StudyError: If the file is damaged; the message names it.
    """
    return read_record(study_dir / FILE_NAME, _to_plan, "put back a copy of it")


def check(study_dir: Path, plan: Plan, names: Sequence[str] = ()) -> None:
    """Checks, without writing anything, that rounds of this plan can be run or resumed.

    Args:
        study_dir: Parent of the rounds; need not exist.
        plan: What is asked for.
        names: The signatures whose studies are to be run.

    Raises:
        StudyError: If something else is there, another plan, or rounds that cannot be resumed.
    """
    _check_directory(study_dir)
    there = read_plan(study_dir)
    if there is None:
        _check_no_studies(study_dir)
        return
    if found := changes(asdict(there), asdict(plan)):
        raise StudyError(
            f"{study_dir / FILE_NAME} holds another plan, and spaces follow from the trials that "
            f"were planned: {found}. Repeat the settings of the first run, or name another "
            "--study_dir."
        )
    _check_rounds(study_dir, names)


def begin(study_dir: Path, plan: Plan, names: Sequence[str] = ()) -> None:
    """Writes the plan durably, or checks that it is the one that is there.

    Raises:
        StudyError: As `check`; or if it cannot be written.
    """
    check(study_dir, plan, names)
    if not exists(study_dir / FILE_NAME):
        write_record(study_dir / FILE_NAME, asdict(plan))


def check_no_round(study_dir: Path) -> None:
    """Checks that studies written there would not be those of a round.

    Raises:
        StudyError: If they would; a round is run by its refinement only.
    """
    parent = study_dir.resolve()
    if round_number(parent) is not None:
        raise StudyError(
            f"{study_dir} is a round of a refinement; go on with --refine "
            f"--study_dir={shlex.quote(str(parent.parent))}, or name another directory"
        )


def _check_directory(study_dir: Path) -> None:
    check_no_round(study_dir)
    if exists(study_dir / "study.json"):
        raise StudyError(f"{study_dir} is itself a study; name its parent")
    if exists(study_dir / looks.FILE_NAME):
        raise StudyError(
            f"{study_dir} holds looks of --until_decided, of studies that were not refined; name "
            "another --study_dir"
        )
    if find(study_dir, "*/study.json"):
        raise StudyError(
            f"{study_dir} holds studies that were not refined; move them away, or name another "
            "--study_dir"
        )


def _check_no_studies(study_dir: Path) -> None:
    """Without a plan there must be no rounds: another plan would take them for its own."""
    file = next(iter(_files(study_dir)), None)
    if file:
        raise StudyError(
            f"{file.parent} is there, but its plan is not, {study_dir / FILE_NAME}; put back a "
            "copy of it, or name another --study_dir"
        )


def _check_rounds(study_dir: Path, names: Sequence[str]) -> None:
    """Checks that no study is missing from which the space of another followed, and none packed."""
    for number in round_numbers(study_dir):
        for file in find(round_directory(study_dir, number), "*/study.json"):
            name = file.parent.name
            earlier(file.parent)
            if name in names:
                pack.check_unpacked(file.parent, study_dir)


def _files(study_dir: Path) -> list[Path]:
    """The study.json files of all rounds, in alphabetical order."""
    found = find(study_dir, "round-*/*/study.json")
    return [file for file in found if _FOLDER.fullmatch(file.parent.parent.name)]


def _to_plan(data: Any) -> Plan:
    check_version(data, SCHEMA_VERSION)
    return convert(data, Plan)
