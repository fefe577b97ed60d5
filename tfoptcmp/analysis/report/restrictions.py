"""What declared restrictions of the search spaces change, in sentences and cells.

Where the trials cannot answer, the study that could is named: its spaces go into a file for
`tfoptcmp-tune --space_file`, and its command is printed.
"""

import shlex
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfoptcmp.analysis.comparison import Comparison, counted
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.ranges.restricted import restricted_spaces
from tfoptcmp.analysis.report.commands import without_flags
from tfoptcmp.analysis.report.tables import Cells, format_rows, format_sentences
from tfoptcmp.analysis.statistics.quantities import STATISTICS
from tfoptcmp.analysis.statistics.restriction import (
    Box,
    Change,
    Estimate,
    Restricted,
    least_inside,
    restrictions,
)
from tfoptcmp.analysis.statistics.verdicts import LEVEL
from tfoptcmp.spaces import SearchSpace

QUESTION = "Would another search space have said something else?"

OPTIMISTIC = (
    "If this box was chosen after a look at these trials, its difference is optimistic, by up to a "
    "factor of two."
)
"""Only the reader knows whether it was, so every difference comes with it."""

HOW_TO_READ_BOXES = (
    "D: by how much the mean of the best of K of the second optimizer is worse than that of the "
    "first, at the same K in the whole space and in the box. In brackets confidence intervals "
    f"at the level {LEVEL:g} divided by the boxes times their pairs. turns: both intervals exclude "
    "0, on opposite sides; differs: the interval of the difference of the two D excludes 0; cannot "
    "say: neither."
)
"""Of the table of a section."""

_DROPPED = (
    *("space_file", "optimizers", "study_dir", "num_feasible", "tuning_budget"),
    *("until_decided", "max_feasible", "pairs"),  # they exclude a number of trials
)
_TUNE = ("tfoptcmp-tune", "tune.py")
_REPRODUCE = ("tfoptcmp-reproduce", "reproduce.py")


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """One box.

    Attributes:
        title: Its limits.
        sentences: What it changes, or why that is not answerable, and what to run.
        cells: The pairs that it restricts, with a heading.
        spaces: Name of the optimizer to its restricted search space.
        path: Where the spaces belong.
    """

    title: str
    sentences: list[str]
    cells: Cells
    spaces: dict[str, SearchSpace]
    path: Path


def sections(comparison: Comparison, output_dir: Path, suffix: str = ".json") -> list[Section]:
    """Returns a section for each of the comparison's boxes; writes nothing.

    Args:
        comparison: The comparison.
        output_dir: Where the report goes.
        suffix: What the names of files of this comparison end with.
    """
    found = restrictions(comparison)
    made = []
    for number, box in enumerate(comparison.boxes, start=1):
        several = f"-box{number}" if len(comparison.boxes) > 1 else ""
        path = output_dir / f"space_restricted{several}{suffix}"
        spaces, missing = restricted_spaces(comparison, box)
        own = [one for one in found if one.box is box]
        made.append(
            Section(
                title=", ".join(map(str, box)),
                sentences=[
                    *([] if own else ["There are no two optimizers with results to compare."]),
                    *_changes(own),
                    *_not_answerable(own),
                    *_what_to_run(comparison, own, spaces, path, several),
                    *(f"{sentence}." for sentence in missing),
                ],
                cells=_cells(own, comparison.metric.worse_by("D")),
                spaces=spaces,
                path=path,
            )
        )
    return made


def _changes(found: Sequence[Restricted]) -> list[str]:
    answered = [one for one in found if one.change is not Change.NOT_ANSWERABLE]
    if not answered:
        return []
    counts = [
        f"{sum(one.change is change for one in answered)} {change}"
        for change in Change
        if any(one.change is change for one in answered)
    ]
    what = f"{STATISTICS[answered[0].statistic].title} {answered[0].metric.name}"
    pairs = counted(len(answered), "pair")
    said = [f"By the {what}, {pairs}: {', '.join(counts)}."]
    for one in answered:
        if one.change is Change.TURNS and one.whole and one.part:
            first, second = one.a.contestant.title, one.b.contestant.title
            better, worse = (second, first) if one.whole.value < 0 else (first, second)
            said.append(
                f"In the whole space {better} is better than {worse}, in the box {worse} is better "
                f"than {better}."
            )
    return said


def _not_answerable(found: Sequence[Restricted]) -> list[str]:
    open_ones = [one for one in found if one.change is Change.NOT_ANSWERABLE]
    if not open_ones:
        return []
    sides = [side for one in open_ones for side in (one.a, one.b)]
    reasons = dict.fromkeys(side.lacking for side in sides if side.lacking)
    pairs = "1 pair" if len(found) == 1 else f"{len(open_ones)} of {len(found)} pairs"
    return [f"Not answerable from these trials for {pairs}: {'; '.join(reasons)}."]


