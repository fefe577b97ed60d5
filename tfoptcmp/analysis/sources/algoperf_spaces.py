"""What an AlgoPerf submission was searched over: `tuning_search_space.json`.

It is a list of points, or has a range for each hyperparameter: `{"min": 1e-4, "max": 1e-2,
"scaling": "log"}` or `{"feasible_points": [0.1, 0.2]}`. It lies beside the studies, one level
above, or in `submissions/` where the leaderboard has `logs/`; the flags of a trial name it.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tfoptcmp.analysis.sources.names import between, one_of, searched_name, widened
from tfoptcmp.analysis.sources.setting_names import column
from tfoptcmp.analysis.sources.words import numbers, words
from tfoptcmp.rules import Rule
from tfoptcmp.spaces import Dimension
from tfoptcmp.study.files import exists, find, reading
from tfoptcmp.study.read import read_json
from tfoptcmp.study.schema import StudyError

Values = tuple[float, ...] | Mapping[str, Any]
"""The values of a hyperparameter, or `low`, `high` and perhaps `scaling`."""

Space = dict[str, Values]

_SPACE = "tuning_search_space.json"


def outside(space: Space, trials: pd.DataFrame) -> list[str]:
    """Returns the hyperparameters of which trials have values that the space has not."""
    return [name for name, one in space.items() if not _holds(one, trials.get(name))]


def dimensions(space: Space, rule: Rule | None) -> dict[str, Dimension]:
    """Returns the space by the names of our search spaces."""
    found = {searched_name(name, rule): _searched(name, one) for name, one in space.items()}
    return {name: one for name, one in found.items() if one is not None}


def newest(folder: Path, pattern: str) -> dict[str, Any]:
    """The last of the files that each start of a trial writes; {} without any."""
    found = find(folder, pattern)
    return dict(read_json(found[-1])) if found else {}


def space_file(submission: Path, folder: Path) -> Path | None:
    """The search space of a submission: the file that its flags name, where it is kept."""
    named = newest(folder, "flags_*.json").get("tuning_search_space")
    name = Path(str(named)).name if named else _SPACE
    near = [submission, submission.parent]
    if "logs" in submission.parts:
        at = len(submission.parts) - 1 - submission.parts[::-1].index("logs")
        near.append(Path(*submission.parts[:at], "submissions", *submission.parts[at + 1 :]))
    found = (place / name for place in near)
    return next((path for path in found if exists(path)), None)


def read_space(path: Path, codes: Mapping[str, Mapping[str, float]]) -> Space:
    """Reads a search space.

    Args:
        path: The file.
        codes: Column to word to number, of hyperparameters that are words.

    Raises:
        StudyError: If it is not a search space.
    """
    with reading(path):
        text = path.read_text(encoding="utf-8")
    try:
        space = json.loads(text)  # an object, or a list of points
        given: dict[str, Any]
        if isinstance(space, list):
            points = [{column(n): value for n, value in point.items()} for point in space]
            given = {n: [point[n] for point in points if n in point] for n in points[0]}
        else:
            given = {column(n): one.get("feasible_points", one) for n, one in space.items()}
        found: Space = {}
        for n, one in given.items():
            if isinstance(one, Mapping):
                found[n] = {"low": float(one["min"]), "high": float(one["max"]), **one}
                continue
            numeric = [numbers({n: value}).get(n) for value in one]
            as_words = [codes.get(n, {}).get(words({n: value}).get(n, "")) for value in one]
            values = numeric if None not in numeric else as_words
            if values and None not in values:
                found[n] = tuple(
                    dict.fromkeys(float(value) for value in values if value is not None)
                )
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise StudyError(f"{path} is not a search space of AlgoPerf: {error!r}") from error
    return found


def _holds(one: Values, values: "pd.Series[float] | None") -> bool:
    if values is None:
        return True
    if isinstance(one, Mapping):
        return bool(values.dropna().between(*widened(one["low"], one["high"])).all())
    return all(
        any(math.isclose(value, known, rel_tol=1e-6) for known in one) for value in values.dropna()
    )


def _searched(name: str, one: Values) -> Dimension | None:
    if isinstance(one, Mapping):
        logarithmic = {"linear": False, "log": True}.get(str(one.get("scaling")))
        return between(name, one["low"], one["high"], logarithmic=logarithmic)
    return one_of(name, one)
