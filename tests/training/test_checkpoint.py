"""Files of checkpoints, and when trials take them; the bits are in test_resume.py."""

import errno
import json
import math
import os
from dataclasses import replace

import numpy as np
import pytest

from tests.study.damage import NUMBERS, damages
from tfoptcmp.study.clock import Clock
from tfoptcmp.study.schema import Status, StudyError, Trial, trial_directory
from tfoptcmp.study.trial import Interrupted
from tfoptcmp.training.checkpoint import (
    Checkpoint,
    CheckpointRemover,
    Checkpoints,
    read_checkpoint,
)
from tfoptcmp.training.engine import Trainer
from tfoptcmp.training.options import Options

ROW = {"step": 10, "train_loss": 0.1, "test_loss": None, "validation_loss": float("inf")}
IDENTITY = {"index": 3, "arguments": {"learning_rate": 0.1}}


def a_checkpoint(step):
    arrays = [np.float32([[1.5, step]]), np.uint32([7, 8]), np.int64(step)]
    return Checkpoint(step=step, measurements=[ROW], arrays=arrays)


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path, IDENTITY)


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_what_is_written_is_read_and_the_newest_two_stay(checkpoints, tmp_path):
    assert checkpoints.newest() is None
    for step in (5, 50, 100):
        checkpoints.write(a_checkpoint(step))
    assert names(tmp_path) == ["checkpoint-100.npz", "checkpoint-50.npz"]
    newest = checkpoints.newest()
    assert newest.step == 100
    assert newest.measurements == [ROW]
    for array, expected in zip(newest.arrays, a_checkpoint(100).arrays, strict=True):
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)


def test_every_field_of_a_checkpoint_wrong_in_every_way(tmp_path):
    arrays = [np.float32([1.5]), np.int64(7)]
    rows = [ROW, {**ROW, "step": 100, "train_loss": math.nan}]
    checkpoints = Checkpoints(tmp_path, {"index": 3})
    checkpoints.write(Checkpoint(step=100, measurements=rows, arrays=arrays))
    path = tmp_path / "checkpoint-100.npz"
    assert repr(read_checkpoint(path)[1].measurements) == repr(rows)
    with np.load(path) as file:
        header = json.loads(str(file["header"]))
    num_refused, accepted = 0, []
    for where, damage, damaged in damages(header):
        np.savez(path, *arrays, header=np.array(json.dumps(damaged)))
        try:
            identity, checkpoint = read_checkpoint(path)
        except StudyError as error:
            assert str(path) in str(error)
            num_refused += 1
        else:
            assert identity == damaged["trial"]
            if where[:1] != ("trial",):
                accepted.append((where, damage, checkpoint))
        if where[:1] == ("trial",):
            assert checkpoints.newest() is None
    # What a measurement was is known nowhere else; what is no measurement is refused.
    other = ("null", "nan", "inf", *NUMBERS)
    signed = ("negative", "-inf")  # as losses and metrics may be
    assert [
        (where, damage)
        for where, damage, _ in accepted
        if not (
            where[:1] == ("measurements",)
            and (
                damage in other
                or damage.startswith("missing")
                or (damage in signed and where[-1].endswith(("_loss", "_metric")))
            )
        )
        and (where, damage) != (("measurements",), "no list")
    ] == []
    assert num_refused > 170


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"not a checkpoint",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: flip(data, data.index(np.float32([1.5, 20]).tobytes())),
    ],
    ids=["empty", "garbage", "half", "a byte less", "a bit"],
)
def test_a_damaged_one_is_passed_over_with_a_message(checkpoints, tmp_path, caplog, damage):
    checkpoints.write(a_checkpoint(10))
    checkpoints.write(a_checkpoint(20))
    path = tmp_path / "checkpoint-20.npz"
    path.write_bytes(damage(path.read_bytes()))
    assert checkpoints.newest().step == 10
    [message] = caplog.messages
    assert str(path) in message
    assert "damaged" in message


def test_flipped_bits_are_noticed_or_harmless(checkpoints, tmp_path, caplog):
    checkpoints.write(a_checkpoint(20))
    path = tmp_path / "checkpoint-20.npz"
    data = path.read_bytes()
    for at in range(0, len(data), 3):
        path.write_bytes(flip(data, at))
        newest = checkpoints.newest()
        if newest is not None:
            assert newest.measurements == [ROW]
            for array, expected in zip(newest.arrays, a_checkpoint(20).arrays, strict=True):
                np.testing.assert_array_equal(array, expected)
    assert caplog.messages


def test_objects_are_not_unpickled(checkpoints, tmp_path, caplog):
    np.savez(
        tmp_path / "checkpoint-9.npz", np.array([object()]), header=np.array('{"num_arrays": 1}')
    )
    assert checkpoints.newest() is None
    assert "allow_pickle" in caplog.text


KINDS = [((1, 2), np.dtype("float32")), ((2,), np.dtype("uint32")), ((), np.dtype("int64"))]


def test_arrays_of_other_shapes_or_types_are_passed_over_unread(checkpoints, tmp_path, caplog):
    checkpoints.write(a_checkpoint(10))
    good = a_checkpoint(20)
    assert checkpoints.newest(KINDS).step == 10
    for arrays in (
        [np.float32([[1.5, 2, 3]]), *good.arrays[1:]],
        [np.float64([[1.5, 2]]), *good.arrays[1:]],
        good.arrays[:2],
        [*good.arrays, np.int64(0)],
    ):
        checkpoints.write(replace(good, arrays=arrays))
        caplog.clear()
        assert checkpoints.newest(KINDS).step == 10
        assert "is damaged" in caplog.text and "and is not used" in caplog.text


