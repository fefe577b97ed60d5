"""What a report says of rounds: what was spent in them, and for which spaces verdicts hold."""

import csv
import io
import json
import math
from pathlib import Path

import pytest

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.report.answer import format_answer
from tfoptcmp.analysis.report.as_json import as_json
from tfoptcmp.analysis.report.files import write_report
from tfoptcmp.analysis.report.lineage import (
    acceptance,
    holds_for,
    lineage_cells,
    share_at_guessing,
    volume_left,
)
from tfoptcmp.analysis.report.methods import cost_cells, spent
from tfoptcmp.analysis.report.tables import best_cells, format_table
from tfoptcmp.spaces import LogUniform

DIGITS = Path(__file__).parents[3] / "results/cpu/digits_simple_cnn/refined-quasirandom"
NARROW = {"eta0": LogUniform(low=0.1, high=10.0)}


@pytest.fixture
def study_dir(tmp_path, write_refined):
    """SGD goes from four decades to two; Momentum's space stays, and lacks a trial of round 1."""
    rounds = {"sgd": [20, 25, (30, NARROW)], "momentum": [20, 24, 30]}
    return write_refined(tmp_path / "refined", rounds)


@pytest.fixture
def comparison(study_dir):
    (comparison,) = read_comparisons(study_dir)
    return comparison


def test_the_headline_counts_earlier_rounds(comparison, six_rules):
    assert comparison.sample_sizes == (
        "N = 30 feasible trials after 20 + 24 to 25 to narrow the space, K = 3"
    )
    (unrefined,) = read_comparisons(six_rules)
    assert unrefined.sample_sizes == "N = 10 feasible trials, K = 2"


def test_a_row_for_each_round(comparison):
    heading, *rows = lineage_cells(comparison)
    table = [dict(zip(heading, row, strict=True)) for row in rows]
    assert [(row["optimizer"], row["round"], row["feasible"]) for row in table] == [
        *[("SGD", "0", "20"), ("SGD", "1", "25"), ("SGD", "2", "30")],
        *[("Momentum", "0", "20"), ("Momentum", "1", "24"), ("Momentum", "2", "30")],
    ]
    assert [row["volume"] for row in table[:3]] == ["100 %", "100 %", "50 %"]  # by hand
    assert table[2]["ranges"].replace("\N{NO-BREAK SPACE}", " ") == "eta0 0.1 .. 10"
    assert table[0]["best validation"] == "10.00 %"
    # By hand: guessing one of 10 classes has an error of 0.9; 0.882 and more count. The errors of
    # round 0 are 19 steps of 0.8 / 19 up to 0.9, of which only the last counts.
    assert table[0]["at guessing"] == "5 %"
    assert [row["space"] for row in table] == ["-", "-", "accepted as final"] * 2


def test_trials_that_diverged_count_as_guessing(tmp_path, make_signature, write_study):
    """By hand: of 2 diverged, 0.9, 0.89, infinity and 0.5 all but the last; the level is 0.882."""
    write_study(tmp_path, make_signature("sgd"), [0.9, 0.89, math.nan, 0.5], infeasible=2)
    (comparison,) = read_comparisons(tmp_path)
    assert share_at_guessing(comparison, comparison.contestants[0]) == pytest.approx(5 / 6)


def test_the_level_of_guessing_may_not_be_known(tmp_path, make_signature, write_study):
    changes = {"metric_unit": "nats", "num_classes": None}
    write_study(tmp_path, make_signature("sgd"), [0.9, 20.0], infeasible=2, **changes)
    (comparison,) = read_comparisons(tmp_path)
    assert comparison.metric.guessing == math.inf
    assert share_at_guessing(comparison, comparison.contestants[0]) == 0.5


def test_a_volume_can_grow(comparison):
    sgd = comparison.contestants[0]
    assert volume_left(sgd, sgd.rounds[0]) == pytest.approx(2)  # two decades become four


def test_acceptance(comparison, tmp_path, write_refined, six_rules):
    assert acceptance(comparison) == "accepted as final: no good trials crowd an edge."
    few = write_refined(tmp_path / "few", {"sgd": [20, 20, 20], "momentum": [20, 20, 10]})
    (refused,) = read_comparisons(few)
    assert acceptance(refused) == (
        "accepted as final: SGD; not accepted: Momentum (10 feasible trials, of 15 that the "
        "boundary check needs)."
    )
    assert lineage_cells(refused)[-1][-1].startswith("not accepted: 10 feasible trials")
    early = write_refined(tmp_path / "early", {"sgd": [20, 20]})
    (unfinished,) = read_comparisons(early)
    assert acceptance(unfinished) == "not accepted yet, 1 more round is to come."
    assert lineage_cells(unfinished)[-1][-1] == "1 more to come"
    (unrefined,) = read_comparisons(six_rules)
    assert acceptance(unrefined) == ""
    assert len(lineage_cells(unrefined)) == 1


