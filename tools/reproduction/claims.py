"""The claims of Choi et al. (2019) and what our studies say: claim, ours, agrees or not.

The claims are those of the paper's text. A claim about a workload that was not run gets no answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tfoptcmp.tools.reproduction import decisions
from tfoptcmp.tools.reproduction.evidence import Answer, Panels

from tfoptcmp.study.schema import GRID

# With fewer feasible trials a study says neither yes nor no (the size of a grid is fixed).
_FEWEST_TRIALS = 10


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim of the paper.

    Attributes:
        text: The claim.
        check: From the figure's panels to the answer.
    """

    text: str
    check: Callable[[Panels], Answer]


CLAIMS: Mapping[str, Claim] = {
    "inclusions": Claim(
        text="No general rule is worse than its special case, on validation and test.",
        check=decisions.inclusions("validation", "test"),
    ),
    "inclusions_training": Claim(
        text="No general rule is worse than its special case in training loss.",
        check=decisions.inclusions("train_loss"),
    ),
    "inclusions_steps": Claim(
        text="No general rule is worse than its special case in steps to the target.",
        check=decisions.inclusions("steps_to_target"),
    ),
    "resnet32": Claim(
        text="On ResNet-32 the choice of the optimizer hardly matters.",
        check=decisions.hardly_matters,
    ),
    "transformer": Claim(
        text="On the Transformer there is a clear order of optimizers.", check=decisions.clear_order
    ),
    "adaptive": Claim(
        text="There is no clear winner among RMSProp, Adam and NAdam.",
        check=decisions.no_clear_winner,
    ),
    "adaptive_order": Claim(
        text="Adam and NAdam are a little better than RMSProp.", check=decisions.better_than_rmsprop
    ),
    "fastest": Claim(
        text="Adam or NAdam is fastest in most cases.", check=decisions.adaptive_fastest
    ),
    "lm1b_steps": Claim(
        text="On LM1B Adam needs 60 % of Momentum's steps to the target.",
        check=decisions.lm1b_steps,
    ),
    "lm1b_steps_to_sgd": Claim(
        text="On LM1B Adam needs 25 % of SGD's steps to where SGD ends.",
        check=decisions.lm1b_steps_to_sgd,
    ),
    "epsilon": Claim(
        text="The best epsilon is often orders of magnitude above its default.",
        check=decisions.epsilon_above_default,
    ),
    "epsilon_span": Claim(
        text="The best epsilon spans ten orders of magnitude over the workloads.",
        check=decisions.epsilon_spans,
    ),
    "edges": Claim(
        text="The best trials lie away from the edges of the search spaces.", check=decisions.inside
    ),
    "wilson_grid": Claim(
        text="With the rate alone tuned, on a grid, RMSProp and Adam are worse than SGD.",
        check=decisions.worse_on_a_grid,
    ),
    "wilson_equal": Claim(
        text="Momentum and epsilon, or the schedule alone, tuned as well make all equal.",
        check=decisions.equal_when_tuned,
    ),
    "wilson_improves": Claim(text="Wider tuning improves all.", check=decisions.tuning_improves),
    "schneider_all_cnn_c": Claim(
        text="With the constant rate alone tuned, Adam is worse than Momentum on All-CNN-C.",
        check=decisions.schneider("cifar100_all_cnn_c", [("momentum", "adam")]),
    ),
    "schneider_lstm": Claim(
        text="With the constant rate alone tuned, SGD is slightly best on the LSTM.",
        check=decisions.schneider("war_and_peace_lstm", [("sgd", "momentum"), ("sgd", "adam")]),
    ),
    "schneider_last": Claim(
        text="With everything tuned, Adam is better than Momentum and Momentum better than SGD.",
        check=decisions.inclusion_order,
    ),
}


def answer(key: str, panels: Panels) -> Answer:
    """Checks a claim; if the evidence is too weak for a yes or no, the answer says so.

    Args:
        key: A name in CLAIMS.
        panels: Those of the figure.
    """
    found = CLAIMS[key].check(panels)
    thin = _too_thin(panels)
    if found.agrees not in ("yes", "no") or not thin:
        return found
    return Answer(ours=found.ours, agrees=f"cannot tell: {thin}")


def _too_thin(panels: Panels) -> str:
    """Says why there can be no answer; "" if there can."""
    if any("smoke" in comparison.scale.split("/") for _, comparison in panels):
        return "smoke scale"
    searched = [c.num_trials for panel, c in panels if panel.search != GRID]
    if min(searched, default=_FEWEST_TRIALS) < _FEWEST_TRIALS:
        return f"fewer than {_FEWEST_TRIALS} trials"
    return ""
