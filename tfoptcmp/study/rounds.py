"""refinement.json: a search that goes from a wide space to a final one in rounds, and its plan.

    <study_dir>/refinement.json           `Plan`
    <study_dir>/round-0/<signature>/      a study in the space that it begins with
    <study_dir>/round-1/<signature>/      in the space that follows from these trials, and so on

The studies of a round are studies like any others; their study.json holds the space. Only the last
round is judged. How a space follows from trials stands in `tfoptcmp.analysis.ranges.narrowing`.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tfoptcmp.conversion import PositiveCount, convert, from_bytes
from tfoptcmp.study.durable import make_directory, plain, write_json
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
    return int(name[1]) if name and (directory.parent / FILE_NAME).exists() else None


def round_seed(seed: int, number: int) -> int:
    """Returns the study seed of a round, from that of the refinement."""
    return seed + SEEDS_APART * number


def last_round(study_dir: Path) -> int | None:
    """Returns the last round with a study, finished or not; None if there is none."""
    if not (study_dir / FILE_NAME).exists():
        return None
    numbers = [round_number(file.parent.parent) for file in study_dir.glob("round-*/*/study.json")]
    return max((number for number in numbers if number is not None), default=None)


def judged(study_dir: Path) -> Path:
    """Returns the parent of the studies to judge: of a refinement its last round, else itself."""
    number = last_round(study_dir)
    return study_dir if number is None else round_directory(study_dir, number)


def read_plan(study_dir: Path) -> Plan | None:
    """Reads refinement.json; None if there is none.

    Raises:
        StudyError: If the file is damaged; the message names it.
    """
    path = study_dir / FILE_NAME
    try:
        return _to_plan(from_bytes(path.read_bytes()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise StudyError(f"{path} is damaged: {error}; put back a copy of it") from error


def begin(study_dir: Path, plan: Plan) -> None:
    """Writes the plan durably, or checks that it is the one that is there.

    Raises:
        StudyError: If another one is there, or it cannot be written.
    """
    there = read_plan(study_dir)
    if there is None and next(study_dir.glob("*/study.json"), None):
        raise StudyError(
            f"{study_dir} holds studies that were not refined; name another --study_dir"
        )
    if there is None:
        path = study_dir / FILE_NAME
        try:
            make_directory(study_dir)
            write_json(path, asdict(plan))
        except OSError as error:
            raise StudyError(f"cannot write {path}: {error.strerror}") from error
        return
    old, new = plain(asdict(there)), plain(asdict(plan))
    if old != new:
        found = "; ".join(
            f"{name}: {old[name]} there, {new[name]} now" for name in old if old[name] != new[name]
        )
        raise StudyError(
            f"{study_dir / FILE_NAME} holds another plan, and spaces follow from the trials that "
            f"were planned: {found}. Repeat the settings of the first run, or name another "
            "--study_dir."
        )


def _to_plan(data: Any) -> Plan:
    version = data.get("schema_version") if isinstance(data, Mapping) else None
    if version != SCHEMA_VERSION:
        raise ValueError(f"schema_version must be {SCHEMA_VERSION}; got {version!r}")
    return convert(data, Plan)
