"""Prints what `tune` would run, how long that takes, and how many trials would decide."""

import os
from collections.abc import Sequence
from pathlib import Path

from tfoptcmp.tools.common import terminal
from tfoptcmp.tools.common.forecast import forecast, pilot
from tfoptcmp.tools.common.refine import rounds_to_run

from tfoptcmp.signatures import Signature
from tfoptcmp.study import looks as looks_file
from tfoptcmp.study.read import num_that_count
from tfoptcmp.study.rounds import Plan, to_judge


def print_plan(
    signatures: Sequence[Signature],
    study_dir: Path | None,
    rounds: Plan | None,
    looks: looks_file.Plan | None,
    made: looks_file.Looks | None,
    num_feasible: Sequence[int],
    trial_seconds: float,
    num_workers: int,
    tuning_budget: int | None,
    given: Sequence[str],
) -> None:
    """Prints all of it.

    Args:
        signatures: The optimizers.
        study_dir: Parent of the studies or rounds; None if they have no place yet.
        rounds: The plan of a refinement, if there is one.
        looks: That of looks, likewise.
        made: The looks on record, likewise.
        num_feasible: N of each study to judge; with looks, the most.
        trial_seconds: Of one trial.
        num_workers: Trials at the same time.
        tuning_budget: K; None for that on record, or the least.
        given: Flags of the command, without the number of trials.
    """
    at_most = looks is not None
    if made and made.next_look is None:  # no trial is to come
        num_feasible, at_most = [made.looks[-1].num_trials] * len(signatures), False
    seconds = trial_seconds / num_workers
    if rounds:
        _rounds(
            rounds, signatures, study_dir, num_feasible[0], trial_seconds, seconds, at_most=at_most
        )
    else:
        done = _num_on_record(study_dir, signatures, num_feasible)
        _studies(signatures, num_feasible, done, trial_seconds, seconds, at_most=at_most)
    names = [signature.name for signature in signatures]
    judged = study_dir and to_judge(study_dir, rounds)
    found = forecast(judged, names, looks, tuning_budget, num_workers) if judged else ""
    if not found and not rounds:  # where there are, the last one serves as a pilot
        found = pilot(given, len(names), tuning_budget, trial_seconds, num_workers)
    if found:
        print(f"\n{found}")


def _studies(
    signatures: Sequence[Signature],
    num_feasible: Sequence[int],
    num_done: int,
    trial_seconds: float,
    seconds: float,
    *,
    at_most: bool,
) -> None:
    """Prints how many trials studies will have, and how long those take that are to come.

    Args:
        signatures: The optimizers.
        num_feasible: N of each.
        num_done: Of these trials, how many are on record.
        trial_seconds: Of one trial.
        seconds: That divided by the number of workers.
        at_most: Whether fewer may do.
    """
    print("\n".join(terminal.space(signature) for signature in signatures))
    each = str(num_feasible[0]) if len(set(num_feasible)) == 1 else f"{num_feasible}"
    print(
        f"{'At most ' if at_most else ''}{len(signatures)} optimizers x {each} feasible trials of "
        f"{terminal.duration(trial_seconds)} each{_left(sum(num_feasible), num_done, seconds)}"
    )


def _rounds(
    rounds: Plan,
    signatures: Sequence[Signature],
    study_dir: Path | None,
    num_feasible: int,
    trial_seconds: float,
    seconds: float,
    *,
    at_most: bool,
) -> None:
    """Prints the same of all rounds; `num_feasible` is N of the last."""
    each = rounds_to_run(study_dir or Path(os.devnull), rounds, num_feasible)
    nums = [[num] * len(signatures) for _, num in each]
    done = [
        _num_on_record(parent, signatures, num) for (parent, _), num in zip(each, nums, strict=True)
    ]
    _studies(signatures, nums[-1], done[-1], trial_seconds, seconds, at_most=at_most)
    total = sum(map(sum, nums))
    print(
        f"\nThese trials are the last of {len(each)} rounds, the only one that is judged. "
        f"The {len(each) - 1} before it, of {each[0][1]} feasible trials of each, narrow "
        f"these spaces; docs/narrowing.md says how well. "
        f"{'At most' if at_most else 'All'} {total} trials"
        f"{_left(total, sum(done), seconds)}. If best trials crowd an edge in the last round, its "
        f"space is not final, and --max_rounds adds a round: {'at most' if at_most else 'about'} "
        f"{terminal.duration(sum(nums[-1]) * seconds)}"
    )


def _left(total: int, num_done: int, seconds: float) -> str:
    """How long the trials take that are not on record."""
    if num_done == total:
        return ": all are on record"
    on_record = f", {num_done} of them on record" if num_done else ""
    return (
        f"{on_record}: about {terminal.duration((total - num_done) * seconds)}, plus what the "
        "infeasible ones take (they stop when they diverge)"
    )


def _num_on_record(
    parent: Path | None, signatures: Sequence[Signature], num_feasible: Sequence[int]
) -> int:
    """How many of the trials that studies are to have are there."""
    if parent is None:
        return 0
    return sum(
        min(num, num_that_count(parent / signature.name))
        for signature, num in zip(signatures, num_feasible, strict=True)
    )
