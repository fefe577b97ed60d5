"""Search spaces that were narrowed in rounds: unequally, not to the end, or without acceptance."""

from collections.abc import Iterator

from tfoptcmp.analysis.audit.edges import crowded_edge
from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.ranges.boundary import why_not_final


def unequal_rounds(comparison: Comparison) -> Iterator[Finding]:
    """Finds optimizers whose search spaces were narrowed with more rounds or trials than others'.

    Any difference counts: an optimizer that is searched once more has been tuned more. Other
    numbers of rounds are an error, other numbers of trials in them a warning; so are optimizers
    that were not refined beside some that were. The last round is `unequal`'s.
    """
    refined = [one for one in comparison.contestants if one.earlier]
    if not refined:
        return
    numbers = {
        one.title: " + ".join(str(each.num_feasible) for each in one.earlier) for one in refined
    }
    spent = ", ".join(f"{title} {number}" for title, number in numbers.items())
    others = [one.title for one in comparison.contestants if not one.earlier]
    if others:
        yield Finding(
            severity="warning",
            subject=comparison.workload,
            title="only some search spaces were narrowed in rounds",
            evidence=f"feasible trials before the last round: {spent}; none on record of "
            f"{', '.join(others)}",
            next_step="refine all of them together (tfoptcmp-tune --refine), or none",
        )
    if len({len(one.earlier) for one in refined}) > 1:
        yield Finding(
            severity="error",
            subject=comparison.workload,
            title="unequal numbers of rounds",
            evidence=f"feasible trials in each round before the last: {spent}",
            next_step="give every optimizer the same number of rounds (tfoptcmp-tune --refine with "
            "all of them in one command)",
        )
    elif len(set(numbers.values())) > 1:
        yield Finding(
            severity="warning",
            subject=comparison.workload,
            title="unequal numbers of trials in earlier rounds",
            evidence=f"feasible trials in each round before the last: {spent}",
            next_step="repeat the command of tfoptcmp-tune: it runs the trials that are missing; "
            "spaces on record stay as they are, so say it where results are quoted",
        )


def rounds_missing(comparison: Comparison) -> Iterator[Finding]:
    """Finds a refinement that is not at its end: what there is was to find spaces."""
    if comparison.refinement is not None and comparison.rounds_missing:
        planned = comparison.refinement.num_rounds
        yield Finding(
            severity="warning",
            subject=comparison.workload,
            title="not the last round",
            evidence=f"{planned - comparison.rounds_missing} of {planned} planned rounds, and only "
            "the last one is to be judged",
            next_step="repeat the command of tfoptcmp-tune: it runs the rounds that are missing",
        )


def not_final(comparison: Comparison) -> Iterator[Finding]:
    """Finds refined search spaces that are not accepted as final.

    A note: each edge is judged alone here, at 0.01, so one of many is crowded by chance now and
    then. An optimizer of which `crowded_edge` speaks is not named again.
    """
    if comparison.rounds_missing:
        return
    crowded = {finding.subject.rpartition(", ")[0] for finding in crowded_edge(comparison)}
    for one in comparison.contestants:
        subject = f"{comparison.workload}: {one.title}"
        if one.earlier and subject not in crowded and (reason := why_not_final(one)):
            yield Finding(
                severity="note",
                subject=subject,
                title="its search space is not accepted as final",
                evidence=f"after {len(one.rounds)} rounds: {reason}",
                next_step=f"add a round for all: tfoptcmp-tune --max_rounds={len(one.rounds) + 1}",
            )


CHECKS = (unequal_rounds, rounds_missing, not_final)
