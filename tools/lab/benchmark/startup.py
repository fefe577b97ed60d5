"""How long a command takes to answer, and how long to its first training step."""

import subprocess
import sys
import time
from collections.abc import Iterator

from tools.lab.benchmark.order_of_rounds import Contestant, Turns, alternate
from tools.lab.benchmark.results import Check, Comparison, Range
from tools.lab.benchmark.settings import Settings

_HELP, _FIRST_STEP, _IMPORT = "tfoptcmp-tune --help", "first step of digits", "import tensorflow"


def compare(settings: Settings) -> Iterator[Comparison]:
    """Yields the times of whole commands."""
    samples = alternate(
        [
            Contestant(
                name="command",
                function="tools.lab.benchmark.startup:commands",
                parts=(_HELP, _IMPORT, _FIRST_STEP),
            )
        ],
        settings.alternations,
    )
    samples = {name.removeprefix("command "): sample for name, sample in samples.items()}
    yield Comparison(
        title="From the command to its answer",
        unit="s",
        samples=samples,
        checks=[
            Check(claim=_HELP, measured=Range.of(samples[_HELP].values), limit=1.0),
            Check(claim=_FIRST_STEP, measured=Range.of(samples[_FIRST_STEP].values), limit=8.0),
        ],
        notes=["the first step is that of tfoptcmp-train, measured and printed"],
    )


def commands(turns: Turns) -> None:
    """Runs a command each turn; measures seconds."""
    train = ("tools.train", "--workload=digits_simple_cnn", "--optimizer=adam", "--steps=1")
    turns.ready({})
    for part in turns:
        start = time.perf_counter()
        if part == _HELP:
            _run("-m", "tools.tune", "--help")
        elif part == _IMPORT:
            _run("-c", "import tensorflow, keras")
        else:
            _read_until_first_measurement(*train)
        turns.done(time.perf_counter() - start)


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def _read_until_first_measurement(*arguments: str) -> None:
    """Returns as soon as a line starts with the number of a step."""
    command = [sys.executable, "-m", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.split()[:1] == ["1"]:
                process.kill()
                return
    raise RuntimeError(f"{' '.join(command)} printed no measurement")
