"""How trials are computed and saved: one object from the flags to the trainer, in every process.

Plain data, so that a worker gets the same. What a trial is (workload, budget, signature, seeds) is
not here, nor where trials run. Imports no TensorFlow: flags are checked before that.
"""

from dataclasses import dataclass

from tfoptcmp.study.schema import Devices

DISTRIBUTIONS = ("none", "mirrored", "multiworker", "tpu")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a `Trainer`; at the defaults, one device and no checkpoints.

    Attributes:
        threads_per_trial: Intra-op threads; 0 takes all processors that a process may use.
        distribution: One of DISTRIBUTIONS, the devices that share every batch;
            `tfoptcmp.training.distribution.make_strategy` explains each.
        tpu: Address of the TPU; None where it is this machine's.
        mixed_precision: Whether layers compute in bfloat16, with variables, loss and optimizer in
            float32. There is no float16: its loss scale would skip steps at other places for every
            optimizer, and a number of steps would no longer be a number of updates.
        jit_compile: Whether XLA compiles the training step; None as the workload says.
        measure_all: Whether every measurement covers all splits; otherwise those before the last
            step cover validation only, unless its loss is not finite. Changes no value.
        checkpoint_every_steps: Interval of checkpoints in the directory of a trial; each is taken
            after the compiled block of steps in which it falls due. None for none.
        checkpoint_every_minutes: Likewise by time, from the start of the process's work on a trial;
            <= 0 for none.
        durable: Whether what is written survives a power cut, see `tfoptcmp.study.durable`.
        keep_checkpoints: Takes one more after the last step, and lets those of ended trials stay.

    Raises:
        ValueError: If they contradict each other.
    """

    threads_per_trial: int = 0
    distribution: str = "none"
    tpu: str | None = None
    mixed_precision: bool = False
    jit_compile: bool | None = None
    measure_all: bool = False
    checkpoint_every_steps: int | None = None
    checkpoint_every_minutes: float = 0.0
    durable: bool = True
    keep_checkpoints: bool = False

    def __post_init__(self) -> None:
        if self.distribution not in DISTRIBUTIONS:
            raise ValueError(
                f"distribution must be one of {DISTRIBUTIONS}; got {self.distribution!r}"
            )
        if self.tpu is not None and self.distribution != "tpu":
            raise ValueError(f"tpu must be None unless distribution is 'tpu'; got {self.tpu!r}")
        if self.jit_compile and self.is_distributed:
            raise ValueError(
                f"jit_compile must be None or False where distribution is {self.distribution!r}; "
                "got True"
            )

    @property
    def is_distributed(self) -> bool:
        """Whether several devices share every batch."""
        return self.distribution != "none"

    def devices(self, num_replicas: int) -> Devices:
        """Returns what can change a result and is not at its default: `StudyConfig.devices`.

        Args:
            num_replicas: Devices that share every batch.
        """
        record: Devices = {}
        if self.is_distributed:
            record |= {"distribution": self.distribution, "replicas": num_replicas}
        if self.mixed_precision:
            record["mixed_precision"] = True
        if self.jit_compile is not None:
            record["jit_compile"] = self.jit_compile
        return record
