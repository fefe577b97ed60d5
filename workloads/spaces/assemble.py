"""Assembles all search spaces of a workload from its own ranges.

Final spaces are results: `final/<workload>.json` is what `tfoptcmp-report --write_space` wrote.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tfoptcmp.workloads.spaces.protocols import protocol_signatures
from tfoptcmp.workloads.spaces.ranges import DECAY, default_epsilon_signatures, initial_signatures

from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Dimension, Fixed, SearchSpace

# The initial ranges are known from memory for the Simple CNN on Fashion-MNIST; others use them too.
TAKEN_OVER = "ours (initial ranges of the Simple CNN, reconstructed)"

SPACES: dict[str, str] = {
    "initial": "everything, over wide ranges",
    "final": "everything, over the ranges to which rounds narrowed them",
    "default_epsilon": "everything but epsilon, which stays at its default",
    "wilson_lr_grid": "the learning rate, on the grid of Wilson et al. (2017)",
    "wilson_momentum_epsilon": "the same rates, momentum and epsilon",
    "schneider_lr": "a constant learning rate, as in DeepOBS",
    "lr_and_schedule": "learning rate and schedule",
}
"""Name of a search space to what is searched in it."""


def signatures(
    source: str,
    *,
    decay: Mapping[str, Dimension] = DECAY,
    regularisation: Mapping[str, Dimension] | None = None,
    usual_regularisation: Mapping[str, float] | None = None,
    final: str = "",
) -> dict[str, dict[str, Signature]]:
    """Returns the search spaces: name of the space to rule to signature.

    There is a `final` space only if a study in it found its best trials away from all edges.

    Args:
        source: Where the ranges of the initial space come from, for this workload.
        decay: Dimensions of the linear decay in the initial space.
        regularisation: What the initial space also searches.
        usual_regularisation: The same names to values, for the protocols that do not search them.
        final: Name of the file in `final/` with rule to final space; "" if there is none yet.
    """
    initial = initial_signatures(source, decay=decay, regularisation=regularisation)
    fixed = {name: Fixed(fixed=value) for name, value in (usual_regularisation or {}).items()}
    text = (Path(__file__).with_name("final") / final).read_text() if final else "{}"
    finals = {
        rule: replace(initial[rule], space=SearchSpace.from_json(data))
        for rule, data in json.loads(text).items()
    }
    return {
        "initial": initial,
        **({"final": finals} if finals else {}),
        "default_epsilon": default_epsilon_signatures(initial),
        **protocol_signatures(fixed),
    }
