"""A comparison of optimizers as far as anybody reports it: what the audit reads.

Our own studies and results of other tools (`tfoptcmp.analysis.sources`) both become `Evidence`.
Everything but an optimizer's name and its results may be missing; a check says what it needs.
Metrics are lower-is-better; steps count from 1.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd

from tfoptcmp import inclusions
from tfoptcmp.analysis.statistics.best_of_k import best_of
from tfoptcmp.analysis.statistics.distributions import Distribution, difference
from tfoptcmp.analysis.statistics.quantities import STATISTICS
from tfoptcmp.analysis.statistics.verdicts import LOSS_TOLERANCE, Verdict, judge
from tfoptcmp.hyperparameters import HYPERPARAMETERS, Hyperparameter
from tfoptcmp.rules import RULES, Rule
from tfoptcmp.spaces import Choice, Dimension, Fixed

# Columns of `Entry.trials` that the four statistics select by and report.
_COLUMNS = {
    "validation": ("validation", "validation"),
    "test": ("validation", "test"),
    "train_loss": ("train_loss", "train_loss"),
    "steps_to_target": ("steps_to_target", "steps_to_target"),
}
assert _COLUMNS.keys() == STATISTICS.keys()

ANY_RULES_HYPERPARAMETERS = frozenset(n for rule in RULES.values() for n in rule.hyperparameters)
"""Arguments that some update rule takes, in which case they are no schedule's and no loss's."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """One optimizer of a comparison.

    Attributes:
        name: As the comparison calls it.
        title: Name for people.
        update_rule: Its update rule; None if not known.
        trials: One row a trial: `trial` (its number), `validation`, `test` (final, NaN if not
            reported), `diverged`; and where reported `train_loss`, `steps`, `steps_to_target` (inf
            if not reached), `seed`, `gradient_rms` (the largest measured), `selected` (whether the
            comparison reports this trial).
        values: With the index of `trials`: hyperparameters by the names of
            `spaces.HYPERPARAMETERS` (others keep their own).
        dimensions: Name to what it was searched over, as far as reported; `Fixed` also for what
            did not vary between trials.
        schedule: Name of the learning-rate schedule; "" if not reported.
        source: Where the search space comes from; "" if not reported.
        own: Names beside `hyperparameters.HYPERPARAMETERS`, and what they mean.
        reruns: The winner's re-runs with fresh seeds, columns `trial`, `validation`, `test`.
    """

    name: str
    title: str
    update_rule: Rule | None
    trials: pd.DataFrame
    values: pd.DataFrame
    dimensions: Mapping[str, Dimension]
    schedule: str = ""
    source: str = ""
    own: Mapping[str, Hyperparameter] = field(default_factory=dict)
    reruns: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["trial", "validation", "test"], dtype=float)
    )

    @property
    def rule(self) -> str | None:
        """Name of its update rule; None if not known."""
        return None if self.update_rule is None else self.update_rule.name

    @cached_property
    def feasible(self) -> pd.DataFrame:
        """The trials that did not diverge."""
        return self.trials[~self.trials["diverged"]]

    @property
    def num_feasible(self) -> int:
        """N."""
        return len(self.feasible)

    @cached_property
    def winner(self) -> "pd.Series[float] | None":
        """The feasible trial with the best final validation metric; of ties the first."""
        feasible = self.feasible
        if feasible.empty:
            return None
        return feasible.loc[feasible["validation"].fillna(math.inf).idxmin()]

    @property
    def winning_values(self) -> dict[str, float]:
        """Hyperparameters of the winner, as far as reported."""
        winner = self.winner
        return {} if winner is None else self.values.loc[winner.name].dropna().to_dict()

    @property
    def own_hyperparameters(self) -> tuple[str, ...]:
        """The arguments that the update rule takes; () if the rule is unknown."""
        return () if self.update_rule is None else self.update_rule.hyperparameters

    def is_own(self, name: str) -> bool:
        """Returns whether a searched name is of the update rule; if unknown, of any rule."""
        own = self.own_hyperparameters or ANY_RULES_HYPERPARAMETERS
        return self.argument(name) in own

    def argument(self, name: str) -> str:
        """Returns the optimizer's argument that a searched name becomes; unknown names stay."""
        meaning = self.own.get(name) or HYPERPARAMETERS.get(name)
        return name if meaning is None else meaning.argument

    @property
    def fixed(self) -> dict[str, float]:
        """The update rule's hyperparameters that were not tuned, and their values."""
        found = {}
        for name, dimension in self.dimensions.items():
            value = fixed_value(dimension)
            if value is not None and self.is_own(name):
                found[name] = value
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Optimizers on one workload at one budget.

    Attributes:
        workload: What was trained.
        metric_unit: "share", "nats", or "" if not known.
        entries: At least one, in the order of the inclusions.
        tuning_budget: K >= 1.
        budget: What a trial spent, by name ("steps", "batch_size"); empty if not reported.
        target: Validation metric that `steps_to_target` counts to; None if there is none.
        num_examples: Split to number of examples; for the standard errors of error rates.
        interval_steps: Steps between measurements.
        selected_by: "validation", or "test" where no validation metric is reported; then the
            column `validation` holds the test metric.
        claims: Pairs of names of entries: the first is claimed to be better than the second.
        not_read: Columns of the input that nothing was made of.
    """

    workload: str
    metric_unit: str
    entries: tuple[Entry, ...]
    tuning_budget: int
    budget: Mapping[str, float] = field(default_factory=dict)
    target: float | None = None
    num_examples: Mapping[str, int] = field(default_factory=dict)
    interval_steps: int = 1
    selected_by: str = "validation"
    claims: tuple[tuple[str, str], ...] = ()
    not_read: tuple[str, ...] = ()

    @property
    def num_trials(self) -> int:
        """N, the smallest number of feasible trials among entries that have any; 0 if none has."""
        return min((e.num_feasible for e in self.entries if e.num_feasible), default=0)

    @cached_property
    def pairs(self) -> "tuple[Pair, ...]":
        """Every inclusion among the entries, judged by every statistic."""
        return tuple(_judged(self))

    def amount(self, value: float, statistic: str = "validation") -> str:
        """Returns a value or a difference of a statistic for people."""
        if statistic == "steps_to_target":
            return f"{value:,.0f} steps"
        if self.metric_unit == "share" and statistic != "train_loss":
            return f"{100 * value:.2f} %"
        return f"{value:.4g}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """One inclusion of update rules, special <= general, judged by one statistic.

    Attributes are those of `verdicts.Judgement`.
    """

    special: Entry
    general: Entry
    statistic: str
    verdict: Verdict
    difference: Distribution
    delta: float


def default_tuning_budget(num_trials: int) -> int:
    """Returns K = max(2, N // 5), the paper's ratio."""
    return max(2, num_trials // 5)


def best_of_k(entry: Entry, statistic: str, num_drawn: int) -> Distribution | None:
    """Returns the distribution of a statistic of the best of K trials; None if not reported.

    Args:
        entry: The optimizer.
        statistic: A name in STATISTICS.
        num_drawn: K >= 1.
    """
    select_by, value = _COLUMNS[statistic]
    feasible = entry.feasible
    if feasible.empty or value not in feasible or feasible[value].isna().all():
        return None
    worst_if_nan = feasible[[select_by, value]].astype(float).fillna(math.inf).to_numpy()
    return best_of(worst_if_nan[:, 0], worst_if_nan[:, 1], num_drawn)


def _judged(evidence: Evidence) -> "Iterator[Pair]":
    """As `verdicts.inclusion_verdicts`, but by the rules alone.

    A signature that fixes a hyperparameter is judged too, since also there a result worse than the
    special case's asks for an explanation.
    """
    known = {
        (entry.name, statistic): best_of_k(entry, statistic, evidence.tuning_budget)
        for entry in evidence.entries
        for statistic in STATISTICS
    }
    rules = [entry.update_rule for entry in evidence.entries]
    declared = [(special, rule.name) for rule in rules if rule for special in rule.contains]
    for special, general in product(evidence.entries, repeat=2):
        names = (str(special.rule), str(general.rule))
        if not inclusions.is_special_case(*names, declared):
            continue
        for statistic in STATISTICS:
            a, b = known[special.name, statistic], known[general.name, statistic]
            if a is None or b is None or not any(np.isfinite(d.values).any() for d in (a, b)):
                continue
            d, delta = difference(b, a), _tolerance(evidence, statistic, a)
            num_trials = min(special.num_feasible, general.num_feasible)
            descriptive = evidence.tuning_budget > num_trials / 2
            yield Pair(
                special=special,
                general=general,
                statistic=statistic,
                verdict=Verdict.DESCRIPTIVE_ONLY if descriptive else judge(d, delta),
                difference=d,
                delta=delta,
            )


def inclusion(special: Entry, general: Entry) -> inclusions.Inclusion | None:
    """Returns the inclusion of two update rules with its map; None if no map is known."""
    if special.rule is None or general.rule is None:
        return None
    return inclusions.find(special.rule, general.rule)


def fixed_value(dimension: Dimension) -> float | None:
    """Returns the only value of a dimension, or None if it has several."""
    match dimension:
        case Fixed():
            return dimension.fixed
        case Choice() if len(dimension.values) == 1:
            return dimension.values[0]
        case _:
            return None


def _tolerance(evidence: Evidence, statistic: str, special: Distribution) -> float:
    """As `verdicts.tolerance`; 0 for an error rate on an unknown number of examples."""
    if statistic == "steps_to_target":
        return float(evidence.interval_steps)
    if statistic == "train_loss" or evidence.metric_unit == "nats":
        return LOSS_TOLERANCE
    if statistic not in evidence.num_examples:
        return 0.0
    error = min(special.mean(), 1.0)
    return math.sqrt(error * (1 - error) / evidence.num_examples[statistic])
