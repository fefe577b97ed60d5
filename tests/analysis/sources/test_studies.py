import math

import pytest

from tfoptcmp.analysis import load_studies
from tfoptcmp.analysis.sources.studies import compare_studies
from tfoptcmp.study.rounds import Plan, begin, round_directory
from tfoptcmp.study.schema import Status, StudyError
from tfoptcmp.study.trial import trial_seeds


def test_one_row_a_trial(six_rules):
    trials = load_studies(six_rules)
    assert len(trials) == 6 * 10 + 0 + 1 + 2 + 3 + 4 + 5
    assert trials.feasible.sum() == 60
    assert set(trials.status) == {"COMPLETE", "INFEASIBLE"}
    assert set(trials.signature) == {"sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam"}
    adam = trials[trials.rule == "adam"].iloc[-1]
    assert adam.workload == "digits_simple_cnn"
    assert adam.used_learning_rate == adam.searched_alpha0_over_epsilon * adam.searched_epsilon
    assert math.isnan(adam.searched_eta0)
    assert adam.seed_data == trial_seeds(0, int(adam.trial))["data"]
    assert adam.steps == 100
    assert adam.test_metric == pytest.approx(adam.validation_metric + 0.01)


def test_steps_to_target(tmp_path, make_signature, write_study):
    # By hand, target 0.25: from 0.9 down to 0 in 100 steps reaches it at 72.2, measured at 75; to
    # 0.25 at 100; to 0.2 at 92.9, so also at 100; to 0.4 never.
    write_study(tmp_path, make_signature("sgd"), [0.0, 0.25, 0.2, 0.4], infeasible=1)
    trials = load_studies(tmp_path)
    assert math.isnan(trials.steps_to_target[0])
    assert list(trials.steps_to_target[1:]) == [75, 100, 100, math.inf]


def test_unfinished_and_crashed_trials_are_not_feasible(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [0.1], unfinished=(Status.RUNNING, Status.FAILED))
    trials = load_studies([tmp_path / "sgd"])
    assert list(trials.status) == ["COMPLETE", "RUNNING", "FAILED"]
    assert list(trials.feasible) == [True, False, False]


def test_a_study_named_twice_counts_once(six_rules):
    assert len(load_studies([six_rules, six_rules / "adam"])) == len(load_studies(six_rules))


def test_study_without_trials(tmp_path, make_signature, write_study):
    write_study(tmp_path, make_signature("sgd"), [])
    trials = load_studies(tmp_path)
    assert len(trials) == 0
    assert "validation_metric" in trials.columns


def test_no_study_is_said(tmp_path):
    with pytest.raises(StudyError, match="no study"):
        load_studies(tmp_path)
    with pytest.raises(StudyError, match="no study directory was named"):
        load_studies([])


def test_unknown_rule_is_said(tmp_path, make_signature, write_study):
    path = write_study(tmp_path, make_signature("sgd"), [0.1]) / "study.json"
    path.write_text(path.read_text().replace('"rule": "sgd"', '"rule": "lion"'))
    with pytest.raises(StudyError, match="rule must be one of"):
        load_studies(tmp_path)


def test_rounds_are_found_through_a_link(tmp_path, make_signature, write_study):
    begin(tmp_path / "s", Plan(num_rounds=2, trials_per_round=20))
    for number in range(2):
        write_study(round_directory(tmp_path / "s", number), make_signature("sgd"), [0.1, 0.2])
    (tmp_path / "latest").symlink_to(round_directory(tmp_path / "s", 1))
    (comparison,) = compare_studies(tmp_path / "latest")
    assert len(comparison.contestants[0].earlier) == 1
    assert comparison.rounds_missing == 0
