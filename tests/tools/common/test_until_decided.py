"""Rounds and looks with trials that need no training: stopped, killed, and begun without looks."""

import json
import multiprocessing
import os
import random
import re
import shutil
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tools.common.execution import Execution
from tfoptcmp.tools.common.forecast import forecast, pilot
from tfoptcmp.tools.common.run_studies import Studies as OurStudies
from tfoptcmp.tools.common.until_decided import run_until_decided
from tfoptcmp.tools.lab.faults import fake
from tfoptcmp.tuners.executors import InProcess
from tfoptcmp.tuners.run_study import run_study

from tfoptcmp.analysis.report.answer import how_sure
from tfoptcmp.analysis.sources.studies import compare_studies
from tfoptcmp.analysis.statistics.looks import make_plan, without_trials
from tfoptcmp.analysis.statistics.ranking import ranking
from tfoptcmp.metrics import ACCURACY, CLASSIFICATION_ERROR, Metric
from tfoptcmp.rules import RULES
from tfoptcmp.study.looks import read_looks
from tfoptcmp.study.read import read_study
from tfoptcmp.study.schema import Status, StudyError
from tfoptcmp.workload import Budget

pytestmark = pytest.mark.filterwarnings(
    "ignore:(currentThread|getName)\\(\\) is deprecated:DeprecationWarning"
)

SIGNATURES = [
    replace(fake.signature(), name=name, rule=RULES[name]) for name in ("momentum", "nesterov")
]


def budget(num_feasible):
    return Budget(**{**fake.config().budget, "num_feasible": num_feasible})


@dataclass
class Studies:
    """In place of theirs."""

    study_dir: Path
    run_trial: object = fake.run_trial
    signatures: list = field(default_factory=lambda: SIGNATURES)
    metric: Metric = CLASSIFICATION_ERROR
    execution: Execution = field(default_factory=Execution)
    rounds: list = field(default_factory=list)

    comparison = OurStudies.comparison

    def run(self, budgets, *, num_reruns=0):
        self.rounds.append([one.num_feasible for one in budgets])
        for signature, one in zip(self.signatures, budgets, strict=True):
            run_study(
                directory=self.study_dir / signature.name,
                config=fake.config(
                    signature=signature.to_json(),
                    metric=self.metric.with_classes(10),
                    num_feasible=one.num_feasible,
                    max_trials=800,
                    tuning_budget=4,
                    budget={**fake.config().budget, "num_feasible": one.num_feasible},
                ),
                signature=signature,
                executor=InProcess(self.run_trial),
                clock=CLOCK,
                max_retries=0,
            )


def plan(max_feasible=40, tuning_budget=4):
    return make_plan(without_trials(SIGNATURES, CLASSIFICATION_ERROR), max_feasible, tuning_budget)


def run(study_dir, run_trial=fake.run_trial, **changes):
    studies = Studies(study_dir, run_trial)
    run_until_decided(studies, plan(**changes), budget)
    return studies


def found(study_dir):
    return {path.name: fake.contents(path) for path in study_dir.iterdir() if path.is_dir()}


