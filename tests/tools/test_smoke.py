"""tfoptcmp-train at the scale `smoke`, on real data where they are, on mock data elsewhere.

Takes minutes, except for one workload: python -m pytest -m slow tests/tools/test_smoke.py
"""

import os

import pytest
from tfoptcmp.workloads.data.mock import load_mock
from tfoptcmp.workloads.data.tfds import is_prepared

from tests.programs import run
from tfoptcmp import workloads

QUICK = "cifar100_all_cnn_c"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == QUICK else pytest.mark.slow)
        for name in workloads.names()
    ],
)
def test_adam_at_the_scale_smoke(name, tmp_path):
    workload = workloads.get(name)
    budget = workload.budget("smoke")
    data_dir = os.environ.get("TFOPTCMP_DATA_DIR", "nowhere")
    needed = [data_set for data_set in workload.data_sets if not data_set.optional]
    real = all(is_prepared(data_set, data_dir) for data_set in needed)
    if not real:
        data_dir = str(tmp_path)
        load_mock(workload, budget, tmp_path)
    flags = [f"--workload={name}", "--optimizer=adam", "--scale=smoke", f"--data_dir={data_dir}"]
    done = run("train", *flags, timeout=600)
    assert done.returncode == 0, done.stderr
    *_, last_measurement, outcome = done.stdout.splitlines()
    assert outcome == "COMPLETE" or outcome.startswith("INFEASIBLE")
    assert outcome != "COMPLETE" or last_measurement.split()[0] == str(budget.steps)
    assert real or "PARTIAL DATA: " in done.stdout
