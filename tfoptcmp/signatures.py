"""Signatures: an update rule together with its free hyperparameters, the unit of every comparison.

"Adam" and "Adam with epsilon fixed at its default" are two signatures (Choi et al. 2019,
section 3). Nothing here imports TensorFlow; a rule names its Keras class as "module:Class".
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from tfoptcmp.conversion import convert
from tfoptcmp.rules import RULES, Rule
from tfoptcmp.spaces import SearchSpace

# Learning-rate schedule to the arguments it takes beside the initial rate.
SCHEDULES: dict[str, tuple[str, ...]] = {
    "constant": (),
    "linear_decay": ("decay_steps", "decay_factor"),
    "step_decay": ("decay_steps", "decay_factor"),
}

REGULARISATION = ("l2", "label_smoothing")


@dataclass(frozen=True, kw_only=True)
class Signature:
    """An update rule, its learning-rate schedule and the space its hyperparameters are searched in.

    Attributes:
        name: Name of the study and its directory; the rule's name unless there are several.
        rule: The update rule.
        space: Must determine every hyperparameter of the rule and the schedule once, and may
            determine regularisation.
        schedule: A name in SCHEDULES.
        bias_corrected: Whether the rate is divided by Adam's bias correction, so that Adam and
            NAdam imitate Momentum and Nesterov exactly in the limit. The paper's studies do not.
    """

    name: str
    rule: Rule
    space: SearchSpace
    schedule: str = "linear_decay"
    bias_corrected: bool = False

    def __post_init__(self) -> None:
        if not self.name or not all(c.isalnum() or c in "_-" for c in self.name):
            raise ValueError(
                f"signature name must be letters, digits, '_' and '-', as it becomes a directory; "
                f"got {self.name!r}"
            )
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule must be one of {sorted(SCHEDULES)}; got {self.schedule!r}")
        if self.bias_corrected and "beta_2" not in self.rule.hyperparameters:
            raise ValueError(
                f"bias_corrected needs a rule with beta_1 and beta_2; got {self.rule.name!r}"
            )
        given = set(self.space.arguments) - set(REGULARISATION)
        needed = set(self.rule.hyperparameters) | set(SCHEDULES[self.schedule])
        if given != needed:
            raise ValueError(
                f"the search space of {self.name!r} must determine {sorted(needed)}; "
                f"missing {sorted(needed - given)}, not taken {sorted(given - needed)}"
            )

    @property
    def caution(self) -> str:
        """What people should know of its search space before they believe it; "" if nothing."""
        meanings = {m.argument: m for m in map(self.space.meaning, self.space.dimensions)}
        decay, rate = meanings.get("weight_decay"), meanings["learning_rate"]
        if decay is None or decay.transform == "over_rate" or not rate.needs_epsilon:
            return ""
        return (
            f"{self.rule.title}: Keras multiplies weight_decay with the learning rate, which has "
            "the unit of epsilon in this space, so that one value decays weights differently at "
            "each epsilon; search weight_decay_per_step instead"
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the signature as JSON-ready data; `from_json` restores it."""
        data: dict[str, Any] = {
            "name": self.name,
            "rule": self.rule.name,
            "schedule": self.schedule,
            "bias_corrected": self.bias_corrected,
            "space": self.space.to_json(),
        }
        if RULES.get(self.rule.name) != self.rule:
            data["rule_definition"] = self.rule.to_json()
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Signature":
        """Builds a signature from what `to_json` returned.

        Raises:
            ValueError: If a field is invalid, the rule is neither in RULES nor defined with the
                signature, or the signature is not consistent; the message names the field.
        """
        record = convert(data, _Record)
        if "rule_definition" in record:
            with _within("rule_definition"):
                rule = Rule.from_json(record["rule_definition"])
            if rule.name != record["rule"]:
                raise ValueError(f"rule must be {rule.name!r}, as defined; got {record['rule']!r}")
        elif record["rule"] in RULES:
            rule = RULES[record["rule"]]
        else:
            raise ValueError(f"rule must be one of {sorted(RULES)}; got {record['rule']!r}")
        with _within("space"):
            space = SearchSpace.from_json(record["space"])
        return cls(
            name=record["name"],
            rule=rule,
            space=space,
            schedule=record["schedule"],
            bias_corrected=record["bias_corrected"],
        )


class _Record(TypedDict):
    """A signature in a JSON file."""

    name: str
    rule: str
    schedule: str
    bias_corrected: bool
    space: dict[str, Any]
    rule_definition: NotRequired[dict[str, Any]]


@contextmanager
def _within(field: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from error
