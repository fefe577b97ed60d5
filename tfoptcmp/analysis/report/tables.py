"""The table of best results, one row per optimizer: as numbers, text, Markdown, CSV, LaTeX.

Intervals are the 5th to the 95th percentile of what tuning with K trials gives. Shares are shown in
percent; the CSV has them unchanged. A table of text is a list of rows of equal length; the first
row is the heading.
"""

import csv
import io
import math
import re
import textwrap
from collections.abc import Sequence
from typing import Any

from tfoptcmp.analysis.comparison import Comparison, on_one_line
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.statistics.best_of_k import Distribution
from tfoptcmp.analysis.statistics.quantities import (
    STATISTICS,
    best_of_k,
    cap_of_shown,
    measured,
    statistics_of,
    with_bounded_note,
)
from tfoptcmp.metrics import Metric
from tfoptcmp.study.schema import Status

Cells = Sequence[Sequence[str]]

STYLES = ("text", "markdown", "csv", "latex")

_AGAIN = "The winners run again with other seeds"
_LATEX_SPECIAL = re.compile(r"[&%$#_{}~^\\]")
_LATEX_WORDS = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def best_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Returns the table as numbers, one optimizer per row, in the order of the inclusions.

    Metrics are values as users know them. Keys: `optimizer`, `workload`, `scale`, `num_feasible`
    (N), `num_infeasible`, `tuning_budget` (K), `num_trials_all_rounds` (feasible or diverged; only
    where spaces were narrowed in rounds); for each statistic `<name>_mean`, `<name>_p05`,
    `<name>_p95` (of the best of K; steps given that the target was reached) and `target_reached`
    (with that probability); `best_trial`,
    `best_validation`, `best_test` and `best_<hyperparameter>` of the best of all trials; and where
    it was run again with fresh seeds `num_reruns`, `num_diverged_reruns`, `rerun_validation_mean`,
    `rerun_validation_sd`, `rerun_test_mean` and `rerun_test_sd`. None where there is no value.
    """
    rows = []
    for one in comparison.contestants:
        row: dict[str, Any] = {
            "optimizer": one.name,
            "workload": comparison.workload,
            "scale": comparison.scale if one.record is None else one.record.budget["scale"],
            "num_feasible": one.num_feasible,
            "num_infeasible": one.num_infeasible,
            "tuning_budget": comparison.tuning_budget,
        }
        if comparison.is_refined:
            row["num_trials_all_rounds"] = one.num_ended_of_all_rounds
        for name in statistics_of(comparison):
            known = best_of_k(one, name, comparison.tuning_budget)
            if name == "steps_to_target":
                known, reached = (None, None) if known is None else known.finite()
                row["target_reached"] = reached
            row |= _interval(name, known, comparison)
        best = one.winner
        if best is not None:
            row["best_trial"] = int(best["trial"])
            row |= {
                f"best_{split}": float(comparison.metric.value(best[f"{split}_metric"]))
                for split in _splits(comparison)
            }
            row |= {f"best_{name}": value for name, value in one.values_of(best).items()}
            row |= again(one, comparison.metric)
        rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in names} for row in rows]


def format_table(comparison: Comparison, style: str = "text") -> str:
    """Returns the table of best results.

    Args:
        comparison: What to show.
        style: "text" for terminals, "markdown" or "latex", each with the best hyperparameters and
            re-runs below; or "csv" (all of `best_rows`, unrounded).
    """
    if style not in STYLES:
        raise ValueError(f"style must be one of {STYLES}; got {style!r}")
    if style == "csv":
        return csv_text(best_rows(comparison))
    cells = best_cells(comparison)
    best = hyperparameter_cells(comparison)
    reruns = rerun_cells(comparison)
    of_reruns = [reruns] if len(reruns) > 1 else []
    heading = [
        f"{comparison.workload}: {comparison.headline}",
        *comparison.warnings,
        *comparison.notes,
        caption(comparison),
    ]
    if style == "markdown":
        tables = [_markdown(table) for table in (cells, best, *of_reruns)]
        return "\n\n".join([*map(_plain_markdown, heading), "\n".join(tables)])
    if style == "latex":
        tables = [_latex(cells), _latex(best, long_last=True), *map(_latex, of_reruns)]
        comment = "".join(f"% {on_one_line(line)}\n" for line in heading)
        return comment + "\n".join(tables)
    below = [f"{_AGAIN}:\n{format_rows(table)}" for table in of_reruns]
    listed = ["Best trial of each:", _listed(best)]
    return "\n".join([*heading, "", format_rows(cells), *listed, *below])


def caption(comparison: Comparison) -> str:
    """Describes the numbers of `best_cells` in a sentence."""
    told = _as_first_word(comparison.metric.name)
    if any(measured(one, "train_loss") for one in comparison.contestants):
        unit = comparison.loss.shown_unit
        told += " and training loss" + (f" ({unit})" if unit else "")
    told += (
        f", mean [5th, 95th percentile] of the best of K = {comparison.tuning_budget} trials, "
        f"{_directions(comparison)}"
    )
    told = with_bounded_note(told, comparison.metric)
    target = "the target is reached"
    if comparison.target is not None:
        metric = comparison.metric
        than = "more" if metric.maximize else "less"
        target = f"the validation metric is {metric.text(comparison.target)} or {than}"
    elif not any(measured(one, "steps_to_target") for one in comparison.contestants):
        return f"{told}."
    return (
        f"{told}; steps until {target}, given that one of them got there, and the probability of "
        "that."
    )


def _as_first_word(name: str) -> str:
    """A metric's name at the start of a sentence, with its own letters: "Accuracy", "AUC", "pH"."""
    return name[0].upper() + name[1:] if name.partition(" ")[0].islower() else name


