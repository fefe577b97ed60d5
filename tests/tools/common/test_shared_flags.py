"""The flags become the options, field by field."""

import dataclasses

import pytest
from absl import flags
from absl.testing import flagsaver
from tfoptcmp.tools.common import shared_flags
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.execution import Execution

from tfoptcmp.training.options import Options


@pytest.fixture(autouse=True)
def parsed():
    with flagsaver.flagsaver():
        flags.FLAGS(["program"])
        yield


def given(*arguments):
    flags.FLAGS(["program", *arguments])
    options = shared_flags.options()
    return options, shared_flags.execution(options)


def test_nothing_given():
    options, execution = given()
    assert options == Options(checkpoint_every_minutes=10.0)
    assert execution == Execution(num_workers=0)


def test_every_field_has_a_flag_of_its_name():
    options, execution = given(
        *("--threads_per_trial=3", "--nojit_compile", "--mixed_precision"),
        *("--checkpoint_every_steps=5", "--checkpoint_every_minutes=0.5", "--keep_checkpoints"),
        *("--num_workers=2", "--ray_address=head:1", "--max_retries=4", "--data_dir=data"),
        "--accept_version_changes",
    )
    expected = {"threads_per_trial": 3, "jit_compile": False, "mixed_precision": True}
    expected |= {"checkpoint_every_steps": 5, "checkpoint_every_minutes": 0.5}
    assert options == Options(**expected, keep_checkpoints=True)
    assert dataclasses.astuple(execution) == (2, "head:1", "data", 4, True, 0, False)


def test_devices():
    options, _ = given("--distribution=tpu", "--tpu=local")
    assert (options.distribution, options.tpu) == ("tpu", "local")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tpu=local"], "--tpu must be None"),
        (["--distribution=mirrored", "--num_workers=2"], "leave out --distribution"),
        (["--ray_address=head:1"], "--ray_address needs --threads_per_trial"),
        (["--ray_address=head:1", "--threads_per_trial=1"], "--ray_address needs --num_workers"),
    ],
)
def test_what_contradicts_itself_is_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        given(*arguments)


@pytest.mark.parametrize("number", ["0", "-1", "many", "1.5"])
def test_a_number_of_workers_that_there_cannot_be_is_refused(number):
    with pytest.raises(flags.IllegalFlagValueError, match="num_workers"):
        given(f"--num_workers={number}")


def test_auto_is_the_default_and_can_be_named():
    assert given("--num_workers=auto") == given()
    assert flags.FLAGS["num_workers"].serialize() == "--num_workers=auto"
