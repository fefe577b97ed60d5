"""Which update rule can imitate which, and with what hyperparameters.

M <= N ("M is a special case of N") holds when for every sequence of M's hyperparameters there are
sequences of N's whose updates converge to M's at every step and for every history of gradients
(Choi et al. 2019, section 3). The relation is the transitive closure of EDGES and nothing else: any
other pair is *not comparable*, whatever the names suggest.

The maps here use the names of the decoupled search spaces (`tfoptcmp.spaces`), in which they do
not depend on epsilon: alpha0_over_epsilon = eta0 / (1 - gamma). What epsilon has to be (large), and
what has to be done to the *sequences* (bias correction, momentum that follows the rate), is stated
in the fields of `Inclusion`; `tfoptcmp.optimizers.imitate` applies both to Keras optimizers.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

Values = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Inclusion:
    """special <= general.

    Attributes:
        special: Name of the special rule.
        general: Name of the rule that contains it.
        limit: False if some hyperparameters of `general` give exactly `special`; True if the
            trajectories only converge, as O(1/epsilon), while epsilon -> infinity.
        translate: From the special rule's searched values to the general one's. Names that both
            share and that are not the rule's own (schedule, regularisation) pass unchanged.
            Epsilon and `unconstrained` names are not in the result.
        unconstrained: Searched names of the general rule that may take any value in the limit.
        bias_corrected: Whether the rate must be divided by Adam's bias correction b_{t+1}.
        momentum_follows_rate: Whether gamma_t must be gamma * eta_t / eta_{t-1}, as in a rule that
            keeps the learning rate inside the velocity.
        formulation: The form in which the general rule contains the special one under a schedule;
            "" if it has only one form.
    """

    special: str
    general: str
    limit: bool
    translate: Callable[[Mapping[str, float]], Values]
    unconstrained: tuple[str, ...] = ()
    bias_corrected: bool = False
    momentum_follows_rate: bool = False
    formulation: str = ""


def _no_momentum(values: Mapping[str, float]) -> Values:
    """With gamma = 0, Momentum and Nesterov are SGD."""
    return {**values, "one_minus_gamma": 1.0}


def _large_epsilon_rmsprop(values: Mapping[str, float]) -> Values:
    """As eps -> inf: g / sqrt(v + eps) -> g / sqrt(eps), so the rate is eta_t sqrt(eps)."""
    translated = dict(values)
    translated["eta0_over_sqrt_epsilon"] = translated.pop("eta0")
    return translated


def _large_epsilon_adam(values: Mapping[str, float]) -> Values:
    """As eps -> inf: m / (sqrt(v) + eps) -> m / eps, and m is (1 - beta1) times Momentum's v."""
    translated = dict(values)
    one_minus_gamma = translated.pop("one_minus_gamma")
    translated["one_minus_beta1"] = one_minus_gamma
    translated["alpha0_over_epsilon"] = translated.pop("eta0") / one_minus_gamma
    return translated


EDGES: tuple[Inclusion, ...] = (
    Inclusion(special="sgd", general="momentum", limit=False, translate=_no_momentum),
    Inclusion(special="sgd", general="nesterov", limit=False, translate=_no_momentum),
    Inclusion(
        special="momentum",
        general="rmsprop",
        limit=True,
        translate=_large_epsilon_rmsprop,
        unconstrained=("one_minus_rho",),
        momentum_follows_rate=True,
    ),
    Inclusion(
        special="momentum",
        general="adam",
        limit=True,
        translate=_large_epsilon_adam,
        unconstrained=("one_minus_beta2",),
        bias_corrected=True,
    ),
    Inclusion(
        special="nesterov",
        general="nadam",
        limit=True,
        translate=_large_epsilon_adam,
        unconstrained=("one_minus_beta2",),
        bias_corrected=True,
    ),
    Inclusion(
        special="nesterov",
        general="rmsterov",
        limit=True,
        translate=_large_epsilon_rmsprop,
        unconstrained=("one_minus_rho",),
        formulation="accumulator",
    ),
)


@functools.cache
def closure() -> tuple[Inclusion, ...]:
    """Returns every inclusion that follows from EDGES, the edges first, each pair once."""
    found = {(edge.special, edge.general): edge for edge in EDGES}
    grown = True
    while grown:
        grown = False
        for first in list(found.values()):
            for second in EDGES:
                pair = (first.special, second.general)
                if first.general == second.special and pair not in found:
                    found[pair] = _compose(first, second)
                    grown = True
    return tuple(found.values())


def is_special_case(special: str, general: str, more: Iterable[tuple[str, str]] = ()) -> bool:
    """Says whether special <= general, with `more` pairs (special, general) beside EDGES."""
    pairs = {(edge.special, edge.general) for edge in EDGES} | set(more)
    reached = {special}
    while grown := {b for a, b in pairs if a in reached} - reached:
        reached |= grown
    return special != general and general in reached


def find(special: str, general: str) -> Inclusion | None:
    """Returns the inclusion special <= general, or None: the special rule is not contained."""
    for inclusion in closure():
        if (inclusion.special, inclusion.general) == (special, general):
            return inclusion
    return None


def _compose(first: Inclusion, second: Inclusion) -> Inclusion:
    return Inclusion(
        special=first.special,
        general=second.general,
        limit=first.limit or second.limit,
        translate=lambda values: second.translate(first.translate(values)),
        unconstrained=first.unconstrained + second.unconstrained,
        bias_corrected=first.bias_corrected or second.bias_corrected,
        momentum_follows_rate=first.momentum_follows_rate or second.momentum_follows_rate,
        formulation=second.formulation,
    )
