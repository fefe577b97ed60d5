"""Runs the studies of a comparison as they were planned: to N trials, in rounds, until decided."""

from collections.abc import Callable
from dataclasses import replace

from tfoptcmp.tools.common.refine import run_rounds
from tfoptcmp.tools.common.run_studies import Studies
from tfoptcmp.tools.common.until_decided import run_until_decided

from tfoptcmp.study import looks, rounds
from tfoptcmp.workload import Budget


def run_comparison(
    studies: Studies,
    budget: Callable[[int], Budget],
    num_feasible: int,
    *,
    rounds_plan: rounds.Plan | None = None,
    max_rounds: int = 1,
    looks_plan: looks.Plan | None = None,
    num_reruns: int = 0,
) -> None:
    """Runs or resumes them.

    Args:
        studies: Of the optimizers, or the parent of the rounds of a refinement.
        budget: From N to the budget of a study.
        num_feasible: N of what is judged; with looks, the most.
        rounds_plan: Of a refinement; by default there are no rounds.
        max_rounds: As in `run_rounds`.
        looks_plan: Of looks, which end the trials; by default none.
        num_reruns: As `Studies.run`, of what is judged.

    Raises:
        StudyError: As `Studies.opened`, `Studies.run`, `run_rounds` and `run_until_decided`.
    """
    study_dir = studies.study_dir
    if rounds_plan:
        studies = replace(studies, study_dir=rounds.round_directory(study_dir, 0))
    most = rounds.most_feasible(rounds_plan, num_feasible)
    with studies.opened(budget(most), keep_trainers=bool(looks_plan or rounds_plan)):
        if rounds_plan:
            run_rounds(
                studies,
                study_dir,
                rounds_plan,
                budget,
                num_feasible,
                max_rounds=max_rounds,
                looks_plan=looks_plan,
                num_reruns=num_reruns,
            )
        elif looks_plan:
            reached = run_until_decided(studies, looks_plan, budget)
            if num_reruns:
                studies.run(reached, num_reruns=num_reruns)
        else:
            studies.run([budget(num_feasible)] * len(studies.signatures), num_reruns=num_reruns)
