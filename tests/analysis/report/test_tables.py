import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.report.answer import answer, format_answer, how_sure
from tfoptcmp.analysis.report.commands import without_flags
from tfoptcmp.analysis.report.files import write_report
from tfoptcmp.analysis.report.inclusions import (
    conclusion,
    count_line,
    format_verdicts,
    pair_sentences,
)
from tfoptcmp.analysis.report.tables import (
    best_cells,
    best_rows,
    format_table,
    hyperparameter_cells,
)
from tfoptcmp.analysis.report.verdict_tables import ranking_cells
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.analysis.statistics.verdicts import inclusion_verdicts

TITLES = ["SGD", "Momentum", "Nesterov", "RMSProp", "Adam", "NAdam"]


@pytest.fixture
def two_rules(tmp_path, make_signature, write_study):
    """SGD always better than Momentum; N = 4, K = 2."""
    write_study(
        tmp_path,
        make_signature("sgd"),
        [0.1, 0.2, 0.3, 0.4],
        test_errors=[0.15, 0.25, 0.35, 0.45],
        infeasible=2,
    )
    write_study(tmp_path, make_signature("momentum"), [0.7, 0.7, 0.8, 0.9])
    (comparison,) = read_comparisons(tmp_path)
    return comparison


def test_numbers_by_hand(two_rules):
    sgd, momentum = best_rows(two_rules)
    # Best of 2 of 4: probabilities 7/16, 5/16, 3/16, 1/16.
    mean = (7 * 0.1 + 5 * 0.2 + 3 * 0.3 + 1 * 0.4) / 16
    assert sgd["validation_mean"] == pytest.approx(mean)
    assert sgd["test_mean"] == pytest.approx(mean + 0.05)
    assert (sgd["validation_p05"], sgd["validation_p95"]) == (0.1, 0.4)
    assert sgd["train_loss_mean"] == pytest.approx(mean / 10)
    # Target 0.25: the trials ending at 0.1 and 0.2 reach it, both at step 100.
    assert sgd["target_reached"] == pytest.approx(3 / 4)
    assert sgd["steps_to_target_mean"] == pytest.approx(100)
    assert (sgd["num_feasible"], sgd["num_infeasible"], sgd["tuning_budget"]) == (4, 2, 2)
    assert (sgd["best_trial"], sgd["best_validation"], sgd["best_test"]) == (2, 0.1, 0.15)
    assert momentum["target_reached"] == 0
    assert momentum["steps_to_target_mean"] is None
    assert momentum["best_trial"] == 0  # ties with trial 1


def test_cells_for_people(two_rules):
    heading, sgd, momentum = best_cells(two_rules)
    assert heading[:3] == ["optimizer", "validation, %", "test, %"]
    assert sgd[:3] == ["SGD", "18.75 [10.00, 40.00]", "23.75 [15.00, 45.00]"]
    assert sgd[4:] == ["100 [100, 100]", "0.75", "4", "2"]
    assert momentum[4:] == ["-", "0.00", "4", "0"]
    assert hyperparameter_cells(two_rules)[1][:4] == ["SGD", "2", "10.00 %", "15.00 %"]


def test_rows_stand_in_the_order_of_the_inclusions(six_rules):
    (comparison,) = read_comparisons(six_rules)
    assert [row[0] for row in best_cells(comparison)[1:]] == TITLES
    text = format_table(comparison)
    assert "N = 10 feasible trials, K = 2" in text
    starts = [text.index(f"\n{title} ") for title in TITLES]
    assert starts == sorted(starts)


def test_csv_has_all_digits(six_rules):
    (comparison,) = read_comparisons(six_rules)
    rows = list(csv.DictReader(io.StringIO(format_table(comparison, "csv"))))
    assert [row["optimizer"] for row in rows] == [title.lower() for title in TITLES]
    expected = best_rows(comparison)[4]
    assert float(rows[4]["test_mean"]) == expected["test_mean"]
    assert float(rows[4]["best_epsilon"]) == expected["best_epsilon"]
    assert rows[0]["best_epsilon"] == ""


def test_markdown_and_latex_escape(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("adam", name="adam_eps"), [0.1, 0.2, 0.3, 0.4])
    (comparison,) = read_comparisons(tmp_path)
    latex = format_table(comparison, "latex")
    assert r"adam\_eps & " in latex
    assert r"validation, \% & " in latex
    assert latex.count(r" \\") == 4  # results and hyperparameters, a heading and a row each
    assert r"beta\_1=" in latex
    markdown = format_table(comparison, "markdown").splitlines()
    columns = {line.count("|") for line in markdown if line.startswith("| ")}
    assert columns == {9, 6}


HOSTILE = "\n\\input{/etc/passwd}\n<script>alert(1)</script>[x](javascript:alert(1))\x07\u202e"


