import json
import math
import multiprocessing
import os
import shutil
import signal
import time
from dataclasses import asdict, replace

import pytest

from tfoptcmp.metrics import CLASSIFICATION_ERROR, TRAINING_LOSS, Metric
from tfoptcmp.study.durable import write_json
from tfoptcmp.study.read import (
    find_studies,
    read_config,
    read_measurements,
    read_study,
)
from tfoptcmp.study.schema import (
    COLUMNS,
    SCHEMA_VERSION,
    Status,
    StudyConfig,
    StudyError,
    Trial,
    trial_directory,
)
from tfoptcmp.study.trial import trial_seeds
from tfoptcmp.study.write import MeasurementWriter, check_study, open_study

CONFIG = StudyConfig(
    signature={
        "name": "sgd",
        "rule": "sgd",
        "schedule": "constant",
        "bias_corrected": False,
        "space": {
            "source": "test",
            "dimensions": {
                "eta0": {"kind": "log_uniform", "low": 1e-3, "high": 1.0},
                "l2": {"kind": "choice", "values": (1e-4, 1e-3)},
            },
        },
    },
    workload="digits",
    metric=CLASSIFICATION_ERROR,
    loss=TRAINING_LOSS,
    budget={
        **{"scale": "cpu", "batch_size": 1, "steps": 100, "eval_every_steps": 50},
        **{"num_feasible": 5, "target": None, "options": {}},
    },
    num_examples={"train": 1000, "validation": 100},
    partial="",
    seed=0,
    search="quasirandom",
    num_feasible=5,
    max_trials=50,
    tuning_budget=2,
    threads_per_trial=1,
    versions={"tensorflow": "2.21.0"},
    provenance={"command": "first"},
)

TRIAL = Trial(
    index=3,
    status=Status.COMPLETE,
    values={"eta0": 0.1, "l2": 1e-3},
    arguments={"learning_rate": 0.1, "l2": 1e-3},
    seeds=trial_seeds(0, 3),
    started=1.5e9,
    seconds=2.5,
    steps=100,
    final=dict.fromkeys(COLUMNS, 0.1 + 0.2) | {"step": 100, "test_loss": None},
)


def trial(index, **changes):
    return replace(TRIAL, index=index, seeds=trial_seeds(0, index), **changes)


def read_back(directory, trial):
    """What is read of a trial with this metadata, valid or not."""
    with open_study(directory, CONFIG):
        pass
    folder = trial_directory(directory, TRIAL.index)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "metadata.json", trial if isinstance(trial, dict) else asdict(trial))
    (found,) = read_study(directory).trials
    return found


def measurement(step, **changes):
    return dict.fromkeys(COLUMNS, 0.1 + 0.2) | {"step": step, "test_loss": None} | changes


def write_measurements(directory, rows):
    with open_study(directory, CONFIG) as writer:
        writer.write_trial(TRIAL)
        with writer.measurements(TRIAL.index) as file:
            for row in rows:
                file.write(row)
    return trial_directory(directory, TRIAL.index) / "measurements.csv"


