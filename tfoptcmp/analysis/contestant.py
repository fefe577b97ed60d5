"""One optimizer of a comparison: its trials, in the same columns whatever tool they come from.

Only its name and its results are required. Metrics are errors here (`Metric.error`), of which
lower is better; steps count from 1, times are in seconds.
"""

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from tfoptcmp.analysis.ranks import Ranks, ranks_of
from tfoptcmp.hyperparameters import HYPERPARAMETERS, Hyperparameter
from tfoptcmp.metrics import Metric
from tfoptcmp.rules import ELSEWHERE, RULES, Look, Rule
from tfoptcmp.spaces import Dimension, Fixed, SearchSpace
from tfoptcmp.study.schema import COLUMNS, Status, StudyConfig

TRIALS: dict[str, Any] = {
    "trial": math.nan,
    "status": Status.COMPLETE.value,
    "feasible": True,
    "message": "",
    "steps": math.nan,
    "seconds": math.nan,
    "train_loss": math.nan,
    "train_metric": math.nan,
    "validation_loss": math.nan,
    "validation_metric": math.nan,
    "test_loss": math.nan,
    "test_metric": math.nan,
    "gradient_rms": math.nan,
    "validation_standard_error": math.nan,
    "test_standard_error": math.nan,
    "largest_gradient_rms": math.nan,
    "steps_to_target": math.nan,
    "seed": math.nan,
    "selected": False,
}
"""Columns of `Contestant.trials`, and their values where a source does not report them."""

MEASUREMENTS = COLUMNS
"""Columns of `Contestant.measurements` beside `trial`."""

RERUNS = ("trial", "rerun", "status", "seed", "validation_metric", "test_metric")
"""Columns of `Contestant.reruns`."""

_RULES_ARGUMENTS = frozenset(n for rule in RULES.values() for n in rule.hyperparameters)


Row: TypeAlias = "pd.Series[Any] | Mapping[Hashable, Any]"
"""A row of `Contestant.trials`."""


def _none_of(columns: Iterable[str]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns), dtype=float)


