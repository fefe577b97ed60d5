"""Winners run again: fresh seeds, recorded beside the trials, never counted as trials."""

import errno
import json
import math
import os
from dataclasses import asdict, replace

import pytest
from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tuners.executors import InProcess
from tfoptcmp.tuners.reruns import rerun_winner, winner
from tfoptcmp.tuners.run_study import run_study

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.report.tables import best_rows, format_table, rerun_cells
from tfoptcmp.metrics import CLASSIFICATION_ERROR, TRAINING_LOSS
from tfoptcmp.rules import RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import LogUniform, SearchSpace
from tfoptcmp.study.read import read_study
from tfoptcmp.study.schema import COLUMNS, Status, StudyConfig, StudyError, StudyFailed
from tfoptcmp.study.trial import Outcome, rerun_seeds, trial_seeds

SIGNATURE = Signature(
    name="sgd",
    rule=RULES["sgd"],
    space=SearchSpace(dimensions={"eta0": LogUniform(low=1e-2, high=1e2)}, source="test"),
    schedule="constant",
)
CONFIG = StudyConfig(
    signature=SIGNATURE.to_json(),
    workload="none",
    metric=CLASSIFICATION_ERROR,
    loss=TRAINING_LOSS,
    budget={
        **{"scale": "smoke", "batch_size": 1, "steps": 10, "eval_every_steps": 10},
        **{"num_feasible": 4, "target": None, "options": {}},
    },
    num_examples={"train": 100, "validation": 100, "test": 100},
    partial="",
    seed=0,
    search="quasirandom",
    num_feasible=4,
    max_trials=40,
    tuning_budget=2,
    threads_per_trial=1,
    versions={},
    provenance={},
)


class Training:
    """Pretends to train: the error depends on the rate and, for re-runs, on their number."""

    def __init__(self):
        self.tasks = []

    def __call__(self, task, on_measurement):
        self.tasks.append(task)
        luck = 0.0 if task.seeds == trial_seeds(0, task.index) else 0.1 + 0.01 * len(self.tasks)
        error = 0.1 + abs(math.log10(task.values["eta0"])) / 10 + luck
        on_measurement({**dict.fromkeys(COLUMNS, error), "step": 10})
        return Outcome(status=Status.COMPLETE, steps=10)


@pytest.fixture
def study(tmp_path):
    directory = tmp_path / "sgd"
    run_study(
        directory=directory,
        config=CONFIG,
        signature=SIGNATURE,
        executor=InProcess(Training()),
        clock=CLOCK,
    )
    return directory


def test_seeds_are_fresh_and_a_function_of_study_trial_and_number():
    seeds = [trial_seeds(0, 3), *(rerun_seeds(0, 3, j) for j in range(4)), rerun_seeds(0, 4, 0)]
    for purpose in seeds[0]:
        assert len({known[purpose] for known in seeds}) == len(seeds)
    assert rerun_seeds(0, 3, 1) == rerun_seeds(0, 3, 1)


def test_the_winner_is_run_again_and_nothing_else_changes(study):
    before = read_study(study)
    best = min(before.trials, key=lambda trial: trial.final["validation_metric"])
    training = Training()
    reruns = rerun_winner(study, CONFIG, InProcess(training), 3, CLOCK)
    assert [task.index for task in training.tasks] == [best.index] * 3
    assert all(task.values == best.values for task in training.tasks)
    assert [rerun.seeds for rerun in reruns] == [rerun_seeds(0, best.index, j) for j in range(3)]
    assert read_study(study) == before
    files = {path.name for path in (study / "reruns" / f"{best.index:06d}-0").iterdir()}
    assert files == {"metadata.json", "measurements.csv"}


def test_what_is_on_record_is_not_run_again(study):
    first = rerun_winner(study, CONFIG, InProcess(Training()), 2, CLOCK)
    training = Training()
    again = rerun_winner(study, CONFIG, InProcess(training), 3, CLOCK)
    assert again[:2] == first
    assert len(training.tasks) == 1


def reruns_of(study):
    (comparison,) = read_comparisons(study)
    return comparison.contestants[0].reruns


def test_a_crash_keeps_those_before_it(study):
    def crash_at_the_second(task, on_measurement):
        if task.seeds == rerun_seeds(0, task.index, 1):
            raise RuntimeError("out of memory")
        return Training()(task, on_measurement)

    with pytest.raises(StudyError, match=r"(?s)crashed.*RuntimeError: out of memory"):
        rerun_winner(study, CONFIG, InProcess(crash_at_the_second), 3, CLOCK)
    assert reruns_of(study)["rerun"].tolist() == [0]
    assert len(rerun_winner(study, CONFIG, InProcess(Training()), 3, CLOCK)) == 3


