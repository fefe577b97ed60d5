"""Prints the table and the verdicts of one or several studies, and writes an HTML report.

tfoptcmp-report --study_dir=runs/digits
tfoptcmp-report runs/digits/sgd runs/digits/adam --output_dir=report
"""

from pathlib import Path

from absl import flags

from tools import cli
from tools.cli import UserError

_STUDY_DIR = flags.DEFINE_multi_string(
    "study_dir", [], "A study or a directory of studies; positional arguments count as well."
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Where to put report.html and the figures; default: the first directory."
)
_TUNING_BUDGET = flags.DEFINE_integer(
    "tuning_budget",
    None,
    "K: trials that a practitioner is assumed to have; default: a fifth of N, at least 2.",
    lower_bound=1,
)

_GROUPS = {
    "What to report": (_STUDY_DIR, _TUNING_BUDGET),
    "Output": (_OUTPUT_DIR,),
}


def _run(argv: list[str]) -> None:
    directories = [Path(name) for name in [*_STUDY_DIR.value, *argv]]
    if not directories:
        raise UserError("name at least one study directory: --study_dir=... or as an argument")
    for directory in directories:
        if not directory.is_dir():
            raise UserError(f"--study_dir must be a directory; got {str(directory)!r}")
    output_dir = Path(_OUTPUT_DIR.value or directories[0])

    from tfoptcmp.analysis.comparisons import compare
    from tfoptcmp.analysis.report import write_report
    from tfoptcmp.analysis.summary import format_verdicts
    from tfoptcmp.analysis.tables import format_table

    for comparison in compare(directories, _TUNING_BUDGET.value):
        print(format_table(comparison))
        print(format_verdicts(comparison))
    files = write_report(directories, output_dir, _TUNING_BUDGET.value)
    print(f"Report:   {files.html}")
    print(f"Figures:  {', '.join(str(path) for path in files.figures)}")
    print(f"Tables:   {', '.join(str(path) for path in files.tables)}")
    print(f"Curves:   tensorboard --logdir={directories[0]}")


def main() -> None:
    """Entry point of `tfoptcmp-report`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