class TestTrial:
    @pytest.mark.parametrize("status", Status)
    def test_round_trip(self, status, tmp_path):
        ends = {
            Status.COMPLETE: {},
            Status.RUNNING: {"seconds": None, "steps": 0, "final": None},
        }.get(status, {"final": None, "message": "why"})
        given = replace(TRIAL, status=status, **ends)
        assert read_back(tmp_path, given) == given

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_round_trip_of_numbers_that_json_lacks(self, value, tmp_path):
        final = {"step": 1, "train_loss": value, "test_loss": None}
        given = replace(TRIAL, status=Status.INFEASIBLE, final=final)
        found = read_back(tmp_path, given)
        (path,) = tmp_path.rglob("metadata.json")
        json.loads(path.read_text(), parse_constant=pytest.fail)
        assert repr(found.final) == repr(final)

    @pytest.mark.parametrize(
        "text",
        [
            *("", "{", "[]", "{}", '{"index": 1}', "\x00" * 40, "\ufeff{}", "NaN"),
            *('{"final": [1], "status": "RUNNING"}', "[" * 100_000, '{"a":' * 100_000),
            "9" * 5000,
        ],
    )
    def test_a_damaged_file_is_named(self, text, tmp_path):
        read_back(tmp_path, TRIAL)
        (path,) = tmp_path.rglob("metadata.json")
        path.write_text(text)
        with pytest.raises(StudyError, match=str(path)):
            read_study(tmp_path)

    def test_bytes_that_are_no_text_are_named(self, tmp_path):
        read_back(tmp_path, TRIAL)
        (path,) = tmp_path.rglob("metadata.json")
        path.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(StudyError, match=str(path)):
            read_study(tmp_path)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"index": "3"}, "index must be int; got '3'"),
            ({"values": None}, "values must be object; got None"),
            ({"values": {"eta0": 0.1}}, r"values: values must name exactly \['eta0', 'l2'\]"),
            ({"values": TRIAL.values | {"eta0": 2.0}}, "values.eta0 must be log-uniform in"),
            ({"values": TRIAL.values | {"l2": 5e-4}}, "values.l2 must be one of"),
            (
                {"arguments": TRIAL.arguments | {"l2": 1e-4}},
                "arguments.l2 must be 0.001, which follows from",
            ),
            ({"seeds": trial_seeds(1, 3)}, "seeds must be .* those of study seed and index"),
            ({"steps": 101}, "steps must be <= 100, the budget; got 101"),
            ({"steps": 99}, "final.step must be 99, the steps done; got 100"),
            ({"seconds": None}, "seconds must be a number where status is COMPLETE"),
            ({"message": "why"}, "message must be '' where status is COMPLETE"),
            ({"final": None}, "final.train_loss must be finite"),
            ({"final": {"step": 1}}, "final.train_loss must be finite"),
            (
                {"final": TRIAL.final | {"train_loss": math.nan}},
                "final.train_loss must be finite .*; got nan",
            ),
            ({"final": TRIAL.final | {"accuracy": 1.0}}, "final.accuracy is not known"),
            ({"status": "RUNNING"}, "seconds must be null where status is RUNNING"),
            ({"status": "RUNNING", "seconds": None}, "final must be null where status is RUNNING"),
            ({"status": "INFEASIBLE", "steps": 9}, "final.step must be <= 9, the steps done"),
            ({"status": "DONE"}, "status must be 'RUNNING' .* 'FAILED'; got 'DONE'"),
        ],
    )
    def test_what_no_trial_has_is_damage(self, change, message, tmp_path):
        with pytest.raises(StudyError, match=f"is damaged: {message}.*remove its folder"):
            read_back(tmp_path, asdict(TRIAL) | change)


