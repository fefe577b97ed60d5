"""The report on one or several study directories: an HTML file, figures and tables.

The HTML file stands alone. It begins with the answer and ends with what the answer does not cover.
"""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfoptcmp.analysis import html
from tfoptcmp.analysis.comparisons import Comparison, compare
from tfoptcmp.analysis.figures import results_figure, save
from tfoptcmp.analysis.studies import StudyResults
from tfoptcmp.analysis.summary import (
    HOW_TO_READ,
    LIMITS,
    WHAT_IS_TESTED,
    conclusion,
    count_line,
    leader,
    matrix_cells,
    pair_sentence,
    untested_sentences,
    verdict_cells,
)
from tfoptcmp.analysis.tables import (
    best_cells,
    best_rows,
    caption,
    format_table,
    hyperparameter_cells,
)
from tfoptcmp.analysis.verdicts import Verdict, Verdicts, inclusion_verdicts
from tfoptcmp.records import StudyError
from tfoptcmp.spaces import Choice, Dimension, Fixed, LogUniform

_VERDICT_KINDS = {str(v): str(v) for v in (Verdict.VIOLATED, Verdict.CONSISTENT)}


@dataclass(frozen=True, kw_only=True)
class ReportFiles:
    """Where the parts of a report are.

    Attributes:
        html: The report itself; needs none of the others.
        figures: PNG and SVG files.
        tables: `results.csv` (numbers, unrounded), `results.md`, `results.tex`.
    """

    html: Path
    figures: tuple[Path, ...]
    tables: tuple[Path, ...]


def write_report(
    directories: Path | str | Sequence[Path | str],
    output_dir: Path | str,
    tuning_budget: int | None = None,
) -> ReportFiles:
    """Analyses studies and writes the report, over an older one if there is one.

    Args:
        directories: Study directories or their parents.
        output_dir: Where to; made if needed.
        tuning_budget: K >= 1; by default a fifth of the trials, see `compare`.

    Raises:
        StudyError: If the studies cannot be read or compared, or output_dir not be written.
        ValueError: If tuning_budget is out of range.
    """
    comparisons = compare(directories, tuning_budget)
    output = Path(output_dir)
    try:
        output.mkdir(parents=True, exist_ok=True)
        return _write(comparisons, output)
    except OSError as error:
        raise StudyError(f"cannot write the report to {output}: {error.strerror}") from error


def _write(comparisons: Sequence[Comparison], output: Path) -> ReportFiles:
    figures: list[Path] = []
    pictures: list[bytes] = []
    for number, comparison in enumerate(comparisons, start=1):
        # Numbered: one workload can have been studied at two budgets.
        name = f"results-{number}-{re.sub(r'[^A-Za-z0-9_-]', '_', comparison.workload)}"
        files = save(results_figure([comparison]), output / name)
        figures += files
        pictures.append(files[1].read_bytes())
    report = output / "report.html"
    report.write_text(render(comparisons, pictures), encoding="utf-8")
    tables = [output / f"results.{suffix}" for suffix in ("csv", "md", "tex")]
    _write_csv(tables[0], comparisons)
    for path, style in zip(tables[1:], ("markdown", "latex"), strict=True):
        text = "\n".join(format_table(comparison, style) for comparison in comparisons)
        path.write_text(text, encoding="utf-8")
    return ReportFiles(html=report, figures=tuple(figures), tables=tuple(tables))


def render(comparisons: Sequence[Comparison], pictures: Sequence[bytes]) -> str:
    """Returns the report as one HTML document.

    Args:
        comparisons: What to report.
        pictures: The figure of each comparison, as an SVG file.
    """
    verdicts = [inclusion_verdicts(comparison) for comparison in comparisons]
    body = [html.heading(1, "Comparison of optimizers"), html.paragraph(WHAT_IS_TESTED)]
    for comparison, found in zip(comparisons, verdicts, strict=True):
        answer = [f"{comparison.workload}: {conclusion(found)}", leader(comparison)]
        body.append(html.box([text for text in answer if text]))
        body.append(html.box(comparison.warnings, "warning"))
    for comparison, found, picture in zip(comparisons, verdicts, pictures, strict=True):
        body += _results(comparison, found, picture)
        body += _methods(comparison)
    body += [html.heading(2, "What this does not tell"), html.items(LIMITS)]
    return html.page("Comparison of optimizers", body)


