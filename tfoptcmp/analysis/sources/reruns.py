"""Winners that were run again: what a selected result is worth with other seeds.

The best of many trials is partly the luckiest. `tfoptcmp-tune --rerun_best=n` runs each winner's
hyperparameters again with fresh seeds, under `<study>/reruns/<index>-<j>/` in the same files as
trials; they are never counted as trials.
"""

import math
from pathlib import Path

import pandas as pd

from tfoptcmp.analysis.sources.studies import FINAL
from tfoptcmp.study.read import read_reruns as read_reruns_of_study
from tfoptcmp.study.schema import Status

COLUMNS = ("trial", "rerun", "status", "seed_weights", *FINAL)


def read_reruns(study: Path) -> pd.DataFrame:
    """Reads the re-runs of a study that ended, in the order of trial and number.

    Args:
        study: A study directory.

    Returns:
        One row a re-run: `trial` (the winner's index), `rerun` (from 0), `status`, `seed_weights`
        and the final measurement's columns; metrics are NaN where it diverged. Empty if there are
        none.

    Raises:
        StudyError: If a file is damaged; the message names it.
    """
    rows = []
    for (index, rerun), trial in read_reruns_of_study(study).items():
        final = (trial.final if trial.status is Status.COMPLETE else None) or {}
        values = [final.get(column) for column in FINAL]
        metrics = [math.nan if value is None else float(value) for value in values]
        seed = trial.seeds.get("weights")
        rows.append([index, rerun, trial.status.value, seed, *metrics])
    return pd.DataFrame(rows, columns=list(COLUMNS))
