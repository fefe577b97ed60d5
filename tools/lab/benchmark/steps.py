"""Training steps and updates: ours, others', and the floor that the machine's matrix rate sets.

TensorFlow and PyTorch are imported only in the process that measures them.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from tfoptcmp.tools.lab.benchmark.networks import NETWORKS, SIZES
from tfoptcmp.tools.lab.benchmark.order_of_rounds import Contestant, Samples, Turns, alternate
from tfoptcmp.tools.lab.benchmark.results import Check, Comparison, Range, Settings, fastest, ratios

from tfoptcmp.rules import DEFAULT_RULES

# Steps and learning rate of the twins' comparison. At a rate of 1e-3 rounding becomes visible in
# the third loss of VGG-16.
_CHECK = (3, 1e-4)
_CLEARLY = 0.85  # of PyTorch's time, in which at least three networks are to be trained
# Of a step's floor; nothing is promised of the others.
_FLOOR_LIMITS = {"simple_cnn": 1.15, "resnet32": 2.0, "lstm": 2.0}


def steps(settings: Settings) -> Iterator[Comparison]:
    """Yields one table per network, for the networks and the rule that the settings name."""
    tables = []
    for name in settings.networks:
        tables.append(_compare_steps(name, settings))
        yield tables[-1]
    if len(tables) == len(NETWORKS):
        yield _summary(tables)


def _compare_steps(name: str, settings: Settings) -> Comparison:
    network = NETWORKS[name]
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        samples = alternate(
            _contestants(name, settings, Path(directory) / "weights.npz"), settings.alternations
        )
    _check_twins(samples)
    ours = samples["ours"]
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
    module = "tfoptcmp.tools.lab.benchmark.steps_torch:pytorch"
    images = len(NETWORKS[name].input_shape) > 1
    found = [
        Contestant(
            name="ours",
            function="tfoptcmp.tools.lab.benchmark.steps_ours:ours",
            arguments={**common, "weights": weights, "check": _CHECK},
        ),
        Contestant(
            name="Keras",
            function="tfoptcmp.tools.lab.benchmark.steps_keras:stock",
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
                function=f"tfoptcmp.tools.lab.benchmark.steps:products_in_{library}",
                arguments={"threads": settings.threads},
            )
        )
    return found


def _check_twins(samples: Mapping[str, Samples]) -> None:
    """Checks that all train the same function, in the same number of parameters."""
    ours = samples["ours"].facts
    for name, others in samples.items():
        if name.startswith("PyTorch") and not others.error:
            assert others.facts["parameters"] == ours["parameters"], (name, others.facts, ours)
            np.testing.assert_allclose(
                others.facts["losses"], ours["losses"], rtol=2e-4, err_msg=name
            )


_IMPLEMENTATIONS = {"fused": ("sgd", "momentum", "nesterov", "adam"), "foreach": DEFAULT_RULES}
_LIMITED = "simple_cnn"  # the size, 3.3 M parameters, of which something is promised


def updates(settings: Settings) -> Iterator[Comparison]:
    """Yields one table per size."""
    for size in ("digits",) if settings.short else SIZES:
        rules = ("momentum", "adam") if size == "resnet50" else DEFAULT_RULES  # for memory's sake
        yield _compare_updates(size, rules, settings)


def _compare_updates(size: str, rules: tuple[str, ...], settings: Settings) -> Comparison:
    arguments = {"size": size, "threads": settings.threads}
    contestants = [
        Contestant(
            name=name,
            function="tfoptcmp.tools.lab.benchmark.steps_keras:updates",
            arguments={**arguments, "name": name},
            parts=rules,
        )
        for name in ("ours", "Keras")
    ]
    contestants += [
        Contestant(
            name=f"PyTorch {implementation}",
            function="tfoptcmp.tools.lab.benchmark.steps_torch:updates",
            arguments={**arguments, "implementation": implementation},
            parts=tuple(rule for rule in rules if rule in known),
        )
        for implementation, known in _IMPLEMENTATIONS.items()
    ]
    samples = alternate(contestants, settings.alternations)
    num_parameters = samples[f"ours {rules[0]}"].facts["parameters"]
    return Comparison(
        title=f"One update of {num_parameters:,} parameters in {SIZES[size]}",
        unit="us",
        samples=samples,
        checks=[
            check for rule in rules for check in _update_checks(rule, samples, size == _LIMITED)
        ],
        notes=[
            "Keras's and ours in a compiled loop: ours with XLA, as in trials, Keras's without, "
            "as in its deterministic `fit`; PyTorch's called one by one"
        ],
    )


def _update_checks(rule: str, samples: Mapping[str, Samples], limited: bool) -> list[Check]:
    ours = samples[f"ours {rule}"]
    pytorch = fastest(
        {
            name: sample
            for name, sample in samples.items()
            if name.startswith("PyTorch") and name.endswith(f" {rule}")
        }
    )
    return [
        Check(
            claim=f"ours / Keras, {rule}",
            measured=ratios(ours, samples[f"Keras {rule}"]),
            limit=0.5 if limited else None,
        ),
        Check(claim=f"ours / {pytorch}", measured=ratios(ours, samples[pytorch])),
    ]


_MATRIX_SIZE = 2048
_REPEATS = 10


def products_in_tensorflow(turns: Turns, *, threads: int) -> None:
    """Multiplies square float32 matrices in TensorFlow; measures seconds per operation."""
    import tensorflow as tf

    from tfoptcmp.training import runtime

    runtime.configure(threads)
    a = tf.constant(
        np.random.default_rng(0).standard_normal((_MATRIX_SIZE, _MATRIX_SIZE), np.float32)
    )
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(a, a)))
    _measure_products(turns, lambda: product().numpy())


def products_in_pytorch(turns: Turns, *, threads: int) -> None:
    """The same in PyTorch."""
    import torch

    torch.set_num_threads(threads)
    a = torch.randn(_MATRIX_SIZE, _MATRIX_SIZE)
    _measure_products(turns, lambda: torch.mm(a, a))


def _measure_products(turns: Turns, product: Callable[[], object]) -> None:
    product()
    turns.ready({})
    for _ in turns:
        start = time.perf_counter()
        for _ in range(_REPEATS):
            product()
        turns.done((time.perf_counter() - start) / (_REPEATS * 2 * _MATRIX_SIZE**3))
