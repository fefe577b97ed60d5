"""Checks a comparison of optimizers against what a fair one needs, and says what to run next.

    tfoptcmp-audit runs/digits
    tfoptcmp-audit --csv=results.csv --claim=adam,sgd

Directories are studies of tfoptcmp or their parents, runs of DeepOBS (random_seed__*.json), or
studies in the layout of Shallue et al. (2019). Exit code: 0 if nothing but notes was found, 3 if
the worst is a warning, 4 if it is an error (for CI); 2 if the input cannot be used.
"""

import dataclasses
import json
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from tools.common import cli
from tools.common.cli import UserError
from tools.common.shared_flags import TUNING_BUDGET

if TYPE_CHECKING:
    from tfoptcmp.analysis.audit.findings import Finding
    from tfoptcmp.analysis.evidence import Evidence

_CSV = flags.DEFINE_string(
    "csv",
    None,
    "A table from any other tool, a row a trial: 'optimizer', 'validation' and 'test' (lower is "
    "better) and whatever else is known; --columns lists it.",
)
_COLUMNS = flags.DEFINE_bool("columns", False, "Print the columns that --csv understands, stop.")
_CLAIM = flags.DEFINE_multi_string(
    "claim", [], "better,worse: check that the trials support this claim; may be repeated."
)
_JSON = flags.DEFINE_bool("json", False, "Print the findings as JSON.")

_GROUPS = {
    "What to check": (_CSV, _COLUMNS, _CLAIM, TUNING_BUDGET),
    "Output": (_JSON,),
}

# Of the worst finding.
EXIT_CODES = {"note": 0, "warning": 3, "error": 4}


def _run(argv: list[str]) -> None:
    if _COLUMNS.value:
        from tfoptcmp.analysis.sources import columns

        print(columns.__doc__)
        return
    if not argv and _CSV.value is None:
        raise UserError("name study directories as arguments, or a table as --csv=...")
    for directory in argv:
        if not Path(directory).is_dir():
            raise UserError(f"arguments must be directories; got {directory!r}")

    from tfoptcmp.analysis.audit import audit
    from tfoptcmp.analysis.sources import read_csv, read_evidence

    comparisons = read_evidence(argv, TUNING_BUDGET.value) if argv else []
    if _CSV.value is not None:
        comparisons += read_csv(_CSV.value, TUNING_BUDGET.value)
    comparisons = _with_claims(comparisons)
    findings = audit(comparisons)
    print(_as_json(comparisons, findings) if _JSON.value else _as_text(comparisons, findings))
    sys.exit(max((EXIT_CODES[finding.severity] for finding in findings), default=0))


def _with_claims(comparisons: "list[Evidence]") -> "list[Evidence]":
    claims = [tuple(name.strip() for name in claim.split(",")) for claim in _CLAIM.value]
    known = {entry.name for evidence in comparisons for entry in evidence.entries}
    for claim in claims:
        if len(claim) != 2 or claim[0] == claim[1] or not set(claim) <= known:
            raise UserError(
                f"--claim must be two of {sorted(known)}, the better one first; "
                f"got {','.join(claim)!r}"
            )
    return [
        dataclasses.replace(
            evidence,
            claims=tuple(c for c in claims if set(c) <= {e.name for e in evidence.entries}),
        )
        for evidence in comparisons
    ]


def _as_text(comparisons: "list[Evidence]", findings: "list[Finding]") -> str:
    lines = [line for evidence in comparisons for line in _described(evidence)]
    if not findings:
        return "\n".join([*lines, "No findings."])
    for finding in findings:
        lines += ["", f"{finding.severity.upper()}  {finding.subject}: {finding.title}"]
        lines += _wrapped("found: ", finding.evidence) + _wrapped("next:  ", finding.next_step)
    counts = [
        f"{count} {severity}{'s' if count > 1 else ''}"
        for severity in reversed(EXIT_CODES)
        if (count := sum(finding.severity == severity for finding in findings))
    ]
    return "\n".join([*lines, "", ", ".join(counts)])


def _described(evidence: "Evidence") -> list[str]:
    """What was read, so that nobody takes silence about the rest for praise."""
    lines = [
        f"{evidence.workload}: {', '.join(entry.title for entry in evidence.entries)}; "
        f"N = {evidence.num_trials} feasible trials, K = {evidence.tuning_budget}"
    ]
    if unknown := [entry.title for entry in evidence.entries if entry.rule is None]:
        lines += _wrapped("rule not known, so no inclusion was checked: ", ", ".join(unknown))
    if evidence.not_read:
        lines += _wrapped("columns not read: ", ", ".join(evidence.not_read))
    return lines


def _wrapped(label: str, text: str) -> list[str]:
    indent = " " * (2 + len(label))
    return textwrap.wrap(text, 100, initial_indent=f"  {label}", subsequent_indent=indent)


def _as_json(comparisons: "list[Evidence]", findings: "list[Finding]") -> str:
    return json.dumps(
        {
            "comparisons": [
                {
                    "workload": evidence.workload,
                    "optimizers": [entry.name for entry in evidence.entries],
                    "rules": [entry.rule for entry in evidence.entries],
                    "not_read": list(evidence.not_read),
                    "num_trials": evidence.num_trials,
                    "tuning_budget": evidence.tuning_budget,
                }
                for evidence in comparisons
            ],
            "findings": [dataclasses.asdict(finding) for finding in findings],
        },
        indent=1,
    )


def main() -> None:
    """Entry point of `tfoptcmp-audit`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
