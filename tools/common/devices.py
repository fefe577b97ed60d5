"""On what devices, and in what arithmetic, the trials of a process run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from tfoptcmp.training.distribution import make_strategy


@dataclass(frozen=True, kw_only=True)
class Devices:
    """What a `Trainer` is told of devices.

    Attributes:
        record: For `StudyConfig.devices`; empty at the defaults.
        strategy: As in `Trainer`.
        mixed_precision: As in `Trainer`.
        jit_compile: As in `Trainer`.
    """

    record: Mapping[str, Any] = field(default_factory=dict)
    strategy: tf.distribute.Strategy | None = None
    mixed_precision: bool = False
    jit_compile: bool | None = None

    @classmethod
    def make(
        cls,
        distribution: str = "none",
        *,
        tpu: str | None = None,
        mixed_precision: bool = False,
        jit_compile: bool | None = None,
    ) -> "Devices":
        """Sets up the devices of this process, once.

        Args:
            distribution: As in `make_strategy`.
            tpu: As in `make_strategy`.
            mixed_precision: As in `Trainer`.
            jit_compile: As in `Trainer`.

        Raises:
            ValueError: As `make_strategy`.
        """
        strategy = make_strategy(distribution, tpu=tpu)
        record: dict[str, Any] = {}
        if strategy:
            record |= {"distribution": distribution, "replicas": strategy.num_replicas_in_sync}
        if mixed_precision:
            record["mixed_precision"] = True
        if jit_compile is not None:
            record["jit_compile"] = jit_compile
        return cls(
            record=record,
            strategy=strategy,
            mixed_precision=mixed_precision,
            jit_compile=jit_compile,
        )

    def options(self) -> dict[str, Any]:
        """Returns the arguments of `Trainer`."""
        return {
            "strategy": self.strategy,
            "mixed_precision": self.mixed_precision,
            "jit_compile": self.jit_compile,
        }