def test_one_that_crashed_is_tried_again_as_often_as_allowed(study, tmp_path):
    crashes = []

    def flaky(task, on_measurement):
        if len(crashes) < 2:
            crashes.append(task)
            raise RuntimeError("flaky")
        return Training()(task, on_measurement)

    with pytest.raises(StudyFailed, match=r"max_retries=0; .* and the same command .* resumes"):
        rerun_winner(study, CONFIG, InProcess(flaky), 1, CLOCK, max_retries=0)
    told = []
    reruns = rerun_winner(study, CONFIG, InProcess(flaky), 2, CLOCK, on_end=told.append)
    assert len(crashes) == 2
    index = reruns[0].index
    assert told == [study / "reruns" / f"{index:06d}-{j}" for j in range(2)]


def test_a_study_without_a_feasible_trial_has_failed(study):
    trials = tuple(replace(one, status=Status.INFEASIBLE) for one in read_study(study).trials)
    with pytest.raises(StudyFailed, match="has no feasible trial to run again"):
        winner(replace(read_study(study), trials=trials))


def diverging(task, on_measurement):
    on_measurement({**dict.fromkeys(COLUMNS, 0.5), "step": 10, "train_loss": math.nan})
    return Outcome(status=Status.COMPLETE, steps=10)


def test_one_whose_loss_is_nan_diverged(study):
    (rerun,) = rerun_winner(study, CONFIG, InProcess(diverging), 1, CLOCK)
    assert (rerun.status, rerun.message) == (Status.INFEASIBLE, "train_loss is nan at step 10")
    assert reruns_of(study)["status"].tolist() == ["INFEASIBLE"]
    training = Training()
    rerun_winner(study, CONFIG, InProcess(training), 1, CLOCK)
    assert training.tasks == []


def test_one_that_was_cut_off_does_not_count_and_is_run_again(study):
    def killed(task, on_measurement):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rerun_winner(study, CONFIG, InProcess(killed), 1, CLOCK)
    (path,) = study.glob("reruns/*/metadata.json")
    assert json.loads(path.read_text())["status"] == "RUNNING"
    assert reruns_of(study).empty
    (rerun,) = rerun_winner(study, CONFIG, InProcess(Training()), 1, CLOCK)
    assert rerun.status is Status.COMPLETE


def test_a_full_disk_says_how_to_go_on(study, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StudyError, match=r"No space left on device; .* the same command resumes"):
        rerun_winner(study, CONFIG, InProcess(Training()), 1, CLOCK)
    monkeypatch.undo()
    assert len(rerun_winner(study, CONFIG, InProcess(Training()), 1, CLOCK)) == 1


def test_what_was_written_before_there_were_attempts_is_read(study):
    (rerun,) = rerun_winner(study, CONFIG, InProcess(Training()), 1, CLOCK)
    (path,) = study.glob("reruns/*/metadata.json")
    data = asdict(rerun)  # as `write_json` had it
    path.write_text(json.dumps(data, indent=1) + "\n")
    assert rerun_winner(study, CONFIG, InProcess(Training()), 1, CLOCK) == [rerun]


@pytest.mark.parametrize("first", [math.nan, None])
def test_a_trial_without_a_validation_metric_does_not_win(study, first):
    known = read_study(study)
    trials = [
        replace(trial, final=trial.final | {"validation_metric": value})
        for trial, value in zip(known.trials, (first, 0.5, 0.25, 0.25), strict=True)
    ]
    assert winner(replace(known, trials=tuple(trials))).index == 2


def test_a_study_without_a_feasible_trial_has_no_winner(study):
    known = read_study(study)
    trials = tuple(replace(trial, status=Status.INFEASIBLE) for trial in known.trials)
    with pytest.raises(StudyError, match="no feasible trial"):
        winner(replace(known, trials=trials))


def test_another_study_is_refused(study):
    with pytest.raises(StudyError, match="holds another study"):
        rerun_winner(study, CONFIG.__class__(**{**vars(CONFIG), "seed": 1}), Training(), 1, CLOCK)


def test_table_and_audit_show_both_numbers(study):
    rerun_winner(study, CONFIG, InProcess(Training()), 3, CLOCK)
    (comparison,) = read_comparisons(study)
    heading, row = rerun_cells(comparison)
    assert len(heading) == len(row)
    selected = comparison.contestants[0].feasible["validation_metric"].min()
    # by hand: the re-runs are .11, .12 and .13 worse.
    assert row[2:6] == [
        "3",
        f"{100 * selected:.2f} %",
        f"{100 * (selected + 0.12):.2f} %",
        f"{100 * selected:.2f} %",
    ]
    assert row[7] == "1.00 %"
    for style in ("text", "markdown", "latex"):
        assert row[3].replace("%", r"\%" if style == "latex" else "%") in format_table(
            comparison, style
        )
    (numbers,) = best_rows(comparison)
    assert numbers["rerun_validation_mean"] == pytest.approx(selected + 0.12)
    assert (numbers["num_reruns"], numbers["num_diverged_reruns"]) == (3, 0)
    assert comparison.num_trials == 4
    findings = audit([comparison])
    (lucky,) = [finding for finding in findings if finding.title == "the winner was lucky"]
    assert "3 re-runs with fresh seeds" in lucky.evidence


def test_no_reruns_give_a_heading_only(study):
    (comparison,) = read_comparisons(study)
    assert len(rerun_cells(comparison)) == 1
    assert comparison.contestants[0].reruns.empty