class TestMeasurements:
    def test_round_trip_keeps_every_digit(self, tmp_path):
        rows = [measurement(5), measurement(10, train_loss=math.inf), measurement(11)]
        assert read_measurements(write_measurements(tmp_path, rows)) == rows

    def test_round_trip_of_nan(self, tmp_path):
        (row,) = read_measurements(
            write_measurements(tmp_path, [measurement(1, train_loss=math.nan)])
        )
        assert math.isnan(row["train_loss"])
        assert type(row["step"]) is int

    def test_columns_without_a_value_are_none(self, tmp_path):
        (row,) = read_measurements(write_measurements(tmp_path, [{"step": 1, "train_loss": 2.0}]))
        assert row == dict.fromkeys(COLUMNS) | {"step": 1, "train_loss": 2.0}

    def test_a_column_that_is_not_ours_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match="accuracy"):
            write_measurements(tmp_path, [measurement(1, accuracy=0.5)])

    def test_a_file_cut_off_anywhere_gives_the_finished_lines(self, tmp_path):
        rows = [measurement(step) for step in (1, 2, 3)]
        path = write_measurements(tmp_path, rows)
        whole = path.read_text()
        for length in range(len(whole) + 1):
            path.write_text(whole[:length])
            num_lines = whole[:length].count("\n")
            assert read_measurements(path) == rows[: max(0, num_lines - 1)]

    @pytest.mark.parametrize("line", ["1,2,3\n", "x" + "," * (len(COLUMNS) - 1) + "\n"])
    def test_a_line_that_cannot_be_read_is_named(self, line, tmp_path):
        path = write_measurements(tmp_path, [measurement(1)])
        with open(path, "a") as file:
            file.write(line)
        with pytest.raises(StudyError, match=str(path)):
            read_measurements(path)

    def test_bytes_that_are_no_text_are_named(self, tmp_path):
        path = write_measurements(tmp_path, [measurement(1)])
        path.write_bytes(path.read_bytes() + b"\xff\xff\n")
        with pytest.raises(StudyError, match=str(path)):
            read_measurements(path)

    def test_each_is_on_disk_before_the_next(self, tmp_path):
        path = tmp_path / "measurements.csv"
        with open(path, "w", newline="") as file:
            writer = MeasurementWriter(file)
            for step in (1, 2):
                writer.write(measurement(step))
                assert [row["step"] for row in read_measurements(path)][-1] == step

    def test_a_second_attempt_starts_anew(self, tmp_path):
        write_measurements(tmp_path, [measurement(1), measurement(2)])
        path = write_measurements(tmp_path, [measurement(7)])
        assert [row["step"] for row in read_measurements(path)] == [7]