def looks_of(study_dir):
    return (study_dir / "looks.json").read_text()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The fakes are nearly alike, so that all looks are made."""
    directory = tmp_path_factory.mktemp("undisturbed")
    studies = run(directory)
    assert studies.rounds == [[20, 20], [40, 40]]
    return found(directory), looks_of(directory)


def test_the_trials_are_those_of_a_study_without_looks(undisturbed, tmp_path):
    Studies(tmp_path).run([budget(40)] * 2)
    assert found(tmp_path) == undisturbed[0]


@pytest.mark.parametrize("seed", range(4))
def test_killed_twice_at_random_and_gone_on(seed, undisturbed, tmp_path):
    rng = random.Random(seed)
    for _ in range(2):
        left = [rng.randrange(1, 50), rng.choice(fake.STEPS)]

        def deadly(task, on_measurement, left=left):
            left[0] -= 1
            for step in fake.STEPS:
                on_measurement(fake.measurement(task, step))
                if left == [0, step]:
                    os.kill(os.getpid(), signal.SIGKILL)
            return fake.Outcome(status=Status.COMPLETE, steps=fake.STEPS[-1])

        child = multiprocessing.get_context("fork").Process(target=run, args=(tmp_path, deadly))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
    run(tmp_path)
    assert (found(tmp_path), looks_of(tmp_path)) == undisturbed


def test_killed_before_a_look_is_on_record(undisturbed, tmp_path):
    run(tmp_path)
    record = json.loads(looks_of(tmp_path))
    (tmp_path / "looks.json").write_text(json.dumps({**record, "looks": []}))
    studies = run(tmp_path)
    assert studies.rounds == [[40, 40], [40, 40]]  # trials are not made fewer
    assert (found(tmp_path), looks_of(tmp_path)) == undisturbed


def test_the_report_asks_for_no_trials_outside_the_plan(tmp_path):
    """Whatever the command of the pilot was."""
    Studies(tmp_path).run([budget(40)] * 2)
    for before_and_after in (True, False):
        (comparison,) = compare_studies(tmp_path)
        record = replace(
            comparison.contestants[0].record,
            provenance={"command": "tfoptcmp-tune --optimizers=momentum,nesterov"},
        )
        first = replace(comparison.contestants[0], record=record)
        comparison = replace(comparison, contestants=(first, comparison.contestants[1]))
        said = " ".join(how_sure(comparison, ranking(comparison)))
        assert ("Run: tfoptcmp-tune --opt" in said) == before_and_after
        run(tmp_path)


def never(task, on_measurement):
    raise AssertionError("must not run")


def test_nothing_is_done_twice(undisturbed, tmp_path, capsys):
    run(tmp_path)
    capsys.readouterr()

    assert run(tmp_path, never).rounds == [[40, 40]]
    assert (found(tmp_path), looks_of(tmp_path)) == undisturbed
    assert "look at N = 40: 0 of 1 pairs decided (on record)" in capsys.readouterr().out


def test_a_pilot_without_looks_is_gone_on_with(undisturbed, tmp_path):
    Studies(tmp_path).run([budget(20), budget(33)])
    assert run(tmp_path).rounds == [[20, 33], [40, 40]]
    assert (found(tmp_path), looks_of(tmp_path)) == undisturbed


def test_a_trial_that_was_lost_since_is_run_again(undisturbed, tmp_path):
    run(tmp_path)
    shutil.rmtree(tmp_path / "nesterov" / "trials" / "000003")
    assert run(tmp_path).rounds == [[40, 40]]
    assert (found(tmp_path), looks_of(tmp_path)) == undisturbed


def test_an_optimizer_that_is_added_gets_as_many_trials(undisturbed, tmp_path):
    """The pairs to decide stay what they were."""
    run(tmp_path)
    studies = Studies(tmp_path, signatures=[*SIGNATURES, replace(fake.signature(), name="third")])
    run_until_decided(studies, plan(), budget)
    assert studies.rounds == [[40, 40, 40]]
    assert looks_of(tmp_path) == undisturbed[1]
    assert read_study(tmp_path / "third").config.num_feasible == 40


def worse(task, on_measurement):
    """The second rule fails nearly always."""
    for step in fake.STEPS:
        row = fake.measurement(task, step)
        on_measurement({**row, "validation_metric": _error(task)})
    return fake.Outcome(status=Status.COMPLETE, steps=fake.STEPS[-1])


def _error(task):
    return 0.9 if task.directory.parts[-3] == "nesterov" else 0.1


def test_it_stops_when_it_is_decided_and_says_what_that_saved(tmp_path, capsys):
    assert run(tmp_path, worse).rounds == [[20, 20]]
    looks = read_looks(tmp_path)
    assert [verdict.verdict for _, verdict in looks.decided.values()] == ["worse"]
    out = capsys.readouterr().out
    assert "look at N = 20: 1 of 1 pairs decided\n" in out
    assert "Nesterov against Momentum: worse at N = 20, D = +80.00" in out
    assert re.search(r"stopped at 20 of 40 trials: 40 trials and about .* saved", out)
    assert len([t for t in read_study(tmp_path / "momentum").trials if t.final]) >= 20
    (comparison,) = compare_studies(tmp_path)
    said = " ".join(how_sure(comparison, ranking(comparison)))
    assert "Nesterov against Momentum worse at N = 20" in said


def test_of_a_metric_that_is_maximised_it_says_what_plus_is(tmp_path, capsys):
    """The results of `worse` as accuracies: 0.9 of Nesterov is better."""
    run_until_decided(Studies(tmp_path, worse, metric=ACCURACY), plan(), budget)
    said = "Nesterov against Momentum: better at N = 20, D (+ is worse) = -80.00 "
    assert said in capsys.readouterr().out


def test_another_plan_is_refused(tmp_path):
    run(tmp_path, worse)
    with pytest.raises(StudyError, match="max_feasible: 40 there, 80 now"):
        run(tmp_path, max_feasible=80)
    with pytest.raises(StudyError, match="tuning_budget: 4 there, 3 now"):
        run(tmp_path, tuning_budget=3)


def test_damaged_looks_are_refused_by_tune_and_report(tmp_path):
    run(tmp_path, worse)
    (tmp_path / "looks.json").write_text("{")
    with pytest.raises(StudyError, match=r"looks\.json is damaged"):
        run(tmp_path)
    with pytest.raises(StudyError, match=r"looks\.json is damaged"):
        compare_studies(tmp_path)


NAMES = [signature.name for signature in SIGNATURES]


def test_without_trials_a_pilot_is_proposed(tmp_path):
    assert forecast(tmp_path, NAMES, None, None, 1) == ""
    said = pilot(["--optimizers=a,b", "--data_dir=my data"], 2, None, 90.0, 1)
    assert "a pilot of 20 trials of each, about 1 h;" in said  # by hand: 20 * 2 * 90 s
    assert said.endswith(
        "\n  tfoptcmp-tune --optimizers=a,b '--data_dir=my data' --num_feasible=20"
    )
    assert "a pilot of 40 trials of each, about 1 h;" in pilot([], 2, 8, 90.0, 2)


def test_a_forecast_from_a_pilot(tmp_path):
    Studies(tmp_path).run([budget(20)] * 2)
    for name in NAMES:  # every trial as if it had taken 100 s
        for path in (tmp_path / name).glob("trials/*/metadata.json"):
            path.write_text(json.dumps({**json.loads(path.read_text()), "seconds": 100.0}))
    said = forecast(tmp_path, NAMES, None, None, 1)
    row = next(line for line in said.splitlines() if line.startswith("Momentum against Nesterov"))
    trials = [len(read_study(tmp_path / name).trials) for name in NAMES]
    (needed,) = re.findall(r"not decided  about (\d+) ", row)
    hours = (int(needed) - 20) * sum(trials) * 100 / 20 / 3600  # by hand; `needed` is rounded up
    shown = re.search(r"about (?:(\d+) d )?(?:(\d+) h)?(?: (\d+) min)?$", row)
    days, whole, minutes = (int(part or 0) for part in shown.groups())
    assert 24 * days + whole + minutes / 60 == pytest.approx(hours, rel=0.1)
    assert "by looks" not in said
    said = forecast(tmp_path, NAMES, plan(160, 4), 4, 1)
    assert "to decide 1 pair by looks takes roughly 1.2 times as many, at most 160" in said


def test_a_forecast_of_a_larger_k_says_what_is_missing(tmp_path):
    Studies(tmp_path).run([budget(20)] * 2)
    assert "no verdict  at least 80 " in forecast(tmp_path, NAMES, plan(160, 16), 16, 1)
