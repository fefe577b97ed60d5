"""The four statistics that optimizers are compared by (Choi et al. 2019, section 4).

All are of the best of K feasible trials, metrics as errors, so that lower is better: the validation
metric, the test metric of the trial with the best final validation metric, the final training loss
of the trial selected by that loss, and the steps to the validation target. A measurement that is
not a number counts as infinite, the worst; so does a target that was not reached. Results of other
tools do not tell NaN from what was not measured: a statistic that some trials lack is not judged.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.ranks import Ranks
from tfoptcmp.analysis.statistics.best_of_k import Distribution, FloatArray, best_of
from tfoptcmp.metrics import SHARE, STEPS, Metric


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """What is selected and what is reported of it.

    Attributes:
        name: As tables call it.
        title: Name for people.
        select_by: Column of `Contestant.trials` that trials are selected by.
        value: Column that is reported of the selected trial.
        of: What is reported, as the comparison knows it.
    """

    name: str
    title: str
    select_by: str
    value: str
    of: Callable[[Comparison], Metric] = lambda comparison: comparison.metric

    def metric(self, comparison: Comparison) -> Metric:
        """Returns what is reported, with its unit."""
        return self.of(comparison)


STATISTICS: dict[str, Statistic] = {
    "validation": Statistic(
        name="validation",
        title="validation",
        select_by="validation_metric",
        value="validation_metric",
    ),
    "test": Statistic(
        name="test", title="test", select_by="validation_metric", value="test_metric"
    ),
    "train_loss": Statistic(
        name="train_loss",
        title="training loss",
        select_by="train_loss",
        value="train_loss",
        of=lambda comparison: comparison.loss,
    ),
    "steps_to_target": Statistic(
        name="steps_to_target",
        title="steps to target",
        select_by="steps_to_target",
        value="steps_to_target",
        of=lambda comparison: STEPS,
    ),
}


def statistics_of(comparison: Comparison) -> tuple[str, ...]:
    """Returns names in STATISTICS: no validation where the test metric stands in its place."""
    validated = comparison.selected_by == "validation"
    return tuple(name for name in STATISTICS if validated or name != "validation")


def measured(contestant: Contestant, statistic: str) -> bool:
    """Returns whether there is a value of the statistic: a test split, a target, a feasible trial.

    Results of some trials only are none: the best of K is one of all.

    Args:
        contestant: The optimizer.
        statistic: A name in STATISTICS.
    """
    return contestant.reports_all(STATISTICS[statistic].value)


def main_statistic(comparison: Comparison) -> str:
    """Returns "test" if all contestants with results have test results, else "validation"."""
    if comparison.selected_by == "test":
        return "test"
    tested = [measured(one, "test") for one in comparison.contestants if one.num_feasible]
    return "test" if tested and all(tested) else "validation"


def best_of_k(contestant: Contestant, statistic: str, num_drawn: int) -> Distribution | None:
    """Returns the distribution of a statistic of the best of K trials; None if not `measured`.

    For steps to target, inf stands for "not reached by any of the K".

    Args:
        contestant: The optimizer.
        statistic: A name in STATISTICS.
        num_drawn: K >= 1.
    """
    if not measured(contestant, statistic):
        return None
    return best_of(*ranks_of_both(contestant, statistic), num_drawn)


def cap_of_shown(comparison: Comparison, statistic: str) -> float:
    """Returns the worst value that counts in what is shown: guessing's, where it is known.

    It is that of the answer. Shares need none, and training losses are shown in full.
    """
    metric = STATISTICS[statistic].metric(comparison)
    return metric.cap if metric is comparison.metric and is_bounded(metric) else math.inf


def is_bounded(metric: Metric) -> bool:
    """Returns whether what is worse than guessing counts as guessing in means of a metric."""
    return metric.guess is not None and metric.unit != SHARE


BOUNDED_NOTE = "what is worse than guessing counts as guessing"
"""What to say beside means of a metric that `is_bounded`."""


def with_bounded_note(text: str, metric: Metric) -> str:
    """Returns a text on means of a metric, and BOUNDED_NOTE if the metric `is_bounded`."""
    return f"{text}; {BOUNDED_NOTE}" if is_bounded(metric) else text


def selection_and_values(contestant: Contestant, statistic: str) -> tuple[FloatArray, FloatArray]:
    """Returns what the feasible trials are selected by and what is reported of the selected one.

    Args:
        contestant: The optimizer.
        statistic: A name in STATISTICS.

    Returns:
        Two float64 [N], inf where a trial has no value.
    """
    selection, values = ranks_of_both(contestant, statistic)
    return selection.values, values.values


def ranks_of_both(contestant: Contestant, statistic: str) -> tuple[Ranks, Ranks]:
    """Returns `selection_and_values` with their order, which is known once they were asked for."""
    columns = STATISTICS[statistic]
    return contestant.ranks(columns.select_by), contestant.ranks(columns.value)


def steps_of_best(contestant: Contestant, target: float, num_drawn: int) -> Distribution | None:
    """Returns the steps to any target of the fastest of K trials; None without feasible trials.

    inf stands for "not reached by any of the K".

    Args:
        contestant: The optimizer; needs measurements.
        target: Validation metric, in its unit (shares in [0, 1]).
        num_drawn: K >= 1.
    """
    if not contestant.num_feasible:
        return None
    steps = contestant.steps_to(target)[contestant.trials["feasible"]].to_numpy(dtype=float)
    return best_of(steps, steps, num_drawn)
