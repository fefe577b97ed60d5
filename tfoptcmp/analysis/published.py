"""Epsilons that published work chose, to set beside ours (as Choi et al. 2019, section 1)."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PublishedEpsilon:
    """An epsilon that a publication used for its results.

    Attributes:
        rule: Name of the update rule.
        epsilon: As the publication's own rule defines it, > 0.
        source: Who.
    """

    rule: str
    epsilon: float
    source: str


PUBLISHED_EPSILONS: tuple[PublishedEpsilon, ...] = (
    PublishedEpsilon(rule="rmsprop", epsilon=1.0, source="Szegedy et al. 2016"),
    PublishedEpsilon(rule="adam", epsilon=1e-6, source="Liu et al. 2019"),
    PublishedEpsilon(rule="rmsprop", epsilon=1e-3, source="Tan et al. 2019; Tan & Le 2019"),
    PublishedEpsilon(rule="adam", epsilon=1.5e-4, source="Hessel et al. 2017"),
)

# The constructors' defaults, which studies that "use the default" fix. NAdam's is our own choice.
DEFAULT_EPSILONS: dict[str, float] = {"rmsprop": 1e-10, "adam": 1e-8, "nadam": 1e-8}
