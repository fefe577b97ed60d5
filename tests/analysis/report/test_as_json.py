"""The JSON of a report: what docs/files.md says of it, and what the report itself knows."""

import json
import math
import re
from dataclasses import fields
from pathlib import Path

import pytest

from tests.analysis.statistics.test_across import THREE
from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.audit.findings import Finding
from tfoptcmp.analysis.ranges.importance import LEAST_EXPLAINED
from tfoptcmp.analysis.report.across import across_json
from tfoptcmp.analysis.report.as_json import as_json
from tfoptcmp.analysis.statistics.across import across
from tfoptcmp.analysis.statistics.quantities import statistics_of
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.analysis.statistics.verdicts import all_pairs
from tfoptcmp.spaces import Fixed

ROOT = Path(__file__).parents[3]
DOCUMENTED = ROOT / "docs" / "files.md"

LISTS = {
    "ranking": "comparisons[].ranking[]",
    "pairs": "comparisons[].pairs[]",
    "inclusions": "comparisons[].inclusions[]",
    "untested": "comparisons[].untested[]",
    "optimizers": "comparisons[].optimizers[]",
    "boundaries": "comparisons[].boundaries[]",
    "containments": "comparisons[].containments[]",
}


def no_constant(name):
    raise AssertionError(f"{name} is not JSON")


@pytest.fixture(name="comparison")
def small_comparison(tmp_path, make_signature, write_study):
    """Three rules of which one inclusion cannot be tested."""
    errors = [0.05 + 0.02 * i for i in range(20)]
    write_study(tmp_path, make_signature("sgd"), errors, infeasible=1)
    write_study(tmp_path, make_signature("momentum"), errors[::-1])
    fixed = make_signature("adam", epsilon=Fixed(fixed=1e-8))
    write_study(tmp_path, fixed, errors)
    (found,) = read_comparisons(tmp_path)
    return found


@pytest.fixture(name="report")
def parsed_report(comparison):
    text = as_json([comparison], audit([comparison]))
    return json.loads(text, parse_constant=no_constant)


def documented(heading):
    """Names in the first column of the table below a heading; <name> stands for many."""
    text = DOCUMENTED.read_text(encoding="utf-8")
    (table,) = re.findall(
        rf"^\*\*`{re.escape(heading)}`\*\*\n(.*?)(?=^\*\*`|^## |\Z)", text, re.M | re.S
    )
    rows = re.findall(r"^\| (`.+?) \|", table, re.M)
    assert rows
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize(("field", "heading"), LISTS.items())
def test_fields_of_lists_are_those_documented(field, heading, report):
    names, entries = documented(heading), report["comparisons"][0][field]
    assert entries
    patterns = [re.sub(r"<\w+>", r"\\w+", name) for name in names]
    for entry in entries:
        assert not [key for key in entry if not any(re.fullmatch(p, key) for p in patterns)]
        always = [p for p in patterns if "rerun" not in p]
        assert not [p for p in always if not any(re.fullmatch(p, key) for key in entry)]


def test_other_fields_are_those_documented(report):
    assert list(report) == documented("report")
    assert list(report["comparisons"][0]) == documented("comparisons[]")
    rounds = [one for row in report["comparisons"][0]["optimizers"] for one in row["rounds"]]
    assert rounds
    assert all(list(one) == documented("comparisons[].optimizers[].rounds[]") for one in rounds)
    assert list(across_json(across(THREE))) == documented("across")
    assert [field.name for field in fields(Finding)] == documented("findings[]")
    assert all(list(finding) == documented("findings[]") for finding in report["findings"])


def test_pairs_are_those_judged(comparison, report):
    judged = [j for name in statistics_of(comparison) for j in all_pairs(comparison, name)]
    pairs = report["comparisons"][0]["pairs"]
    assert len(pairs) == len(judged) > 0
    for pair, j in zip(pairs, judged, strict=True):
        assert (pair["a"], pair["b"], pair["statistic"]) == (
            j.special.name,
            j.general.name,
            j.statistic,
        )
        assert pair["verdict"] == j.verdict
        assert pair["inclusion"] is j.inclusion
        numbers = [pair[name] for name in ("difference", "low", "high", "margin")]
        assert numbers == [j.difference, j.low, j.high, j.delta]
        needed = None if math.isinf(j.trials_needed) else j.trials_needed
        assert pair["trials_needed"] == needed


def test_the_ranking_is_the_one_of_the_answer(comparison, report):
    places = [place.contestant.name for place in ranking(comparison).places]
    assert [row["optimizer"] for row in report["comparisons"][0]["ranking"]] == places


def test_importances():
    (found,) = read_comparisons(ROOT / "results/cpu/digits_simple_cnn/initial-quasirandom")
    optimizers = json.loads(as_json([found], []))["comparisons"][0]["optimizers"]
    sgd = next(one for one in optimizers if one["optimizer"] == "sgd")["importance"]
    assert list(sgd) == documented("comparisons[].optimizers[].importance")
    assert next(iter(sgd["each"])) == "eta0"
    assert list(sgd["each"]["eta0"]) == ["share", "low", "high"]
    assert sgd["believable"] is (sgd["explained"] >= LEAST_EXPLAINED)


def test_numbers_that_json_lacks_are_null(tmp_path, make_signature, write_study):
    """One trial each: no interval is finite."""
    for rule in ("sgd", "momentum"):
        write_study(tmp_path, make_signature(rule), [0.1])
    report = json.loads(as_json(read_comparisons(tmp_path), []), parse_constant=no_constant)
    (pair, *_) = report["comparisons"][0]["pairs"]
    assert pair["low"] is pair["high"] is None
    assert pair["verdict"] == "no verdict"
