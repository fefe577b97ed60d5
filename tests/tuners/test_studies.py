import json
import math
import multiprocessing
import os
import signal

import pytest

from tfoptcmp.records import Status, StudyConfig, StudyError, Trial, open_study, read_study
from tfoptcmp.signatures import RULES, Signature
from tfoptcmp.spaces import Fixed, LogUniform, SearchSpace, Uniform
from tfoptcmp.trial import Outcome, trial_seeds
from tuners.points import SEARCHES
from tuners.studies import Counts, run_study

pytestmark = pytest.mark.filterwarnings(
    "ignore:(currentThread|getName)\\(\\) is deprecated:DeprecationWarning"
)

STEPS = (5, 10)


def signature(low=1e-4):
    space = SearchSpace(
        source="test",
        dimensions={
            "eta0": LogUniform(low=low, high=1.0),
            "one_minus_gamma": LogUniform(low=1e-3, high=1.0),
            "decay_steps_fraction": Uniform(low=0.5, high=1.0),
            "decay_factor": Fixed(fixed=0.1),
        },
    )
    return Signature(name="momentum", rule=RULES["momentum"], space=space)


def config(**changes):
    settings = {
        "signature": signature().to_json(),
        "workload": "none",
        "metric": "classification error",
        "metric_unit": "share",
        "budget": {"steps": 100, "scale": "custom"},
        "num_examples": {"train": 10, "validation": 5},
        "partial": "",
        "seed": 0,
        "search": "quasirandom",
        "num_feasible": 5,
        "max_trials": 50,
        "threads_per_trial": 1,
        "versions": {"tfoptcmp": "0"},
        "provenance": {},
    }
    return StudyConfig(**(settings | changes))


def is_feasible(task):
    return task.arguments["learning_rate"] < 0.03


def measurement(task, step):
    """What a trial measures: a function of its task alone, with NaN where it diverges."""
    diverged = step == STEPS[-1] and not is_feasible(task)
    loss = math.nan if diverged else task.seeds["weights"] / step
    return {
        "step": step,
        "learning_rate": task.arguments["learning_rate"],
        "train_loss": loss,
        "train_metric": 0.5,
        "validation_loss": loss,
        "validation_metric": task.arguments["momentum"],
        "gradient_rms": 1 / 3,
    }


def run_trial(task, on_measurement):
    for step in STEPS:
        on_measurement(measurement(task, step))
    return Outcome(status=Status.COMPLETE, steps=STEPS[-1])


def study(directory, trial=run_trial, observers=(), **changes):
    return run_study(
        directory=directory,
        config=config(**changes),
        signature=signature(),
        run_trial=trial,
        observers=observers,
    )


def contents(directory):
    """Every file of the trials, without the times."""
    found = {}
    for path in sorted(directory.glob("trials/*/*")):
        name = str(path.relative_to(directory))
        found[name] = path.read_text()
        if path.suffix == ".json":
            data = json.loads(found[name])
            found[name] = {k: v for k, v in data.items() if k not in ("started", "seconds")}
    return found


class Stop:
    """A trial function that works for some trials and then raises in the middle of one."""

    def __init__(self, trials, error):
        self.left = trials
        self.error = error
        self.indices = []

    def __call__(self, task, on_measurement):
        self.indices.append(task.index)
        if self.left == 0:
            on_measurement(measurement(task, STEPS[0]))
            raise self.error
        self.left -= 1
        return run_trial(task, on_measurement)


@pytest.fixture
def undisturbed(tmp_path):
    directory = tmp_path / "undisturbed"
    study(directory)
    return contents(directory)