def test_an_array_larger_than_its_file_is_not_read(checkpoints, tmp_path, monkeypatch, caplog):
    checkpoints.write(a_checkpoint(20))
    path = tmp_path / "checkpoint-20.npz"
    with np.load(path) as file:
        arrays = dict(file)
    arrays["arr_0"] = np.zeros((1000, 1000), np.float32)
    np.savez_compressed(path, **arrays)  # 4 kB on disk
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("reads it"))
    assert checkpoints.newest() is None
    assert ".npy must have" in caplog.text


def test_one_of_another_trial_is_not_used(tmp_path, caplog):
    Checkpoints(tmp_path, {**IDENTITY, "index": 4}).write(a_checkpoint(10))
    assert Checkpoints(tmp_path, IDENTITY).newest() is None
    assert "other settings" in caplog.text


def test_unfinished_and_foreign_files_do_not_matter(checkpoints, tmp_path):
    checkpoints.write(a_checkpoint(10))
    for name in ("checkpoint-20.npz.tmp", "checkpoint-best.npz", "checkpoint-.npz", "notes"):
        (tmp_path / name).write_bytes(b"PK")
    assert checkpoints.newest().step == 10


def test_a_full_disk_is_told_and_leaves_the_old_one(checkpoints, tmp_path, monkeypatch):
    checkpoints.write(a_checkpoint(10))

    def full(file, *arrays, **named):
        file.write(b"PK")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(StudyError, match=r"checkpoint-20\.npz cannot be written: No space"):
        checkpoints.write(a_checkpoint(20))
    assert names(tmp_path) == ["checkpoint-10.npz"]


@pytest.mark.parametrize(
    ("status", "left"),
    [
        (Status.COMPLETE, ["metadata.json"]),
        (Status.INFEASIBLE, ["metadata.json"]),
        (Status.FAILED, ["checkpoint-5.npz", "metadata.json"]),
    ],
)
def test_those_of_trials_that_ended_are_removed(tmp_path, status, left):
    directory = trial_directory(tmp_path, 3)
    directory.mkdir(parents=True)
    (directory / "metadata.json").touch()
    Checkpoints(directory, IDENTITY).write(a_checkpoint(5))
    if status != Status.FAILED:
        (directory / "checkpoint-10.npz.tmp").touch()
    trial = Trial(index=3, status=status, values={}, arguments={}, seeds={}, started=0.0)
    CheckpointRemover(tmp_path).on_trial_end(trial, None)
    assert names(directory) == left


@pytest.fixture(scope="module")
def make_trainer(workload, budget, splits, adam):
    """Trainers on one built model; the budget is 25 steps in blocks of 5."""
    budget = replace(budget, eval_every_steps=5)
    built = Trainer(workload=workload, budget=budget, splits=splits, signature=adam)

    def make(should_stop=lambda: False, clock=None, **options):
        trainer = Trainer(
            **{"workload": workload, "budget": budget, "splits": splits, "signature": adam},
            options=Options(**options),
            clock=clock,
            should_stop=should_stop,
        )
        vars(trainer)["_model"] = built._model
        return trainer

    return make


@pytest.fixture
def task(make_task, adam, tmp_path):
    values = {"alpha0_over_epsilon": 1.0, "epsilon": 1e-2, "one_minus_beta1": 0.1}
    return replace(make_task(adam, **values), directory=tmp_path)


def run(trainer, task):
    rows = []
    assert trainer.run(task, rows.append).status is Status.COMPLETE
    return rows


def test_taken_in_the_block_in_which_they_are_due_and_not_at_the_end(make_trainer, task):
    run(make_trainer(checkpoint_every_steps=12), task)
    assert names(task.directory) == ["checkpoint-15.npz"]  # and 24 falls into the last block


def test_taken_by_time(make_trainer, task):
    seconds = iter(range(0, 1000, 60))  # a minute a block
    clock = Clock(now=lambda: 0.0, monotonic=lambda: next(seconds))
    run(make_trainer(clock=clock, checkpoint_every_minutes=1.99), task)
    assert names(task.directory) == ["checkpoint-10.npz", "checkpoint-20.npz"]


def test_none_are_taken_unless_asked_for(make_trainer, task):
    run(make_trainer(), task)
    assert names(task.directory) == []


def test_the_last_step_is_kept_if_asked_for_and_not_trained_again(make_trainer, task):
    trainer = make_trainer(keep_checkpoints=True)
    rows = run(trainer, task)
    end = trainer._model.snapshot()
    assert names(task.directory) == ["checkpoint-25.npz"]
    run(trainer, replace(task, index=4, directory=None))
    assert run(trainer, task) == rows
    for array, expected in zip(trainer._model.snapshot(), end, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_a_stop_takes_one_and_says_so_and_the_trial_goes_on(make_trainer, task):
    rows, whole = [], run(make_trainer(), replace(task, directory=None))
    with pytest.raises(Interrupted, match="trial 0 was stopped after step 15"):
        make_trainer(should_stop=lambda: len(rows) == 3).run(task, rows.append)
    assert rows == whole[:3]
    assert names(task.directory) == ["checkpoint-15.npz"]
    assert run(make_trainer(), task) == whole  # those before the stop are handed over again


def test_one_of_other_hyperparameters_is_not_used(make_trainer, task):
    whole = run(make_trainer(checkpoint_every_steps=10), task)
    other = replace(task, arguments={**task.arguments, "l2": 0.5})
    assert run(make_trainer(), other)[0] != whole[0]


def test_a_stop_asked_for_in_the_last_block_is_none(make_trainer, task):
    rows = []
    make_trainer(should_stop=lambda: len(rows) == 5).run(task, rows.append)
    assert rows[-1]["step"] == 25
    assert names(task.directory) == []
