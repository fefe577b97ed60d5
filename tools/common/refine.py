"""Runs the rounds of a refinement: from a wide search space of each optimizer to a final one.

A round runs a study of every optimizer; the space of the next follows from all trials so far. The
last has as many trials as asked for, or as many as it takes to decide. What a run finds on record
is not done again: neither trials nor spaces nor looks.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tfoptcmp.tools.common.until_decided import run_until_decided

from tfoptcmp.analysis.comparison import Comparison, from_to
from tfoptcmp.analysis.ranges.boundary import enough_trials, why_not_final
from tfoptcmp.analysis.ranges.narrowing import next_space
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import SearchSpace
from tfoptcmp.study import looks
from tfoptcmp.study.files import find
from tfoptcmp.study.read import read_config, recorded_config
from tfoptcmp.study.rounds import (
    LEAST_FEASIBLE,
    Plan,
    begin,
    last_round,
    last_to_run,
    round_directory,
    round_numbers,
    round_seed,
    to_judge,
)
from tfoptcmp.study.schema import StudyConfig, StudyError
from tfoptcmp.workload import Budget

if TYPE_CHECKING:
    from tfoptcmp.tools.common.run_studies import Studies


def run_rounds(
    studies: "Studies",
    study_dir: Path,
    plan: Plan,
    budget: Callable[[int], Budget],
    num_feasible: int,
    *,
    max_rounds: int,
    looks_plan: looks.Plan | None = None,
    num_reruns: int = 0,
) -> None:
    """Runs all rounds and says what each did to the spaces.

    Args:
        studies: Of the first round, with its spaces, its directory and its seed.
        study_dir: Parent of the rounds.
        plan: Must be that of the rounds which are there, if there are any.
        budget: From N to the budget of a study.
        num_feasible: N of the last round; with looks, the most that it may have.
        max_rounds: The most rounds that there may be, >= `plan.num_rounds`.
        looks_plan: Of looks at the last round, which ends once they have decided; by default none.
        num_reruns: As `Studies.run`, of the last round.

    Raises:
        StudyError: As `Studies.run` and `begin`; or if a round would be added for some only.
    """
    names = [signature.name for signature in studies.signatures]
    begin(study_dir, plan, names)
    if looks_plan:
        looks.check(to_judge(study_dir, plan), looks_plan)
    _check_later_rounds(studies, study_dir, plan, budget, num_feasible)
    number, signatures = 0, studies.signatures
    while True:
        directory = round_directory(study_dir, number)
        final = number + 1 >= plan.num_rounds
        done = (last_round(study_dir) or 0) > number
        num = _num_feasible(study_dir, plan, number, num_feasible)
        to_decide = looks_plan if final and not done else None
        print(_begin(plan, number, num, at_most=to_decide is not None), flush=True)
        current = _in_round(studies, study_dir, number, signatures, num)
        current.check(budget(num))
        if to_decide:
            budgets = run_until_decided(current, to_decide, budget)
        else:
            budgets = [budget(num)] * len(signatures)
            current.run(budgets)
        found = current.comparison()
        missing = {one.name: why_not_final(one) for one in found.contestants} if final else {}
        # More rounds of as many trials do not help where these are too few to tell.
        helps = any(missing[one.name] and enough_trials(one) for one in found.contestants if final)
        goes_on = done or not final or (helps and number + 1 < max_rounds)
        if not goes_on:
            break
        if final and not done:
            _check_all_named(directory, names)
        number += 1
        directory = round_directory(study_dir, number)
        signatures = [
            replace(one, space=_space(directory, one.name, found, missing)) for one in signatures
        ]
        print("\n".join(_narrowed(found, signatures)), flush=True)
    print("\n".join(_end(found, missing, number + 1)), flush=True)
    if num_reruns:
        current.run(budgets, num_reruns=num_reruns)


def _in_round(
    studies: "Studies",
    study_dir: Path,
    number: int,
    signatures: Sequence[Signature],
    num_feasible: int,
) -> "Studies":
    """The studies of a round, from those of the first."""
    return replace(
        studies,
        study_dir=round_directory(study_dir, number),
        seed=round_seed(studies.seed, number),
        signatures=signatures,
        max_trials=max(studies.max_trials, num_feasible),
    )


def _check_later_rounds(
    studies: "Studies",
    study_dir: Path,
    plan: Plan,
    budget: Callable[[int], Budget],
    num_feasible: int,
) -> None:
    """Checks all that is on record after the first round, before hours of an earlier one."""
    for number in round_numbers(study_dir)[1:]:
        directory = round_directory(study_dir, number)
        found = [
            replace(one, space=space)
            for one in studies.signatures
            if (space := _recorded(directory, one.name)) is not None
        ]
        num = _num_feasible(study_dir, plan, number, num_feasible)
        if found:
            replace(_in_round(studies, study_dir, number, found, num), tensorboard=False).check(
                budget(num)
            )


def rounds_to_run(study_dir: Path, plan: Plan, num_feasible: int) -> list[tuple[Path, int]]:
    """Returns parent of the studies and N of every round, planned or on record.

    Args:
        study_dir: Parent of the rounds; need not exist.
        plan: Of the rounds.
        num_feasible: N of the last one, unless more are on record.
    """
    return [
        (round_directory(study_dir, number), _num_feasible(study_dir, plan, number, num_feasible))
        for number in range(last_to_run(study_dir, plan) + 1)
    ]


def _num_feasible(study_dir: Path, plan: Plan, number: int, num_feasible: int) -> int:
    """N of a round; of one that others follow it stays what it was."""
    planned = num_feasible if number + 1 >= plan.num_rounds else plan.trials_per_round
    if (last_round(study_dir) or 0) <= number:
        return planned
    return max((one.num_feasible for one in _configs(study_dir, number)), default=planned)


def _configs(study_dir: Path, number: int) -> list[StudyConfig]:
    """The records of a round's studies, by name."""
    directory = round_directory(study_dir, number)
    return [read_config(path) for path in find(directory, "*/study.json")]