def test_verdicts_name_their_spaces(comparison, six_rules, tmp_path):
    assert holds_for(comparison) == (
        "Holds for these search spaces: test <space>; narrowed in 2 rounds (20 + 24 to 25 feasible "
        "trials of each)."
    )
    (unrefined,) = read_comparisons(six_rules)
    assert holds_for(unrefined) == "Holds for these search spaces: test <space>."
    assert holds_for(comparison) in " ".join(format_answer(comparison).split())
    path = tmp_path / "mine.csv"
    path.write_text("optimizer,validation\nsgd,0.1\nmine,0.2\n")
    assert holds_for(*read_comparisons(path)) == ""


def test_tables_count_the_trials_of_all_rounds(comparison, six_rules):
    heading, sgd, momentum = best_cells(comparison)
    assert (heading[-1], sgd[-1], momentum[-1]) == ("trials of all rounds", "75", "74")
    for style in ("text", "markdown", "latex"):
        assert "trials of all rounds" in format_table(comparison, style)
    rows = list(csv.DictReader(io.StringIO(format_table(comparison, "csv"))))
    assert [row["num_trials_all_rounds"] for row in rows] == ["75", "74"]
    assert cost_cells(comparison)[1][-2:] == ["75", "0.6"]  # half a second each
    assert spent(comparison.contestants).startswith("In total, in all rounds, 149 trials and ")
    (unrefined,) = read_comparisons(six_rules)
    assert "rounds" not in format_table(unrefined) + format_table(unrefined, "csv")
    assert "rounds" not in str(cost_cells(unrefined)) + spent(unrefined.contestants)


def test_json_has_the_rounds(comparison, six_rules):
    sgd = json.loads(as_json([comparison], []))["comparisons"][0]["optimizers"][0]
    assert [one["num_feasible"] for one in sgd["rounds"]] == [20, 25, 30]
    assert sgd["rounds"][2]["space"]["eta0"] == {"kind": "log_uniform", "low": 0.1, "high": 10.0}
    assert (sgd["num_trials_all_rounds"], sgd["accepted"], sgd["why_not_final"]) == (75, True, "")
    (unrefined,) = read_comparisons(six_rules)
    momentum = json.loads(as_json([unrefined], []))["comparisons"][0]["optimizers"][1]
    assert (momentum["num_trials_all_rounds"], momentum["accepted"]) == (14, None)  # 10 + 4
    assert [one["round"] for one in momentum["rounds"]] == [0]


def test_the_page_shows_how_spaces_came_about(comparison, six_rules, tmp_path):
    page = write_report([comparison], tmp_path / "a").html.read_text(encoding="utf-8")
    assert "How the search spaces came about" in page
    assert page.index("came about") < page.index("do the best trials lie inside")
    assert "Search spaces of digits_simple_cnn by round" in page
    assert (tmp_path / "a" / "rounds-1-digits_simple_cnn.svg").exists()
    assert "Does the general optimizer" in page
    unrefined = write_report(read_comparisons(six_rules), tmp_path / "b").html
    assert "came about" not in unrefined.read_text(encoding="utf-8")
    assert "narrowed in rounds" not in unrefined.read_text(encoding="utf-8")


def test_containments_are_told_where_most_lie_outside(tmp_path, make_signature, write_study):
    errors = [0.1 + 0.02 * i for i in range(20)]
    write_study(tmp_path, make_signature("sgd"), errors)
    narrow = {"one_minus_gamma": LogUniform(low=1e-3, high=0.5)}
    write_study(tmp_path, make_signature("momentum", **narrow), errors)
    told = " ".join(format_answer(*read_comparisons(tmp_path)).split())
    assert "special case in SGD <= Momentum (0 of 5 inside)." in told
    write_study(tmp_path / "wide", make_signature("sgd"), errors)
    write_study(tmp_path / "wide", make_signature("momentum"), errors)
    assert "Imitation" not in format_answer(*read_comparisons(tmp_path / "wide"))


def test_the_time_of_a_step_is_not_known_without_steps(tmp_path):
    table = tmp_path / "results.csv"
    rows = "".join(f"{one},0.{i},{i}\n" for one in ("sgd", "adam") for i in range(1, 5))
    table.write_text(f"optimizer,validation,seconds\n{rows}")
    heading, *rows = cost_cells(*read_comparisons(table))
    of_a_step = heading.index("per step with evaluation, ms")
    assert [row[of_a_step] for row in rows] == ["-", "-"]
    assert [row[of_a_step - 1] for row in rows] == ["0.2", "0.2"]  # 10 s


def test_seconds_to_the_target_are_steps_times_the_time_of_one():
    """By hand, from the results table of the published study: mean steps to the target."""
    (comparison,) = read_comparisons(DIGITS)
    heading, *rows = cost_cells(comparison)
    column = heading.index("to the target, s")
    per_step = heading.index("per step with evaluation, ms")
    steps = {row[0]: float(row[4].split(" ")[0]) for row in best_cells(comparison)[1:]}
    for row in rows:
        expected = steps[row[0]] * float(row[per_step]) / 1000
        assert float(row[column]) == pytest.approx(expected, rel=0.02)
