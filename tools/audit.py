"""Checks whether a comparison of optimizers is fair, and says what to run next.

    tfoptcmp-audit runs/digits
    tfoptcmp-audit results.csv --claim=adam,sgd

Arguments are tables (--columns lists their columns) and directories: studies of tfoptcmp, or
results of another tool (if it cannot read a directory, it says what it looked for). Exit code: 0 if
it finds only notes or nothing, 3 if the worst finding is a warning, 4 if it is an error (for CI); 2
if the input cannot be used.
"""

import dataclasses
import sys
from importlib import metadata
from typing import TYPE_CHECKING

from absl import flags
from tfoptcmp.tools.common import cli
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.shared_flags import MARGIN, TUNING_BUDGET
from tfoptcmp.tools.common.table_flags import TABLE_FLAGS, read_as_asked

if TYPE_CHECKING:
    from tfoptcmp.analysis.audit.findings import Finding
    from tfoptcmp.analysis.comparison import Comparison

_CSV = flags.DEFINE_string(
    "csv",
    None,
    "A table from any other tool, one row per trial: 'optimizer', 'validation', 'test' (lower is "
    "better) and more; --columns lists all columns. You can also give it as an argument.",
)
_COLUMNS = flags.DEFINE_bool("columns", False, "Print the columns that a table may have, and exit.")
_WRITE_MAP = flags.DEFINE_bool(
    "write_map",
    False,
    "Write a guess of what the columns of a table are to audit.toml beside it, to be checked, and "
    "exit.",
)
_CLAIM = flags.DEFINE_multi_string(
    "claim", [], "better,worse: check whether the trials support this claim; may be repeated."
)
_JSON = flags.DEFINE_bool("json", False, "Print the findings as JSON: the same as --format=json.")
_FORMAT = flags.DEFINE_enum(
    "format",
    "text",
    ["text", "json", "sarif", "junit"],
    "How to print the findings: for people; as JSON of docs/audit.schema.json; as SARIF 2.1.0, for "
    "code scanning; as JUnit XML, for CI servers.",
)

_GROUPS = {
    "What to check": (_CSV, _COLUMNS, *TABLE_FLAGS, _WRITE_MAP, _CLAIM, TUNING_BUDGET, MARGIN),
    "Output": (_FORMAT, _JSON),
}

# Exit code for the worst finding.
EXIT_CODES = {"note": 0, "warning": 3, "error": 4}


def _run(argv: list[str]) -> None:
    if _COLUMNS.value:
        from tfoptcmp.analysis.sources import columns

        print(columns.__doc__)
        return
    if _JSON.value and _FORMAT.value not in ("text", "json"):
        raise UserError(f"--json and --format={_FORMAT.value} must not be given together")
    paths = [*argv, *([] if _CSV.value is None else [_CSV.value])]
    if not paths:
        raise UserError("name study directories or tables as arguments, or a table as --csv=...")

    if _WRITE_MAP.value:
        from tfoptcmp.analysis.sources.guess import write_guess

        if len(paths) != 1:
            raise UserError("--write_map is for one table; audit.toml is for all of a directory")
        print(write_guess(paths[0]))
        return
    from tfoptcmp.analysis.audit import audit

    comparisons = _with_claims(read_as_asked(paths))
    findings = audit(comparisons)
    print(_formatted(comparisons, findings, paths))
    sys.exit(max((EXIT_CODES[finding.severity] for finding in findings), default=0))


def _with_claims(comparisons: "list[Comparison]") -> "list[Comparison]":
    known = {one.name for comparison in comparisons for one in comparison.contestants}
    claims: list[tuple[str, str]] = []
    for claim in _CLAIM.value:
        better, _, worse = (part.strip() for part in claim.partition(","))
        if better == worse or not {better, worse} <= known:
            raise UserError(
                f"--claim must be two of {sorted(known)}, the better one first; got {claim!r}"
            )
        if not any(
            {better, worse} <= {one.name for one in comparison.contestants}
            for comparison in comparisons
        ):
            raise UserError(f"--claim: no workload has trials of both optimizers of {claim!r}")
        claims.append((better, worse))
    return [
        dataclasses.replace(
            comparison,
            claims=tuple(
                claim
                for claim in claims
                if set(claim) <= {one.name for one in comparison.contestants}
            ),
        )
        for comparison in comparisons
    ]


def _formatted(comparisons: "list[Comparison]", findings: "list[Finding]", paths: list[str]) -> str:
    from tfoptcmp.analysis.audit import formats

    name = "json" if _JSON.value else _FORMAT.value
    if name == "sarif":
        return formats.as_sarif(comparisons, findings, paths, metadata.version("tfoptcmp"))
    if name == "junit":
        return formats.as_junit(comparisons)
    write = formats.as_json if name == "json" else formats.as_text
    return write(comparisons, findings)


def main() -> None:
    """Entry point of `tfoptcmp-audit`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
