"""tfoptcmp-train at the scale `smoke`, on real data where they are, on mock data elsewhere.

Takes minutes but for one workload: python -m pytest -m slow tests/tools/test_smoke.py
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import workloads
from workloads.data.catalogue import DATA_SETS

QUICK = "cifar100_all_cnn_c"

MOCKED = """
import tensorflow_datasets as tfds
from tools import train
with tfds.testing.mock_data(num_examples=40):
    train.main()
"""


def is_there(name: str, data_dir: Path) -> bool:
    data_sets = [data_set for data_set in DATA_SETS.get(name, ()) if not data_set.optional]
    return all((data_dir / data_set.name).exists() for data_set in data_sets)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == QUICK else pytest.mark.slow)
        for name in workloads.names()
    ],
)
def test_adam_at_the_scale_smoke(name):
    data_dir = Path(os.environ.get("TFOPTCMP_DATA_DIR", "nowhere"))
    real = is_there(name, data_dir)
    if not real and name in ("imagenet_resnet50", "lm1b_transformer", "war_and_peace_lstm"):
        pytest.skip(f"{name} reads the files of its data set, and there are none in {data_dir}")
    program = ["-m", "tools.train"] if real else ["-c", MOCKED]
    flags = [f"--workload={name}", "--optimizer=adam", "--scale=smoke"]
    if real:
        flags.append(f"--data_dir={data_dir}")
    done = subprocess.run(
        [sys.executable, *program, *flags], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    *_, last_measurement, outcome = done.stdout.splitlines()
    steps = workloads.get(name).budget("smoke").steps
    assert outcome == "COMPLETE" or outcome.startswith("INFEASIBLE")
    assert outcome != "COMPLETE" or last_measurement.split()[0] == str(steps)
    assert real or "PARTIAL DATA: " in done.stdout