def test_names_from_elsewhere_do_nothing_where_the_report_is_opened(tmp_path):
    rows = "".join(
        f'"{name}",0.{i}1,0.{i}2,0.{i}\n'
        for name in (f"a{HOSTILE}", "=1+1", "@b")
        for i in range(1, 8)
    )
    table = tmp_path / "table.csv"
    table.write_text(f'optimizer,validation,test,"rate{HOSTILE}"\n{rows}')
    comparisons = read_comparisons(table)
    files = write_report(comparisons, tmp_path / "report")
    assert files.html.exists() and len(files.figures) > 2
    written = {path.suffix: path.read_text() for path in files.tables}
    outside = [line for line in written[".tex"].splitlines() if "input" in line]
    assert outside and all(line.startswith("%") or "\\input{" not in line for line in outside)
    assert "<script" not in written[".md"]
    assert "](javascript" not in written[".md"]
    with open(files.tables[0], newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert {"'=1+1", "'@b"} <= set(cells)
    assert not [cell for cell in cells if cell[:1] in "=+@" and cell]
    for kind in (".tex", ".md"):
        assert "\x07" not in written[kind] and "\u202e" not in written[kind]


def test_pairs_alike_share_a_sentence(six_rules, two_rules):
    (comparison,) = read_comparisons(six_rules)
    (sentence,) = pair_sentences(inclusion_verdicts(comparison))
    assert sentence.startswith("Momentum against SGD, Nesterov against SGD, RMSProp against SGD, ")
    assert sentence.endswith("NAdam against Nesterov: no verdict, too few trials.")


def test_unknown_style_is_refused(two_rules):
    with pytest.raises(ValueError, match=r"style must be one of .*; got 'html'"):
        format_table(two_rules, "html")


def test_metric_in_nats(tmp_path, make_signature, write_study):
    write_study(
        tmp_path,
        make_signature("sgd"),
        [3.25, 3.25, 3.25, 3.25],
        metric="cross entropy",
        metric_unit="nats",
        num_examples={"train": 10, "validation": 10},
        budget={"target": None},
    )
    (comparison,) = read_comparisons(tmp_path)
    heading, row = best_cells(comparison)
    assert heading[1] == "validation, nats"
    assert row[1:3] == ["2.303 [2.303, 2.303]", "-"]  # theory: ln 10, of guessing
    assert row[4:6] == ["-", "-"]
    assert "nothing to test" in conclusion(inclusion_verdicts(comparison))
    assert answer(ranking(comparison)).startswith("No answer yet: N = 4 feasible trials")


@pytest.fixture
def compared(tmp_path, make_signature, write_study):
    """Makes a comparison of studies, given as rule to errors."""

    def compared(**studies):
        for rule, errors in studies.items():
            write_study(tmp_path / "s", make_signature(rule), errors)
        (comparison,) = read_comparisons(tmp_path / "s")
        return comparison

    return compared


def spread(level, num=40):
    return [level + 0.001 * i for i in range(num)]


def test_violation_is_said_in_words(compared):
    comparison = compared(sgd=spread(0.1), momentum=spread(0.3))
    text = format_answer(comparison, []) + format_verdicts(comparison)
    assert "SGD is the best at K = 4: ahead of Momentum by 20.00 pp." in text
    assert "Inclusions: 1 of 1 violated. Worse than their own special case: Momentum than" in text
    assert "Audit: no fault found." in text
    assert "Momentum did worse than SGD, which it can imitate (validation, test" in text
    assert "1 pair, 4 tests" in text


def test_what_correction_leaves_of_the_violated_is_said(compared):
    verdicts = inclusion_verdicts(compared(sgd=spread(0.1), momentum=spread(0.3)))
    assert count_line(verdicts).endswith(
        "pairs 3 of 3 violations remain; chance is an unlikely reason for these."
    )
    alone = tuple(replace(j, survives=False) for j in verdicts.judgements)
    none = replace(verdicts, judgements=alone)
    assert count_line(none).endswith(
        "No violation remains after correction for the number of pairs; chance may be the reason."
    )
    assert "or chance: none remains after correction" in conclusion(none)
    assert "chance" not in conclusion(verdicts)
    one = (replace(alone[0], survives=True), *alone[1:])
    assert count_line(replace(verdicts, judgements=one)).endswith(
        "pairs 1 of 3 violations remains; chance is an unlikely reason for it."
    )


def test_inclusions_that_nothing_was_tested_of_leave_no_gap(compared):
    text = format_verdicts(compared(nadam=spread(0.1), adam=spread(0.3)))
    assert text == "Inclusions:\n"


def test_a_contestant_is_found_by_its_name(compared):
    comparison = compared(sgd=spread(0.1), adam=spread(0.3))
    assert comparison.named("adam").name == "adam"
    with pytest.raises(ValueError, match=r"one of \['sgd', 'adam'\]; got 'adamw'"):
        comparison.named("adamw")


def test_the_group_and_those_behind_are_named(compared):
    comparison = compared(sgd=spread(0.4), momentum=spread(0.1), adam=spread(0.1))
    assert answer(ranking(comparison)) == (
        "Momentum and Adam do equally well at K = 4, to within the margin; SGD is behind by "
        "30.00 pp."
    )
    cells = ranking_cells(ranking(comparison))
    assert cells[0] == ["row beats column by", "Momentum", "Adam", "SGD"]
    assert cells[1][1] == ""
    assert cells[1][3].startswith("+30.00 [+29")
    assert cells[3][1].startswith("-30.00 [-30")
    assert cells[1][3].endswith("P 1.00") and cells[3][1].endswith("P 0.00")


def test_what_would_make_it_surer_is_said_with_its_command(compared):
    rng = np.random.default_rng(0)
    comparison = compared(**{rule: list(rng.uniform(0.1, 0.9, 20)) for rule in ("sgd", "adam")})
    assert answer(ranking(comparison)) == (
        "No clear winner at K = 2: SGD and Adam cannot be told apart."
    ) or answer(ranking(comparison)).endswith("Adam and SGD cannot be told apart.")
    told = " ".join(how_sure(comparison, ranking(comparison)))
    assert "To be surer:" in told
    assert "0 of 1 pair is decided" in told


def test_who_is_ahead_in_a_pair_by_itself_is_said_of_those_who_cannot_be_told_apart(compared):
    spread = np.random.default_rng(0).permutation(np.linspace(0.3, 0.7, 40))
    comparison = compared(
        sgd=list(spread), momentum=list(spread[::-1] - 0.055), adam=list(np.roll(spread, 7) - 0.02)
    )
    found = ranking(comparison)
    assert answer(found) == (
        "No clear winner at K = 4: Momentum, Adam and SGD cannot be told apart."
    )
    assert any(
        "2 of 3 pairs are decided (N = 40 feasible trials). "
        "Each pair taken by itself, Momentum is ahead of SGD." in sentence
        for sentence in how_sure(comparison, found)
    )


def test_too_few_trials_give_no_verdict_in_words(six_rules):
    (comparison,) = read_comparisons(six_rules)
    text = format_answer(comparison) + format_verdicts(comparison)
    assert "No answer yet: N = 10 feasible trials are too few; K = 2 needs 20." in text
    assert "20 feasible trials of each are needed for a verdict at K = 2" in text
    assert "--num_feasible=20" in text
    assert "violated" not in text


def test_holding_inclusions_are_said_in_words(compared):
    comparison = compared(sgd=[0.1] * 20, momentum=[0.1] * 20)
    assert conclusion(inclusion_verdicts(comparison)) == (
        "the only one holds: no rule did worse than a special case of it."
    )


def test_pairs_without_a_verdict_do_not_hold(compared):
    comparison = compared(sgd=spread(0.3), momentum=spread(0.1), adam=spread(0.5, 12))
    assert conclusion(inclusion_verdicts(comparison)) == (
        "1 with a verdict holds: no rule did worse than a special case of it. No verdict, with too "
        "few trials for this K: SGD <= Adam, Momentum <= Adam."
    )
    worse = compared(sgd=spread(0.3), momentum=spread(0.6), adam=spread(0.1, 12))
    assert conclusion(inclusion_verdicts(worse)).startswith("1 of 1 violated. Worse than ")


def test_a_command_is_repeated_without_some_of_its_flags():
    command = (
        "tfoptcmp-tune --num_feasible 40 --refine --study_dir='my runs' --steps=5 --until_decided"
    )
    assert without_flags(command, "num_feasible", "until_decided") == [
        "tfoptcmp-tune",
        "--refine",
        "'--study_dir=my runs'",
        "--steps=5",
    ]
    assert without_flags(command, "refine", "steps")[1:] == [
        *("--num_feasible", "40", "'--study_dir=my runs'", "--until_decided")
    ]


def test_rule_without_feasible_trials_does_not_hide_the_test_metric(
    tmp_path, make_signature, write_study
):
    write_study(tmp_path, make_signature("sgd"), [0.1] * 4)
    write_study(tmp_path, make_signature("adam"), [], infeasible=3, num_feasible=4)
    (comparison,) = read_comparisons(tmp_path)
    assert ranking(comparison).statistic == "test"
    assert best_cells(comparison)[2] == ["Adam", "-", "-", "-", "-", "-", "0", "3"]


def test_where_only_test_results_are_known_tables_have_no_validation(tmp_path):
    (tmp_path / "t.csv").write_text("optimizer,test,lr\nsgd,1.5,0.1\nsgd,2.5,0.2\nadam,1.5,0.1\n")
    (comparison,) = read_comparisons(tmp_path / "t.csv")
    assert best_cells(comparison)[0][:3] == ["optimizer", "test", "training loss"]
    heading, sgd, _ = hyperparameter_cells(comparison)
    assert heading == ["optimizer", "trial", "test", "hyperparameters"]
    assert sgd == ["sgd", "0", "1.5", "learning_rate=0.1"]
    assert "validation" not in format_table(comparison)
    assert not [name for name in best_rows(comparison)[0] if "validation" in name]