def _directions(comparison: Comparison) -> str:
    metric = comparison.metric
    of_loss = "; of losses and steps lower ones are" if metric.maximize else ""
    return metric.direction + of_loss


def best_cells(comparison: Comparison) -> list[list[str]]:
    """Returns the table for readers: a heading, then one row per optimizer."""
    metric, splits = comparison.metric, _splits(comparison)
    cells = [
        [
            "optimizer",
            *map(metric.label, splits),
            "training loss",
            "steps to target",
            "P(reached)",
            "N",
            "infeasible",
            *(["trials of all rounds"] if comparison.is_refined else []),
        ]
    ]
    for one, row in zip(comparison.contestants, best_rows(comparison), strict=True):
        reached = row["target_reached"]
        cells.append(
            [
                one.title,
                *(
                    _shown(row, name, STATISTICS[name].metric(comparison))
                    for name in (*splits, "train_loss", "steps_to_target")
                ),
                "-" if reached is None else f"{reached:.2f}",
                str(one.num_feasible),
                str(one.num_infeasible),
                *([str(one.num_ended_of_all_rounds)] if comparison.is_refined else []),
            ]
        )
    return cells


def hyperparameter_cells(comparison: Comparison) -> list[list[str]]:
    """Returns each optimizer's best trial for readers: a heading, then one row per optimizer."""
    splits = _splits(comparison)
    cells = [["optimizer", "trial", *splits, "hyperparameters"]]
    for one in comparison.contestants:
        best = one.winner
        if best is None:
            cells.append([one.title, "-", *("-" for _ in splits), "no feasible trial"])
            continue
        used = one.values_of(best, used=True) or one.values_of(best)
        values = [f"{name}={digits(value)}" for name, value in used.items()]
        cells.append(
            [
                one.title,
                str(int(best["trial"])),
                *(comparison.metric.text(float(best[f"{split}_metric"])) for split in splits),
                ", ".join(values) or "not reported",
            ]
        )
    return cells


def rerun_cells(comparison: Comparison) -> list[list[str]]:
    """Returns the winners beside their re-runs for readers: a heading, then one row per optimizer.

    Only the heading if no winner was run again. An optimizer's winner is the trial with the best
    final validation metric; a re-run that diverged counts in no mean and is named.
    """
    metric = comparison.metric
    cells = [
        ["optimizer", "trial", "re-runs", "validation", "again", "test", "again", "sd of a test"]
    ]
    for one in comparison.contestants:
        best = one.winner
        runs = again(one, metric)
        if best is None or not runs:
            continue
        diverged = (
            f" ({runs['num_diverged_reruns']} diverged)" if runs["num_diverged_reruns"] else ""
        )
        numbers = [
            metric.text(float(best["validation_metric"])),
            metric.shown(runs["rerun_validation_mean"]),
            metric.text(float(best["test_metric"])),
            metric.shown(runs["rerun_test_mean"]),
            metric.size(runs["rerun_test_sd"]),
        ]
        cells.append(
            [
                one.title,
                str(int(best["trial"])),
                f"{runs['num_reruns']}{diverged}",
                *numbers,
            ]
        )
    return cells


