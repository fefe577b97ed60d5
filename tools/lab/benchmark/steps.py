"""Training steps: ours, PyTorch's, and the floor that the machine's matrix rate sets."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from tools.lab.benchmark.networks import NETWORKS
from tools.lab.benchmark.order_of_rounds import Contestant, Samples, alternate
from tools.lab.benchmark.results import Check, Comparison, Range, fastest, ratios
from tools.lab.benchmark.settings import Settings

OURS = "ours"
# Steps and learning rate of the twins' comparison. At a rate of 1e-3 rounding becomes visible in
# the third loss of VGG-16.
_CHECK = (3, 1e-4)
_CLEARLY = 0.85  # of PyTorch's time, in which at least three networks are to be trained
# Of a step's floor; nothing is promised of the others.
_FLOOR_LIMITS = {"simple_cnn": 1.15, "resnet32": 2.0, "lstm": 2.0}


def compare(settings: Settings) -> Iterator[Comparison]:
    """Yields one table a network, for the networks and the rule that the settings name."""
    tables = []
    for name in settings.networks:
        tables.append(_compare(name, settings))
        yield tables[-1]
    if len(tables) == len(NETWORKS):
        yield _summary(tables)


def _compare(name: str, settings: Settings) -> Comparison:
    network = NETWORKS[name]
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        samples = alternate(
            _contestants(name, settings, Path(directory) / "weights.npz"), settings.alternations
        )
    _check_twins(samples)
    ours = samples[OURS]
    rate = fastest({n: s for n, s in samples.items() if n.startswith("sgemm")})
    pytorch = fastest({n: s for n, s in samples.items() if n.startswith("PyTorch")})
    flops = ours.facts["flops"]
    samples["floor"] = Samples(values=[flops * seconds for seconds in samples[rate].values])
    gflops = Range.of([1e-9 / seconds for seconds in samples[rate].values])
    shown = {n: s for n, s in samples.items() if not n.startswith("sgemm")}
    return Comparison(
        title=f"Training step of {network.title}, batch {network.batch_size}, {settings.rule}",
        unit="ms",
        samples=shown,
        checks=[
            Check(
                claim=f"ours / {pytorch}",
                measured=ratios(ours, samples[pytorch]),
                limit=1.0,
            ),
            Check(claim="ours / Keras", measured=ratios(ours, samples["Keras"])),
            Check(
                claim="ours / floor",
                measured=ratios(ours, samples["floor"]),
                limit=_FLOOR_LIMITS.get(name),
            ),
        ],
        notes=[
            f"{ours.facts['parameters']:,} parameters on all sides; {flops / 1e9:.3g} GFLOP at "
            f"{gflops.text()} GFLOP/s of {rate}; data apart; same losses over {_CHECK[0]} steps; "
            f"optimizer of {pytorch}: {samples[pytorch].facts['optimizer']}",
        ],
    )


def _summary(tables: Sequence[Comparison]) -> Comparison:
    medians = [table.checks[0].measured.median for table in tables]
    num_faster = sum(median < _CLEARLY for median in medians)
    return Comparison(
        title="Training steps of all networks",
        unit="networks",
        samples={},
        checks=[
            Check(
                claim=f"below {_CLEARLY} of PyTorch's best",
                measured=Range.of([num_faster]),
                limit=3,
                at_least=True,
            )
        ],
    )


def _contestants(name: str, settings: Settings, weights: Path) -> list[Contestant]:
    common = {"network": name, "rule": settings.rule, "threads": settings.threads}
    module = "tools.lab.benchmark.steps_torch:pytorch"
    images = len(NETWORKS[name].input_shape) > 1
    found = [
        Contestant(
            name=OURS,
            function="tools.lab.benchmark.steps_ours:ours",
            arguments={**common, "weights": weights, "check": _CHECK},
        ),
        Contestant(
            name="Keras",
            function="tools.lab.benchmark.steps_keras:stock",
            arguments=common,
        ),
    ]
    for compiled in (False, True) if settings.torch_compile else (False,):
        for channels_last in (False, True) if images else (False,):
            layout = (" channels_last" if channels_last else " contiguous") if images else ""
            if compiled and images and not channels_last:
                continue  # the compiler chooses layouts itself, and takes minutes for each
            found.append(
                Contestant(
                    name=f"PyTorch {'compile' if compiled else 'eager'}{layout}",
                    function=module,
                    arguments={
                        **common,
                        "weights": weights,
                        "channels_last": channels_last,
                        "compiled": compiled,
                        "check": _CHECK,
                    },
                    may_fail=compiled,
                )
            )
    for library in ("tensorflow", "pytorch"):
        found.append(
            Contestant(
                name=f"sgemm {library}",
                function=f"tools.lab.benchmark.sgemm:{library}",
                arguments={"threads": settings.threads},
            )
        )
    return found


def _check_twins(samples: Mapping[str, Samples]) -> None:
    """Checks that all train the same function, in the same number of parameters."""
    ours = samples[OURS].facts
    for name, others in samples.items():
        if name.startswith("PyTorch") and not others.error:
            assert others.facts["parameters"] == ours["parameters"], (name, others.facts, ours)
            np.testing.assert_allclose(
                others.facts["losses"], ours["losses"], rtol=2e-4, err_msg=name
            )