class TestStudy:
    def test_round_trip(self, tmp_path):
        with open_study(tmp_path, CONFIG) as writer:
            for index in (2, 0, 10):
                writer.write_trial(trial(index))
        study = read_study(tmp_path)
        assert [trial.index for trial in study.trials] == [0, 2, 10]
        assert study.name == "sgd"
        assert study.config.budget == CONFIG.budget

    def test_only_provenance_may_be_another_and_the_first_is_kept(self, tmp_path):
        with open_study(tmp_path, CONFIG):
            pass
        with open_study(tmp_path, replace(CONFIG, provenance={"command": "second"})):
            pass
        assert read_config(tmp_path / "study.json").provenance == {"command": "first"}

    def test_raising_n_is_on_record(self, tmp_path):
        more = replace(CONFIG, num_feasible=9, max_trials=90)
        more = replace(more, budget=dict(CONFIG.budget) | {"num_feasible": 9, "scale": "custom"})
        for config in (CONFIG, more):
            with open_study(tmp_path, config) as writer:
                assert writer.config.num_feasible == config.num_feasible
        assert read_study(tmp_path).config.num_feasible == 9
        with pytest.raises(StudyError, match=r"num_feasible=9, which cannot be lowered; got 5"):
            check_study(tmp_path, CONFIG)

    def test_the_message_lists_all_that_differs_and_no_more(self, tmp_path):
        with open_study(tmp_path, CONFIG):
            pass
        other = replace(CONFIG, seed=4, versions={"tensorflow": "2.22.0", "keras": "4"})
        with pytest.raises(StudyError) as error:
            check_study(tmp_path, other)
        assert str(error.value).splitlines()[1:-1] == [
            "  seed: 0 recorded, 4 now",
            '  versions.tensorflow: "2.21.0" recorded, "2.22.0" now',
            '  versions.keras: null recorded, "4" now',
        ]

    def test_the_order_of_dimensions_is_part_of_a_study(self, tmp_path):
        with open_study(tmp_path, CONFIG):
            pass
        space = CONFIG.signature["space"]
        turned = dict(reversed(space["dimensions"].items()))
        signature = CONFIG.signature | {"space": space | {"dimensions": turned}}
        with pytest.raises(StudyError, match="order of dimensions"):
            check_study(tmp_path, replace(CONFIG, signature=signature))

    @pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, None, "1"])
    def test_a_schema_that_is_newer_or_none_is_refused(self, version, tmp_path):
        write_json(tmp_path / "study.json", asdict(CONFIG) | {"schema_version": version})
        with pytest.raises(StudyError, match="schema version"):
            read_study(tmp_path)

    @pytest.mark.parametrize(("planned", "tuning_budget"), [(1, 2), (5, 2), (29, 2), (100, 10)])
    def test_version_1_is_read_with_k_from_its_plan(self, planned, tuning_budget, tmp_path):
        config = replace(CONFIG, num_feasible=planned, max_trials=1000)
        recorded = asdict(config) | {"schema_version": 1}
        recorded |= {"metric": "classification error", "metric_unit": "share"}
        for added in ("tuning_budget", "loss"):
            del recorded[added]
        write_json(tmp_path / "study.json", recorded)
        found = read_config(tmp_path / "study.json")
        assert found.tuning_budget == tuning_budget
        assert found.metric == CLASSIFICATION_ERROR
        assert found.loss == TRAINING_LOSS
        assert found.schema_version == SCHEMA_VERSION

    @pytest.mark.parametrize(
        ("unit", "guess"), [("share", 0.9), ("nats", math.log(10))], ids=["share", "nats"]
    )
    def test_version_2_is_read_with_guessing_from_its_classes(self, unit, guess, tmp_path):
        recorded = asdict(CONFIG) | {"schema_version": 2, "num_classes": 10}
        recorded |= {"metric": "mine", "metric_unit": unit}
        del recorded["loss"]
        write_json(tmp_path / "study.json", recorded)
        found = read_config(tmp_path / "study.json")
        assert found.metric == Metric(name="mine", unit=unit, guess=guess)
        assert found.loss == TRAINING_LOSS.with_classes(10)
        assert found.loss.guess == math.log(10)

    @pytest.mark.parametrize("text", ["", "[1]", '{"schema_version": 1}', "{"])
    def test_a_damaged_study_is_named_and_left_alone(self, text, tmp_path):
        path = tmp_path / "study.json"
        path.write_text(text)
        with pytest.raises(StudyError, match=str(path)), open_study(tmp_path, CONFIG):
            pass
        assert path.read_text() == text

    def test_a_directory_without_a_study_is_named(self, tmp_path):
        with pytest.raises(StudyError, match=f"{tmp_path} holds no study"):
            read_study(tmp_path)

    def test_all_damaged_trials_are_named_with_how_to_go_on(self, tmp_path):
        with open_study(tmp_path, CONFIG) as writer:
            for index in range(4):
                writer.write_trial(trial(index))
        (trial_directory(tmp_path, 1) / "metadata.json").write_text('{"index": 1, "st')
        (trial_directory(tmp_path, 3) / "metadata.json").write_bytes(b"\x00" * 200)
        with pytest.raises(StudyError, match=r"2 of 4 trials .* remove their folders") as error:
            read_study(tmp_path)
        assert "000001/metadata.json" in str(error.value)
        assert "000003/metadata.json" in str(error.value)
        for index in (1, 3):
            shutil.rmtree(trial_directory(tmp_path, index))
        assert [trial.index for trial in read_study(tmp_path).trials] == [0, 2]

    def test_a_folder_that_was_copied_is_named(self, tmp_path):
        with open_study(tmp_path, CONFIG) as writer:
            writer.write_trial(TRIAL)
        shutil.copytree(trial_directory(tmp_path, 3), trial_directory(tmp_path, 4))
        with pytest.raises(StudyError, match=r"000004/metadata.json is damaged: .* trial 3"):
            read_study(tmp_path)

    @pytest.mark.parametrize("left", [0, 1])
    def test_measurements_that_lack_the_end_of_a_finished_trial_are_damaged(self, left, tmp_path):
        path = write_measurements(tmp_path, [measurement(50), measurement(100)])
        assert len(read_study(tmp_path).measurements(3)) == 2
        path.write_text("".join(path.read_text().splitlines(keepends=True)[: 1 + left]))
        with pytest.raises(StudyError, match=r"csv is damaged: its last step must be 100"):
            read_study(tmp_path).measurements(3)
        path.unlink()
        with pytest.raises(StudyError, match="got None"):
            read_study(tmp_path).measurements(3)


