"""Studies from beginning to end: ours and keras-tuner's, and ours with one worker and with two."""

from collections.abc import Iterator

from tfoptcmp.tools.lab.benchmark.order_of_rounds import Contestant, Samples, alternate
from tfoptcmp.tools.lab.benchmark.results import Check, Comparison, Settings, ratios
from tfoptcmp.tools.lab.benchmark.study_cases import CASES


def compare(settings: Settings) -> Iterator[Comparison]:
    """Yields one table per case that the settings name."""
    for name in settings.cases:
        yield _compare(name, settings)


def _compare(name: str, settings: Settings) -> Comparison:
    case = CASES[name].changed(num_feasible=settings.trials, steps=settings.trial_steps)
    arguments = {
        "case": name,
        "num_feasible": settings.trials,
        "steps": settings.trial_steps,
        "data_dir": settings.data_dir,
        "threads": settings.threads,
    }
    function = "tfoptcmp.tools.lab.benchmark.study_keras_tuner:stock"
    contestants = [
        *(
            Contestant(
                name=name,
                function="tfoptcmp.tools.lab.benchmark.study_ours:ours",
                arguments={**arguments, "num_workers": num_workers},
                fresh=True,
            )
            for name, num_workers in {"ours": 0, "ours, one worker": 1}.items()
        ),
        Contestant(
            name="keras-tuner",
            function=function,
            arguments={**arguments, "stop_at_nan": False},
            fresh=True,
        ),
    ]
    if case.space == "initial":
        contestants.append(
            Contestant(
                name="keras-tuner, TerminateOnNaN",
                function=function,
                arguments={**arguments, "stop_at_nan": True},
                fresh=True,
            )
        )
    samples = alternate(contestants, settings.alternations, warm_up=False, method=settings.method)
    ours = samples["ours"]
    return Comparison(
        title=f"Study of {case.title}: {case.num_feasible} feasible trials x {case.steps} steps of "
        f"{case.batch_size}, {case.rule}",
        unit="s a feasible trial",
        samples=samples,
        checks=[
            Check(
                claim=f"trials per hour, ours / {other}",
                measured=ratios(samples[other], ours),
                limit=case.speedup if other == "keras-tuner" else None,
                at_least=True,
            )
            for other in samples
            if other != "ours"
        ],
        notes=[
            *(f"{name}: {_quality(sample)}" for name, sample in samples.items()),
            *([f"PARTIAL DATA: {partial}"] if (partial := ours.facts["partial"]) else []),
        ],
    )


def _quality(samples: Samples) -> str:
    trials = "+".join(f"{facts['trials']:g}" for facts in samples.turns)
    best = ", ".join(f"{facts['best']:.3f}" for facts in samples.turns)
    return f"{trials} trials in all, best validation errors {best}"


_TRIALS = {"digits": 24, "digits_long": 8}
"""Case to number of trials."""


def workers(settings: Settings) -> Iterator[Comparison]:
    """Yields tables of one and two workers, for short trials and for longer ones."""
    for case, num_trials in {"digits": 4}.items() if settings.short else _TRIALS.items():
        yield _compare_workers(settings, case, num_trials)


def _compare_workers(settings: Settings, case: str, num_trials: int) -> Comparison:
    samples = alternate(
        [
            Contestant(
                name=f"{num_workers} worker{'s' if num_workers > 1 else ''}",
                function="tfoptcmp.tools.lab.benchmark.study_ours:with_workers",
                arguments={
                    "case": case,
                    "num_workers": num_workers,
                    "num_trials": num_trials,
                    "data_dir": settings.data_dir,
                },
            )
            for num_workers in (1, 2)
        ],
        settings.alternations,
        warm_up=False,
        method=settings.method,
    )
    return Comparison(
        title=f"Study of digits, {num_trials} trials of {CASES[case].steps:,} steps, one thread a "
        "worker",
        unit="s a trial",
        samples=samples,
        checks=[
            Check(
                claim="trials per hour, 2 workers / 1",
                measured=ratios(samples["1 worker"], samples["2 workers"]),
                limit=1.8,
                at_least=True,
            )
        ],
        notes=["from the end of each worker's first trial, which builds and compiles"],
    )