class TestStudy:
    @pytest.mark.parametrize("search", SEARCHES)
    def test_runs_points_in_order_until_n_are_feasible(self, search, tmp_path):
        found = study(tmp_path, search=search, seed=3)
        assert [trial.index for trial in found.trials] == list(range(len(found.trials)))
        statuses = [trial.status for trial in found.trials]
        assert statuses.count(Status.COMPLETE) == 5
        assert statuses.count(Status.INFEASIBLE) == len(statuses) - 5 > 0
        assert statuses[-1] == Status.COMPLETE
        space = signature().space
        for trial in found.trials:
            values = space.values(SEARCHES[search](trial.index, num_dims=3, seed=3))
            assert trial.values == values
            assert trial.arguments == space.derive(values, budget_steps=100)
            assert trial.seeds == trial_seeds(3, trial.index)
            assert (trial.status == Status.COMPLETE) == (values["eta0"] < 0.03)

    def test_records_what_was_measured(self, tmp_path):
        found = study(tmp_path)
        for trial in found.trials:
            measured = found.measurements(trial.index)
            assert [m["step"] for m in measured] == list(STEPS)
            assert measured[0]["gradient_rms"] == 1 / 3
            assert measured[0]["test_loss"] is None
            assert trial.steps == STEPS[-1]
            assert trial.final["validation_metric"] == trial.arguments["momentum"]
            if trial.status == Status.INFEASIBLE:
                assert math.isnan(measured[-1]["train_loss"])
                assert math.isnan(trial.final["train_loss"])
                assert trial.message == "train_loss is nan at step 10"

    def test_one_that_says_it_diverged_keeps_its_steps_and_message(self, tmp_path):
        def diverging(task, on_measurement):
            if is_feasible(task):
                return run_trial(task, on_measurement)
            return Outcome(status=Status.INFEASIBLE, steps=3, message="loss inf at step 4")

        found = [t for t in study(tmp_path, diverging).trials if t.status == Status.INFEASIBLE]
        assert {(t.steps, t.final, t.message) for t in found} == {(3, None, "loss inf at step 4")}

    def test_the_space_may_be_fixed_altogether(self, tmp_path):
        fixed = Signature(
            name="sgd",
            rule=RULES["sgd"],
            schedule="constant",
            space=SearchSpace(source="test", dimensions={"eta0": Fixed(fixed=0.01)}),
        )

        def trial(task, on_measurement):
            on_measurement({"step": 1, "train_loss": 1.0, "validation_metric": 0.0})
            return Outcome(status=Status.COMPLETE, steps=1)

        found = run_study(
            directory=tmp_path,
            config=config(signature=fixed.to_json()),
            signature=fixed,
            run_trial=trial,
        )
        assert [t.values for t in found.trials] == [{"eta0": 0.01}] * 5

    def test_the_directory_of_a_trial_is_there_when_it_runs(self, tmp_path):
        seen = []

        def trial(task, on_measurement):
            seen.append(task.directory)
            assert read_study(tmp_path).trials[task.index].status == Status.RUNNING
            (task.directory / "events").write_text("mine")
            return run_trial(task, on_measurement)

        found = study(tmp_path, trial)
        assert seen == [tmp_path / "trials" / f"{t.index:06d}" for t in found.trials]

    def test_the_cap_is_an_error_that_says_how_many_were_feasible(self, tmp_path):
        with pytest.raises(StudyError, match=r"6 trials.*max_trials=6.*gave \d feasible .*=5"):
            study(tmp_path, max_trials=6, num_feasible=5)
        assert len(read_study(tmp_path).trials) == 6

    def test_a_finished_study_runs_nothing(self, tmp_path):
        study(tmp_path)
        before = contents(tmp_path)
        never = Stop(0, AssertionError("must not run"))
        study(tmp_path, never)
        assert contents(tmp_path) == before and never.indices == []