class TestVersions:
    NEWER = replace(CONFIG, versions={"tensorflow": "2.22.0"})

    def test_a_change_is_refused_with_the_flag_that_accepts_it(self, tmp_path):
        with open_study(tmp_path, CONFIG):
            pass
        with pytest.raises(StudyError, match="--accept_version_changes"):
            check_study(tmp_path, self.NEWER)
        assert read_config(tmp_path / "study.json").versions == CONFIG.versions

    def test_one_that_is_accepted_goes_on_record_and_need_not_be_again(self, tmp_path):
        with open_study(tmp_path, CONFIG) as writer:
            writer.write_trial(TRIAL)
            # One that has not ended begins again, with the newer versions.
            seeds, rest = trial_seeds(0, 4), {"final": None, "seconds": None, "steps": 0}
            writer.write_trial(replace(TRIAL, index=4, status=Status.RUNNING, seeds=seeds, **rest))
        with open_study(tmp_path, self.NEWER, accept_version_changes=True):
            pass
        for accept in (False, True):
            with open_study(tmp_path, self.NEWER, accept_version_changes=accept):
                found = read_config(tmp_path / "study.json")
            assert found.versions == self.NEWER.versions
            assert found.earlier_versions == [{"versions": CONFIG.versions, "num_trials": 1}]
        with pytest.raises(StudyError, match=r"versions.tensorflow"):
            check_study(tmp_path, CONFIG)

    def test_accepting_them_accepts_nothing_else(self, tmp_path):
        with open_study(tmp_path, CONFIG):
            pass
        with pytest.raises(StudyError, match="seed: 0 recorded, 4 now") as error:
            check_study(tmp_path, replace(self.NEWER, seed=4), accept_version_changes=True)
        assert "versions." not in str(error.value)


class TestOpening:
    def test_what_a_killed_write_left_does_not_count_and_goes_with_the_next(self, tmp_path):
        with open_study(tmp_path, CONFIG) as writer:
            writer.write_trial(TRIAL)
        left = trial_directory(tmp_path, TRIAL.index) / "metadata.json.tmp"
        left.write_text('{"ind')
        assert read_study(tmp_path).trials == (TRIAL,)
        with open_study(tmp_path, CONFIG) as writer:
            writer.write_trial(TRIAL)
        assert not left.exists()

    def test_a_study_killed_before_its_first_write_can_be_begun(self, tmp_path):
        (tmp_path / "lock").write_text("")
        (tmp_path / "study.json.tmp").write_text('{"wor')
        with open_study(tmp_path, CONFIG):
            assert read_config(tmp_path / "study.json").workload == "digits"

    def test_a_foreign_directory_is_refused_and_left_alone(self, tmp_path):
        (tmp_path / "photo.jpg").write_bytes(b"mine")
        for attempt in (check_study, lambda *given: open_study(*given).__enter__()):
            with pytest.raises(StudyError, match="not empty and holds no study"):
                attempt(tmp_path, CONFIG)
        assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]

    def test_a_file_in_the_way_is_named(self, tmp_path):
        (tmp_path / "file").write_text("")
        for path in (tmp_path / "file", tmp_path / "file" / "study"):
            with pytest.raises(StudyError, match=f"cannot write study directory {path}"):
                check_study(path, CONFIG)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_directory_without_permission_is_named(self, tmp_path):
        tmp_path.chmod(0o500)
        with pytest.raises(StudyError, match="permission denied"):
            check_study(tmp_path / "study", CONFIG)

    def test_checking_writes_nothing(self, tmp_path):
        check_study(tmp_path / "new", CONFIG)
        assert list(tmp_path.iterdir()) == []

    def test_a_second_writer_is_refused_even_in_one_process(self, tmp_path):
        with (
            open_study(tmp_path, CONFIG),
            pytest.raises(StudyError, match=f"pid {os.getpid()}"),
            open_study(tmp_path, CONFIG),
        ):
            pass

    def test_a_killed_writer_leaves_no_lock(self, tmp_path):
        child = multiprocessing.get_context("fork").Process(target=die_holding, args=(tmp_path,))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        with open_study(tmp_path, CONFIG):
            pass

    def test_a_child_that_lives_longer_does_not_keep_the_lock(self, tmp_path):
        context = multiprocessing.get_context("fork")
        read, write = context.Pipe(duplex=False)
        child = context.Process(target=die_leaving_a_child, args=(tmp_path, write))
        child.start()
        child.join()
        grandchild = read.recv()
        try:
            with open_study(tmp_path, CONFIG):
                os.kill(grandchild, 0)  # it is still there
        finally:
            os.kill(grandchild, signal.SIGKILL)


