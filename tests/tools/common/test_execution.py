"""How many threads a trial gets by default."""

import dataclasses
import os

import pytest
from tfoptcmp.tools.common.execution import with_threads

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
def test_threads_of_a_trial(monkeypatch, asked, trained, num_workers, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    options = Options(threads_per_trial=asked, keep_checkpoints=True)
    settled = with_threads(options, trained, num_workers=num_workers)
    assert settled == Options(threads_per_trial=expected, keep_checkpoints=True)