class TestResume:
    @pytest.mark.parametrize("stops", [(0,), (1, 1, 1), (3, 0, 2)])
    @pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
    def test_stopped_and_gone_on_equals_undisturbed(self, stops, error, tmp_path, undisturbed):
        directory = tmp_path / "stopped"
        finished = []
        for trials in stops:
            stopped = Stop(trials, error("stopped"))
            with pytest.raises((KeyboardInterrupt, StudyError)):
                study(directory, stopped)
            finished += stopped.indices[:-1]
        last = Stop(-1, None)
        study(directory, last)
        finished += last.indices
        assert finished == list(range(len(finished)))  # each once
        assert contents(directory) == undisturbed

    @pytest.mark.parametrize("trials", [0, 2])
    @pytest.mark.parametrize("step", STEPS)
    def test_killed_and_gone_on_equals_undisturbed(self, trials, step, tmp_path, undisturbed):
        directory = tmp_path / "killed"

        def deadly(task, on_measurement):
            for at in STEPS:
                on_measurement(measurement(task, at))
                if task.index == trials and at == step:
                    os.kill(os.getpid(), signal.SIGKILL)
            return Outcome(status=Status.COMPLETE, steps=STEPS[-1])

        child = multiprocessing.get_context("fork").Process(target=study, args=(directory, deadly))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        assert read_study(directory).trials[trials].status == Status.RUNNING
        study(directory)
        assert contents(directory) == undisturbed

    def test_a_lost_trial_is_redone_first(self, tmp_path, undisturbed):
        directory = tmp_path / "lost"
        study(directory)
        for index in (1, 3):
            for file in (directory / "trials" / f"{index:06d}").iterdir():
                file.unlink()
        again = Stop(-1, None)
        study(directory, again)
        assert again.indices == [1, 3]
        assert contents(directory) == undisturbed

    def test_raising_n_goes_on_with_the_same_points(self, tmp_path):
        few = {"steps": 100, "num_feasible": 3, "scale": "cpu"}
        many = {"steps": 100, "num_feasible": 8, "scale": "custom"}
        study(tmp_path / "grown", num_feasible=3, budget=few)
        study(tmp_path / "grown", num_feasible=8, budget=many)
        study(tmp_path / "once", num_feasible=8, budget=many)
        assert contents(tmp_path / "grown") == contents(tmp_path / "once")

    def test_raising_the_cap_goes_on(self, tmp_path, undisturbed):
        with pytest.raises(StudyError, match="max_trials=5"):
            study(tmp_path / "capped", max_trials=5)
        study(tmp_path / "capped", max_trials=20)
        assert contents(tmp_path / "capped") == undisturbed

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"num_feasible": 4}, "num_feasible=5, which cannot be lowered; got 4"),
            ({"seed": 1}, "seed: 0 there, 1 now"),
            ({"search": "random"}, 'search: "quasirandom" there, "random" now'),
            ({"budget": {"steps": 200, "scale": "custom"}}, "budget.steps: 100 there, 200 now"),
            ({"threads_per_trial": 2}, "threads_per_trial: 1 there, 2 now"),
            ({"versions": {"tfoptcmp": "1"}}, "versions.tfoptcmp: "),
        ],
    )
    def test_another_study_is_refused_and_left_alone(self, changes, message, tmp_path):
        study(tmp_path)
        before = contents(tmp_path), (tmp_path / "study.json").read_text()
        with pytest.raises(StudyError, match=message):
            study(tmp_path, **changes)
        assert (contents(tmp_path), (tmp_path / "study.json").read_text()) == before

    def test_another_space_is_refused(self, tmp_path):
        study(tmp_path)
        wider = signature(low=1e-5)
        with pytest.raises(StudyError, match=r"eta0\.low: 0.0001 there, 1e-05 now"):
            run_study(
                directory=tmp_path,
                config=config(signature=wider.to_json()),
                signature=wider,
                run_trial=run_trial,
            )

    def test_a_signature_that_is_not_the_recorded_one_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match="signature must be"):
            run_study(
                directory=tmp_path / "new",
                config=config(),
                signature=signature(low=1e-5),
                run_trial=run_trial,
            )
        assert not (tmp_path / "new").exists()

    def test_a_damaged_trial_is_named(self, tmp_path):
        study(tmp_path)
        damaged = tmp_path / "trials" / "000001" / "metadata.json"
        damaged.write_text('{"index": 1, "sta')
        with pytest.raises(StudyError, match=r"000001/metadata\.json"):
            study(tmp_path)


