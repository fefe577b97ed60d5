"""How a benchmark is run: what the flags say, for every comparison."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of one run.

    Attributes:
        alternations: Rounds that count.
        threads: Of every contestant.
        networks: Whose steps are compared.
        rule: With which update rule.
        torch_compile: Whether `torch.compile` takes part.
        cases: Which studies are compared.
        trials: Feasible trials of each, instead of the case's; None for those.
        trial_steps: Steps of each trial, likewise.
        data_dir: Directory of prepared data sets; None for the library's own.
        short: Whether only to see that everything works: few and small measurements.
    """

    alternations: int
    threads: int
    networks: tuple[str, ...]
    rule: str
    torch_compile: bool
    cases: tuple[str, ...]
    trials: int | None
    trial_steps: int | None
    data_dir: str | None
    short: bool
