"""Parts of a trial, each alone; the bookkeeping of a study; how long a command takes."""

import subprocess
import sys
import time
from collections.abc import Iterator

from tfoptcmp.tools.lab.benchmark.order_of_rounds import Contestant, Turns, alternate
from tfoptcmp.tools.lab.benchmark.results import Check, Comparison, Range, Settings

_DATA = ("digits", "simple_cnn", "resnet32")  # names of `study_cases`
_STUDY_SIZES = (10, 1_000, 10_000)
_TRIAL_SECONDS = 10.0  # of which bookkeeping may take 1 %


def data(settings: Settings) -> Iterator[Comparison]:
    """Yields the time to produce the training batches of a trial, without training."""
    yield Comparison(
        title="Data of a trial of 200 steps, alone",
        unit="ms",
        samples=alternate(
            [
                Contestant(
                    name=f"ours {case}",
                    function="tfoptcmp.tools.lab.benchmark.study_ours:batches",
                    arguments=_arguments(case, settings),
                )
                for case in _few(_DATA, settings)
            ],
            settings.alternations,
            method=settings.method,
        ),
        notes=[
            "of digits 64, Fashion-MNIST 256, CIFAR-10 128 images, augmented where the "
            "workload does; two threads that training leaves idle in part"
        ],
    )


def evaluation(settings: Settings) -> Iterator[Comparison]:
    """Yields the time of a measurement of all splits."""
    cases = _few(_DATA, settings)
    samples = alternate(
        [
            Contestant(
                name=f"{name} {case}",
                function=f"tfoptcmp.tools.lab.benchmark.{function}",
                arguments=_arguments(case, settings),
            )
            for case in cases
            for name, function in (
                ("ours", "study_ours:evaluation"),
                ("Keras", "study_keras_tuner:evaluation"),
            )
        ],
        settings.alternations,
        method=settings.method,
    )
    yield Comparison(
        title="A measurement: loss and error of each split",
        unit="ms",
        samples=samples,
        notes=[f"{case}: {samples[f'ours {case}'].facts['examples']:,} images" for case in cases],
    )


def bookkeeping(settings: Settings) -> Iterator[Comparison]:
    """Yields what a study costs besides its trials, when it has many."""
    sizes = _STUDY_SIZES[:1] if settings.short else _STUDY_SIZES
    parts = tuple(f"at {size} trials" for size in sizes)
    samples = alternate(
        [
            Contestant(
                name="ours",
                function="tfoptcmp.tools.lab.benchmark.study_ours:bookkeeping",
                arguments={"sizes": dict(zip(parts, sizes, strict=True))},
                parts=parts,
            )
        ],
        settings.alternations,
    )
    largest = samples[f"ours {parts[-1]}"]
    yield Comparison(
        title="Bookkeeping of a trial, every write made durable",
        unit="ms",
        samples=samples,
        checks=[
            Check(
                claim=f"share of a trial of {_TRIAL_SECONDS:g} s, {parts[-1]}",
                measured=Range.of([value / _TRIAL_SECONDS for value in largest.values]),
                limit=0.01,
            ),
            Check(
                claim=f"seconds to resume a study, {parts[-1]}",
                measured=Range.of([found["resume_seconds"] for found in largest.turns]),
            ),
        ],
    )


def memory(settings: Settings) -> Iterator[Comparison]:
    """Yields how a process grows from trial to trial."""
    num_trials = 2 if settings.short else 50
    samples = alternate(
        [
            Contestant(
                name=name,
                function=f"tfoptcmp.tools.lab.benchmark.{function}",
                arguments={**_arguments("digits", settings), "num_trials": trials},
            )
            for name, function, trials in (
                ("ours", "study_ours:memory", num_trials),
                ("keras-tuner", "study_keras_tuner:memory", min(5, num_trials)),
            )
        ],
        settings.alternations,
        method=settings.method,
    )
    yield Comparison(
        title=f"Growth of the process over {num_trials} trials of digits (keras-tuner: 5)",
        unit="MB per trial",
        samples=samples,
        checks=[
            Check(
                claim="ours, MB per trial",
                measured=Range.of(samples["ours"].values),
                limit=1.0,
            ),
            *(
                Check(
                    claim=f"peak of {name}, MB",
                    measured=Range.of([found["peak_mb"] for found in sample.turns]),
                )
                for name, sample in samples.items()
            ),
        ],
    )


def _few(cases: tuple[str, ...], settings: Settings) -> tuple[str, ...]:
    return cases[:1] if settings.short else cases


def _arguments(case: str, settings: Settings) -> dict[str, object]:
    return {"case": case, "data_dir": settings.data_dir, "threads": settings.threads}


_HELP, _FIRST_STEP, _IMPORT = "tfoptcmp-tune --help", "first step of digits", "import tensorflow"


def startup(settings: Settings) -> Iterator[Comparison]:
    """Yields the times of whole commands."""
    samples = alternate(
        [
            Contestant(
                name="command",
                function="tfoptcmp.tools.lab.benchmark.parts:commands",
                parts=(_HELP, _IMPORT, _FIRST_STEP),
            )
        ],
        settings.alternations,
        warm_up=not settings.short,
    )
    samples = {name.removeprefix("command "): sample for name, sample in samples.items()}
    yield Comparison(
        title="From the command to its output",
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
    train = (
        "tfoptcmp.tools.train",
        "--workload=digits_simple_cnn",
        "--optimizer=adam",
        "--steps=1",
    )
    turns.ready({})
    for part in turns:
        start = time.perf_counter()
        if part == _HELP:
            _run("-m", "tfoptcmp.tools.tune", "--help")
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
