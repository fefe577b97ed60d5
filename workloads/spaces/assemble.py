"""All search spaces of a workload, from what is particular to it."""

from collections.abc import Mapping

from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Dimension, Fixed
from workloads.spaces.protocols import protocol_signatures
from workloads.spaces.ranges import DECAY, default_epsilon_signatures, initial_signatures

# The initial ranges are remembered for the Simple CNN on Fashion-MNIST; others take them over.
TAKEN_OVER = "ours (initial ranges of the Simple CNN, reconstructed)"


def signatures(
    source: str,
    *,
    decay: Mapping[str, Dimension] = DECAY,
    regularisation: Mapping[str, Dimension] | None = None,
    usual_regularisation: Mapping[str, float] | None = None,
) -> dict[str, dict[str, Signature]]:
    """Returns the search spaces: name of the space to rule to signature.

    There is no `final` space: it needs a study whose best trials lie away from all edges.

    Args:
        source: Where the ranges of the initial space come from, for this workload.
        decay: Dimensions of the linear decay in the initial space.
        regularisation: What the initial space searches besides.
        usual_regularisation: The same names to values, for the protocols that do not search them.
    """
    initial = initial_signatures(source, decay=decay, regularisation=regularisation)
    fixed = {name: Fixed(fixed=value) for name, value in (usual_regularisation or {}).items()}
    return {
        "initial": initial,
        "default_epsilon": default_epsilon_signatures(initial),
        **protocol_signatures(fixed),
    }
