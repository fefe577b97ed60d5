"""A comparison of optimizers: the one thing that statistics, audit, figures and report read.

Our own studies and the results of other tools all become it (`tfoptcmp.analysis.sources`). What a
source does not report is missing here; who reads it says what it needs. Metrics are errors here
(`Metric.error`), of which lower is better.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.metrics import TRAINING_LOSS, Metric
from tfoptcmp.rules import RULES
from tfoptcmp.study.looks import Looks
from tfoptcmp.study.rounds import Plan
from tfoptcmp.study.schema import STANDARD_ERRORS, StudyError, planned_tuning_budget

# Scales whose results show that everything runs, and nothing else.
_SHOWS_ONLY_THAT_IT_RUNS = "smoke"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A narrower range of one hyperparameter of one optimizer.

    Attributes:
        optimizer: Name of a contestant.
        name: Of the hyperparameter: as searched, as used, or as the paper calls it.
        low: Smallest value inside.
        high: Largest value inside, > low.
    """

    optimizer: str
    name: str
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.optimizer}:{self.name}={short(self.low)}..{short(self.high)}"


def short(value: float) -> str:
    """Returns a number as people write it: 1e-9, 0.05, 20."""
    digits, _, exponent = f"{value:e}".partition("e")
    return min(f"{value:g}", f"{float(digits):g}e{int(exponent)}", key=len)


def from_to(numbers: Sequence[int]) -> str:
    """Returns the one number that all are, or the smallest and the largest."""
    return " to ".join(str(number) for number in sorted({min(numbers), max(numbers)}))


