"""What a user has set in Keras holds in workers too, and belongs to the study."""

from tests import programs

SCRIPT = """
import sys
import keras
import numpy as np
import tfoptcmp

def build():
    epsilon, policy = keras.config.epsilon(), keras.config.dtype_policy().name
    with open("seen", "a") as file:
        file.write(f"{epsilon} {policy}\\n")
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])

keras.config.set_epsilon(float(sys.argv[1]))
keras.config.set_dtype_policy("mixed_bfloat16")
x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
tfoptcmp.compare(
    build, train=(x, x[:, 0]), validation=(x, x[:, 0]), loss="mse", optimizers=["sgd"],
    num_feasible=2, steps=2, num_workers=2, directory="runs",
)
"""


def test_workers_have_the_users_settings(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = programs.run(script, "0.01", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    seen = (tmp_path / "seen").read_text().splitlines()
    assert len(seen) > 2  # the check builds two
    assert set(seen) == {"0.01 mixed_bfloat16"}
    done = programs.run(script, "0.02", cwd=tmp_path)
    assert done.returncode == 1
    assert "Keras's settings" in done.stderr