def format_rows(cells: Cells) -> str:
    """Returns left-aligned columns for a terminal, the heading underlined."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    rule = ["-" * width for width in widths]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        + "\n"
        for row in (cells[0], rule, *cells[1:])
    )


def format_sentences(sentences: Sequence[str]) -> list[str]:
    """Returns lines for a terminal, each sentence indented; commands in them stay whole words."""
    return [
        line
        for sentence in sentences
        for line in textwrap.wrap(
            sentence,
            100,
            initial_indent="  ",
            subsequent_indent="    ",
            break_on_hyphens=False,
            break_long_words=False,
        )
    ]


def csv_text(rows: Sequence[dict[str, Any]]) -> str:
    """Returns rows of named values as CSV; a name that a row lacks is an empty field."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writerow({name: _no_formula(name) for name in names})
    writer.writerows({key: _no_formula(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _no_formula(cell: Any) -> Any:
    """Text that a spreadsheet would compute, after an apostrophe, which makes it text there."""
    is_formula = isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{cell}" if is_formula else cell


def _splits(comparison: Comparison) -> list[str]:
    """Which of validation and test the tables show."""
    return [name for name in statistics_of(comparison) if name in ("validation", "test")]


def _interval(
    name: str, known: Distribution | None, comparison: Comparison
) -> dict[str, float | None]:
    if known is None:
        return {f"{name}_mean": None, f"{name}_p05": None, f"{name}_p95": None}
    metric = STATISTICS[name].metric(comparison)
    ends = (95, 5) if metric.maximize else (5, 95)
    known = known.capped(cap_of_shown(comparison, name))
    low, high = (float(metric.value(known.percentile(percent))) for percent in ends)
    mean = float(metric.value(known.mean()))
    return {f"{name}_mean": mean, f"{name}_p05": low, f"{name}_p95": high}


def again(contestant: Contestant, metric: Metric) -> dict[str, Any]:
    """Returns the re-runs of the best trial in numbers; empty if there are none."""
    runs = contestant.winner_reruns
    if runs.empty:
        return {}
    done = runs[runs["status"] == Status.COMPLETE.value]
    return {
        "num_reruns": len(done),
        "num_diverged_reruns": len(runs) - len(done),
        "rerun_validation_mean": float(metric.value(done["validation_metric"].mean())),
        "rerun_validation_sd": float(done["validation_metric"].std(ddof=1)),
        "rerun_test_mean": float(metric.value(done["test_metric"].mean())),
        "rerun_test_sd": float(done["test_metric"].std(ddof=1)),
    }


def _shown(row: dict[str, Any], name: str, metric: Metric) -> str:
    if row[f"{name}_mean"] is None:
        return "-"
    values = (row[f"{name}_{which}"] for which in ("mean", "p05", "p95"))
    mean, low, high = (metric.number(metric.error(value)) for value in values)
    return f"{mean} [{low}, {high}]"


def digits(value: float) -> str:
    """Returns a value with three digits; just below 1, three of its distance to 1, which counts."""
    if 0.9 < value < 1:
        return f"{value:.{2 - math.floor(math.log10(1 - value))}f}"
    return f"{value:.3g}"


def _listed(cells: Cells) -> str:
    """Two or more lines per row, for a last column too long for a terminal; without the heading."""
    text = ""
    for title, trial, *results, values in cells[1:]:
        named = zip(cells[0][2:-1], results, strict=True)
        told = [f"trial {trial}", *(f"{result} {split}" for split, result in named)]
        text += f"  {title}: {', '.join(told)}\n"
        text += textwrap.fill(values, 100, initial_indent=" " * 6, subsequent_indent=" " * 6) + "\n"
    return text


def _markdown(cells: Cells) -> str:
    """A pipe table."""
    rows = [cells[0], ["---"] * len(cells[0]), *cells[1:]]
    return "".join(
        "| " + " | ".join(_plain_markdown(cell) for cell in row) + " |\n" for row in rows
    )


def _plain_markdown(text: str) -> str:
    """Text without tags, links and ends of cells or lines."""
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", on_one_line(text))
    return text.replace("|", "\\|").replace("](", "]\\(")


def _latex(cells: Cells, *, long_last: bool = False) -> str:
    r"""A tabular with the rules of the package booktabs.

    Args:
        cells: The table.
        long_last: Whether the last column holds sentences, which break into lines.
    """
    rows = [" & ".join(_escaped(cell) for cell in row) + r" \\" for row in cells]
    last = r"p{0.5\linewidth}" if long_last else "r"
    columns = "l" + "r" * (len(cells[0]) - 2) + last
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", rows[0], r"\midrule"]
    return "\n".join([*lines, *rows[1:], r"\bottomrule", r"\end{tabular}"]) + "\n"


def _escaped(text: str) -> str:
    line = on_one_line(text)
    return _LATEX_SPECIAL.sub(lambda found: _LATEX_WORDS.get(found[0], "\\" + found[0]), line)