def counted(number: int, what: str) -> str:
    """Returns how many there are, as "1 pair" or "2 pairs"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Optimizers on one workload at one budget; make it with `comparison`.

    Attributes:
        workload: What was trained.
        metric: Of validation and test.
        loss: That training minimised.
        contestants: At least one, in the order of the inclusions.
        tuning_budget: K >= 1, the trials that statistics are for: what a practitioner with K
            trials gets.
        budget: What a trial spent, by name ("steps", "batch_size"); empty if not reported.
        scale: Name of the budget, or several with a slash; "" if it has none.
        target: Validation error that `steps_to_target` counts to; None if there is none.
        num_examples: Split to number of examples; for the standard errors of error rates.
        margin: Of the metric, beside which a difference does not count; None for
            `Metric.tolerance`.
        interval_steps: Steps between measurements.
        partial: What the data lack; "" if complete or not known.
        selected_by: "validation", or "test" where no validation metric is reported; then the column
            `validation_metric` holds the test metric.
        claims: Pairs of names: the first is claimed to be better than the second.
        boxes: Smaller search spaces that are asked about: limits that hold together.
        not_read: Columns of the input that nothing was made of.
        remarks: What else its source says of what it read, in sentences.
        looks: Of trials that were added until pairs were decided; None if they were not.
        refinement: The plan of the rounds that led to these search spaces; None without any.
    """

    workload: str
    metric: Metric
    loss: Metric = TRAINING_LOSS
    contestants: tuple[Contestant, ...]
    tuning_budget: int
    budget: Mapping[str, int] = field(default_factory=dict)
    scale: str = ""
    target: float | None = None
    num_examples: Mapping[str, int] = field(default_factory=dict)
    margin: float | None = None
    interval_steps: int = 1
    partial: str = ""
    selected_by: str = "validation"
    claims: tuple[tuple[str, str], ...] = ()
    boxes: tuple[tuple[Limit, ...], ...] = ()
    not_read: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    looks: Looks | None = None
    refinement: Plan | None = None

    @property
    def num_trials(self) -> int:
        """N, the smallest number of feasible trials among those that have any; 0 if none has."""
        return smallest_num_feasible(self.contestants)

    @property
    def too_few(self) -> str:
        """Why there are no verdicts at all, see `too_few_trials`; "" if there are some.

        Two optimizers with enough trials suffice; of the others it is said that they lack them.
        """
        counts = sorted((one.num_feasible for one in self.contestants), reverse=True)
        return too_few_trials(counts[min(1, len(counts) - 1)], self.tuning_budget)

    @cached_property
    def standard_errors(self) -> Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """By split two arrays, float64 [trials]: results of feasible trials, their standard errors.

        Trials without either are left out; the others are in the order of the contestants.
        """
        found = {}
        for column in STANDARD_ERRORS:
            split = column.removesuffix("_standard_error")
            pairs = [
                one.feasible[[f"{split}_metric", column]].to_numpy(np.float64)
                for one in self.contestants
            ]
            known = np.concatenate(pairs)
            known = known[np.isfinite(known).all(axis=1)]
            found[split] = (known[:, 0], known[:, 1])
        return found

    @property
    def rounds_missing(self) -> int:
        """Rounds of the refinement that are planned and not begun; 0 without one."""
        planned = 0 if self.refinement is None else self.refinement.num_rounds
        return max(0, planned - 1 - max(len(one.earlier) for one in self.contestants))

    @property
    def is_refined(self) -> bool:
        """Whether a search space came from earlier rounds, whose trials are known."""
        return any(one.earlier for one in self.contestants)

    @property
    def spent(self) -> str:
        """Scale and budget of a trial in one line; "" if not reported."""
        steps, batch_size = self.budget.get("steps"), self.budget.get("batch_size")
        told = [f"scale {self.scale}"] if self.scale else []
        if steps:
            told.append(f"{steps:,} steps" + (f" of {batch_size:,} examples" if batch_size else ""))
        return ", ".join(told)

    @property
    def trials_judged(self) -> str:
        """N in a few words."""
        return f"N = {from_to([one.num_feasible for one in self.contestants])} feasible trials"

    @property
    def trials_before(self) -> str:
        """Feasible trials of each optimizer in each earlier round, "40 + 40"; "" without any."""
        known = [one.earlier for one in self.contestants if one.earlier]
        numbers = zip_longest(*([one.num_feasible for one in rounds] for rounds in known))
        return " + ".join(from_to([n for n in each if n is not None]) for each in numbers)

    @property
    def sample_sizes(self) -> str:
        """N, the trials that were spent before to narrow the spaces, and K, in one line."""
        before = f" after {self.trials_before} to narrow the space" if self.is_refined else ""
        return f"{self.trials_judged}{before}, K = {self.tuning_budget}"

    def among(self, others: Sequence["Comparison"]) -> str:
        """Returns its workload, and its budget if there are others of the same workload."""
        alike = sum(one.workload == self.workload for one in others) > 1
        return f"{self.workload} ({self.spent})" if alike and self.spent else self.workload

    def named(self, name: str) -> Contestant:
        """Returns the contestant of a signature's name.

        Raises:
            ValueError: If it is not here; the message lists who is.
        """
        for one in self.contestants:
            if one.name == name:
                return one
        known = [one.name for one in self.contestants]
        raise ValueError(f"name must be one of {known}; got {name!r}")

    @property
    def headline(self) -> str:
        """Scale, budget, N and K in one line."""
        return ", ".join(part for part in (self.spent, self.sample_sizes) if part)

    @property
    def warnings(self) -> list[str]:
        """What must stand on every figure and table; empty if nothing must."""
        said = []
        if self.partial:
            said.append(f"PARTIAL DATA: {self.partial}")
        if _SHOWS_ONLY_THAT_IT_RUNS in self.scale.split("/"):
            said.append("SMOKE SCALE: shows that everything runs; not evidence about optimizers")
        if self.refinement is not None and self.rounds_missing:
            said.append(
                f"NOT THE LAST ROUND: spaces are to be narrowed in {self.rounds_missing} more of "
                f"{self.refinement.num_rounds} rounds, and only the last is to be judged"
            )
        if not self.num_trials:
            said.append("NO FEASIBLE TRIALS: there is nothing to compare yet")
        elif self.too_few:
            said.append(f"NO VERDICTS: {self.too_few}")
        return said

    @property
    def notes(self) -> list[str]:
        """What a reader has to know: how the contestants differ, what was not understood."""
        said = []
        for one in self.contestants:
            if one.record is not None and one.num_feasible < one.record.num_feasible:
                said.append(
                    f"{one.title}: {one.num_feasible} of {one.record.num_feasible} feasible trials "
                    "so far"
                )
            if one.num_failed:
                crashed = counted(one.num_failed, "trial")
                said.append(f"{one.title}: left out, as crashed: {crashed}")
        records = [one.record for one in self.contestants if one.record is not None]
        compared: dict[str, Sequence[Any]] = {
            "numbers of feasible trials": [one.num_feasible for one in self.contestants],
            "recorded tuning budgets K": [record.tuning_budget for record in records],
            "study seeds": [record.seed for record in records],
            "search methods": [record.search for record in records],
            "threads per trial": [record.threads_per_trial for record in records],
            "package versions": [dict(record.versions) for record in records],
            "schedules": [one.schedule for one in self.contestants],
        }
        for what, values in compared.items():
            if any(value != values[0] for value in values):
                each = (f"{c.title} {v}" for c, v in zip(self.contestants, values, strict=True))
                said.append(f"The {what} differ: {', '.join(each)}")
        if unknown := [one.title for one in self.contestants if one.rule is None]:
            said.append(f"The update rule is not known, so no inclusion of: {', '.join(unknown)}")
        if self.not_read:
            said.append(f"Columns that were not read: {', '.join(self.not_read)}")
        return [*said, *self.remarks]


