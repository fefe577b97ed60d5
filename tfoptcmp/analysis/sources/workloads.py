"""Which runs trained what: settings such as `dataset` name it, and each is a comparison of its own.

Results on several data sets cannot be ranked together. Models may be a hyperparameter, so they
keep runs apart, but not comparisons.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tfoptcmp.analysis.sources.setting_names import is_role
from tfoptcmp.analysis.sources.settings import number
from tfoptcmp.analysis.sources.statuses import has_ended


def workload_settings(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the settings that name in words what was trained, where runs differ in it."""
    names = [n for n in dict.fromkeys(n for run in runs for n in run) if is_role(n, "workload")]
    given = {name: [run.get(name) or None for run in runs] for name in names}
    return [
        name
        for name, values in given.items()
        if all(v is None or (isinstance(v, str) and number(v) is None) for v in values)
        and len(set(values)) > 1
    ]


def by_workload(
    runs: Sequence[Mapping[str, Any]], names: Sequence[str], workload: str, statuses: Sequence[str]
) -> tuple[dict[str, list[int]], tuple[str, ...]]:
    """Returns the places of the runs of each workload, and what is to be said.

    A workload of which no run ended is left out, if there is another.

    Args:
        runs: Name to value of the settings of each.
        names: As `workload_settings` returns them.
        workload: With what the names of all begin.
        statuses: A word for each run.
    """
    groups: dict[str, list[int]] = {}
    for place, run in enumerate(runs):
        key = [str(run[name]) for name in names if run.get(name)]
        groups.setdefault(", ".join([workload, *key]), []).append(place)
    ended = {
        name: places
        for name, places in groups.items()
        if any(has_ended(statuses[i]) for i in places)
    }
    if not ended:
        return groups, ()
    said = [f"Runs that differ in {', '.join(names)} are comparisons of their own."]
    said += [
        f"Left out: {len(places)} of {name!r}, of which none ended."
        for name, places in groups.items()
        if name not in ended
    ]
    return ended, tuple(said) if len(groups) > 1 else ()