@dataclass(frozen=True, kw_only=True, eq=False)
class Contestant:
    """One optimizer's trials on one workload.

    Attributes:
        name: Its name in the comparison, where it is unique.
        title: Name for people.
        rule: Its update rule; None if not known.
        trials: One row per trial, with the columns of TRIALS and for each hyperparameter that is
            known `searched_<name>`, by the names of search spaces (others keep their own), and
            `used_<argument>`. Metrics are final ones, inf if not a number; `largest_gradient_rms`
            is the largest measured during the trial; `steps_to_target` is inf if the target was not
            reached, NaN if there is none; `selected` marks the trial that the comparison reports.
            Make it with `trials_table`.
        dimensions: Searched name to what it was searched over, as far as reported; `Fixed` also for
            what did not vary between trials.
        own: Searched names that are not in `hyperparameters.HYPERPARAMETERS`, and what they mean.
        schedule: Name of the learning-rate schedule; "" if not reported.
        source: Where the search space comes from; "" if not reported.
        measurements: One row per measurement: `trial` and MEASUREMENTS, by trial and step; NaN
            where a split is absent. Empty where only final results are known.
        reruns: The winner's re-runs with fresh seeds, with the columns of RERUNS; metrics are NaN
            where one diverged.
        earlier: The same optimizer in the rounds before, the first round first, whose trials led to
            this search space (`tfoptcmp.study.rounds`); empty if it was not refined.
        record: The configuration of our own study; None for results of other tools.
        directory: Where it was read from; "" if it has no own directory.
    """

    name: str
    title: str
    rule: Rule | None
    trials: pd.DataFrame
    dimensions: Mapping[str, Dimension]
    own: Mapping[str, Hyperparameter] = field(default_factory=dict)
    schedule: str = ""
    source: str = ""
    measurements: pd.DataFrame = field(default_factory=lambda: _none_of(("trial", *MEASUREMENTS)))
    reruns: pd.DataFrame = field(default_factory=lambda: _none_of(RERUNS))
    earlier: "tuple[Contestant, ...]" = ()
    record: StudyConfig | None = None
    directory: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether it has the name of its rule, rather than of a variant of it."""
        return self.rule is not None and self.name == self.rule.name

    @property
    def look(self) -> Look:
        """Its rule's place in plots."""
        return ELSEWHERE if self.rule is None else self.rule.look

    @cached_property
    def feasible(self) -> pd.DataFrame:
        """The rows that statistics use."""
        feasible = self.trials["feasible"]
        return self.trials if feasible.all() else self.trials[feasible]  # no needless copy

    @cached_property
    def infeasible(self) -> pd.DataFrame:
        """The rows of the trials that diverged."""
        return self.trials[self.trials["status"] == Status.INFEASIBLE.value]

    @cached_property
    def ended(self) -> pd.DataFrame:
        """The rows of the trials that say something about the optimizer: feasible or diverged."""
        ended = [status.value for status in Status if status.has_ended]
        return self.trials[self.trials["status"].isin(ended)]

    @property
    def rounds(self) -> "tuple[Contestant, ...]":
        """The same optimizer in all rounds, the first round first, itself last."""
        return (*self.earlier, self)

    @property
    def num_ended_of_all_rounds(self) -> int:
        """What was spent on it: trials of all rounds, feasible or diverged."""
        return sum(len(one.ended) for one in self.rounds)

    @cached_property
    def num_feasible(self) -> int:
        """N, the number of feasible trials so far (not the planned number)."""
        return int(self.trials["feasible"].sum())

    @property
    def num_infeasible(self) -> int:
        """Trials that diverged."""
        return len(self.infeasible)

    @property
    def num_failed(self) -> int:
        """Trials that crashed."""
        return int((self.trials["status"] == Status.FAILED.value).sum())

    @cached_property
    def winner(self) -> "pd.Series[Any] | None":
        """The feasible trial with the best final validation metric, the first of ties.

        Statistics do not depend on that choice. None without a feasible trial.
        """
        if self.feasible.empty:
            return None
        return self.feasible.loc[self.feasible["validation_metric"].fillna(math.inf).idxmin()]

    @property
    def winner_reruns(self) -> pd.DataFrame:
        """Rows of `reruns` of the winner, those that diverged included."""
        winner = self.winner
        return self.reruns[self.reruns["trial"] == (-1 if winner is None else winner["trial"])]

    def reports(self, column: str) -> bool:
        """Returns whether a feasible trial has a value in a column of `trials`."""
        return self.num_reporting(column) > 0

    def num_reporting(self, column: str) -> int:
        """Returns how many feasible trials have a value in a column of `trials`."""
        return int(self.feasible[column].notna().sum()) if column in self.trials else 0

    def reports_all(self, column: str) -> bool:
        """Returns whether all feasible trials that were validated have a value in a column."""
        if not self.reports(column):
            return False
        lacking = self.feasible[column].isna() & self.feasible["validation_metric"].notna()
        return not lacking.any()

    def ranks(self, column: str) -> Ranks:
        """Returns the feasible trials by a column of `trials`, infinite where there is no value.

        A column is sorted once.
        """
        if column not in self._ranks:
            numbers = self.feasible[column].to_numpy(dtype=np.float64)
            self._ranks[column] = ranks_of(np.where(np.isnan(numbers), math.inf, numbers))
        return self._ranks[column]

    @cached_property
    def _ranks(self) -> dict[str, Ranks]:
        """Those that were asked for."""
        return {}

    def searched(self, name: str) -> "pd.Series[float]":
        """Returns a hyperparameter's values as searched, with the index of `trials`."""
        column = f"searched_{name}"
        if column not in self.trials:
            return pd.Series(math.nan, index=self.trials.index, dtype=float)
        return self.trials[column].astype(float)

    @property
    def searched_names(self) -> tuple[str, ...]:
        """Names of all hyperparameters whose values are known, in the order of the columns."""
        return tuple(
            column.removeprefix("searched_")
            for column in self.trials
            if column.startswith("searched_") and self.trials[column].notna().any()
        )

    def values_of(self, trial: "Row | None", *, used: bool = False) -> dict[str, float]:
        """Returns the hyperparameters of a row of `trials`, as searched or as used.

        Args:
            trial: The row; None for {}.
            used: Whether by arguments, as the optimizer got them.
        """
        if trial is None:
            return {}
        prefix = "used_" if used else "searched_"
        return {
            str(column).removeprefix(prefix): float(value)
            for column, value in trial.items()
            if str(column).startswith(prefix) and not math.isnan(value)
        }

    @property
    def free(self) -> tuple[str, ...]:
        """Names that were searched: dimensions that are not Fixed, of which values are known."""
        known = set(self.searched_names)
        return tuple(
            name
            for name, dimension in self.dimensions.items()
            if not isinstance(dimension, Fixed) and (name in known or not len(self.trials))
        )

    @property
    def space(self) -> SearchSpace | None:
        """Its search space; None if parts of it are not known."""
        if self.record is None:
            return None
        return SearchSpace(dimensions=self.dimensions, source=self.source, own=self.own)

    def meaning(self, name: str) -> Hyperparameter | None:
        """Returns what a searched name means; None if not known."""
        return self.own.get(name) or HYPERPARAMETERS.get(name)

    def argument(self, name: str) -> str:
        """Returns the optimizer's argument for a searched name; unknown names are unchanged."""
        meaning = self.meaning(name)
        return name if meaning is None else meaning.argument

    def is_of_the_rule(self, name: str) -> bool:
        """Returns whether a searched name belongs to the update rule; if unknown, to any of RULES.

        Otherwise it belongs to the schedule or the loss.
        """
        own = _RULES_ARGUMENTS if self.rule is None else self.rule.hyperparameters
        return self.argument(name) in own

    @property
    def fixed(self) -> dict[str, float]:
        """The update rule's hyperparameters that were not tuned, and their values."""
        return {
            name: value
            for name, dimension in self.dimensions.items()
            if (value := dimension.only_value) is not None and self.is_of_the_rule(name)
        }

    def steps_to(self, target: float | None) -> "pd.Series[float]":
        """Returns each trial's first measured step with a validation metric at or below a target.

        Args:
            target: An error, in the metric's unit (shares in [0, 1]); None if there is none.

        Returns:
            With the index of `trials`: inf if feasible and not reached, NaN if infeasible or
            without a target.
        """
        return first_steps(self.trials, self.measurements, target)