def die_leaving_a_child(directory, write):
    with open_study(directory, CONFIG):
        if child := os.fork():
            write.send(child)
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)


def die_holding(directory):
    with open_study(directory, CONFIG):
        os.kill(os.getpid(), signal.SIGKILL)


class TestWriting:
    def test_a_write_that_fails_leaves_the_old_text(self, tmp_path, monkeypatch):
        path = tmp_path / "data.json"
        write_json(path, {"a": 1})

        def full(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            write_json(path, {"a": 2})
        assert json.loads(path.read_text()) == {"a": 1}

    def test_a_full_disk_says_how_to_go_on_and_leaves_nothing(self, tmp_path, monkeypatch):
        with open_study(tmp_path, CONFIG) as writer:

            def full(descriptor):
                raise OSError(28, "No space left on device")

            monkeypatch.setattr(os, "fsync", full)
            with pytest.raises(StudyError, match=r"No space left on device; .* the same command"):
                writer.write_trial(TRIAL)
            monkeypatch.undo()
            assert list(tmp_path.rglob("*.tmp")) == []
            writer.write_trial(TRIAL)
        assert read_study(tmp_path).trials == (TRIAL,)

    def test_fsyncs_of_a_trial_are_as_stated(self, tmp_path, monkeypatch):
        count = []
        with open_study(tmp_path, CONFIG) as writer:
            writer.write_trial(trial(0))  # makes the directory of all trials
            sync = os.fsync
            monkeypatch.setattr(os, "fsync", lambda descriptor: (count.append(1), sync(descriptor)))
            writer.write_trial(replace(TRIAL, status=Status.RUNNING, seconds=None, final=None))
            with writer.measurements(TRIAL.index) as file:
                file.write(measurement(1))
            writer.write_trial(TRIAL)
        assert len(count) == 6  # by hand; the docstring of the module says so

    def test_what_is_no_json_does_not_touch_the_file(self, tmp_path):
        path = tmp_path / "data.json"
        write_json(path, {"a": 1})
        with pytest.raises(TypeError):
            write_json(path, {"a": object()})
        assert json.loads(path.read_text()) == {"a": 1}


class TestFinding:
    def test_a_study_or_its_parent(self, tmp_path):
        for name in ("sgd", "adam"):
            with open_study(tmp_path / name, CONFIG):
                pass
        assert find_studies(tmp_path) == [tmp_path / "adam", tmp_path / "sgd"]
        assert find_studies(tmp_path / "sgd") == [tmp_path / "sgd"]

    def test_none_is_an_error(self, tmp_path):
        with pytest.raises(StudyError, match="no study"):
            find_studies(tmp_path)
