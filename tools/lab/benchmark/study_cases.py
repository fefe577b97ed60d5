"""The studies that are timed: workloads, spaces, sizes, data; the memory that they take."""

import gc
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tensorflow as tf
from tfoptcmp.tools.lab.benchmark.order_of_rounds import say
from tfoptcmp.workloads.data.in_memory import splits_of_arrays

from tfoptcmp import workloads
from tfoptcmp.signatures import Signature
from tfoptcmp.workload import Budget, MissingData, Splits, Workload


@dataclass(frozen=True, kw_only=True)
class Case:
    """A study.

    Attributes:
        title: For people.
        workload: Name of the workload.
        rule: Update rule.
        space: Name of the search space.
        batch_size: Examples per step.
        steps: Of a trial, which is measured in the middle and at the end.
        num_feasible: Trials that must end with a finite loss.
        speedup: Promised ratio of trials per hour to stock keras-tuner; None for none.
        num_evaluated: Images of each split that are measured, at most; None for all.
    """

    title: str
    workload: str
    rule: str
    space: str
    batch_size: int
    steps: int = 200
    num_feasible: int = 20
    speedup: float | None = None
    num_evaluated: int | None = None

    def changed(self, *, num_feasible: int | None, steps: int | None) -> "Case":
        """Returns the case with another number of trials or steps; then nothing is promised."""
        changed = replace(
            self,
            num_feasible=num_feasible or self.num_feasible,
            steps=steps or self.steps,
        )
        return self if changed == self else replace(changed, speedup=None)

    @property
    def budget(self) -> Budget:
        """What a trial may spend."""
        options = {} if self.num_evaluated is None else {"evaluated_examples": self.num_evaluated}
        return Budget(
            scale="custom",
            batch_size=self.batch_size,
            steps=self.steps,
            eval_every_steps=max(1, self.steps // 2),
            num_feasible=self.num_feasible,
            target=None,
            options=options,
        )

    @property
    def signature(self) -> Signature:
        """Update rule and search space."""
        return workloads.get(self.workload).signature(self.rule, space=self.space)

    def load(self, data_dir: str | None) -> tuple[Workload, Splits]:
        """Reads the data; random images of the same number and shape if they are missing."""
        workload = workloads.get(self.workload)
        try:
            return workload, workload.load(self.budget, data_dir)
        except MissingData:
            say(f"no data of {self.workload}: random images of the same shape")
            return workload, _random_images(self)


CASES: dict[str, Case] = {
    "digits": Case(
        title="digits, wide space",
        workload="digits_simple_cnn",
        rule="adam",
        space="initial",
        batch_size=64,
        speedup=4.5,
    ),
    "digits_long": Case(
        title="digits, wide space, longer trials",
        workload="digits_simple_cnn",
        rule="adam",
        space="initial",
        batch_size=64,
        steps=2_000,
        num_feasible=5,
    ),
    "resnet32": Case(
        title="ResNet-32 on CIFAR-10, wide space",
        workload="cifar10_resnet32",
        rule="adam",
        space="initial",
        batch_size=128,
        speedup=1.5,
        num_evaluated=1_000,
    ),
    "simple_cnn": Case(
        title="Simple CNN on Fashion-MNIST, narrow space",
        workload="fashion_mnist_simple_cnn",
        rule="momentum",
        space="final",
        batch_size=256,
        speedup=1.3,
    ),
    "simple_cnn_wide": Case(
        title="Simple CNN on Fashion-MNIST, wide space",
        workload="fashion_mnist_simple_cnn",
        rule="momentum",
        space="initial",
        batch_size=256,
        speedup=1.5,
    ),
}

_SHAPES = {
    "fashion_mnist_simple_cnn": (28, 28, 1),
    "cifar10_resnet32": (32, 32, 3),
}


def _random_images(case: Case) -> Splits:
    generator = np.random.default_rng(0)
    held_out = case.num_evaluated or 5_000
    sizes = {"train": 55_000, "validation": held_out, "test": held_out}
    return splits_of_arrays(
        {
            split: (
                generator.integers(256, size=(size, *_SHAPES[case.workload]), dtype=np.uint8),
                generator.integers(10, size=size),
            )
            for split, size in sizes.items()
        },
        num_classes=10,
        batch_size=case.batch_size,
        prepare=lambda images: tf.cast(images, tf.float32) / 255,
    )


def resident_mb() -> float:
    """Returns the megabytes that are in memory now, after a collection."""
    gc.collect()
    return _status("VmRSS")


def peak_mb() -> float:
    """Returns the most megabytes that ever were."""
    return _status("VmHWM")


def _status(name: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"/proc/self/status must have {name}")
