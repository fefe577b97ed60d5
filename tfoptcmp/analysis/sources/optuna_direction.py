"""Which values of Optuna's objective are better, where the file, a CSV, does not say it."""

import math
from pathlib import Path

import pandas as pd

from tfoptcmp.analysis.sources.result_names import higher_is_better, is_metric, is_test
from tfoptcmp.study.schema import StudyError

_STRONG = 0.5  # correlation of ranks


def direction_by_attributes(
    path: Path, values: "pd.Series[float]", attributes: pd.DataFrame
) -> tuple[bool | None, str]:
    """Returns whether higher values are better, by attributes that go with them, and says so.

    Args:
        path: For messages.
        values: Of the objective, of trials that are complete.
        attributes: Numbers of these trials, or of more.

    Returns:
        None and "" if no attribute is one of which higher values are better.

    Raises:
        StudyError: If there is one, and it is not clear how values go with it.
    """
    sides = {
        name: side
        for name in attributes
        if (is_test(name) or is_metric(name)) and (side := higher_is_better(name)) is not None
    }
    if True not in sides.values():
        return None, ""
    ranks = values[values.abs() < math.inf].rank()
    found = {}
    for name, is_high in sides.items():
        shared = ranks.corr(attributes[name].reindex(ranks.index).astype(float).rank())
        if abs(shared) >= _STRONG:
            found[name] = is_high is bool(shared > 0)
    if len(set(found.values())) != 1:
        names = ", ".join(repr(name) for name, is_high in sides.items() if is_high)
        raise StudyError(
            f"{path}: which values are better is not in the CSV, and of {names} higher ones "
            "are: give --maximize if higher values are better, or else call the column 'value' "
            "'values_loss'"
        )
    side = next(iter(found.values()))
    return side, (
        f"A CSV of trials_dataframe() does not say which values are better: "
        f"{'higher' if side else 'lower'} ones, as ranks go with {', '.join(found)}."
    )