def _what_to_run(
    comparison: Comparison,
    found: Sequence[Restricted],
    spaces: dict[str, SearchSpace],
    path: Path,
    several: str,
) -> list[str]:
    own = [one for one in comparison.contestants if one.name in spaces]
    command = _command(comparison, own, path, several) if own else ""
    if all(one.change is Change.NOT_ANSWERABLE for one in found):
        return [f"Or run the restricted study: {command}"] if command else []
    run = f" The restricted study has no such fault: {command}" if command else ""
    return [OPTIMISTIC + run]


def _command(comparison: Comparison, own: Sequence[Contestant], path: Path, several: str) -> str:
    """What runs the study in a box; "" where that cannot be told from what is on record."""
    (record, *_) = [one.record for one in own if one.record is not None]
    program, *flags = without_flags(str(record.provenance.get("command", "")), *_DROPPED) or [""]
    if Path(program).name in _TUNE:
        kept = flags
    elif (scale := _scale(record.budget["scale"], program, flags)) and all(
        one.is_plain and one.schedule == "linear_decay" for one in own
    ):
        budget, target = record.budget, record.budget["target"]
        kept = [
            f"--workload={record.workload}",
            f"--scale={scale}",
            *(f"--{name}={budget[name]}" for name in ("steps", "batch_size", "eval_every_steps")),
            *(f"--{name}={getattr(record, name)}" for name in ("search", "seed")),
            *([] if target is None else [f"--target={record.metric.scale * target:g}"]),
        ]
    else:
        return ""
    trials = max(least_inside(comparison.tuning_budget), *(one.num_feasible for one in own))
    return " ".join(
        [
            "tfoptcmp-tune",
            *kept,
            f"--optimizers={','.join(one.name for one in own)}",
            f"--num_feasible={trials}",
            f"--tuning_budget={comparison.tuning_budget}",
            shlex.quote(f"--space_file={path}"),
            shlex.quote(f"--study_dir={path.parent / f'restricted{several}'}"),
        ]
    )


def _scale(recorded: str, program: str, flags: Sequence[str]) -> str:
    """The scale that a study's sizes are from; "" if it is not on record once one was changed."""
    if recorded != "custom":
        return recorded
    named = [flag.removeprefix("--scale=") for flag in flags if flag.startswith("--scale=")]
    return named[-1] if named and Path(program).name in _REPRODUCE else ""


def _cells(found: Sequence[Restricted], d: str) -> Cells:
    numbers = (f"{d}, whole space", f"{d}, box", "box minus whole")
    cells = [["pair", "answer", "trials inside", *numbers]]
    for one in found:
        a, b = one.a, one.b
        shown = [_shown(one, estimate) for estimate in (one.whole, one.part, one.difference)]
        pair = f"{a.contestant.title}, {b.contestant.title}"
        cells.append([pair, str(one.change), f"{a.num_inside}, {b.num_inside}", *shown])
    return cells


def _shown(one: Restricted, estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    return one.metric.difference_with(estimate.value, estimate.low, estimate.high)


def format_sections(comparison: Comparison, found: Sequence[Section]) -> str:
    """Returns the sections of a comparison as text for a terminal."""
    lines = [f"{comparison.workload}: {QUESTION}"]
    for one in found:
        lines += ["", one.title, *format_sentences(one.sentences), "", format_rows(one.cells)]
    return "\n".join([*lines, "", *textwrap.wrap(HOW_TO_READ_BOXES, 100)]) + "\n"


def restrictions_json(comparison: Comparison) -> list[dict[str, object]]:
    """Returns what each box changes, as data; `docs/restrict.md` describes the fields."""
    found = restrictions(comparison)
    return [
        _box_json(comparison, box, [r for r in found if r.box is box]) for box in (comparison.boxes)
    ]


def _box_json(comparison: Comparison, box: Box, found: Sequence[Restricted]) -> dict[str, object]:
    spaces, missing = restricted_spaces(comparison, box)
    return {
        "limits": [vars(limit) for limit in box],
        "pairs": [
            {
                "a": one.a.contestant.name,
                "b": one.b.contestant.name,
                "statistic": one.statistic,
                "change": str(one.change),
                "level": one.level,
                "tuning_budget": one.tuning_budget,
                "num_inside": [one.a.num_inside, one.b.num_inside],
                "trials_needed": [one.a.trials_needed, one.b.trials_needed],
                "lacking": [side.lacking for side in (one.a, one.b) if side.lacking],
                **{
                    name: estimate and vars(estimate)
                    for name, estimate in (
                        ("whole", one.whole),
                        ("box", one.part),
                        ("box_minus_whole", one.difference),
                    )
                },
            }
            for one in found
        ],
        "spaces": {name: space.to_json() for name, space in spaces.items()},
        "no_space": missing,
        "warning": OPTIMISTIC,
    }
