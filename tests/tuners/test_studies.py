"""What a study runs, records and reports."""

import math

import pytest
from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tools.lab.faults.fake import (
    STEPS,
    config,
    contents,
    is_feasible,
    measurement,
    run_trial,
    signature,
    study,
)
from tfoptcmp.tuners.executors import InProcess
from tfoptcmp.tuners.points import SEARCHES
from tfoptcmp.tuners.run_study import Counts, run_study

from tests.tuners.stop import Stop
from tfoptcmp.rules import RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Choice, Fixed, SearchSpace
from tfoptcmp.study.read import read_study
from tfoptcmp.study.schema import Status, StudyError, StudyFailed, Trial
from tfoptcmp.study.trial import Outcome, trial_seeds
from tfoptcmp.workload import DoesNotFit

pytestmark = pytest.mark.filterwarnings(
    "ignore:(currentThread|getName)\\(\\) is deprecated:DeprecationWarning"
)


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
            executor=InProcess(trial),
            clock=CLOCK,
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


def diverging(steps, feasible=()):
    """A trial function that diverges after so many steps, but for trials of these indices."""

    def trial(task, on_measurement):
        if task.index in feasible:
            on_measurement({"step": 5, "train_loss": 1.0, "validation_metric": 0.5})
            return Outcome(status=Status.COMPLETE, steps=5)
        return Outcome(status=Status.INFEASIBLE, steps=steps, message="loss nan")

    return trial


class TestHopeless:
    def test_thirty_trials_that_diverge_at_once_are_enough(self, tmp_path):
        with pytest.raises(StudyFailed, match=r"30 trials, .* every trial diverged by step 2, whi"):
            study(tmp_path, diverging(1))
        assert len(read_study(tmp_path).trials) == 30

    def test_no_trial_is_added_to_them(self, tmp_path):
        with pytest.raises(StudyError, match="max_trials=20 allows"):
            study(tmp_path, diverging(1), max_trials=20)
        with pytest.raises(StudyFailed, match=r"30 trials, .*Remove the directory"):
            study(tmp_path, diverging(1))
        with pytest.raises(StudyFailed, match="30 trials"):
            study(tmp_path, Stop(0, AssertionError("no trial is to be run")))
        assert len(read_study(tmp_path).trials) == 30

    @pytest.mark.parametrize("trial", [diverging(2), diverging(1, feasible=[20])])
    def test_later_divergence_or_one_feasible_trial_gives_hope(self, trial, tmp_path):
        with pytest.raises(StudyError, match="40 trials, the most that max_trials=40 allows"):
            study(tmp_path, trial, max_trials=40)

    def test_a_grid_is_run_to_its_end(self, tmp_path):
        rates = Choice(values=tuple(0.1 * rate for rate in range(1, 33)))
        grid = Signature(
            name="sgd",
            rule=RULES["sgd"],
            schedule="constant",
            space=SearchSpace(source="test", dimensions={"eta0": rates}),
        )
        found = run_study(
            directory=tmp_path,
            config=config(signature=grid.to_json(), search="grid", num_feasible=32, max_trials=32),
            signature=grid,
            executor=InProcess(diverging(1)),
            clock=CLOCK,
        )
        assert len(found.trials) == 32


class Overtaken(InProcess):
    """Two workers, of which the one with trial 29 ends it after 30."""

    num_workers = 2

    def wait(self, on_measurement):
        self._tasks.sort(key=lambda task: task.index, reverse=True)  # the last one runs
        if [task.index for task in self._tasks] == [30, 29]:
            self._tasks.reverse()
        return super().wait(on_measurement)


def test_the_first_trials_tell_in_whatever_order_they_end(tmp_path):
    """Trial 30, which ended first, gave hope by diverging later."""

    def trial(task, on_measurement):
        steps = 10 if task.index > 29 else 1
        return Outcome(status=Status.INFEASIBLE, steps=steps, message="loss nan")

    with pytest.raises(StudyFailed, match=r"31 trials, .* every trial diverged by step 2"):
        run_study(
            directory=tmp_path,
            config=config(max_trials=100),
            signature=signature(),
            executor=Overtaken(trial),
            clock=CLOCK,
        )


