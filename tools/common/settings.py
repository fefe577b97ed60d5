"""What --set changes of a trial: names as searched, and as used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tfoptcmp.tools.common.cli import UserError

from tfoptcmp.spaces import SearchSpace


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A trial's hyperparameters after --set.

    Attributes:
        values: As searched, without those whose argument is set as used: they no longer count.
        arguments: All, as the optimizer, its schedule and the loss take them.
        note: What else moved that people should know; "" for nothing.
    """

    values: Mapping[str, float]
    arguments: Mapping[str, float]
    note: str


def change(
    space: SearchSpace, values: Mapping[str, float], settings: Sequence[str], *, budget_steps: int
) -> Changed:
    """Changes hyperparameters; what depends on one that is set as used follows it.

    Args:
        space: Of the hyperparameters.
        values: As searched.
        settings: "name=value", each.
        budget_steps: Training steps of the trial.

    Raises:
        UserError: If a name is unknown, is given twice or says what another says too, or if a
            value is impossible.
    """
    searched, used = _assignments(space, settings)
    changed = {**values, **searched}
    try:
        arguments = space.derive(changed, budget_steps=budget_steps)
    except ValueError as error:
        raise UserError(f"--set: {error}") from error
    note = ""
    if "epsilon" in searched and "learning_rate" not in used:
        before = space.derive(values, budget_steps=budget_steps)
        note = _moved(space, searched, before["learning_rate"], arguments["learning_rate"])
    arguments |= used
    for name in changed:
        meaning = space.meaning(name)
        if meaning.transform == "over_rate" and meaning.argument not in used:
            rate = arguments["learning_rate"]
            if rate == 0:
                raise UserError(f"--set: learning_rate must be > 0, as {name} is searched; got 0")
            arguments[meaning.argument] = meaning.value(name, changed, budget_steps, rate)
    return Changed(
        values={n: value for n, value in changed.items() if space.meaning(n).argument not in used},
        arguments=arguments,
        note=note,
    )


def _assignments(
    space: SearchSpace, settings: Sequence[str]
) -> tuple[dict[str, float], dict[str, float]]:
    """What is set as searched, and as used."""
    searched: dict[str, float] = {}
    used: dict[str, float] = {}
    names: dict[str, str] = {}  # by argument
    for setting in settings:
        name, _, text = setting.partition("=")
        if name not in space.dimensions and name not in space.arguments:
            known = sorted({*space.dimensions, *space.arguments})
            raise UserError(f"--set: name must be one of {known}; got {name!r}")
        try:
            value = float(text)
        except ValueError as error:
            raise UserError(f"--set: {name} must be a number; got {text!r}") from error
        if name in names.values():
            raise UserError(f"--set: {name} must be given once; got it twice")
        argument = space.meaning(name).argument if name in space.dimensions else name
        if (other := names.setdefault(argument, name)) != name:
            raise UserError(f"--set: {other} and {name} both determine {argument}: leave out one")
        (searched if name in space.dimensions else used)[name] = value
    return searched, used


def _moved(space: SearchSpace, searched: Mapping[str, float], before: float, after: float) -> str:
    """Says that the learning rate moved with epsilon, if its ratio to epsilon was kept."""
    name = next(n for n in space.dimensions if space.meaning(n).argument == "learning_rate")
    if name in searched or before == after:
        return ""
    return (
        f"learning_rate moved with epsilon, from {before:.4g} to {after:.4g}, as {name} is what it "
        "was; set learning_rate, too, to choose it"
    )
