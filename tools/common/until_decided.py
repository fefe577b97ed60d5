"""Adds trials to all studies of a comparison in turns, until its pairs are decided.

A round runs every study to the number of trials of the next look; the look says whether there is
another. What a run finds on record is not done again: neither trials nor looks.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tfoptcmp.tools.common import terminal

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.statistics.looks import seconds_a_trial, take_look
from tfoptcmp.analysis.statistics.quantities import STATISTICS
from tfoptcmp.study.looks import Looks, Plan, check, write_looks
from tfoptcmp.study.read import recorded_config
from tfoptcmp.workload import Budget

if TYPE_CHECKING:
    from tfoptcmp.tools.common.run_studies import Studies


def run_until_decided(
    studies: "Studies",
    plan: Plan,
    budget: Callable[[int], Budget],
) -> list[Budget]:
    """Runs, looks and prints what was found, until all pairs are decided or the last look is made.

    Args:
        studies: Of all optimizers, checked for the largest number of trials.
        plan: Must be that of the looks which are there, if there are any.
        budget: From N to the budget of a study.

    Returns:
        The budget that each study reached.

    Raises:
        StudyError: As `Studies.run`; or if the looks are damaged or of another plan.
    """
    study_dir = studies.study_dir
    looks = check(study_dir, plan)
    if looks is None:
        looks = Looks(plan=plan)
        write_looks(study_dir, looks)
    print(_begin(plan))
    for i in range(len(looks.looks)):
        print(f"{_line(Looks(plan=plan, looks=looks.looks[: i + 1]))} (on record)")
    if looks.next_look is None:  # trials that were lost since, or an optimizer that was added
        studies.run(_budgets(studies, budget, looks.looks[-1].num_trials))
    while (num_trials := looks.next_look) is not None:
        studies.run(_budgets(studies, budget, num_trials))
        looks = take_look(studies.comparison(), looks)
        write_looks(study_dir, looks)
        print(_line(looks), flush=True)
    print("\n".join(_end(looks, studies.comparison(), studies.execution.num_workers)), flush=True)
    return _budgets(studies, budget, looks.looks[-1].num_trials)


def _budgets(studies: "Studies", budget: Callable[[int], Budget], num_trials: int) -> list[Budget]:
    """Of each study; one that was begun with more trials is not made smaller."""
    found = [
        recorded_config(studies.study_dir / signature.name) for signature in studies.signatures
    ]
    return [budget(max(num_trials, one.num_feasible if one else 0)) for one in found]


def _begin(plan: Plan) -> str:
    pairs = ", ".join(":".join(pair) for pair in plan.pairs)
    planned = ", ".join(map(str, plan.looks))
    return f"to decide: {pairs} (K = {plan.tuning_budget}); looks at N = {planned}"


def _line(looks: Looks) -> str:
    """What the last look found."""
    num_pairs, num_trials = len(looks.plan.pairs), looks.looks[-1].num_trials
    decided = f"look at N = {num_trials}: {len(looks.decided)} of {num_pairs} pairs decided"
    return decided + (f"; going on to {looks.next_look}" if looks.next_look else "")


def _end(looks: Looks, comparison: Comparison, num_workers: int) -> list[str]:
    """What is decided, what is not, and what the looks saved."""
    lines = []
    for look in looks.looks:
        for one in look.pairs:
            last = look is looks.looks[-1]
            if not (one.decided or last):
                continue
            a, b = comparison.named(one.a), comparison.named(one.b)
            metric = STATISTICS[one.statistic].metric(comparison)
            d = metric.difference_with(one.difference, one.low, one.high)
            lines.append(
                f"  {b.title} against {a.title}: {one.verdict} at N = {look.num_trials}, "
                f"{metric.worse_by('D')} = {d}"
            )
    reached, most = looks.looks[-1].num_trials, looks.plan.max_feasible
    # A study that was begun without looks may have more trials than they needed.
    left = {one: most - one.num_feasible for one in comparison.contestants}
    seconds = sum(num * seconds_a_trial(one) for one, num in left.items()) / num_workers
    return [
        *lines,
        f"stopped at {reached} of {most} trials: {sum(left.values())} trials and about "
        f"{terminal.duration(seconds)} saved"
        if any(left.values())
        else f"stopped at {reached} trials, the most that were allowed",
    ]
