"""Reproduces a figure of Choi et al. (2019): runs its studies, draws it, checks the claims.

    tfoptcmp-reproduce --figure=1 --scale=smoke --workloads=digits_simple_cnn
    tfoptcmp-reproduce --figure=wilson_toy

First it prints the studies that the figure needs, the number of trials and an estimate of the time,
measured on a few steps. Repeat a command to resume where it stopped; figures 1, 2, 5, 9 and 10
share studies. --space=refined narrows the space in rounds where everything is tuned.
"""

import dataclasses
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags
from tfoptcmp.tools.common import cli, refine_flags, shared_flags, terminal
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.shared_flags import (
    DATA_DIR,
    NUM_FEASIBLE,
    OPTIMIZERS,
    PLAN,
    SCALE,
    SEED,
    SPACE,
    STEPS,
    TUNING_BUDGET,
)
from tfoptcmp.tools.reproduction.plans import (
    EVERYTHING,
    FIGURES,
    REFINED,
    FigurePlan,
    Panel,
    check_names,
    with_optimizers,
    with_space,
    with_workloads,
)

if TYPE_CHECKING:
    from tfoptcmp.tools.reproduction.evidence import Answer
    from tfoptcmp.tools.reproduction.studies import Ready

_WILSON_TOY = "wilson_toy"

_FIGURE = flags.DEFINE_enum(
    "figure", None, [*FIGURES, _WILSON_TOY], "Which figure, or Wilson et al.'s toy problem."
)
_WORKLOADS = flags.DEFINE_list("workloads", [], "Workloads instead of the figure's own.")
_MOCK_DATA = flags.DEFINE_bool(
    "mock_data", False, "At --scale=smoke: random numbers in place of missing data."
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir",
    "reproduction",
    "Where to put studies (<scale>/<workload>/<space>-<search>/<optimizer>), figures and claims.",
)
_DRAW_ONLY = flags.DEFINE_bool(
    "draw_only", False, "Train nothing: draw the studies that exist, finished or not."
)

flags.set_default(SCALE, "smoke")

_GROUPS = {
    "What to reproduce": (_FIGURE, _WORKLOADS, OPTIMIZERS, SPACE, DATA_DIR, _MOCK_DATA),
    "How much": (
        *(SCALE, STEPS, shared_flags.MEASURE_ALL, NUM_FEASIBLE, TUNING_BUDGET),
        *refine_flags.OF_ROUNDS,
    ),
    "Reproducibility": shared_flags.REPRODUCIBILITY,
    "Devices": shared_flags.DEVICES,
    "Running": (*shared_flags.EXECUTION, *shared_flags.CHECKPOINTS),
    "Output": (_OUTPUT_DIR, PLAN, _DRAW_ONLY),
}
_DRAWING = (_FIGURE, _WORKLOADS, OPTIMIZERS, SPACE, _MOCK_DATA, SCALE, TUNING_BUDGET, _OUTPUT_DIR)


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    if _FIGURE.value is None:
        raise UserError(f"--figure must be one of {[*FIGURES, _WILSON_TOY]}; got nothing")
    if _MOCK_DATA.value and SCALE.value != "smoke":
        raise UserError(f"--mock_data is for --scale=smoke; got --scale={SCALE.value}")
    if _FIGURE.value == _WILSON_TOY:
        _refuse_others("--figure=wilson_toy tunes nothing", (_FIGURE, SEED, _OUTPUT_DIR))
        _wilson_toy()
        return
    if SPACE.value != REFINED:
        refine_flags.refuse(f"--space={REFINED}")
    plan = _plan(_FIGURE.value)
    output_dir = Path(_OUTPUT_DIR.value)
    studies_dir = output_dir / SCALE.value
    if _DRAW_ONLY.value:
        _refuse_others("--draw_only trains nothing", (*_DRAWING, _DRAW_ONLY))
        directories = [_studies_of(panel, studies_dir) for panel in plan.panels]
    else:
        directories = _run_studies(plan, output_dir, studies_dir)
    if not PLAN.value:
        _draw(plan, directories, output_dir)


def _refuse_others(reason: str, taken: Sequence[flags.FlagHolder[Any]]) -> None:
    """Refuses flags that were given but have no effect."""
    names = {holder.name for holder in taken}
    given = [
        f"--{holder.name}"
        for holders in _GROUPS.values()
        for holder in holders
        if flags.FLAGS[holder.name].present and holder.name not in names
    ]
    if given:
        raise UserError(f"{reason}: leave out {', '.join(given)}")


def _plan(figure: str) -> FigurePlan:
    """Returns a figure's plan, as changed by flags."""
    plan = FIGURES[figure]
    if _WORKLOADS.value:
        plan = with_workloads(plan, tuple(_WORKLOADS.value))
    if OPTIMIZERS.present:
        try:
            plan = with_optimizers(plan, tuple(OPTIMIZERS.value))
        except ValueError as error:
            raise UserError(f"--{error}") from error
    return with_space(plan, SPACE.value)


def _studies_of(panel: Panel, studies_dir: Path) -> Path:
    """Returns where a panel's studies are; those of mock data if they are requested and exist."""
    mock = studies_dir / "mock_data" / panel.directory
    return mock if _MOCK_DATA.value and mock.exists() else studies_dir / panel.directory


