"""Studies that are stopped, killed, damaged, changed or run twice."""

import multiprocessing
import os
import signal

import pytest
from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tools.lab.faults.fake import (
    STEPS,
    config,
    contents,
    measurement,
    run_trial,
    signature,
    study,
)
from tfoptcmp.tuners.executors import InProcess
from tfoptcmp.tuners.run_study import run_study

from tests.tuners.stop import Stop
from tfoptcmp.study.read import read_study
from tfoptcmp.study.schema import Status, StudyError
from tfoptcmp.study.trial import Outcome
from tfoptcmp.study.write import open_study

pytestmark = pytest.mark.filterwarnings(
    "ignore:(currentThread|getName)\\(\\) is deprecated:DeprecationWarning"
)


@pytest.fixture
def undisturbed(tmp_path):
    directory = tmp_path / "undisturbed"
    study(directory)
    return contents(directory)


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
        few = config().budget | {"num_feasible": 3, "scale": "cpu"}
        many = config().budget | {"num_feasible": 8}
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
            ({"seed": 1}, "seed: 0 recorded, 1 now"),
            ({"search": "random"}, 'search: "quasirandom" recorded, "random" now'),
            ({"budget": config().budget | {"steps": 200}}, "budget.steps: 100 recorded, 200 now"),
            ({"threads_per_trial": 2}, "threads_per_trial: 1 recorded, 2 now"),
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
        with pytest.raises(StudyError, match=r"eta0\.low: 0.0001 recorded, 1e-05 now"):
            run_study(
                directory=tmp_path,
                config=config(signature=wider.to_json()),
                signature=wider,
                executor=InProcess(run_trial),
                clock=CLOCK,
            )

    def test_a_signature_that_is_not_the_recorded_one_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match="signature must be"):
            run_study(
                directory=tmp_path / "new",
                config=config(),
                signature=signature(low=1e-5),
                executor=InProcess(run_trial),
                clock=CLOCK,
            )
        assert not (tmp_path / "new").exists()

    def test_a_damaged_trial_is_named(self, tmp_path):
        study(tmp_path)
        damaged = tmp_path / "trials" / "000001" / "metadata.json"
        damaged.write_text('{"index": 1, "sta')
        with pytest.raises(StudyError, match=r"000001/metadata\.json"):
            study(tmp_path)

    def test_a_finished_study_runs_nothing(self, tmp_path):
        study(tmp_path)
        before = contents(tmp_path)
        never = Stop(0, AssertionError("must not run"))
        study(tmp_path, never)
        assert contents(tmp_path) == before and never.indices == []


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
