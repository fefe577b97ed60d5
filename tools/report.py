"""Prints the table and the verdicts of one or several studies, and writes an HTML report.

tfoptcmp-report --study_dir=runs/digits
tfoptcmp-report runs/digits/sgd runs/digits/adam --output_dir=report

Beside report.html lie its figures, the table as results.csv, results.md (Markdown) and results.tex
(LaTeX), and two files for tfoptcmp-tune --space_file: space_suggestion.json, the spaces with
crowded edges moved, and space_final.json, narrowed to the good trials. What the audit found is in
the report; tfoptcmp-audit prints it in full.
"""

from pathlib import Path

from absl import flags

from tools.common import cli
from tools.common.cli import UserError
from tools.common.shared_flags import TUNING_BUDGET

_STUDY_DIR = flags.DEFINE_multi_string(
    "study_dir", [], "A study or a directory of studies; positional arguments count as well."
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Where to put report.html and the figures; default: the first directory."
)

_FORMATS = flags.DEFINE_multi_enum(
    "figure_format", ["png"], ["png", "pdf"], "Of the figures, beside SVG; may be repeated."
)

_GROUPS = {
    "What to report": (_STUDY_DIR, TUNING_BUDGET),
    "Output": (_OUTPUT_DIR, _FORMATS),
}


def _run(argv: list[str]) -> None:
    directories = [Path(name) for name in [*_STUDY_DIR.value, *argv]]
    if not directories:
        raise UserError("name at least one study directory: --study_dir=... or as an argument")
    for directory in directories:
        if not directory.is_dir():
            raise UserError(f"--study_dir must be a directory; got {str(directory)!r}")
    output_dir = Path(_OUTPUT_DIR.value or directories[0])

    from tfoptcmp.analysis.audit import audit
    from tfoptcmp.analysis.comparison import compare
    from tfoptcmp.analysis.report.answer import format_verdicts
    from tfoptcmp.analysis.report.files import write_report
    from tfoptcmp.analysis.report.tables import format_table
    from tfoptcmp.analysis.sources.evidence_of_studies import of_comparison

    comparisons = compare(directories, TUNING_BUDGET.value)
    for comparison in comparisons:
        print(format_table(comparison))
        print(format_verdicts(comparison))
    findings = audit([of_comparison(comparison) for comparison in comparisons])
    for finding in findings:
        print(f"Audit:    {finding.severity}: {finding.subject}: {finding.title}")
    if not findings:
        print("Audit:    no fault found")
    files = write_report(comparisons, output_dir, findings=findings, formats=_FORMATS.value)
    print(f"Report:   {files.html}")
    print(f"Figures:  {len(files.figures)} files beside it, {files.figures[0].name} the first")
    print(f"Tables:   {', '.join(str(path) for path in files.tables)}")
    print(f"Spaces:   {', '.join(str(path) for path in files.spaces)} (for --space_file)")
    print(f"Curves:   tensorboard --logdir={directories[0]}")


def main() -> None:
    """Entry point of `tfoptcmp-report`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