def _run_studies(plan: FigurePlan, output_dir: Path, studies_dir: Path) -> list[Path]:
    """Runs or resumes the studies, or says what is left to run; returns where each panel's are."""
    options = shared_flags.options()
    execution = shared_flags.execution(options)
    if _MOCK_DATA.value and execution.in_workers:
        raise UserError("--mock_data is for one process: leave out --num_workers, --ray_address")
    if _MOCK_DATA.value:
        execution = dataclasses.replace(execution, num_workers=1)
    if options.distribution == "multiworker":
        raise UserError("--distribution=multiworker is for tfoptcmp-tune, not for figures")
    check_names(plan.panels, SCALE.value)
    shared_flags.start_server(execution, options)
    cli.import_tensorflow()
    _make(output_dir)
    from tfoptcmp.tools.reproduction import studies

    from tfoptcmp import workloads

    trained = [workloads.get(panel.workload) for panel in plan.panels]
    execution, options, how = shared_flags.settle(execution, options, trained)
    strategy = shared_flags.configure_process(options)
    try:
        ready = studies.prepare(
            plan.panels,
            scale=SCALE.value,
            studies_dir=studies_dir,
            data_dir=DATA_DIR.value,
            mock_dir=output_dir / "mock_data" if _MOCK_DATA.value else None,
            num_feasible=NUM_FEASIBLE.value,
            steps=STEPS.value,
            rounds=refine_flags.planned,
        )
    except ValueError as error:
        raise UserError(f"--{error}") from error
    print(f"Figure {_FIGURE.value}: {plan.title}, scale {SCALE.value}")
    print(how)
    _print_plan(ready, studies.estimate_seconds(ready, options, strategy), execution.num_workers)
    if not PLAN.value:
        for one in ready:
            studies.run(
                one, SEED.value, options, strategy, execution, max_rounds=refine_flags.max_rounds
            )
    return [one.directory for one in ready]


def _draw(plan: FigurePlan, directories: list[Path], output_dir: Path) -> None:
    """Draws the studies and compares them with the claims."""
    from tfoptcmp.tools.reproduction.claims import CLAIMS, answer
    from tfoptcmp.tools.reproduction.drawing import comparison, draw_and_save

    panels = []
    for panel, directory in zip(plan.panels, directories, strict=True):
        found = comparison(panel, directory, TUNING_BUDGET.value)
        if found:
            panels.append((panel, found))
        else:
            print(f"no study in {directory}: left out")
    if not panels:
        raise UserError(f"--draw_only: none of the figure's studies is in {output_dir}")
    space = "" if SPACE.value == EVERYTHING else f"-{SPACE.value}"
    name = f"figure{_FIGURE.value}-{SCALE.value}{space}"
    try:
        files = draw_and_save(plan.draw, panels, output_dir / name)
    except ValueError as error:  # no trial has what the figure shows
        raise UserError(f"--figure={_FIGURE.value} cannot be drawn: {error}") from error
    table = [(CLAIMS[key].text, answer(key, panels)) for key in plan.claims]
    warnings = dict.fromkeys(w for _, comparison in panels for w in comparison.warnings)
    _report(f"Figure {_FIGURE.value}", table, list(warnings), files, output_dir / f"{name}.md")


def _print_plan(ready: "Sequence[Ready]", estimates: Iterable[float], num_workers: int) -> None:
    total = 0.0
    partial = {one.workload.name: one.splits.partial for one in ready if one.splits.partial}
    for name, lacking in partial.items():
        print(f"PARTIAL DATA: {name}: {lacking}")
    for one, alone in zip(ready, estimates, strict=True):
        seconds = alone / num_workers
        total += seconds
        print(
            f"  {one.panel.directory}: {', '.join(one.panel.optimizers)}; "
            f"{_counts(one.num_feasible)} feasible trials each of {one.budget.steps:,} steps "
            f"of {one.budget.batch_size}, {one.left} of them to run: "
            f"about {terminal.duration(seconds)}"
        )
        sys.stdout.flush()
    left = sum(one.left for one in ready)
    if left:
        print(
            f"{left} feasible trials, about {terminal.duration(total)}, plus what the infeasible "
            "ones take"
        )
    else:
        print("nothing is left to run")
    sys.stdout.flush()


def _counts(num_feasible: Sequence[Sequence[int]]) -> str:
    """N of each round: "20 + 20 + 50", or "6 or 5" if grids differ."""
    return " + ".join(" or ".join(map(str, dict.fromkeys(each))) for each in num_feasible)


def _wilson_toy() -> None:
    cli.import_tensorflow()
    from tfoptcmp.tools.reproduction import wilson_toy as reproduction
    from tfoptcmp.workloads import wilson_toy

    from tfoptcmp.analysis.figures import save

    data = wilson_toy.problem(seed=SEED.value)
    print(f"{len(wilson_toy.optimizers())} optimizers on {len(data.y)} examples, some seconds each")
    runs = [wilson_toy.run(data, *key) for key in wilson_toy.optimizers()]
    output_dir = Path(_OUTPUT_DIR.value)
    _make(output_dir)
    files = save(reproduction.draw(data, runs), output_dir / _WILSON_TOY)
    table = reproduction.answers(runs)
    _report("Wilson et al.'s problem", table, [], files, output_dir / f"{_WILSON_TOY}.md")


def _make(output_dir: Path) -> None:
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output_dir cannot be written: {error}") from error


def _report(
    title: str,
    table: "Sequence[tuple[str, Answer]]",
    warnings: Sequence[str],
    files: Sequence[Path],
    path: Path,
) -> None:
    """Prints the claims and writes them as Markdown."""
    lines = [f"# {title}: the paper's claims and ours", "", *(f"**{w}**  " for w in warnings), ""]
    lines += ["| claim | ours | agrees |", "| --- | --- | --- |"]
    print()
    for warning in warnings:
        print(warning)
    for text, answer in table:
        lines.append(f"| {text} | {answer.ours} | {answer.agrees} |")
        print(f"claim:  {text}\nours:   {answer.ours}\nagrees: {answer.agrees}\n")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"Figure: {', '.join(map(str, files))}\nClaims: {path}")


def main() -> None:
    """Entry point of `tfoptcmp-reproduce`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
