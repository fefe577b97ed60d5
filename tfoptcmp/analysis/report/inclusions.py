"""What the inclusions say in words: do they hold, which do not, and how far that goes."""

import textwrap
from collections.abc import Sequence

from tfoptcmp.analysis.comparison import Comparison, counted
from tfoptcmp.analysis.report.tables import format_rows
from tfoptcmp.analysis.report.verdict_tables import matrix_cells
from tfoptcmp.analysis.statistics.quantities import STATISTICS
from tfoptcmp.analysis.statistics.verdicts import Judgement, Verdict, Verdicts, inclusion_verdicts

WHAT_IS_TESTED = (
    "A general update rule can imitate its special cases (Adam can act as Momentum, Momentum as "
    "SGD), so with enough tuning it should do no worse than they do. Nor should it do worse than "
    "itself with less tuned."
)

LIMITS_OF_THE_PAPER = (
    "The batch size was not varied.",
    "Results hold for tens to hundreds of quasi-random trials.",
    "Results hold for search spaces that are boxes, and for this learning-rate schedule.",
)
"""What Choi et al. (2019) state of their own results; it holds here likewise."""

LIMIT_OF_VERDICTS = (
    "A verdict is about the search spaces that it names and this K: a violation says that the "
    "general rule was not tuned well enough here, not that the rule is bad."
)
"""Ours."""


def conclusion(verdicts: Verdicts) -> str:
    """Returns the answer to "do the inclusions hold?" in a sentence or two."""
    judged = verdicts.judgements
    if not judged and verdicts.untested:
        return "No inclusion could be tested with these trials; the reasons are below."
    if not judged:
        return "no optimizer here contains another, so there is nothing to test."
    if not verdicts.tested:
        return "no verdict, there are too few trials for this K."
    without = [pair for pair in verdicts.pairs if verdicts.worst(*pair) is Verdict.NO_VERDICT]
    num = len(verdicts.pairs) - len(without)
    pairs = [f"{special.title} <= {general.title}" for special, general in without]
    more = f" No verdict, with too few trials for this K: {', '.join(pairs)}." if without else ""
    violated = [pair for pair in verdicts.pairs if verdicts.worst(*pair) is Verdict.VIOLATED]
    if violated:
        names = ", ".join(
            f"{general.title} than {special.title} "
            f"({_where(verdicts.of(special, general), Verdict.VIOLATED)})"
            for special, general in violated
        )
        survive = any(j.survives for j in judged if j.verdict is Verdict.VIOLATED)
        chance = "" if survive else ", or chance: none remains after correction"
        return (
            f"{len(violated)} of {num} violated. Worse than their own special "
            f"case: {names}. The likely cause is their search space or too few trials{chance}; do "
            f"not rank these by that before it is mended.{more}"
        )
    open_ones = [j for j in judged if j.verdict is Verdict.NOT_DECIDED]
    if open_ones:
        return (
            f"none of {num} is violated; {len(open_ones)} of {len(verdicts.tested)} tests "
            f"are not decided.{more}"
        )
    which = f"all {num} hold" if num > 1 else "the only one holds"
    if without:
        which = f"{num} with a verdict hold{'s' if num == 1 else ''}"
    return f"{which}: no rule did worse than a special case of it.{more}"


def count_line(verdicts: Verdicts) -> str:
    """Returns how many pairs were tested and how they came out, for people.

    Then how many false alarms to expect, and how many of the violated a correction leaves.
    """
    counts = [
        f"{sum(j.verdict is v for j in verdicts.judgements)} {v}"
        for v in Verdict
        if any(j.verdict is v for j in verdicts.judgements)
    ]
    if not counts:
        return ""
    line = (
        f"{counted(len(verdicts.pairs), 'pair')}, {len(verdicts.judgements)} tests (a pair and a "
        f"statistic each): {', '.join(counts)}."
    )
    if verdicts.tested:
        line += (
            f" If every general rule is worse by exactly the margin, about "
            f"{verdicts.expected_false_alarms:.1f} of these tests come out as violated by chance; "
            f"fewer if it is less."
        )
    violated = [j for j in verdicts.judgements if j.verdict is Verdict.VIOLATED]
    if violated:
        sure = sum(j.survives for j in violated)
        remain, these = ("remains", "it") if sure == 1 else ("remain", "these")
        line += (
            f" After correction for the number of pairs {sure} of "
            f"{counted(len(violated), 'violation')} {remain}; chance is an unlikely reason for "
            f"{these}."
            if sure
            else " No violation remains after correction for the number of pairs; chance may be "
            "the reason."
        )
    return line


def pair_sentences(verdicts: Verdicts) -> list[str]:
    """Returns what the judgements of each pair say together; alike pairs share a sentence."""
    said: dict[str, list[str]] = {}
    for pair in verdicts.pairs:
        judgements = verdicts.of(*pair)
        special, general = (one.title for one in pair)
        match verdicts.worst(*pair):
            case Verdict.VIOLATED:
                where = _where(judgements, Verdict.VIOLATED)
                said[f"{general} did worse than {special}, which it can imitate ({where})."] = []
            case Verdict.NO_VERDICT:
                said.setdefault("no verdict, too few trials.", []).append(
                    f"{general} against {special}"
                )
            case Verdict.NOT_DECIDED:
                where = _where(judgements, Verdict.BETTER, Verdict.EQUIVALENT, Verdict.HOLDS)
                text = "not decided" + (f"; no worse in {where}." if where else ".")
                said.setdefault(text, []).append(f"{general} against {special}")
            case _:
                better = _where(judgements, Verdict.BETTER)
                said[
                    f"{general} did no worse than {special}, as it should"
                    + (f"; better in {better}." if better else ".")
                ] = []
    return [f"{', '.join(pairs)}: {text}" if pairs else text for text, pairs in said.items()]


def untested_sentences(verdicts: Verdicts) -> list[str]:
    """Returns which pairs could not be tested, and why."""
    return [
        f"{u.general.title} against {u.special.title}: not tested, {u.reason}."
        for u in verdicts.untested
    ]


def format_verdicts(comparison: Comparison) -> str:
    """Returns the verdicts on the inclusions as text for a terminal."""
    verdicts = inclusion_verdicts(comparison)
    lines = ["Inclusions:", *filter(None, [count_line(verdicts)])]
    for sentence in [*pair_sentences(verdicts), *untested_sentences(verdicts)]:
        lines += textwrap.wrap(sentence, 100, initial_indent="  ", subsequent_indent="    ")
    if verdicts.judgements:
        lines += ["", format_rows(matrix_cells(verdicts))]
    return "\n".join(lines) + "\n"


def _where(judgements: Sequence[Judgement], *verdicts: Verdict) -> str:
    return ", ".join(STATISTICS[j.statistic].title for j in judgements if j.verdict in verdicts)
