"""The optimizers, schedules and the oracle on each backend of Keras that is installed."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("backend_process.py")
ROOT = PROGRAM.parent.parent.parent


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_rules_schedules_files_and_oracle(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {"KERAS_BACKEND": backend, "JAX_ENABLE_X64": "1", "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), backend],
        env=os.environ | own,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # The same points on each: theirs do not depend on it.
    assert "[0.01323349345920168, 0.0004184798073201784, 0.0744174024874529]" in done.stdout


@pytest.mark.parametrize("backend", ["jax", "torch", "openvino"])
def test_programs_say_that_they_need_tensorflow(backend, tmp_path):
    command = [
        sys.executable,
        "-m",
        "tfoptcmp.tools.tune",
        "--workload=digits_simple_cnn",
        "--plan",
    ]
    (tmp_path / "keras.json").write_text(f'{{"backend": "{backend}"}}')
    for own, where in (
        ({"KERAS_BACKEND": backend}, "KERAS_BACKEND"),
        ({"KERAS_HOME": str(tmp_path)}, str(tmp_path / "keras.json")),
    ):
        done = subprocess.run(
            command, env=os.environ | own, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 2, done.stderr
        assert done.stderr == (
            f"tune: Keras must run on TensorFlow here; got {backend!r} ({where}): set "
            "KERAS_BACKEND=tensorflow\n"
        )
