"""Trials per hour: a study of ours and the same with keras-tuner, from beginning to end."""

from collections.abc import Iterator

from tools.lab.benchmark.order_of_rounds import Contestant, Samples, alternate
from tools.lab.benchmark.results import Check, Comparison, ratios
from tools.lab.benchmark.settings import Settings
from tools.lab.benchmark.study_cases import CASES


def compare(settings: Settings) -> Iterator[Comparison]:
    """Yields one table a case that the settings name."""
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
    function = "tools.lab.benchmark.study_keras_tuner:stock"
    contestants = [
        Contestant(
            name="ours", function="tools.lab.benchmark.study_ours:ours", arguments=arguments
        ),
        Contestant(
            name="keras-tuner",
            function=function,
            arguments={**arguments, "stop_at_nan": False},
        ),
    ]
    if case.space == "initial":
        contestants.append(
            Contestant(
                name="keras-tuner, TerminateOnNaN",
                function=function,
                arguments={**arguments, "stop_at_nan": True},
            )
        )
    samples = alternate(contestants, settings.alternations, warm_up=False)
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
