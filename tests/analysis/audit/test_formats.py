"""The audit in the formats that other programs read."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tfoptcmp.analysis.audit import CHECKS, audit, formats
from tfoptcmp.analysis.audit.findings import SEVERITIES
from tfoptcmp.analysis.sources import read_comparisons

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs" / "audit.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(params=["faulty", "clean"])
def audited(request, tmp_path):
    """A comparison with an error, warnings and notes, and one without a fault."""
    path = tmp_path / "my results.csv"
    header = "optimizer,validation,test,learning_rate,learning_rate_low,learning_rate_high,steps\n"
    shift = 0.2 if request.param == "clean" else 0.0
    lines = [
        f"{name},{0.1 + shift * place + 0.001 * ((7 * i) % 25)},{0.2 + shift * place},"
        f"{10 ** (-3 + 0.16 * ((11 * i) % 25))},1e-{4 + place},1e{2 + place},"
        f"{100 if request.param == 'clean' else 100 * (1 + place)}\n"
        for place, name in enumerate(("sgd", "other & <rest>"))
        for i in range(25)
    ]
    path.write_text(header + "".join(lines))
    comparisons = read_comparisons(path)
    findings = audit(comparisons)
    assert bool(findings) is (request.param == "faulty"), findings
    return path, comparisons, findings


def fits(value, schema, where="$"):
    """Checks the few words of JSON schema that ours uses."""
    if "const" in schema:
        assert value == schema["const"], where
    if "enum" in schema:
        assert value in schema["enum"], where
    kinds = schema.get("type", [])
    types = {"object": dict, "array": list, "string": str, "integer": int, "null": type(None)}
    names = [kinds] if isinstance(kinds, str) else kinds
    assert not names or isinstance(value, tuple(types[name] for name in names)), where
    if isinstance(value, dict):
        assert set(schema["required"]) <= set(value) <= set(schema["properties"]), where
        for name, one in value.items():
            fits(one, schema["properties"][name], f"{where}.{name}")
    if isinstance(value, list):
        for i, one in enumerate(value):
            fits(one, schema["items"], f"{where}[{i}]")
    assert not isinstance(value, int) or value >= schema.get("minimum", value), where


def test_json_fits_its_schema(audited):
    _, comparisons, findings = audited
    found = json.loads(formats.as_json(comparisons, findings))
    fits(found, SCHEMA)
    assert found["schema_version"] == formats.SCHEMA_VERSION
    assert [one["title"] for one in found["findings"]] == [one.title for one in findings]


def test_json_fits_its_schema_as_others_read_it(audited):
    jsonschema = pytest.importorskip("jsonschema")
    _, comparisons, findings = audited
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(formats.as_json(comparisons, findings)), SCHEMA)


def test_the_schema_names_all_severities():
    allowed = SCHEMA["properties"]["findings"]["items"]["properties"]["severity"]["enum"]
    assert tuple(allowed) == SEVERITIES


def test_sarif(audited):
    """The required parts of SARIF 2.1.0, and those that code scanning wants."""
    path, comparisons, findings = audited
    log = json.loads(formats.as_sarif(comparisons, findings, [str(path)], "1.2"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("tfoptcmp-audit", "1.2")
    rules = [rule["id"] for rule in driver["rules"]]
    assert len(set(rules)) == len(rules)
    assert len(run["results"]) == len(findings)
    for result, finding in zip(run["results"], findings, strict=True):
        assert result["level"] == finding.severity
        assert rules[result["ruleIndex"]] == result["ruleId"]
        text = result["message"]["text"]
        assert all(part in text for part in (finding.subject, finding.evidence, finding.next_step))
        (location,) = result["locations"]
        where = location["physicalLocation"]
        assert where["artifactLocation"]["uri"] == path.as_uri()  # with %20
        assert where["region"]["startLine"] == 1
    prints = [result["partialFingerprints"]["finding/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)


def test_sarif_has_a_rule_for_each_title(audited):
    path, comparisons, findings = audited
    log = json.loads(formats.as_sarif(comparisons, findings, [str(path)], "1.2"))
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    titles = [rule["shortDescription"]["text"] for rule in rules]
    assert titles == list(dict.fromkeys(finding.title for finding in findings))
    if findings:
        assert ("unequal-budgets", "unequal budgets") in [
            (rule["id"], rule["shortDescription"]["text"]) for rule in rules
        ]


def test_paths_within_a_repository_stay_relative():
    assert formats._uri("some results/a.csv") == "some%20results/a.csv"
    assert formats._uri("/tmp/a b.csv") == "file:///tmp/a%20b.csv"


def test_a_finding_is_shown_where_it_was_read(tmp_path, make_signature, write_study):
    """Of studies the place is known; of tables it is not, so all paths are named."""
    for name in ("first", "second"):
        write_study(tmp_path / name, make_signature("sgd"), [0.1, 0.2])
    paths = [str(tmp_path / name) for name in ("first", "second")]
    comparisons = read_comparisons(paths[0])
    findings = audit(comparisons)
    assert findings
    log = json.loads(formats.as_sarif(comparisons, findings, paths, "1.2"))
    for result in log["runs"][0]["results"]:
        (location,) = result["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert uri == Path(paths[0]).as_uri()


def test_junit(audited):
    _, comparisons, findings = audited
    root = ElementTree.fromstring(formats.as_junit(comparisons))
    suites = {suite.get("name"): suite for suite in root}
    assert set(CHECKS) < set(suites)
    failed = sum(finding.severity != "note" for finding in findings)
    assert int(root.get("failures")) == failed == len(root.findall(".//failure"))
    assert int(root.get("tests")) == len(root.findall(".//testcase"))
    for suite in root:
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
    names = {case.get("name") for case in root.findall(".//testcase")} - {"found nothing"}
    assert names == {f"{finding.subject}: {finding.title}" for finding in findings}


def test_what_xml_cannot_hold_is_left_out(audited):
    assert formats._xml("a\x00b\x1b[1m\ud800c") == "a?b?[1m?c"
