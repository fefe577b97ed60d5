"""What a check of a comparison found: one fault, its evidence in numbers and what to run next.

The audit makes findings, the report and the terminal print them; this type is all that they share.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal, get_args

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # the worst first


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault of a comparison, or one thing that its readers should know.

    Attributes:
        severity: "error" where the comparison says nothing, "warning" where a conclusion may be
            wrong, "note" where readers should know something.
        subject: the study, the pair of rules or the hyperparameter it is about.
        title: the fault, in a few words.
        evidence: the numbers that show it.
        next_step: what to run or to change.
    """

    severity: Severity
    subject: str
    title: str
    evidence: str
    next_step: str

    def __post_init__(self) -> None:
        """Refuses an unknown severity."""
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity must be one of {SEVERITIES}; got {self.severity!r}")


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Returns the findings by severity, the worst first; equal ones keep their order."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def findings_on(findings: Sequence[Finding], workload: str) -> list[Finding]:
    """Returns the findings whose subject is a workload or something of it."""
    return [f for f in findings if f.subject == workload or f.subject.startswith(f"{workload}:")]
