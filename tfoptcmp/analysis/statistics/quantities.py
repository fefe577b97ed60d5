"""The four statistics that optimizers are compared by (Choi et al. 2019, section 4).

All are of the best of K feasible trials, lower is better: the validation metric, the test metric of
the trial with the best final validation metric, the final training loss of the trial selected by
that loss, and the steps to the validation target. A measurement that is not a number counts as
infinite, the worst; so does a target that was not reached.
"""

from dataclasses import dataclass

import numpy as np

from tfoptcmp.analysis.sources.studies import StudyResults, steps_to
from tfoptcmp.analysis.statistics.best_of_k import best_of
from tfoptcmp.analysis.statistics.distributions import Distribution, FloatArray


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """What is selected and what is reported of it.

    Attributes:
        name: As tables call it.
        title: Name for people.
        select_by: Column of `load_studies` that trials are selected by.
        value: Column that is reported of the selected trial.
    """

    name: str
    title: str
    select_by: str
    value: str


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
        name="train_loss", title="training loss", select_by="train_loss", value="train_loss"
    ),
    "steps_to_target": Statistic(
        name="steps_to_target",
        title="steps to target",
        select_by="steps_to_target",
        value="steps_to_target",
    ),
}


def measured(results: StudyResults, statistic: str) -> bool:
    """Returns whether the study can have the statistic: a test split, a target, a feasible trial.

    Args:
        results: The study.
        statistic: A name in STATISTICS.
    """
    if statistic == "test" and "test" not in results.config.num_examples:
        return False
    if statistic == "steps_to_target" and results.config.budget["target"] is None:
        return False
    return results.num_feasible > 0


def best_of_k(results: StudyResults, statistic: str, num_drawn: int) -> Distribution | None:
    """Returns the distribution of a statistic of the best of K trials; None if not `measured`.

    For steps to target, inf stands for "not reached by any of the K".

    Args:
        results: The study.
        statistic: A name in STATISTICS.
        num_drawn: K >= 1.
    """
    if not measured(results, statistic):
        return None
    return best_of(*selection_and_values(results, statistic), num_drawn)


def selection_and_values(results: StudyResults, statistic: str) -> tuple[FloatArray, FloatArray]:
    """Returns what the feasible trials are selected by and what is reported of the selected one.

    Args:
        results: The study.
        statistic: A name in STATISTICS.

    Returns:
        Two float64 [N], inf where a trial has no value.
    """
    columns = STATISTICS[statistic]
    selection = results.feasible[columns.select_by].to_numpy(dtype=np.float64)
    values = results.feasible[columns.value].to_numpy(dtype=np.float64)
    return _worst_if_nan(selection), _worst_if_nan(values)


def _worst_if_nan(values: FloatArray) -> FloatArray:
    return np.where(np.isnan(values), np.inf, values)


def steps_of_best(results: StudyResults, target: float, num_drawn: int) -> Distribution | None:
    """Returns the steps to any target of the fastest of K trials; None without feasible trials.

    inf stands for "not reached by any of the K".

    Args:
        results: The study.
        target: Validation metric, in its unit (shares in [0, 1]).
        num_drawn: K >= 1.
    """
    if results.num_feasible == 0:
        return None
    steps = steps_to(results.feasible, results.measurements, target).to_numpy(dtype=np.float64)
    return best_of(steps, steps, num_drawn)
