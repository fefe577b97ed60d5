"""The table of best results, one row an optimizer: as numbers, and as text, Markdown, CSV, LaTeX.

Intervals are the 5th to the 95th percentile of what tuning with K trials gives. Shares are shown in
percent; the CSV has them as they are.
"""

import math
import textwrap
from typing import Any

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.report.formats import Cells, csv_text, format_rows, latex, markdown
from tfoptcmp.analysis.sources.reruns import read_reruns
from tfoptcmp.analysis.sources.studies import StudyResults
from tfoptcmp.analysis.statistics.best_of_k import Distribution
from tfoptcmp.analysis.statistics.quantities import STATISTICS, best_of_k
from tfoptcmp.study.schema import Status

STYLES = ("text", "markdown", "csv", "latex")

_AGAIN = "The winners run again with other seeds"


def best_trial(results: StudyResults) -> Any:
    """Returns the row of the feasible trial with the best final validation metric, None if none.

    Of trials that tie the first; statistics do not depend on that choice.
    """
    feasible = results.feasible
    if feasible.empty:
        return None
    return feasible.loc[feasible["validation_metric"].fillna(math.inf).idxmin()]


def searched_values(results: StudyResults, trial: Any) -> dict[str, float]:
    """Returns the hyperparameters of a row of `StudyResults.trials`, as searched."""
    return {name: float(trial[f"searched_{name}"]) for name in results.signature.space.dimensions}


