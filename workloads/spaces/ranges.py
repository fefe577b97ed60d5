"""The ranges that initial search spaces share (Choi et al. 2019, appendix D, reconstructed).

Those of a rule's own hyperparameters are facts of the rule (`tfoptcmp.rules`); here are those of
the schedule and of the regularisation, and spaces made of all of them.
"""

from collections.abc import Mapping
from dataclasses import replace

from tfoptcmp.keras_rules import KERAS_RULES
from tfoptcmp.rules import RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Choice, Dimension, Fixed, LogUniform, SearchSpace, Uniform

# The linear decay's, for every rule (the parameterisation of Shallue et al. 2019).
DECAY: dict[str, Dimension] = {
    "decay_steps_fraction": Uniform(low=0.5, high=1.0),
    "decay_factor": Choice(values=(1e-3, 1e-2, 1e-1)),
}
# Of ResNet-32 and the Transformer (reconstructed).
LONG_DECAY: dict[str, Dimension] = {
    **DECAY,
    "decay_factor": Choice(values=(1e-4, 1e-3, 1e-2, 1e-1)),
}

# The regularisation of those workloads that have it (reconstructed).
L2: dict[str, Dimension] = {"l2": LogUniform(low=1e-5, high=1e-2)}
LABEL_SMOOTHING: dict[str, Dimension] = {"label_smoothing": Choice(values=(0.0, 0.01, 0.1))}

# With epsilon at its default the rate itself is searched. Its range is ours: as many decades as the
# ratio to epsilon has, around 1e-3, the rate that Kingma and Ba (2015) propose. The ratio's own
# range gives no rate above 1e-4 at 1e-8.
_RATE = LogUniform(low=1e-6, high=1.0)


def initial_signatures(
    source: str,
    *,
    decay: Mapping[str, Dimension] = DECAY,
    regularisation: Mapping[str, Dimension] | None = None,
) -> dict[str, Signature]:
    """Returns each rule's signature with its initial search space, the schedule's included.

    Args:
        source: Where the ranges come from, for this workload.
        decay: Dimensions of the linear decay.
        regularisation: Dimensions of the workload's regularisation.
    """
    of_schedule: dict[str, Mapping[str, Dimension]] = {"linear_decay": decay, "constant": {}}
    return {
        name: Signature(
            name=name,
            rule=rule,
            schedule=rule.schedule,
            space=SearchSpace(
                dimensions={
                    **rule.initial_ranges,
                    **of_schedule[rule.schedule],
                    **(regularisation or {}),
                },
                source=rule.ranges_source or source,
            ),
        )
        for name, rule in (RULES | KERAS_RULES).items()
    }


def default_epsilon_signatures(initial: Mapping[str, Signature]) -> dict[str, Signature]:
    """Returns initial signatures with epsilon at its default and everything else tuned.

    Rules without an epsilon stay as they are; the others are called `<rule>_default_epsilon`, so
    that their studies can be compared with those that tune it.
    """
    return {name: _with_default_epsilon(signature) for name, signature in initial.items()}


def _with_default_epsilon(initial: Signature) -> Signature:
    rule, space = initial.rule, initial.space
    if rule.epsilon is None:
        return initial
    rest = {
        name: dimension
        for name, dimension in space.dimensions.items()
        if name not in (rule.rate_over_epsilon, "epsilon")
    }
    rate = {rule.rate: _RATE} if rule.rate_over_epsilon else {}
    return replace(
        initial,
        name=f"{rule.name}_default_epsilon",
        space=SearchSpace(
            dimensions={**rate, "epsilon": Fixed(fixed=rule.epsilon.default), **rest},
            source=f"{space.source}; range of the rate: ours" if rate else space.source,
        ),
    )
