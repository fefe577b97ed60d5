"""What the audit found, as text for people and in the formats that other programs read.

JSON has the form of docs/audit.schema.json. SARIF 2.1.0 is what code scanning reads: a rule is the
title of findings. JUnit XML is what CI servers show: a test case is a check that found nothing, or
one finding; warnings and errors are failures, as the program's exit code has it.
"""

import dataclasses
import hashlib
import json
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from tfoptcmp.analysis.audit.checks import by_check
from tfoptcmp.analysis.audit.findings import SEVERITIES, Finding, findings_on
from tfoptcmp.analysis.comparison import Comparison

SCHEMA_VERSION = 1
"""Of the JSON; it changes if a field disappears or means something else."""

_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_TOOL = "tfoptcmp-audit"
_START = {"startLine": 1}  # code scanning wants a line; a finding is about the whole
# Characters that XML 1.0 cannot hold, even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_text(comparisons: Sequence[Comparison], findings: Sequence[Finding]) -> str:
    """Returns what was read and what was found, the worst first."""
    lines = [line for comparison in comparisons for line in _described(comparison)]
    if not findings:
        return "\n".join([*lines, "No findings."])
    for finding in findings:
        lines += ["", f"{finding.severity.upper()}  {finding.subject}: {finding.title}"]
        lines += _wrapped("found: ", finding.evidence) + _wrapped("next:  ", finding.next_step)
    counts = [
        f"{count} {severity}{'s' if count > 1 else ''}"
        for severity in SEVERITIES
        if (count := sum(finding.severity == severity for finding in findings))
    ]
    return "\n".join([*lines, "", ", ".join(counts)])


def as_json(comparisons: Sequence[Comparison], findings: Sequence[Finding]) -> str:
    """Returns JSON, see docs/audit.schema.json."""
    return json.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "comparisons": [
                {
                    "workload": comparison.workload,
                    "optimizers": [one.name for one in comparison.contestants],
                    "rules": [one.rule and one.rule.name for one in comparison.contestants],
                    "not_read": list(comparison.not_read),
                    "num_trials": comparison.num_trials,
                    "tuning_budget": comparison.tuning_budget,
                }
                for comparison in comparisons
            ],
            "findings": [dataclasses.asdict(finding) for finding in findings],
        },
        indent=1,
    )


def as_sarif(
    comparisons: Sequence[Comparison],
    findings: Sequence[Finding],
    paths: Sequence[str],
    version: str,
) -> str:
    """Returns a log in SARIF 2.1.0.

    Args:
        comparisons: That were audited.
        findings: All of them.
        paths: As they were given: the places that findings are shown at.
        version: Of the tool.
    """
    titles = list(dict.fromkeys(finding.title for finding in findings))
    rules = [{"id": _identifier(title), "shortDescription": {"text": title}} for title in titles]
    results = [
        {
            "ruleId": _identifier(finding.title),
            "ruleIndex": titles.index(finding.title),
            "level": finding.severity,  # SARIF has the same three words
            "message": {"text": _message(finding)},
            "locations": [
                {"physicalLocation": {"artifactLocation": {"uri": _uri(path)}, "region": _START}}
                for path in _paths_of(finding, comparisons, paths)
            ],
            "partialFingerprints": {"finding/v1": _fingerprint(finding)},
        }
        for finding in findings
    ]
    driver = {"name": _TOOL, "version": version, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "utf16CodeUnits", "results": results}
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=1)


def as_junit(comparisons: Sequence[Comparison]) -> str:
    """Returns JUnit XML with a test suite for each check."""
    root = ElementTree.Element("testsuites", name=_TOOL)
    total = {"tests": 0, "failures": 0}
    for check, findings in by_check(comparisons).items():
        failed = sum(finding.severity != "note" for finding in findings)
        counts = {"tests": max(1, len(findings)), "failures": failed}
        total = {name: total[name] + number for name, number in counts.items()}
        suite = _below(root, "testsuite", name=check, errors=0, skipped=0, **counts)
        for finding in findings:
            name = f"{finding.subject}: {finding.title}"
            case = _below(suite, "testcase", classname=check, name=name)
            if finding.severity == "note":
                below = _below(case, "system-out")
            else:
                below = _below(case, "failure", message=finding.evidence, type=finding.severity)
            below.text = _xml(_message(finding))
        if not findings:
            _below(suite, "testcase", classname=check, name="found nothing")
    root.attrib.update({name: str(number) for name, number in {**total, "errors": 0}.items()})
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode")


def _described(comparison: Comparison) -> list[str]:
    """What was read, so that no finding about the rest is not taken for praise."""
    lines = [
        f"{comparison.workload}: {', '.join(one.title for one in comparison.contestants)}; "
        f"N = {comparison.num_trials} feasible trials, K = {comparison.tuning_budget}"
    ]
    if unknown := [one.title for one in comparison.contestants if one.rule is None]:
        lines += _wrapped("rule not known, so no inclusion was checked: ", ", ".join(unknown))
    if comparison.not_read:
        lines += _wrapped("columns not read: ", ", ".join(comparison.not_read))
    for remark in comparison.remarks:
        lines += _wrapped("", remark)
    return lines


def _wrapped(label: str, text: str) -> list[str]:
    indent = " " * (2 + len(label))
    return textwrap.wrap(text, 100, initial_indent=f"  {label}", subsequent_indent=indent)


def _message(finding: Finding) -> str:
    return (
        f"{finding.subject}: {finding.title}. Found: {finding.evidence}. Next: {finding.next_step}."
    )


def _identifier(title: str) -> str:
    """The title as the name of a rule: "the-winner-was-lucky"."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _fingerprint(finding: Finding) -> str:
    """Tells findings apart that have the same rule and place, and knows them in the next run."""
    return hashlib.sha256(f"{finding.subject}\n{finding.title}".encode()).hexdigest()[:16]


def _uri(path: str) -> str:
    return Path(path).as_uri() if Path(path).is_absolute() else quote(Path(path).as_posix())


def _paths_of(
    finding: Finding, comparisons: Sequence[Comparison], paths: Sequence[str]
) -> Sequence[str]:
    """The paths that a finding's comparison was read from, as far as its source says it."""
    directories = [
        Path(contestant.directory).absolute()
        for comparison in comparisons
        if findings_on([finding], comparison.workload)
        for contestant in comparison.contestants
        if contestant.directory
    ]
    near = [
        path
        for path in paths
        if any(one.is_relative_to(Path(path).absolute()) for one in directories)
    ]
    return near or paths


def _below(parent: ElementTree.Element, tag: str, **attributes: object) -> ElementTree.Element:
    """Adds an element of XML."""
    texts = {name: _xml(str(value)) for name, value in attributes.items()}
    return ElementTree.SubElement(parent, tag, texts)


def _xml(text: str) -> str:
    return _NOT_XML.sub("?", text)