def errors(metric: Metric, values: "pd.Series[float]") -> "pd.Series[float]":
    """Returns the errors of a metric's values; infinities become the worst, NaN stays."""
    found: pd.Series[float] = metric.error(values.astype(float))
    return found.replace(-math.inf, math.inf)


def first_steps(
    trials: pd.DataFrame, measurements: pd.DataFrame, target: float | None
) -> "pd.Series[float]":
    """Like `Contestant.steps_to`, for tables with its columns."""
    if target is None:
        return pd.Series(math.nan, index=trials.index, dtype=float)
    reached = measurements[measurements["validation_metric"] <= target]
    first = reached.groupby("trial")["step"].min().to_dict()
    steps = [float(first.get(trial, math.inf)) for trial in trials["trial"]]
    return pd.Series(steps, index=trials.index, dtype=float).where(trials["feasible"])


def trials_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns a table of trials with all columns of TRIALS, the missing ones filled in.

    Args:
        rows: Some of these columns, and `searched_<name>`, `used_<argument>` and others.
    """
    missing = {name: value for name, value in TRIALS.items() if name not in rows}
    whole = rows.assign(**missing)
    order = [*TRIALS, *(name for name in rows if name not in TRIALS)]
    numbers = [name for name, value in TRIALS.items() if isinstance(value, float)]
    kinds: dict[str, type] = {"feasible": bool, "selected": bool}
    if whole.empty:  # columns without a value have no type
        kinds |= dict.fromkeys(numbers, float)
    return whole[order].astype(kinds)
