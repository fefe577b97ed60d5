import csv
import io

import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.report.answer import (
    conclusion,
    format_verdicts,
    leader,
    pair_sentences,
)
from tfoptcmp.analysis.report.tables import (
    best_cells,
    best_rows,
    format_table,
    hyperparameter_cells,
)
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
    assert r"alpha0\_over\_epsilon = " in latex
    markdown = format_table(comparison, "markdown").splitlines()
    columns = {line.count("|") for line in markdown if line.startswith("| ")}
    assert columns == {9, 6}


def test_pairs_alike_share_a_sentence(six_rules, two_rules):
    (comparison,) = read_comparisons(six_rules, tuning_budget=6)
    (sentence,) = pair_sentences(inclusion_verdicts(comparison))
    assert sentence.startswith("Momentum against SGD, Nesterov against SGD, RMSProp against SGD, ")
    assert sentence.endswith(
        "NAdam against Nesterov: no verdict, K is more than half of the trials."
    )
    assert pair_sentences(inclusion_verdicts(two_rules)) == [
        "Momentum did worse than SGD, which it can imitate (validation, test, training loss)."
    ]


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
    assert row[1:3] == ["3.25 [3.25, 3.25]", "-"]
    assert row[4:6] == ["-", "-"]
    assert "nothing to test" in conclusion(inclusion_verdicts(comparison))
    assert leader(comparison).startswith("Lowest validation cross entropy")


def test_violation_is_said_in_words(two_rules):
    text = format_verdicts(two_rules)
    assert "Some rules did worse than their own special cases: Momentum than SGD." in text
    assert "Momentum did worse than SGD, which it can imitate (validation, test" in text
    assert "1 pair, 4 tests" in text
    assert leader(two_rules) == (
        "Lowest test classification error after tuning with K = 2 trials: "
        "SGD, 23.75 % [15.00 %, 45.00 %]."
    )


def test_descriptive_only_gives_no_verdict_in_words(six_rules):
    (comparison,) = read_comparisons(six_rules, tuning_budget=10)
    text = format_verdicts(comparison)
    assert "No verdicts: K is more than half of the number of trials" in text
    assert "violated" not in text
    assert "Too close" not in leader(comparison)


def test_holding_inclusions_are_said_in_words(tmp_path, make_signature, write_study):
    for rule in ("sgd", "momentum"):
        write_study(tmp_path, make_signature(rule), [0.1] * 10)
    (comparison,) = read_comparisons(tmp_path)
    assert conclusion(inclusion_verdicts(comparison)) == (
        "No rule did worse than a special case of it: the inclusions hold here."
    )
    assert leader(comparison).endswith("Too close to it to tell apart: Momentum.")


def test_rule_without_feasible_trials_does_not_hide_the_test_metric(
    tmp_path, make_signature, write_study
):
    write_study(tmp_path, make_signature("sgd"), [0.1] * 4)
    write_study(tmp_path, make_signature("adam"), [], infeasible=3, num_feasible=4)
    (comparison,) = read_comparisons(tmp_path)
    assert leader(comparison).startswith("Lowest test classification error")
    assert best_cells(comparison)[2] == ["Adam", "-", "-", "-", "-", "-", "0", "3"]


def test_where_only_test_results_are_known_tables_have_no_validation(tmp_path):
    (tmp_path / "t.csv").write_text("optimizer,test,lr\nsgd,1.5,0.1\nsgd,2.5,0.2\nadam,1.5,0.1\n")
    (comparison,) = read_comparisons(tmp_path / "t.csv")
    assert best_cells(comparison)[0][:3] == ["optimizer", "test", "training loss"]
    heading, sgd, _ = hyperparameter_cells(comparison)
    assert heading == ["optimizer", "trial", "test", "hyperparameters as searched"]
    assert sgd == ["sgd", "0", "1.5", "eta0 = 0.1"]
    assert "validation" not in format_table(comparison)
    assert not [name for name in best_rows(comparison)[0] if "validation" in name]