def comparison(
    *, contestants: Sequence[Contestant], tuning_budget: int | None = None, **known: Any
) -> Comparison:
    """Makes a comparison, its contestants in the order of the inclusions.

    Args:
        contestants: At least one.
        tuning_budget: K >= 1; by default the smallest on record, else `planned_tuning_budget` of
            the trials that there are.
        **known: More of the attributes of `Comparison`.

    Raises:
        StudyError: If two contestants have the same name.
        ValueError: If tuning_budget is out of range.
    """
    if tuning_budget is not None and tuning_budget < 1:
        raise ValueError(f"tuning_budget must be >= 1; got {tuning_budget!r}")
    contestants = [replace(one, title=on_one_line(one.title) or "?") for one in contestants]
    known = {**known, "workload": on_one_line(known.get("workload", ""))}
    seen: dict[str, Contestant] = {}
    for one in contestants:
        first = seen.setdefault(one.name, one)
        if first is not one:
            raise StudyError(
                f"signature names must be distinct; got {one.name!r} on {known.get('workload')} in "
                f"{first.directory} and in {one.directory}"
            )
    return Comparison(
        contestants=tuple(sorted(contestants, key=_place)),
        tuning_budget=tuning_budget or _planned(contestants),
        **known,
    )


def on_one_line(text: str) -> str:
    """Returns a name from somebody's file as figures, tables and terminals can show it."""
    printable = (character if character.isprintable() else " " for character in text)
    return " ".join("".join(printable).split())


def _planned(contestants: Sequence[Contestant]) -> int:
    recorded = [one.record.tuning_budget for one in contestants if one.record is not None]
    return min(recorded, default=planned_tuning_budget(smallest_num_feasible(contestants)))


LEAST_TRIALS = 20
"""N below which the intervals are too narrow to judge by."""

LEAST_TRIALS_A_DRAW = 5
"""N / K below which they are."""


def trials_for_verdicts(tuning_budget: int) -> int:
    """Returns the smallest N that verdicts at K can be reached with."""
    return max(LEAST_TRIALS, LEAST_TRIALS_A_DRAW * tuning_budget)


def too_few_trials(num_trials: int, tuning_budget: int) -> str:
    """Returns what is missing for a verdict; "" if nothing is.

    Args:
        num_trials: N, feasible trials of the optimizer that has fewer.
        tuning_budget: K.
    """
    needed = trials_for_verdicts(tuning_budget)
    if num_trials >= needed:
        return ""
    return f"N = {num_trials} feasible trials are too few; K = {tuning_budget} needs {needed}"


def smallest_num_feasible(contestants: Iterable[Contestant]) -> int:
    """Returns the smallest N >= 1; one without any feasible trial has no statistics to dilute."""
    return min((one.num_feasible for one in contestants if one.num_feasible), default=0)


def _place(one: Contestant) -> tuple[int, str]:
    """Rules in the order of the inclusions, then signatures by name, the plain one first.

    Unknown rules come last, in the order given.
    """
    place = len(RULES) if one.rule is None else one.rule.place
    return place, "" if one.is_plain or one.rule is None else one.name
