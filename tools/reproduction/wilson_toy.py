"""The figure and the claims of Wilson et al.'s toy problem (`tfoptcmp.workloads.wilson_toy`)."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from tfoptcmp.tools.reproduction.evidence import Answer
from tfoptcmp.workloads.wilson_toy import Problem, Run

from tfoptcmp.analysis.figures.style import house_style
from tfoptcmp.rules import RULES

WORSE = "Adaptive rules with their default epsilon find a worse solution."
EQUAL = "With a large epsilon they do not."


def draw(data: Problem, runs: Sequence[Run]) -> Figure:
    """Draws the training loss against the steps, and the final test error of every optimizer."""
    with house_style():
        figure = Figure(figsize=(8, 0.9 + 0.3 * len(runs)), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
        for height, run in enumerate(reversed(runs)):
            look = {"color": RULES[run.rule].look.colour}
            fill = "white" if run.epsilon == "default" else look["color"]
            dash = "--" if run.epsilon == "default" else "-"
            left.plot(run.steps, run.train_loss, dash, linewidth=1.5, **look)
            right.plot(100 * run.test_error[-1], height, "o", markerfacecolor=fill, **look)
        left.set_yscale("log")
        left.set_ylim(bottom=1e-4)
        left.set_yticks([1, 1e-2, 1e-4], ["1", "1e-2", "1e-4"])
        left.minorticks_off()
        left.set_xlabel("training steps")
        left.set_ylabel("training loss, mean squared error")
        right.set_yticks(range(len(runs)), [run.name for run in reversed(runs)])
        right.set_xlim(-4, 100)
        right.grid(True, axis="x")
        right.set_xlabel("test error, %")
        figure.supxlabel(
            "default epsilon: dashed lines and open points; large epsilon: on the lines of "
            "Momentum and Nesterov",
            fontsize=8,
        )
        share = 100 * float((data.test_y < 0).mean())
        figure.suptitle(
            f"Wilson et al.'s problem: {len(data.y)} training, {len(data.test_y):,} test examples, "
            f"{share:.0f} % of them in class -1; nothing tuned",
            fontsize=9,
        )
    return figure


def answers(runs: Sequence[Run]) -> list[tuple[str, Answer]]:
    """Returns the claims with our results.

    All optimizers must fit the training examples; worse is a test error above those of SGD,
    Momentum and Nesterov.
    """
    fitted = all(run.train_error[-1] == 0 for run in runs)
    plain = max(run.test_error[-1] for run in runs if not run.epsilon)
    table = []
    for text, epsilon, worse in ((WORSE, "default", True), (EQUAL, "large", False)):
        chosen = [run for run in runs if run.epsilon == epsilon]
        agrees = fitted and all((run.test_error[-1] > plain) == worse for run in chosen)
        ours = ", ".join(f"{run.name} {100 * run.test_error[-1]:.1f} %" for run in chosen)
        ours += f"; without epsilon at most {100 * plain:.1f} %"
        table.append((text, Answer(ours=ours, agrees="yes" if agrees else "no")))
    return table
