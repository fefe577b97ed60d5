import pickle
import subprocess
import sys

import pytest

from tfoptcmp.training.options import Options


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"distribution": "gpu"}, r"distribution must be one of \('none'.*got 'gpu'"),
        ({"tpu": "local"}, "tpu must be None .* got 'local'"),
        ({"distribution": "mirrored", "jit_compile": True}, "jit_compile must be .*'mirrored'"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Options(**arguments)


def test_a_worker_gets_the_same():
    options = Options(distribution="tpu", tpu="local", threads_per_trial=3)
    assert pickle.loads(pickle.dumps(options)) == options


def test_the_record_of_devices_has_what_can_change_a_result():
    assert Options(threads_per_trial=2, keep_checkpoints=True).devices(1) == {}
    assert Options(distribution="mirrored", mixed_precision=True).devices(2) == {
        "distribution": "mirrored",
        "replicas": 2,
        "mixed_precision": True,
    }
    assert Options(jit_compile=False).devices(1) == {"jit_compile": False}


def test_flags_are_checked_without_tensorflow():
    code = (
        "import sys, tfoptcmp.training.options\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
