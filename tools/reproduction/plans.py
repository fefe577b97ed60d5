"""Which studies each figure of Choi et al. (2019) needs, as data. Imports nothing heavy.

Figures 1, 2, 5, 9 and the first half of 10 are drawn from the same studies, which are run once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tfoptcmp.tools.common.cli import UserError

from tfoptcmp import workloads
from tfoptcmp.rules import DEFAULT_RULES
from tfoptcmp.study.schema import GRID

_MAIN = (
    "fashion_mnist_simple_cnn",
    "cifar10_resnet32",
    "imagenet_resnet50",
    "lm1b_transformer",
)


EVERYTHING = "initial"
"""The space in which everything is tuned."""
REFINED = "refined"
"""The space that rounds come to from there."""
ALL_TUNED = "all hyperparameters"
"""The protocol in which it is."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Studies of several optimizers on one workload: a column of a figure.

    Attributes:
        protocol: What is tuned, as the figure names it.
        workload: Name of the workload.
        space: Name of the search space, or REFINED.
        optimizers: Names of the update rules.
        search: How points are drawn.
        steps_share: Share of the scale's steps that a trial takes.
    """

    protocol: str
    workload: str
    optimizers: tuple[str, ...] = DEFAULT_RULES
    space: str = EVERYTHING
    search: str = "quasirandom"
    steps_share: float = 1.0

    @property
    def first_space(self) -> str:
        """Name of the space whose signatures the workload has, that of the first round."""
        return EVERYTHING if self.space == REFINED else self.space

    @property
    def directory(self) -> str:
        """Where its studies are, below the directory of a scale."""
        share = "" if self.steps_share == 1 else f"-steps_x{self.steps_share:g}"
        return f"{self.workload}/{self.space}-{self.search}{share}"


@dataclass(frozen=True, kw_only=True)
class FigurePlan:
    """A figure: its panels, how it is drawn and which claims it bears on.

    Attributes:
        title: What it shows.
        panels: Its studies.
        draw: A name in `drawing.DRAW`.
        claims: Keys of `claims.CLAIMS`.
    """

    title: str
    panels: tuple[Panel, ...]
    draw: str
    claims: tuple[str, ...]


def _everything_tuned(*workloads: str) -> tuple[Panel, ...]:
    return tuple(Panel(protocol=ALL_TUNED, workload=name) for name in workloads)


# Wilson et al.'s comparison has no Nesterov and no NAdam.
_WILSON = ("sgd", "momentum", "rmsprop", "adam")
# The claims about figure 4 are about these three.
_SCHNEIDER = ("sgd", "momentum", "adam")


def _wilson(workload: str) -> tuple[Panel, ...]:
    """Figure 3: the rate on a grid, momentum and epsilon too (random); our schedule, everything."""
    panel = Panel(protocol="", workload=workload, optimizers=_WILSON)
    return (
        replace(panel, protocol="rate (grid)", space="wilson_lr_grid", search=GRID),
        replace(
            panel,
            protocol="rate, momentum, epsilon",
            space="wilson_momentum_epsilon",
            search="random",
        ),
        replace(panel, protocol="rate and our schedule", space="lr_and_schedule"),
        replace(panel, protocol=ALL_TUNED),
    )


def _schneider(workload: str) -> tuple[Panel, ...]:
    """Figure 4: ever more general spaces, all by random search."""
    panel = Panel(protocol="", workload=workload, optimizers=_SCHNEIDER, search="random")
    return (
        replace(panel, protocol="constant rate", space="schneider_lr"),
        replace(panel, protocol="rate and schedule", space="lr_and_schedule"),
        replace(panel, protocol=ALL_TUNED),
    )


FIGURES: dict[str, FigurePlan] = {
    "1": FigurePlan(
        title="final validation and test metric",
        panels=_everything_tuned(*_MAIN),
        draw="results",
        claims=("inclusions", "resnet32", "transformer", "adaptive", "adaptive_order"),
    ),
    "2": FigurePlan(
        title="steps to the target",
        panels=_everything_tuned(*_MAIN),
        draw="steps",
        claims=("inclusions_steps", "fastest", "lm1b_steps", "lm1b_steps_to_sgd"),
    ),
    "3": FigurePlan(
        title="Wilson et al.'s protocol and more general ones",
        panels=_wilson("cifar10_vgg16"),
        draw="protocols",
        claims=("wilson_grid", "wilson_equal", "wilson_improves"),
    ),
    "4": FigurePlan(
        title="Schneider et al.'s protocol and more general ones",
        panels=(*_schneider("cifar100_all_cnn_c"), *_schneider("war_and_peace_lstm")),
        draw="protocols",
        claims=("schneider_all_cnn_c", "schneider_lstm", "schneider_last"),
    ),
    "5": FigurePlan(
        title="results against hyperparameters, with the edges of the space",
        panels=_everything_tuned(*_MAIN),
        draw="boundaries",
        claims=("epsilon", "epsilon_span", "edges"),
    ),
    "9": FigurePlan(
        title="final training loss",
        panels=_everything_tuned(*_MAIN),
        draw="training_loss",
        claims=("inclusions_training",),
    ),
    "10": FigurePlan(
        title="steps to other targets, at other budgets",
        panels=tuple(
            replace(panel, steps_share=share)
            for panel in _everything_tuned(*_MAIN)
            for share in (1.0, 0.5)
        ),
        draw="other_targets",
        claims=("inclusions_steps", "fastest"),
    ),
}


def with_workloads(plan: FigurePlan, workloads: tuple[str, ...]) -> FigurePlan:
    """Returns the plan with each panel of its first workload repeated for these instead."""
    pattern = [panel for panel in plan.panels if panel.workload == plan.panels[0].workload]
    return replace(
        plan,
        panels=tuple(replace(panel, workload=name) for name in workloads for panel in pattern),
    )


def with_optimizers(plan: FigurePlan, optimizers: tuple[str, ...]) -> FigurePlan:
    """Returns the plan with these optimizers.

    A panel of the default ones takes any; others keep those of them that they have.

    Raises:
        ValueError: If a panel would be empty, or an optimizer in no panel.
    """
    panels = [
        replace(
            panel,
            optimizers=optimizers
            if panel.optimizers == DEFAULT_RULES
            else tuple(one for one in panel.optimizers if one in optimizers),
        )
        for panel in plan.panels
    ]
    taken = {one for panel in panels for one in panel.optimizers}
    if not taken.issuperset(optimizers) or not all(panel.optimizers for panel in panels):
        known = dict.fromkeys(one for panel in plan.panels for one in panel.optimizers)
        raise ValueError(f"optimizers must be of {tuple(known)}; got {list(optimizers)}")
    return replace(plan, panels=tuple(panels))


def with_space(plan: FigurePlan, space: str) -> FigurePlan:
    """Returns the plan with another space, or REFINED, where everything is tuned."""
    return replace(
        plan,
        panels=tuple(
            replace(panel, space=space) if panel.space == EVERYTHING else panel
            for panel in plan.panels
        ),
    )


def check_names(panels: Sequence[Panel], scale: str) -> None:
    """Checks that every workload, space and optimizer of a plan exists, and the scale for each.

    Raises:
        UserError: If one is not; the message names all that are missing.
    """
    missing = {f"{one.workload}, {one.space}": why for one in panels if (why := _problem(one))}
    if missing:
        raise UserError(
            "the figure needs these, which do not exist:\n"
            + "\n".join(f"  {what}: {why}" for what, why in missing.items())
            + "\nDraw it on other workloads with --workloads=..., of "
            + ", ".join(workloads.names())
        )
    for panel in panels:
        try:
            workloads.get(panel.workload).budget(scale)
        except ValueError as error:
            raise UserError(f"--{error}") from error


def _problem(panel: Panel) -> str:
    """What is wrong with the workload, the space or an optimizer of a panel; "" for nothing."""
    if panel.workload not in workloads.names():
        return "there is no such workload"
    workload = workloads.get(panel.workload)
    if panel.protocol == ALL_TUNED and panel.first_space not in workload.spaces:
        known = [*workload.spaces, REFINED]
        return f"space of {workload.name} must be one of {known}; got {panel.space!r}"
    for rule in panel.optimizers:
        try:
            workload.signature(rule, space=panel.first_space)
        except ValueError as error:
            return str(error)
    return ""
