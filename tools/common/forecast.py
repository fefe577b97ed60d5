"""How many trials would it take? From the trials that are there, or from a pilot that is proposed.

A forecast takes the difference found so far for the true one, so its spread is wide. Costs are the
times on record, of trials that follow each other or share the workers evenly.
"""

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from tfoptcmp.tools.common import terminal

from tfoptcmp.analysis.comparison import Comparison, counted, trials_for_verdicts
from tfoptcmp.analysis.report.tables import format_rows
from tfoptcmp.analysis.sources.studies import compare_studies
from tfoptcmp.analysis.statistics.looks import (
    looks_needed_factor,
    pairs_to_decide,
    seconds_a_trial,
)
from tfoptcmp.analysis.statistics.pairs import testable_inclusions
from tfoptcmp.analysis.statistics.quantities import STATISTICS, main_statistic, measured
from tfoptcmp.analysis.statistics.verdicts import MOST_NEEDED, Judgement, Verdict, judge
from tfoptcmp.study.files import exists
from tfoptcmp.study.looks import Plan


def forecast(
    study_dir: Path,
    names: Sequence[str],
    plan: Plan | None,
    tuning_budget: int | None,
    num_workers: int,
) -> str:
    """Returns for each pair what is known, and roughly what would decide it.

    Args:
        study_dir: Parent of the studies.
        names: Of the optimizers.
        plan: With the pairs; by default those that a plan would have.
        tuning_budget: K; by default the one on record.
        num_workers: Trials at the same time.

    Returns:
        Text for a terminal; "" if no two of the studies have a feasible trial.
    """
    directories = [study_dir / name for name in names if exists(study_dir / name / "study.json")]
    found = compare_studies(directories, tuning_budget) if directories else []
    parts = []
    for comparison in found:
        parts += [_forecast(comparison, plan, num_workers)] if _pairs(comparison, plan) else []
    return "\n".join(parts)


def pilot(
    given: Sequence[str],
    num_studies: int,
    tuning_budget: int | None,
    seconds: float,
    num_workers: int,
) -> str:
    """Returns which pilot would tell how many trials are needed, and what it costs.

    Args:
        given: Flags of the command, without the number of trials.
        num_studies: How many optimizers there are.
        tuning_budget: K; None for the least, which is what a pilot is planned for.
        seconds: Of a trial.
        num_workers: Trials at the same time.
    """
    num = trials_for_verdicts(tuning_budget or 0)
    cost = terminal.duration(num * num_studies * seconds / num_workers)
    command = shlex.join(["tfoptcmp-tune", *given, f"--num_feasible={num}"])
    return (
        f"How many trials would decide which optimizer is better? That takes a pilot of {num} "
        f"trials of each, about {cost}; then ask for --plan once more:\n  {command}"
    )


def _pairs(comparison: Comparison, plan: Plan | None) -> list[tuple[str, str]]:
    """Those that have results."""
    statistic = main_statistic(comparison)
    there = {one.name for one in comparison.contestants if measured(one, statistic)}
    asked = plan.pairs if plan else pairs_to_decide(comparison)
    return [(a, b) for a, b in asked if {a, b} <= there]


def _forecast(comparison: Comparison, plan: Plan | None, num_workers: int) -> str:
    pairs = _pairs(comparison, plan)
    judged = [_judge(comparison, a, b, len(pairs)) for a, b in pairs]
    d = STATISTICS[main_statistic(comparison)].metric(comparison).worse_by("D")
    cells = [["pair", d, "verdict", "trials needed of each", "cost of those to come"]]
    cells += [[*_cells(j), _cost_text(j, num_workers)] for j in judged]
    statistic = STATISTICS[main_statistic(comparison)].title
    lines = [
        f"How many trials would decide it? {statistic} {comparison.metric.name}, "
        f"{comparison.headline}:",
        "",
        format_rows(cells),
        *_all(comparison, judged, num_workers),
        "A forecast has a wide spread. D: by how much the mean of the best of K of the second is "
        "worse than that of the first, with its 95 % interval.",
    ]
    if plan:
        what = counted(len(plan.pairs), "pair")
        lines.append(
            f"Numbers are for one test at 5 %; to decide {what} by looks takes "
            f"roughly {looks_needed_factor(plan):.1f} times as many, at most {plan.max_feasible}."
        )
    return "\n".join(lines)


def _judge(comparison: Comparison, a: str, b: str, num_pairs: int) -> Judgement:
    return judge(
        comparison,
        comparison.named(a),
        comparison.named(b),
        main_statistic(comparison),
        inclusion=(a, b) in testable_inclusions(comparison),
        num_pairs=num_pairs,
    )


def _cells(j: Judgement) -> list[str]:
    sign = "<=" if j.inclusion else "against"
    needed = j.trials_needed_text
    if j.verdict is Verdict.NO_VERDICT:
        needed = f"at least {int(j.trials_needed)}"
    return [
        f"{j.special.title} {sign} {j.general.title}",
        j.metric.difference_with(j.difference, j.low, j.high),
        str(j.verdict),
        needed or "-",
    ]


def _needed(j: Judgement) -> int:
    """N that is needed, or the most that is forecast."""
    needed = j.trials_needed
    return MOST_NEEDED * j.num_trials if math.isinf(needed) else int(needed)


def _cost_text(j: Judgement, num_workers: int) -> str:
    if j.verdict.decided:
        return "-"
    seconds = sum(
        max(0, _needed(j) - one.num_feasible) * seconds_a_trial(one)
        for one in (j.special, j.general)
    )
    more = math.isinf(j.trials_needed) or j.verdict is Verdict.NO_VERDICT
    return f"{'more than' if more else 'about'} {terminal.duration(seconds / num_workers)}"


def _all(comparison: Comparison, judged: Sequence[Judgement], num_workers: int) -> list[str]:
    """What it takes to decide every pair for which there is a number."""
    open_ones = [j for j in judged if not j.verdict.decided and math.isfinite(j.trials_needed)]
    if not open_ones:
        return []
    most = max(_needed(j) for j in open_ones)
    names = {one.name for j in open_ones for one in (j.special, j.general)}
    to_come = [
        (max(0, most - one.num_feasible), seconds_a_trial(one))
        for one in comparison.contestants
        if one.name in names
    ]
    cost = terminal.duration(sum(num * seconds for num, seconds in to_come) / num_workers)
    return [
        f"All {len(open_ones)} with a number: {sum(num for num, _ in to_come)} trials to come, "
        f"about {cost}."
    ]
