"""The verdicts as tables: cells of text, the first row a heading."""

from collections.abc import Sequence

from tfoptcmp.analysis.statistics.curves import Curve
from tfoptcmp.analysis.statistics.quantities import STATISTICS
from tfoptcmp.analysis.statistics.ranking import Ranking
from tfoptcmp.analysis.statistics.verdicts import LEVEL, Judgement, Verdicts, margin_text

_BUDGETS_SHOWN = (1, 2, 5, 10, 20, 50, 100, 200)

SURVIVES_NOTE = (
    f"* Only at the level of a single test ({LEVEL:g}): divided by the number of pairs, it would "
    "be another verdict, or not decided."
)
"""What the mark behind a verdict means."""


def matrix_cells(verdicts: Verdicts) -> list[list[str]]:
    """Returns the verdicts alone, a pair a row and a statistic a column, with a heading."""
    found = {(j.special.name, j.general.name, j.statistic): j.verdict for j in verdicts.judgements}
    names = [name for name in STATISTICS if any(key[2] == name for key in found)]
    cells = [["special <= general", *(STATISTICS[name].title for name in names)]]
    for special, general in verdicts.pairs:
        row = [str(found.get((special.name, general.name, name), "-")) for name in names]
        cells.append([f"{special.title} <= {general.title}", *row])
    return cells


def verdict_cells(verdicts: Verdicts) -> list[list[str]]:
    """Returns the judgements for people: a heading, then a row each."""
    # The longer heading, if one of the metrics needs it.
    d = max((j.metric.worse_by("D") for j in verdicts.judgements), default="D")
    cells = [
        [
            *("special <= general", "statistic", "verdict", d, "tolerated"),
            *("P(better)", "trials needed"),
        ]
    ]
    for j in verdicts.judgements:
        statistic = STATISTICS[j.statistic].title + ("" if j.primary else " (secondary)")
        cells.append([f"{j.special.title} <= {j.general.title}", statistic, *_numbers(j)])
    return cells


def curve_cells(curves: Sequence[Curve]) -> list[list[str]]:
    """Returns verdicts and probabilities of superiority at some tuning budgets, a pair a row."""
    known = sorted({p.tuning_budget for _, _, points in curves for p in points})
    largest = max(known, default=0)
    budgets = [k for k in known if k in _BUDGETS_SHOWN or k == largest]
    cells = [["special <= general", *(f"K = {k}" for k in budgets)]]
    for special, general, points in curves:
        at = {p.tuning_budget: f"{p.verdict}, {p.superiority:.2f}" for p in points}
        cells.append([f"{special.title} <= {general.title}", *(at.get(k, "-") for k in budgets)])
    return cells


def ranking_cells(found: Ranking) -> list[list[str]]:
    """Returns for every two optimizers by how much the row beats the column, with a heading.

    Rows and columns by their means, the best first. A cell holds the column's mean minus the row's,
    its 95 % interval, and how often one practitioner gets the better result with the row.
    """
    by_name = {(j.special.name, j.general.name): j for j in found.pairs}
    order = [place.contestant for place in found.places]
    cells = [["row beats column by", *(one.title for one in order)]]
    for row in order:
        line = [row.title]
        for column in order:
            if row is column:
                line.append("")
                continue
            given = by_name.get((row.name, column.name))
            j = given or by_name[column.name, row.name]
            sign = 1 if given else -1  # D of the pair is the column's minus the row's
            low, high = sorted((sign * j.low, sign * j.high))
            better = max(0.0, 1 - j.superiority) if given else j.superiority
            shown = j.metric.difference_with(sign * j.difference, low, high, unit=False)
            line.append(f"{shown}\nP {better:.2f}")
        cells.append(line)
    return cells


def pair_cells(found: Ranking) -> list[list[str]]:
    """Returns every pair with its verdict, decided ones first, with a heading."""
    d = found.metric.worse_by("D")
    cells = [["pair", "verdict on the second", d, "tolerated", "P(better)", "trials needed"]]
    order = sorted(found.pairs, key=lambda j: not j.verdict.decided)
    for j in order:
        cells.append([f"{j.special.title}, {j.general.title}", *_numbers(j)])
    return cells


def _numbers(j: Judgement) -> list[str]:
    mark = "" if j.survives or not j.verdict.decided else " *"
    return [
        f"{j.verdict}{mark}",
        j.metric.difference_with(j.difference, j.low, j.high),
        margin_text(j),
        f"{j.superiority:.2f}",
        j.trials_needed_text or "-",
    ]