def _check_all_named(directory: Path, names: Sequence[str]) -> None:
    """Checks that a round beyond those planned leaves nobody out of the comparison."""
    there = [path.parent.name for path in find(directory, "*/study.json")]
    if not set(there) <= set(names):
        raise StudyError(
            f"{directory} has {', '.join(there)}, and only {', '.join(names)} would get another "
            "round; name all, or leave out --max_rounds"
        )


def _space(directory: Path, name: str, found: Comparison, missing: dict[str, str]) -> SearchSpace:
    """The space of an optimizer's next round: on record, accepted already, or narrowed."""
    recorded = _recorded(directory, name)
    if recorded is not None:
        return recorded
    one = found.named(name)
    if missing.get(name) == "" and one.space is not None:
        return one.space
    return next_space(found, one)


def _recorded(directory: Path, name: str) -> SearchSpace | None:
    """The space of a study that is there."""
    config = recorded_config(directory / name)
    return Signature.from_json(config.signature).space if config else None


def _begin(plan: Plan, number: int, num_feasible: int, *, at_most: bool) -> str:
    last = plan.num_rounds - 1
    which = f"of 0 to {last}" if number <= last else f"after the {plan.num_rounds} planned"
    what = "to be judged" if number >= last else "to narrow the spaces"
    num = f"{'at most ' if at_most else ''}{num_feasible}"
    return f"round {number} {which}: {num} feasible trials each, {what}"


def _narrowed(found: Comparison, signatures: Sequence[Signature]) -> list[str]:
    """What became of each range that changed."""
    lines = []
    for signature in signatures:
        before = found.named(signature.name).dimensions
        changed = [
            f"{name} {dimension.low:g} .. {dimension.high:g}"
            for name, dimension in signature.space.dimensions.items()
            if dimension != before[name]
        ]
        lines.append(f"  {signature.name}: {', '.join(changed) or 'as it was'}")
    return lines


def _end(found: Comparison, missing: dict[str, str], num_rounds: int) -> list[str]:
    """Which spaces are accepted, and what would be tried for the others."""
    spent = [sum(each.num_feasible for each in one.rounds) for one in found.contestants]
    lines = [f"{num_rounds} rounds, {from_to(spent)} feasible trials of each optimizer"]
    accepted = [found.named(name).title for name, reason in missing.items() if not reason]
    if accepted:
        lines.append(f"  accepted as final: {', '.join(accepted)}")
    for name, reason in missing.items():
        if reason:
            lines.append(f"  not accepted: {found.named(name).title}: {reason}")
    if any(missing[one.name] and enough_trials(one) for one in found.contestants):
        lines.append(f"  --max_rounds={num_rounds + 1} adds a round for all")
    elif len(accepted) < len(missing):
        lines.append(f"  --num_feasible={LEAST_FEASIBLE} adds the trials that are missing")
    return lines