def _results(comparison: Comparison, verdicts: Verdicts, picture: bytes) -> list[str]:
    share = comparison.config.metric_unit == "share"
    parts = [
        html.heading(2, comparison.workload),
        html.paragraph(comparison.headline),
        html.box(comparison.warnings, "warning"),
        html.picture(picture, f"validation and test results of {comparison.workload}"),
        html.heading(3, "Results"),
        html.paragraph(caption(comparison), "small"),
        html.table(best_cells(comparison)),
        html.items(comparison.notes),
        html.heading(3, "Do the inclusions hold?"),
        html.items(
            [pair_sentence(verdicts.of(*pair)) for pair in verdicts.pairs]
            + untested_sentences(verdicts)
        ),
        html.paragraph(count_line(verdicts) or conclusion(verdicts)),
    ]
    if verdicts.judgements:
        parts += [
            html.table(matrix_cells(verdicts), _VERDICT_KINDS),
            html.heading(3, "The verdicts in numbers"),
            html.paragraph(HOW_TO_READ, "small"),
            html.table(verdict_cells(verdicts, share=share), _VERDICT_KINDS),
        ]
    parts += [
        html.heading(3, "Best trial of each optimizer"),
        html.table(hyperparameter_cells(comparison)),
    ]
    return parts


def _methods(comparison: Comparison) -> list[str]:
    return [
        html.heading(3, "Search spaces"),
        html.table(_space_cells(comparison.studies)),
        html.heading(3, "Trials spent"),
        html.table(_cost_cells(comparison.studies)),
        html.heading(3, "Provenance"),
        html.table(_provenance_cells(comparison.studies)),
    ]


def _space_cells(studies: Sequence[StudyResults]) -> list[list[str]]:
    cells = [["optimizer", "hyperparameter", "searched over", "source of the space"]]
    for results in studies:
        space = results.signature.space
        cells += [
            [results.title, name, describe_dimension(dimension), space.source]
            for name, dimension in space.dimensions.items()
        ]
    return cells


def describe_dimension(dimension: Dimension) -> str:
    """Returns what a hyperparameter is searched over, for people."""
    match dimension:
        case Fixed():
            return f"fixed at {dimension.fixed:g}"
        case Choice():
            return "one of " + ", ".join(f"{value:g}" for value in dimension.values)
        case _:
            scale = "log-uniform" if isinstance(dimension, LogUniform) else "uniform"
            return f"{scale} in [{dimension.low:g}, {dimension.high:g})"


def _cost_cells(studies: Sequence[StudyResults]) -> list[list[str]]:
    cells = [
        [
            "optimizer",
            "all trials",
            "feasible",
            "diverged",
            "total, minutes",
            "per step with evaluation, ms",
        ],
    ]
    for results in studies:
        done = results.feasible
        per_step = 1000 * (done["seconds"] / done["steps"]).median() if len(done) else None
        cells.append(
            [
                results.title,
                str(len(results.trials)),
                str(results.num_feasible),
                str(results.num_infeasible),
                f"{results.trials['seconds'].sum() / 60:.1f}",
                "-" if per_step is None else f"{per_step:.2f}",
            ]
        )
    return cells


def _provenance_cells(studies: Sequence[StudyResults]) -> list[list[str]]:
    """What the studies share in one row, what differs in a row each."""
    facts = {results.title: _facts(results) for results in studies}
    names = dict.fromkeys(name for known in facts.values() for name in known)
    cells = [["what", "of", "value"]]
    for name in names:
        values = {title: known[name] for title, known in facts.items() if name in known}
        if len(values) == len(facts) and len(set(values.values())) == 1:
            cells.append([name, "all", next(iter(values.values()))])
        else:
            cells += [[name, title, value] for title, value in values.items()]
    return cells


def _facts(results: StudyResults) -> dict[str, str]:
    config = results.config
    facts: dict[str, Any] = {
        "directory": str(results.directory.parent),
        "study seed": config.seed,
        "search": config.search,
        "schedule": results.signature.schedule,
        "threads per trial": config.threads_per_trial,
        "examples": _joined(config.num_examples),
        "versions": _joined(config.versions),
        **config.provenance,
    }
    return {name: v if isinstance(v, str) else json.dumps(v) for name, v in facts.items()}


def _joined(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _write_csv(path: Path, comparisons: Sequence[Comparison]) -> None:
    rows = [row for comparison in comparisons for row in best_rows(comparison)]
    with open(path, "w", newline="", encoding="utf-8") as file:
        names = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