def best_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Returns the table as numbers, an optimizer a row, in the order of the inclusions.

    Keys: `optimizer`, `workload`, `scale`, `num_feasible` (N), `num_infeasible`, `tuning_budget`
    (K); for each statistic `<name>_mean`, `<name>_p05`, `<name>_p95` (of the best of K; steps given
    that the target was reached) and `target_reached` (with that probability); `best_trial`,
    `best_validation`, `best_test` and `best_<hyperparameter>` of the best of all trials; and where
    it was run again with fresh seeds `num_reruns`, `num_diverged_reruns`, `rerun_validation_mean`,
    `rerun_test_mean` and `rerun_test_sd`. None where there is no value.
    """
    rows = []
    for results in comparison.studies:
        row: dict[str, Any] = {
            "optimizer": results.name,
            "workload": comparison.workload,
            "scale": results.config.budget["scale"],
            "num_feasible": results.num_feasible,
            "num_infeasible": results.num_infeasible,
            "tuning_budget": comparison.tuning_budget,
        }
        for name in STATISTICS:
            known = best_of_k(results, name, comparison.tuning_budget)
            if name == "steps_to_target":
                known, reached = (None, None) if known is None else known.finite()
                row["target_reached"] = reached
            row |= _interval(name, known)
        best = best_trial(results)
        if best is not None:
            row["best_trial"] = int(best["trial"])
            row["best_validation"] = float(best["validation_metric"])
            row["best_test"] = float(best["test_metric"])
            row |= {f"best_{k}": v for k, v in searched_values(results, best).items()}
            row |= _again(results, best)
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
    again = [reruns] if len(reruns) > 1 else []
    heading = [
        f"{comparison.workload}: {comparison.headline}",
        *comparison.warnings,
        *comparison.notes,
        caption(comparison),
    ]
    if style == "markdown":
        tables = [markdown(table) for table in (cells, best, *again)]
        return "\n\n".join([*heading, "\n".join(tables)])
    if style == "latex":
        tables = [latex(cells), latex(best, long_last=True), *map(latex, again)]
        return "".join(f"% {line}\n" for line in heading) + "\n".join(tables)
    below = [f"{_AGAIN}:\n{format_rows(table)}" for table in again]
    listed = ["Best trial of each:", _listed(best)]
    return "\n".join([*heading, "", format_rows(cells), *listed, *below])


def caption(comparison: Comparison) -> str:
    """Returns what the numbers of `best_cells` are, in a sentence."""
    target = comparison.config.budget["target"]
    share = comparison.config.metric_unit == "share"
    return (
        f"{comparison.config.metric.capitalize()} and training loss (nats), mean [5th, 95th "
        f"percentile] of the best of K = {comparison.tuning_budget} trials, lower is better"
        + (
            f"; steps until the validation metric is {format_metric(target, share=share)} or less, "
            "given that one of them got there, and the probability of that."
            if target is not None
            else "."
        )
    )


def best_cells(comparison: Comparison) -> list[list[str]]:
    """Returns the table for people: a heading, then a row an optimizer."""
    share = comparison.config.metric_unit == "share"
    scale, unit = (100.0, "%") if share else (1.0, comparison.config.metric_unit)
    cells = [
        [
            "optimizer",
            f"validation, {unit}",
            f"test, {unit}",
            "training loss",
            "steps to target",
            "P(reached)",
            "N",
            "infeasible",
        ]
    ]
    for results, row in zip(comparison.studies, best_rows(comparison), strict=True):
        cells.append(
            [
                results.title,
                _shown(row, "validation", ".2f" if share else ".4f", scale),
                _shown(row, "test", ".2f" if share else ".4f", scale),
                _shown(row, "train_loss", ".3g"),
                _shown(row, "steps_to_target", ",.0f"),
                "-" if row["target_reached"] is None else f"{row['target_reached']:.2f}",
                str(results.num_feasible),
                str(results.num_infeasible),
            ]
        )
    return cells


def hyperparameter_cells(comparison: Comparison) -> list[list[str]]:
    """Returns the best trial of each optimizer for people: a heading, then a row an optimizer."""
    share = comparison.config.metric_unit == "share"
    cells = [["optimizer", "trial", "validation", "test", "hyperparameters as searched"]]
    for results in comparison.studies:
        best = best_trial(results)
        if best is None:
            cells.append([results.title, "-", "-", "-", "no feasible trial"])
            continue
        values = searched_values(results, best)
        cells.append(
            [
                results.title,
                str(best["trial"]),
                format_metric(float(best["validation_metric"]), share=share),
                format_metric(float(best["test_metric"]), share=share),
                ", ".join(f"{name} = {value:.3g}" for name, value in values.items()),
            ]
        )
    return cells


def rerun_cells(comparison: Comparison) -> list[list[str]]:
    """Returns the winners beside their re-runs for people: a heading, then a row an optimizer.

    Only the heading if no winner was run again. An optimizer's winner is the trial with the best
    final validation metric; a re-run that diverged counts in no mean and is named.
    """
    share = comparison.config.metric_unit == "share"
    cells = [
        ["optimizer", "trial", "re-runs", "validation", "again", "test", "again", "sd of a test"]
    ]
    for results in comparison.studies:
        best = best_trial(results)
        again = {} if best is None else _again(results, best)
        if not again:
            continue
        diverged = (
            f" ({again['num_diverged_reruns']} diverged)" if again["num_diverged_reruns"] else ""
        )
        numbers = [
            float(best["validation_metric"]),
            again["rerun_validation_mean"],
            float(best["test_metric"]),
            again["rerun_test_mean"],
            again["rerun_test_sd"],
        ]
        cells.append(
            [
                results.title,
                str(best["trial"]),
                f"{again['num_reruns']}{diverged}",
                *(format_metric(value, share=share) for value in numbers),
            ]
        )
    return cells


def format_metric(value: float, *, share: bool) -> str:
    """Returns a metric for people, a share in percent; "-" for NaN."""
    if math.isnan(value):
        return "-"
    return f"{100 * value:.2f} %" if share else f"{value:.4g}"


def _interval(name: str, known: Distribution | None) -> dict[str, float | None]:
    if known is None:
        return {f"{name}_mean": None, f"{name}_p05": None, f"{name}_p95": None}
    return {
        f"{name}_mean": known.mean(),
        f"{name}_p05": known.percentile(5),
        f"{name}_p95": known.percentile(95),
    }


def _again(results: StudyResults, best: Any) -> dict[str, Any]:
    """The re-runs of the best trial in numbers; empty if there are none."""
    runs = read_reruns(results.directory)
    runs = runs[runs["trial"] == best["trial"]]
    if runs.empty:
        return {}
    done = runs[runs["status"] == Status.COMPLETE.value]
    return {
        "num_reruns": len(done),
        "num_diverged_reruns": len(runs) - len(done),
        "rerun_validation_mean": float(done["validation_metric"].mean()),
        "rerun_test_mean": float(done["test_metric"].mean()),
        "rerun_test_sd": float(done["test_metric"].std(ddof=1)),
    }


def _shown(row: dict[str, Any], name: str, form: str, scale: float = 1.0) -> str:
    if row[f"{name}_mean"] is None:
        return "-"
    mean, low, high = (
        format(scale * row[f"{name}_{which}"], form) for which in ("mean", "p05", "p95")
    )
    return f"{mean} [{low}, {high}]"


def _listed(cells: Cells) -> str:
    """Two lines a row or more, for a last column too long for a terminal; without the heading."""
    return "".join(
        f"  {title}: trial {trial}, {validation} validation, {test} test\n"
        + textwrap.fill(values, 100, initial_indent=" " * 6, subsequent_indent=" " * 6)
        + "\n"
        for title, trial, validation, test, values in cells[1:]
    )
