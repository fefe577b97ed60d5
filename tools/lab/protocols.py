"""Draws how rankings change with the search space, from studies of the same rules in several.

    python -m tools.lab.protocols --output_dir=build rate=runs/rate everything=runs/all

Each argument is a name and a directory of studies, or several with "+" between them, from the most
special space to the most general. All are judged at the smallest K of them.
Writes `protocols.png` and `.svg`, in the manner of figure 4 of Choi et al. (2019), and
`protocols.md`: for every two optimizers how much worse the second one is in each space, with the
95 % interval, and whether a space names another winner than the last one does.
"""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags
from tfoptcmp.tools.common import cli
from tfoptcmp.tools.common.cli import UserError

if TYPE_CHECKING:
    from tfoptcmp.analysis.comparison import Comparison

_OUTPUT_DIR = flags.DEFINE_string("output_dir", ".", "Where to write; made if needed.")

_GROUPS = {"Output": (_OUTPUT_DIR,)}


def _run(argv: list[str]) -> None:
    given = dict(text.partition("=")[::2] for text in argv)
    if len(given) < 2 or not all(given.values()):
        raise UserError("name at least two spaces, each as NAME=DIRECTORY")

    from tfoptcmp.analysis import read_comparisons
    from tfoptcmp.analysis.figures import protocols_figure, save

    columns = []
    for name, directories in given.items():
        found = read_comparisons(directories.split("+"))
        if len(found) != 1:
            raise UserError(f"{directories} must hold studies of one workload; got {len(found)}")
        columns.append((name, found[0]))
    smallest = min(comparison.tuning_budget for _, comparison in columns)
    columns = [(name, replace(found, tuning_budget=smallest)) for name, found in columns]
    output = Path(_OUTPUT_DIR.value)
    output.mkdir(parents=True, exist_ok=True)
    try:
        files = save(protocols_figure(columns, "test"), output / "protocols")
    except ValueError as error:
        raise UserError(str(error)) from error
    table = output / "protocols.md"
    table.write_text(differences(columns), encoding="utf-8")
    print(f"Figure: {files[0]}\nTable:  {table}")


def differences(columns: "list[tuple[str, Comparison]]") -> str:
    """Returns the differences of all pairs in every space, as a Markdown table.

    A pair "turns" where both intervals, here and in the last space, exclude 0 on opposite sides.
    Rules are paired by name: a space in which a rule is not searched has none.
    """
    from tfoptcmp.analysis.statistics.means import means_of
    from tfoptcmp.analysis.statistics.verdicts import LEVEL

    last = columns[-1][1]
    lines = [
        f"| second minus first | {' | '.join(name for name, _ in columns)} |",
        "| --- " * (1 + len(columns)) + "|",
    ]
    rules = {one.rule.name: one.rule.title for one in last.contestants if one.rule}
    for first, second in itertools.combinations(rules, 2):
        cells: list[str] = []
        known: list[tuple[float, float] | None] = []
        for _, comparison in columns:
            by_rule = {one.rule.name: one for one in comparison.contestants if one.rule}
            if not {first, second} <= by_rule.keys():
                cells.append("-")
                known.append(None)
                continue
            a, b, k = by_rule[first], by_rule[second], comparison.tuning_budget
            d = means_of(comparison).difference(a, b, "test", k)
            low, high = d.interval(LEVEL)
            known.append((low, high))
            cells.append(comparison.metric.difference_with(d.estimate, low, high))
        for place, ends in enumerate(known[:-1]):
            if ends and known[-1] and (ends[0] > 0 > known[-1][1] or ends[1] < 0 < known[-1][0]):
                cells[place] = f"**{cells[place]} turns**"
        lines.append(f"| {rules[first]}, {rules[second]} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Entry point."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
