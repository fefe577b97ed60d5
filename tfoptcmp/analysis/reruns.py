"""Winners that were run again: what a selected result is worth with other seeds.

The best of many trials is partly the luckiest. `tfoptcmp-tune --rerun_best=n` runs each winner's
hyperparameters again with fresh seeds, under `<study>/reruns/<index>-<j>/` in the same files as
trials; they are never counted as trials.
"""

import math
import re
from pathlib import Path

import pandas as pd

from tfoptcmp.analysis.comparisons import Comparison
from tfoptcmp.analysis.studies import FINAL
from tfoptcmp.analysis.tables import best_trial, format_metric
from tfoptcmp.records import Status, read_trial

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
    for path in study.glob("reruns/*/metadata.json"):
        name = re.fullmatch(r"(\d+)-(\d+)", path.parent.name)
        trial = read_trial(path)
        if name is None or trial.status not in (Status.COMPLETE, Status.INFEASIBLE):
            continue
        final = (trial.final if trial.status is Status.COMPLETE else None) or {}
        values = [final.get(column) for column in FINAL]
        metrics = [math.nan if value is None else float(value) for value in values]
        seed = trial.seeds.get("weights")
        rows.append([int(name[1]), int(name[2]), trial.status.value, seed, *metrics])
    return pd.DataFrame(sorted(rows, key=lambda row: row[:2]), columns=list(COLUMNS))


def rerun_cells(comparison: Comparison) -> list[list[str]]:
    """Returns the winners beside their re-runs for people: a heading, then a row an optimizer.

    Only the heading if no winner was run again. An optimizer's winner is the trial with the best
    final validation metric; a re-run that diverged counts in no mean and is named.
    """
    share = comparison.config.metric_unit == "share"
    cells = [
        ["optimizer", "trial", "re-runs", "validation", "again", "test", "again", "sd of a test"]
    ]
    for results in comparison.studies:
        best = best_trial(results)
        runs = read_reruns(results.directory)
        if best is None or runs.empty:
            continue
        runs = runs[runs["trial"] == best["trial"]]
        done = runs[runs["status"] == Status.COMPLETE.value]
        if runs.empty:
            continue
        diverged = f" ({len(runs) - len(done)} diverged)" if len(done) < len(runs) else ""
        numbers = [
            float(best["validation_metric"]),
            float(done["validation_metric"].mean()),
            float(best["test_metric"]),
            float(done["test_metric"].mean()),
            float(done["test_metric"].std(ddof=1)),
        ]
        cells.append(
            [
                results.title,
                str(best["trial"]),
                f"{len(done)}{diverged}",
                *(format_metric(value, share=share) for value in numbers),
            ]
        )
    return cells
