"""Says which optimizer is better and how sure that is; writes an HTML report.

tfoptcmp-report runs/digits
tfoptcmp-report runs/digits/sgd runs/digits/adam --output_dir=report
tfoptcmp-report --csv=results.csv

Directories are studies of tfoptcmp or their parents, or anything else that tfoptcmp-audit reads; a
CSV file is a table from any other tool (tfoptcmp-audit --columns). Beside report.html are its
figures, the table as results.csv, results.md (Markdown) and results.tex (LaTeX), and for studies of
tfoptcmp space_suggestion.json, the spaces with crowded edges moved, for tfoptcmp-tune --space_file.
What the audit found is in the report; tfoptcmp-audit prints it in full.
"""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, cast

from absl import flags
from tfoptcmp.tools.common import cli
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.shared_flags import MARGIN, TUNING_BUDGET
from tfoptcmp.tools.common.table_flags import TABLE_FLAGS, read_as_asked

if TYPE_CHECKING:
    from tfoptcmp.analysis.comparison import Comparison
    from tfoptcmp.analysis.figures import Format

_STUDY_DIR = flags.DEFINE_multi_string(
    "study_dir", [], "A study or a directory of studies; you can also give it as an argument."
)
_CSV = flags.DEFINE_multi_string(
    "csv", [], "A table, one row per trial (see tfoptcmp-audit --columns); may be repeated."
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir",
    None,
    "Where to put report.html and the figures; default: the first directory, or <name>-report "
    "beside a table <name>.csv.",
)

_FORMATS = flags.DEFINE_multi_enum(
    "figure_format", ["png"], ["png", "pdf"], "Of the figures, in addition to SVG; may be repeated."
)

_JSON = flags.DEFINE_bool(
    "json", False, "Print everything that the report says as JSON, and write no files."
)

_BEST = flags.DEFINE_bool(
    "best",
    False,
    "Print the best trial of each optimizer, as JSON and as Keras code to paste, and write no "
    "files.",
)

_RESTRICT = flags.DEFINE_multi_string(
    "restrict",
    [],
    "optimizer:hyperparameter=low..high,...: would this smaller search space have said something "
    "else? May be repeated.",
)

_WRITE_SPACE = flags.DEFINE_bool(
    "write_space",
    False,
    "For --space_file: space_final.json, the spaces of a refinement that its last round accepted; "
    "space_narrowed.json, what other spaces would be narrowed to (not final until it is searched).",
)

_GROUPS = {
    "What to report": (_STUDY_DIR, _CSV, *TABLE_FLAGS, TUNING_BUDGET, MARGIN, _RESTRICT),
    "Output": (_OUTPUT_DIR, _FORMATS, _WRITE_SPACE, _JSON, _BEST),
}


def _run(argv: list[str]) -> None:
    paths = [Path(name) for name in [*_STUDY_DIR.value, *argv, *_CSV.value]]
    if not paths:
        raise UserError("name at least one study directory, or a table as --csv=...")
    for path in map(Path, _STUDY_DIR.value):
        if not path.is_dir():
            raise UserError(f"--study_dir must be a directory; got {str(path)!r}")
    if _JSON.value and _WRITE_SPACE.value:
        raise UserError("--json writes no files: leave out --write_space, or --json")
    if _JSON.value and _BEST.value:
        raise UserError("--json has the best trials, too (best_used, best_code): leave out --best")
    for flag in (_WRITE_SPACE, _OUTPUT_DIR, _FORMATS, _RESTRICT):
        if _BEST.value and flag.present and flag.value:
            raise UserError(f"--best prints trials and writes no files: leave out --{flag.name}")
    output_dir = Path(_OUTPUT_DIR.value or _beside(paths[0]))

    from tfoptcmp.analysis.audit import audit
    from tfoptcmp.analysis.audit.findings import findings_on, worst_first
    from tfoptcmp.analysis.report.across import format_across
    from tfoptcmp.analysis.report.answer import answer, format_answer
    from tfoptcmp.analysis.report.as_json import as_json
    from tfoptcmp.analysis.report.best import format_best
    from tfoptcmp.analysis.report.files import restriction_sections, write_report
    from tfoptcmp.analysis.report.inclusions import format_verdicts
    from tfoptcmp.analysis.report.restrictions import format_sections
    from tfoptcmp.analysis.report.tables import format_table
    from tfoptcmp.analysis.statistics.ranking import ranking

    comparisons = _with_boxes(read_as_asked(paths))
    if _BEST.value:
        print("\n\n".join(map(format_best, comparisons)), end="")
        return
    findings = audit(comparisons)
    if _JSON.value:
        print(as_json(comparisons, findings))
        return
    for comparison in comparisons:
        found = findings_on(findings, comparison.workload)
        print(format_answer(comparison, found, comparison.among(comparisons)))
    if everywhere := format_across(comparisons):
        print(everywhere)
    for comparison in comparisons:
        if comparison.num_trials:
            print(format_table(comparison))
            print(format_verdicts(comparison))
    for comparison, sections in zip(
        comparisons, restriction_sections(comparisons, output_dir), strict=True
    ):
        if sections:
            print(format_sections(comparison, sections))
    for finding in worst_first(findings):
        print(f"Audit:    {finding.severity}: {finding.subject}: {finding.title}")
    if not findings:
        print("Audit:    no fault found")
    formats = cast("list[Format]", _FORMATS.value)
    files = write_report(comparisons, output_dir, findings=findings, formats=formats)
    print(f"Report:   {files.html}")
    if files.figures:
        first = files.figures[0].name
        print(f"Figures:  {len(files.figures)} files beside it, the first is {first}")
    print(f"Tables:   {', '.join(str(path) for path in files.tables)}")
    if spaces := [*_final_spaces(comparisons, output_dir), *files.spaces]:
        print(f"Spaces:   {', '.join(map(str, spaces))} (for --space_file)")
    if any(next(path.rglob("events.out.tfevents.*"), None) for path in paths if path.is_dir()):
        print(
            f"Curves:   tensorboard --logdir={shlex.quote(str(next(filter(Path.is_dir, paths))))}"
        )
    # Once more: on a terminal the first lines have scrolled away.
    for comparison in comparisons:
        print(f"Answer:   {comparison.among(comparisons)}: {answer(ranking(comparison))}")


def _final_spaces(comparisons: "list[Comparison]", output_dir: Path) -> list[Path]:
    if not _WRITE_SPACE.value:
        return []
    from tfoptcmp.analysis.report.spaces import write_final_spaces

    return write_final_spaces(comparisons, output_dir)


def _with_boxes(comparisons: "list[Comparison]") -> "list[Comparison]":
    from tfoptcmp.analysis.statistics.restriction import parse_box, with_boxes

    try:
        return with_boxes(comparisons, [parse_box(text) for text in _RESTRICT.value])
    except ValueError as error:
        raise UserError(f"--restrict: {error}") from error


def _beside(path: Path) -> Path:
    """Where a report goes by default: into a directory, beside a file."""
    return path if path.is_dir() else path.with_name(f"{path.stem}-report")


def main() -> None:
    """Entry point of `tfoptcmp-report`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
