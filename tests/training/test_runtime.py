import subprocess
import sys

import pytest

from tfoptcmp.training import runtime


def in_a_new_process(code):
    code = "import tensorflow as tf; from tfoptcmp.training import runtime\n" + code
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_sets_threads_and_determinism_and_may_be_called_again():
    printed = in_a_new_process(
        "from tensorflow.python.framework import config\n"
        "print(runtime.configure(2), config.is_op_determinism_enabled())\n"
        "print(tf.config.threading.get_inter_op_parallelism_threads(),\n"
        "      tf.config.threading.get_intra_op_parallelism_threads())\n"
        "tf.constant(1)\n"
        "print(runtime.configure(2))"
    )
    assert printed.split() == ["2", "True", "1", "2", "2"]


def test_says_so_if_tensorflow_has_already_started():
    printed = in_a_new_process(
        "tf.constant(1)\ntry: runtime.configure(2)\nexcept RuntimeError as error: print(error)"
    )
    assert "(2 here) before TensorFlow's first operation" in printed


def test_refuses_a_negative_number_of_threads():
    with pytest.raises(ValueError, match=r"threads must be >= 0; got -1"):
        runtime.configure(-1)
