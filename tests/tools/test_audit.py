"""The audit as a user runs it: text, JSON and exit codes."""

import json
import re
from pathlib import Path

import pytest

from tests.programs import run

ROOT = Path(__file__).parents[2]
HEADER = "optimizer,validation,test,learning_rate,learning_rate_low,learning_rate_high\n"


def audit(*arguments):
    return run("audit", *arguments, timeout=60)


def table(path, *, gap):
    """Trials of SGD and of an unknown rule, each tuned over its own range."""
    errors = [0.1 + 0.001 * ((7 * i) % 25) for i in range(25)]
    rates = [10 ** (-3 + 0.16 * ((11 * i) % 25)) for i in range(25)]
    lines = [f"sgd,{e},{e + 1e-4},{r},1e-4,1e2\n" for e, r in zip(errors, rates, strict=True)]
    lines += [
        f"other,{e + gap},{e + gap + 1e-4},{r},1e-5,1e3\n"
        for e, r in zip(errors, rates, strict=True)
    ]
    path.write_text(HEADER + "".join(lines))
    return path


def test_a_clean_table(tmp_path):
    done = audit(f"--csv={table(tmp_path / 'clean.csv', gap=0.1)}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [
        "clean: sgd, other; N = 25 feasible trials, K = 2",
        "  rule not known, so no inclusion was checked: other",
        "No findings.",
    ]


def test_tables_and_directories_are_arguments_alike(tmp_path):
    clean = table(tmp_path / "clean.csv", gap=0.001)
    assert audit(clean).stdout == audit(f"--csv={clean}").stdout
    other = table(tmp_path / "other.csv", gap=0.001)
    both = audit(clean, f"--csv={other}", "--json")
    found = json.loads(both.stdout)
    assert [one["workload"] for one in found["comparisons"]] == ["clean", "other"]
    assert set(found["comparisons"][0]) == {
        *("workload", "optimizers", "rules", "not_read", "num_trials", "tuning_budget")
    }
    assert found["comparisons"][0]["rules"] == ["sgd", None]


def test_a_claim_that_the_trials_do_not_support(tmp_path):
    path = table(tmp_path / "results.csv", gap=0.001)
    done = audit(f"--csv={path}", "--claim=sgd,other")
    assert done.returncode == 3
    assert "results: sgd better than other: the trials do not support the claim" in done.stdout
    assert "WARNING  results: inconclusive" in done.stdout
    assert done.stdout.endswith("2 warnings\n")
    clear = table(tmp_path / "clear.csv", gap=0.1)
    assert audit(f"--csv={clear}", "--claim=sgd,other").returncode == 0


def test_what_was_not_read_is_said(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("optimizer,validation,memory\nadamw,0.1,3\n")
    lines = audit(f"--csv={path}").stdout.splitlines()
    assert lines[1:3] == [
        "  rule not known, so no inclusion was checked: adamw",
        "  columns not read: memory",
    ]


def test_an_error_as_json(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("optimizer,test\nsgd,0.1\nadam,0.2\n")
    done = audit(f"--csv={path}", "--json")
    assert done.returncode == 4
    found = json.loads(done.stdout)
    assert found["comparisons"][0]["optimizers"] == ["sgd", "adam"]
    assert found["findings"][0]["severity"] == "error"
    assert {"severity", "subject", "title", "evidence", "next_step"} == set(found["findings"][0])


@pytest.mark.parametrize("gap", [0.1, 0.001])
def test_every_format_has_the_same_exit_code(tmp_path, gap):
    path = table(tmp_path / "results.csv", gap=gap)
    expected = audit(path).returncode
    found = {name: audit(path, f"--format={name}") for name in ("text", "json", "sarif", "junit")}
    assert {done.returncode for done in found.values()} == {expected} == {0 if gap == 0.1 else 3}
    assert found["text"].stdout == audit(path).stdout
    assert found["json"].stdout == audit(path, "--json").stdout
    assert json.loads(found["json"].stdout)["schema_version"] == 1
    assert json.loads(found["sarif"].stdout)["version"] == "2.1.0"
    assert found["junit"].stdout.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites')


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--json", "--format=sarif", "x.csv"],
            "--json and --format=sarif must not be given together",
        ),
        ([], "name study directories or tables as arguments, or a table as --csv=..."),
        (
            ["/nowhere"],
            "/nowhere cannot be read: No such file or directory",
        ),
        (["--csv=/nowhere.csv"], "/nowhere.csv cannot be read: No such file or directory"),
    ],
)
def test_input_that_cannot_be_used(arguments, message):
    done = audit(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_claim_about_optimizers_that_are_not_there(tmp_path):
    done = audit(f"--csv={table(tmp_path / 'results.csv', gap=0)}", "--claim=adam,sgd")
    assert done.returncode == 2
    assert "--claim must be two of ['other', 'sgd']" in done.stderr


def test_a_claim_about_optimizers_of_different_workloads(tmp_path):
    one = table(tmp_path / "results.csv", gap=0)
    other = tmp_path / "others.csv"
    other.write_text(one.read_text().replace("sgd", "adam"))
    done = audit(str(one), str(other), "--claim=adam,sgd")
    assert done.returncode == 2
    assert done.stderr.endswith(
        "--claim: no workload has trials of both optimizers of 'adam,sgd'\n"
    )


def test_the_columns_are_documented():
    done = audit("--columns")
    assert done.returncode == 0
    for column in ("validation", "diverged", "seed", "<name>_low", "num_test"):
        assert column in done.stdout


def test_help_says_what_the_exit_codes_mean():
    done = audit("--help")
    assert done.returncode == 0
    assert "3 if" in done.stdout and "4 if" in done.stdout and "--csv" in done.stdout


def test_the_hook_of_pre_commit_runs_this_program():
    """The few lines of .pre-commit-hooks.yaml, as pre-commit reads them."""
    lines = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8").splitlines()
    hook = dict(line[2:].split(": ", 1) for line in lines if line[:2] in ("- ", "  "))
    assert {"id", "name", "entry", "language", "files"} <= set(hook)
    assert hook["id"] == hook["entry"] == "tfoptcmp-audit"
    assert f"{hook['entry']} = tfoptcmp.tools.audit:main" in (ROOT / "setup.cfg").read_text()
    assert re.search(hook["files"], "paper/results_cifar.csv")
    assert re.search(hook["files"], "results.csv")
    assert not re.search(hook["files"], "results/readme.md")
    assert not re.search(hook["files"], "results/inventory.csv")
