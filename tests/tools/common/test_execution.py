"""How many workers and threads there are by default."""

import dataclasses

import pytest
from tfoptcmp.tools.common.execution import Execution, Machine, settle, with_threads

from tfoptcmp import workloads
from tfoptcmp.training.options import Options

DIGITS = workloads.get("digits_simple_cnn")
EVERY = dataclasses.replace(DIGITS, most_threads=None)


@pytest.mark.parametrize(
    ("asked", "trained", "num_workers", "expected"),
    [
        (3, [DIGITS], 1, 3),
        (0, [DIGITS], 1, 1),
        (0, [EVERY], 1, 8),
        (0, [EVERY], 3, 2),
        (0, [EVERY], 9, 1),
        (0, [DIGITS, EVERY], 2, 4),
    ],
)
def test_threads_of_a_trial(asked, trained, num_workers, expected):
    options = Options(threads_per_trial=asked, keep_checkpoints=True)
    settled = with_threads(options, trained, 8, num_workers=num_workers)
    assert settled == Options(threads_per_trial=expected, keep_checkpoints=True)


AUTO = Execution(num_workers=0)
BIG = dataclasses.replace(DIGITS, memory_gb=5.0)


@pytest.mark.parametrize(
    ("asked", "options", "trained", "machine", "expected"),
    [
        (
            {},
            {},
            [DIGITS],
            (8, 0, 99.0),
            (8, 1, "8 trials at a time, 1 thread each (8 processors)"),
        ),
        ({}, {}, [DIGITS], (1, 0, 99.0), (1, 1, "1 trial at a time, 1 thread each (1 processor)")),
        (
            {},
            {"threads_per_trial": 3},
            [DIGITS],
            (8, 0, 99.0),
            (2, 3, "2 trials at a time, 3 threads"),
        ),
        (
            {},
            {"threads_per_trial": 9},
            [DIGITS],
            (8, 0, 99.0),
            (1, 9, "1 trial at a time, 9 threads"),
        ),
        ({}, {}, [DIGITS, BIG], (8, 0, 17.0), (3, 1, "17.0 GB free, about 5.0 GB for each")),
        ({}, {}, [BIG], (8, 0, 1.0), (1, 1, "1.0 GB free")),
        ({}, {}, [EVERY], (8, 4, 99.0), (4, 2, "4 trials at a time, 2 threads each (4 GPUs)")),
        ({}, {"distribution": "mirrored"}, [EVERY], (8, 4, 99.0), (1, 8, "share every batch")),
        ({"num_workers": 1}, {}, [EVERY], (8, 0, 1.0), (1, 8, "(as asked)")),
        ({"num_workers": 3}, {}, [EVERY], (8, 0, 1.0), (3, 2, "3 trials at a time")),
    ],
)
def test_workers(asked, options, trained, machine, expected):
    processors, gpus, free_gb = machine
    execution, settled, text = settle(
        dataclasses.replace(AUTO, **asked),
        Options(**options),
        trained,
        Machine(processors=processors, gpus=gpus, free_gb=free_gb),
    )
    assert (execution.num_workers, settled.threads_per_trial) == expected[:2]
    assert expected[2] in text


def test_gpus_are_shared_evenly(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    environments = Execution(num_workers=3, num_gpus=2).environments
    assert [one["CUDA_VISIBLE_DEVICES"] for one in environments] == ["0", "1", "0"]
    assert Execution(num_workers=2).environments == [{}, {}]


@pytest.mark.parametrize("given", ["2, 3", "GPU-1a,GPU-2b", "MIG-1,MIG-2"])
def test_workers_have_the_gpus_that_were_given(monkeypatch, given):
    """They had the first ones of the machine, which may belong to others."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    environments = Execution(num_workers=3, num_gpus=2).environments
    first, second = given.replace(" ", "").split(",")
    assert [one["CUDA_VISIBLE_DEVICES"] for one in environments] == [first, second, first]