class TestCrash:
    def test_is_on_record_with_its_traceback_and_stops_the_study(self, tmp_path):
        with pytest.raises(StudyError, match=r"(?s)trial 2 in .* crashed.*ZeroDivisionError: bug"):
            study(tmp_path, Stop(2, ZeroDivisionError("bug")))
        trials = read_study(tmp_path).trials
        assert [trial.status for trial in trials][2:] == [Status.FAILED]
        assert "ZeroDivisionError: bug" in trials[2].message
        assert trials[2].steps == STEPS[0]
        assert trials[2].final["step"] == STEPS[0]

    def test_is_one_line_where_what_the_user_gave_is_the_cause(self, tmp_path):
        with pytest.raises(StudyError, match=r"trial 2 in .*\nbatches of one shape$"):
            study(tmp_path, Stop(2, DoesNotFit("batches of one shape")))

    @pytest.mark.parametrize("crashes", [1, 2, 3])
    def test_is_tried_again_as_often_as_allowed(self, crashes, tmp_path):
        flaky = Flaky(2, crashes)
        recorder = Recorder()
        if crashes < 3:
            found = study(tmp_path / "a", flaky, max_retries=2, observers=[recorder])
            assert contents(tmp_path / "a") == contents(study(tmp_path / "b").directory)
            assert flaky.indices == [0, 1, *[2] * (crashes + 1), *range(3, len(found.trials))]
        else:
            with pytest.raises(StudyError, match=r"trial 2 in .* max_retries=2; .*and resumes"):
                study(tmp_path / "a", flaky, max_retries=2, observers=[recorder])
            assert flaky.indices == [0, 1, 2, 2, 2]
        told = [told[2] for told in recorder.told if told[:2] == ("end", 2)]
        assert told == [Status.FAILED] * crashes + (
            [] if crashes == 3 else [found.trials[2].status]
        )

    def test_of_one_trial_leave_others_their_retries(self, tmp_path):
        both = Flaky(1, 1), Flaky(2, 1)

        def trial(task, on_measurement):
            return both[task.index == 2](task, on_measurement)

        assert len(study(tmp_path, trial, max_retries=1).trials) > 3

    @pytest.mark.parametrize("error", [MemoryError(), OSError(28, "No space left on device")])
    def test_what_the_machine_lacks_is_no_divergence(self, error, tmp_path):
        with pytest.raises(StudyError, match=type(error).__name__):
            study(tmp_path, Stop(1, error))
        assert read_study(tmp_path).trials[1].status == Status.FAILED
        study(tmp_path)
        assert contents(tmp_path) == contents(study(tmp_path.parent / "once").directory)

    def test_a_trial_without_measurements_is_a_crash(self, tmp_path):
        def silent(task, on_measurement):
            return Outcome(status=Status.COMPLETE, steps=1)

        with pytest.raises(StudyError, match="got no measurement"):
            study(tmp_path, silent)

    def test_ctrl_c_leaves_the_trial_running_and_says_how_to_go_on(self, tmp_path):
        with pytest.raises(KeyboardInterrupt, match=r"in trial 1; .*the same command"):
            study(tmp_path, Stop(1, KeyboardInterrupt()))
        assert read_study(tmp_path).trials[1].status == Status.RUNNING


class Flaky:
    """A trial function that crashes in the middle of one trial, so many times."""

    def __init__(self, index, crashes):
        self.index = index
        self.left = crashes
        self.indices = []

    def __call__(self, task, on_measurement):
        self.indices.append(task.index)
        if task.index == self.index and self.left:
            self.left -= 1
            on_measurement(measurement(task, STEPS[0]))
            raise RuntimeError("flaky")
        return run_trial(task, on_measurement)


class Recorder:
    """An observer that writes down all it is told."""

    def __init__(self):
        self.told = []

    def on_study_begin(self, counts):
        self.at_the_start = counts

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

    def test_an_error_of_theirs_is_no_crash_of_the_trial(self, tmp_path):
        class Broken(Recorder):
            def on_measurement(self, task, measured):
                raise BrokenPipeError("nobody reads")

        with pytest.raises(BrokenPipeError, match="nobody reads"):
            study(tmp_path, observers=[Broken()], max_retries=0)
        assert read_study(tmp_path).trials[0].status == Status.RUNNING

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
