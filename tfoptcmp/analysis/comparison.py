"""Which studies may be set side by side, and what has to be said of them.

Studies are comparable if they spent the same budget on the same workload and data; the others form
comparisons of their own. Within one, all statistics are for the same number K of trials, the tuning
budget: what a practitioner with K trials gets.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfoptcmp.analysis.sources.studies import StudyResults, inclusion_order, read_results
from tfoptcmp.study.schema import Status, StudyConfig, StudyError

# Scales whose results show that everything runs, and nothing else.
_SHOWS_ONLY_THAT_IT_RUNS = "smoke"


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Optimizers on one workload at one budget.

    Attributes:
        studies: At least one, in the order of the inclusions.
        tuning_budget: K >= 1, trials that statistics are for.
    """

    studies: tuple[StudyResults, ...]
    tuning_budget: int

    @property
    def config(self) -> StudyConfig:
        """The first study's; workload, metric, data and budget are those of all."""
        return self.studies[0].config

    @property
    def workload(self) -> str:
        """Name of the workload."""
        return self.config.workload

    @property
    def scale(self) -> str:
        """The scale, or several with a slash if only the number of trials differs."""
        return "/".join(dict.fromkeys(str(s.config.budget["scale"]) for s in self.studies))

    @property
    def num_trials(self) -> int:
        """N, the smallest number of feasible trials among studies that have any; 0 if none has."""
        return _smallest(self.studies)

    @property
    def descriptive_only(self) -> bool:
        """Whether K > N/2, where intervals mean too little for a verdict."""
        return self.tuning_budget > self.num_trials / 2

    @property
    def spent(self) -> str:
        """Scale and budget of a trial in one line."""
        steps, batch_size = self.config.budget["steps"], self.config.budget["batch_size"]
        return f"scale {self.scale}, {steps:,} steps of {batch_size:,} examples"

    @property
    def sample_sizes(self) -> str:
        """N and K in one line."""
        trials = sorted({study.num_feasible for study in self.studies})
        count = str(trials[0]) if len(trials) == 1 else f"{trials[0]} to {trials[-1]}"
        return f"N = {count} feasible trials, K = {self.tuning_budget}"

    @property
    def headline(self) -> str:
        """Scale, budget, N and K in one line."""
        return f"{self.spent}, {self.sample_sizes}"

    @property
    def warnings(self) -> list[str]:
        """What must stand on every figure and table; empty if nothing must."""
        said = []
        if self.config.partial:
            said.append(f"PARTIAL DATA: {self.config.partial}")
        if _SHOWS_ONLY_THAT_IT_RUNS in self.scale.split("/"):
            said.append("SMOKE SCALE: shows that everything runs; not evidence about optimizers")
        if not self.num_trials:
            said.append("NO FEASIBLE TRIALS: there is nothing to compare yet")
        elif self.descriptive_only:
            said.append(
                f"DESCRIPTIVE ONLY: K = {self.tuning_budget} is more than half of "
                f"N = {self.num_trials}; no verdicts"
            )
        return said

    @property
    def notes(self) -> list[str]:
        """Differences between the studies that a reader has to know."""
        said = []
        for results in self.studies:
            planned, done = results.config.num_feasible, results.num_feasible
            if done < planned:
                said.append(f"{results.title}: {done} of {planned} feasible trials so far")
            failed = int((results.trials["status"] == Status.FAILED.value).sum())
            if failed:
                said.append(f"{results.title}: {failed} trials crashed and are left out")
        for what, values in (
            ("numbers of feasible trials", [s.num_feasible for s in self.studies]),
            ("study seeds", [s.config.seed for s in self.studies]),
            ("search methods", [s.config.search for s in self.studies]),
            ("threads per trial", [s.config.threads_per_trial for s in self.studies]),
            ("package versions", [dict(s.config.versions) for s in self.studies]),
            ("schedules", [s.signature.schedule for s in self.studies]),
        ):
            if any(value != values[0] for value in values):
                each = (f"{s.title} {v}" for s, v in zip(self.studies, values, strict=True))
                said.append(f"The {what} differ: {', '.join(each)}")
        return said


def compare(
    directories: Path | str | Sequence[Path | str], tuning_budget: int | None = None
) -> list[Comparison]:
    """Reads studies and groups those that are comparable, in the order of the workloads' names.

    Args:
        directories: Study directories or their parents.
        tuning_budget: K >= 1; by default max(2, N // 5) with N the smallest number of feasible
            trials in the comparison, the paper's ratio.

    Raises:
        StudyError: If there is no study, a file is damaged, or two comparable studies have the
            same signature name.
        ValueError: If tuning_budget is out of range.
    """
    if tuning_budget is not None and tuning_budget < 1:
        raise ValueError(f"tuning_budget must be >= 1; got {tuning_budget!r}")
    groups: dict[tuple[str, ...], list[StudyResults]] = {}
    for results in read_results(directories):
        groups.setdefault(_what_must_agree(results.config), []).append(results)
    comparisons = []
    for _, group in sorted(groups.items()):
        _check_distinct(group)
        budget = tuning_budget or max(2, _smallest(group) // 5)
        studies = tuple(sorted(group, key=inclusion_order))
        comparisons.append(Comparison(studies=studies, tuning_budget=budget))
    return comparisons


def _smallest(studies: Sequence[StudyResults]) -> int:
    """The smallest N >= 1; a study without any feasible trial has no statistics to dilute."""
    return min((s.num_feasible for s in studies if s.num_feasible), default=0)


def _what_must_agree(config: StudyConfig) -> tuple[str, ...]:
    # The number of trials may differ, and makes the scale "custom" where it does; K is the same.
    spent = {k: v for k, v in config.budget.items() if k not in ("scale", "num_feasible")}
    agreeing: list[Any] = [config.metric, config.metric_unit, spent, config.num_examples]
    return config.workload, json.dumps(agreeing, sort_keys=True), config.partial


def _check_distinct(studies: Sequence[StudyResults]) -> None:
    seen: dict[str, StudyResults] = {}
    for results in studies:
        first = seen.setdefault(results.name, results)
        if first is not results:
            raise StudyError(
                f"signature names must be distinct; got {results.name!r} on "
                f"{results.config.workload} in {first.directory} and in {results.directory}"
            )
