import os
import signal
import subprocess
import sys

import pytest
from tfoptcmp.tools.common.signals import Terminated, exit_code, stop_on_signals

from tfoptcmp.study.trial import Interrupted


def handlers():
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [(signal.SIGINT, Interrupted, 130), (signal.SIGTERM, Terminated, 143)],
)
def test_the_first_asks_and_the_exit_code_tells_which(number, kind, code):
    before = handlers()
    with pytest.raises(kind, match="in trial 3") as raised, stop_on_signals() as should_stop:
        assert not should_stop()
        os.kill(os.getpid(), number)
        assert should_stop()
        raise Interrupted("in trial 3")
    assert exit_code(raised.value) == code
    assert handlers() == before


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_the_second_stops_at_once(second):
    with pytest.raises(KeyboardInterrupt) as raised, stop_on_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), second)
        pytest.fail("must not get here")
    assert exit_code(raised.value) == 128 + second


def test_what_ends_by_itself_is_not_interrupted():
    with stop_on_signals():
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_program_that_is_stopped_says_so_in_a_line(number, code):
    program = (
        "import os, signal, time\n"
        "from tfoptcmp.tools.common import cli\n"
        # A shell that starts the tests in the background lets them ignore SIGINT.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"cli.run(lambda argv: (os.kill(os.getpid(), {int(number)}), time.sleep(60)), '', {{}})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == code
    assert done.stderr.strip() == "-c: interrupted"