class TestCrash:
    def test_is_on_record_with_its_traceback_and_stops_the_study(self, tmp_path):
        with pytest.raises(StudyError, match=r"(?s)trial 2 in .* crashed.*ZeroDivisionError: bug"):
            study(tmp_path, Stop(2, ZeroDivisionError("bug")))
        trials = read_study(tmp_path).trials
        assert [trial.status for trial in trials][2:] == [Status.FAILED]
        assert "ZeroDivisionError: bug" in trials[2].message
        assert trials[2].steps == STEPS[0]
        assert trials[2].final["step"] == STEPS[0]

    def test_a_trial_without_measurements_is_a_crash(self, tmp_path):
        def silent(task, on_measurement):
            return Outcome(status=Status.COMPLETE, steps=1)

        with pytest.raises(StudyError, match="got no measurement"):
            study(tmp_path, silent)

    def test_ctrl_c_leaves_the_trial_running_and_says_how_to_go_on(self, tmp_path):
        with pytest.raises(KeyboardInterrupt, match=r"in trial 1; .*the same command"):
            study(tmp_path, Stop(1, KeyboardInterrupt()))
        assert read_study(tmp_path).trials[1].status == Status.RUNNING


class TestDirectory:
    def test_a_second_writer_is_refused_by_pid(self, tmp_path):
        def second(task, on_measurement):
            with pytest.raises(StudyError, match=f"another process .pid {os.getpid()}"):
                study(tmp_path)
            child = multiprocessing.get_context("fork").Process(target=refused, args=(tmp_path,))
            child.start()
            child.join()
            assert child.exitcode == 0
            return run_trial(task, on_measurement)

        assert len(study(tmp_path, second, num_feasible=1).trials) >= 1

    def test_the_lock_goes_with_the_run(self, tmp_path):
        with pytest.raises(StudyError):
            study(tmp_path, Stop(1, ZeroDivisionError()))
        study(tmp_path)

    def test_a_foreign_directory_is_left_alone(self, tmp_path):
        (tmp_path / "thesis.tex").write_text("mine")
        with pytest.raises(StudyError, match="not empty and holds no study"):
            study(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]

    def test_a_directory_that_cannot_be_made_is_named(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(StudyError, match=r"cannot write study directory .*file/study"):
            study(tmp_path / "file" / "study")

    def test_no_temporary_file_stays(self, tmp_path):
        study(tmp_path)
        assert list(tmp_path.rglob("*.tmp")) == []


def refused(directory):
    with pytest.raises(StudyError, match="another process"), open_study(directory, config()):
        pass


class Recorder:
    """An observer that writes down all it is told."""

    def __init__(self):
        self.told = []

    def on_trial_begin(self, task):
        self.told.append(("begin", task.index))

    def on_measurement(self, task, measured):
        self.told.append(("measurement", task.index, measured["step"]))

    def on_trial_end(self, trial, counts):
        self.told.append(("end", trial.index, trial.status, counts))


class TestObservers:
    def test_each_is_told_of_everything_in_order(self, tmp_path):
        first, second = Recorder(), Recorder()
        found = study(tmp_path, observers=[first, second])
        assert first.told == second.told
        for trial in found.trials:
            about = [told for told in first.told if told[1] == trial.index]
            assert about[0] == ("begin", trial.index)
            assert about[1:-1] == [("measurement", trial.index, step) for step in STEPS]
            assert about[-1][:3] == ("end", trial.index, trial.status)

    def test_counts_are_of_the_whole_study(self, tmp_path):
        with pytest.raises(KeyboardInterrupt):
            study(tmp_path, Stop(4, KeyboardInterrupt()))
        recorder = Recorder()
        found = study(tmp_path, observers=[recorder])
        complete = [t for t in found.trials if t.status == Status.COMPLETE]
        assert recorder.told[-1][3] == Counts(
            feasible=5,
            infeasible=len(found.trials) - 5,
            left=0,
            best=min(trial.final["validation_metric"] for trial in complete),
        )

    def test_a_crash_is_told_too(self, tmp_path):
        recorder = Recorder()
        with pytest.raises(StudyError):
            study(tmp_path, Stop(0, ZeroDivisionError()), observers=[recorder])
        assert recorder.told[-1] == ("end", 0, Status.FAILED, Counts(left=5))


def test_a_best_metric_that_is_nan_does_not_count():
    trial = Trial(
        index=0,
        status=Status.COMPLETE,
        values={},
        arguments={},
        seeds={},
        started=0.0,
        final={"train_loss": 1.0, "validation_metric": math.nan},
    )
    assert Counts(left=2).after(trial) == Counts(left=1, feasible=1, best=None)
    assert Counts(left=2, best=0.3, feasible=1).after(trial).best == 0.3
