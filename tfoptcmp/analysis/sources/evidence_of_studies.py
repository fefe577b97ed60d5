"""Our own study directories as evidence."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tfoptcmp.analysis.comparison import Comparison, compare
from tfoptcmp.analysis.evidence import Entry, Evidence
from tfoptcmp.analysis.sources.reruns import read_reruns
from tfoptcmp.analysis.sources.studies import StudyResults
from tfoptcmp.study.schema import Status

_NAMES = {"validation_metric": "validation", "test_metric": "test"}


def read_studies(
    directories: Sequence[Path | str], tuning_budget: int | None = None
) -> list[Evidence]:
    """Reads studies, an evidence for each group of comparable ones.

    Args:
        directories: Study directories or their parents.
        tuning_budget: K >= 1; by default a fifth of the trials, see `compare`.

    Raises:
        StudyError: If there is no study, or a file is damaged.
    """
    return [of_comparison(comparison) for comparison in compare(directories, tuning_budget)]


def of_comparison(comparison: Comparison) -> Evidence:
    """Returns a comparison of studies as the audit reads it."""
    config = comparison.config
    return Evidence(
        workload=comparison.workload,
        metric_unit=config.metric_unit,
        entries=tuple(_entry(results) for results in comparison.studies),
        tuning_budget=comparison.tuning_budget,
        budget={name: config.budget[name] for name in ("steps", "batch_size")},
        target=config.budget["target"],
        num_examples=config.num_examples,
        interval_steps=config.budget["eval_every_steps"],
    )


def _entry(results: StudyResults) -> Entry:
    ended = (Status.COMPLETE.value, Status.INFEASIBLE.value)
    rows = results.trials[results.trials["status"].isin(ended)]
    trials = rows.rename(columns=_NAMES)[
        ["trial", "validation", "test", "train_loss", "steps_to_target", "steps"]
    ].assign(diverged=~rows["feasible"], seed=rows.get("seed_weights"))
    measured = results.measurements.groupby("trial")["gradient_rms"].max()
    trials["gradient_rms"] = trials["trial"].map(measured).astype(float)
    names = list(results.signature.space.dimensions)
    values = pd.DataFrame({name: rows.get(f"searched_{name}") for name in names}, index=rows.index)
    return Entry(
        name=results.name,
        title=results.title,
        update_rule=results.signature.rule,
        trials=trials,
        values=values,
        dimensions=results.signature.space.dimensions,
        schedule=results.signature.schedule,
        source=results.signature.space.source,
        own=results.signature.space.own,
        reruns=read_reruns(results.directory).rename(columns=_NAMES),
    )
