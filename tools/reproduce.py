"""Reproduces a figure of Choi et al. (2019): runs its studies, draws it, checks the claims.

    tfoptcmp-reproduce --figure=1 --scale=smoke --workloads=digits_simple_cnn
    tfoptcmp-reproduce --figure=wilson_toy

First it prints the studies that the figure needs, the number of trials and an estimate of the time,
measured on a few steps. Repeating a command goes on where it stopped; figures 1, 2, 5, 9 and 10
share studies.
"""

import sys
from pathlib import Path

from absl import flags

from tools.common import cli, cluster, terminal
from tools.common.cli import UserError
from tools.reproduction.plans import (
    EVERYTHING,
    FIGURES,
    FigurePlan,
    Panel,
    with_optimizers,
    with_space,
    with_workloads,
)

_WILSON_TOY = "wilson_toy"

_FIGURE = flags.DEFINE_enum(
    "figure", None, [*FIGURES, _WILSON_TOY], "Which figure, or Wilson et al.'s toy problem."
)
_WORKLOADS = flags.DEFINE_list("workloads", [], "Workloads instead of the figure's own.")
_OPTIMIZERS = flags.DEFINE_list("optimizers", [], "Only these of the figure's update rules.")
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Directory of prepared tensorflow_datasets; default: that library's own."
)
_MOCK_DATA = flags.DEFINE_bool(
    "mock_data", False, "At --scale=smoke: random numbers in the place of data that are not there."
)
_SCALE = flags.DEFINE_enum(
    "scale", "smoke", ["smoke", "cpu", "paper"], "Minutes, overnight, or the paper's budget."
)
_SPACE = flags.DEFINE_string(
    "space", EVERYTHING, "Search space of the studies in which everything is tuned."
)
_STEPS = flags.DEFINE_integer(
    "steps", None, "Training steps a trial, instead of the scale's.", lower_bound=1
)
_NUM_FEASIBLE = flags.DEFINE_integer(
    "num_feasible", None, "N: feasible trials a study, instead of the scale's.", lower_bound=1
)
_TUNING_BUDGET = flags.DEFINE_integer(
    "tuning_budget",
    None,
    "K: trials that a practitioner is assumed to have; default: a fifth of N, at least 2.",
    lower_bound=1,
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of points, weights, data order.", lower_bound=0)
_THREADS_PER_TRIAL = flags.DEFINE_integer(
    "threads_per_trial",
    0,
    "Threads of a trial; 0: all processors, or those that help the workloads.",
    lower_bound=0,
)
_NUM_WORKERS = flags.DEFINE_integer(
    "num_workers", 1, "Trials at the same time, each in a process of its own.", lower_bound=1
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir",
    "reproduction",
    "Where to put studies (<scale>/<workload>/<space>-<search>/<optimizer>), figures and claims.",
)
_PLAN = flags.DEFINE_bool("plan", False, "Print the plan and the estimate, and stop.")
_DRAW_ONLY = flags.DEFINE_bool(
    "draw_only", False, "Train nothing: draw the studies that there are, finished or not."
)

_GROUPS = {
    "What to reproduce": (_FIGURE, _WORKLOADS, _OPTIMIZERS, _SPACE, _DATA_DIR, _MOCK_DATA),
    "How much": (_SCALE, _STEPS, _NUM_FEASIBLE, _TUNING_BUDGET),
    "Reproducibility": (_SEED, _THREADS_PER_TRIAL),
    "Running": (_NUM_WORKERS,),
    "Output": (_OUTPUT_DIR, _PLAN, _DRAW_ONLY),
}


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    if _FIGURE.value is None:
        raise UserError(f"--figure must be one of {[*FIGURES, _WILSON_TOY]}; got nothing")
    if _MOCK_DATA.value and _SCALE.value != "smoke":
        raise UserError(f"--mock_data is for --scale=smoke; got --scale={_SCALE.value}")
    if _DRAW_ONLY.value and _PLAN.value:
        raise UserError("--draw_only and --plan exclude each other")
    if _MOCK_DATA.value and _NUM_WORKERS.value > 1:
        raise UserError("--mock_data is for one process: leave out --num_workers")
    if _FIGURE.value == _WILSON_TOY:
        _wilson_toy()
        return
    plan = FIGURES[_FIGURE.value]
    if _WORKLOADS.value:
        plan = with_workloads(plan, tuple(_WORKLOADS.value))
    if _OPTIMIZERS.value:
        plan = with_optimizers(plan, tuple(_OPTIMIZERS.value))
        if not all(panel.optimizers for panel in plan.panels):
            raise UserError(
                f"--optimizers must be of {FIGURES[_FIGURE.value].panels[0].optimizers}; "
                f"got {_OPTIMIZERS.value}"
            )
    plan = with_space(plan, _SPACE.value)
    output_dir = Path(_OUTPUT_DIR.value)
    studies_dir = output_dir / _SCALE.value
    if _DRAW_ONLY.value:
        directories = [_studies_of(panel, studies_dir) for panel in plan.panels]
    else:
        _make(output_dir)
        directories = _run_studies(plan, output_dir, studies_dir)
    if not _PLAN.value:
        _draw(plan, directories, output_dir)


def _studies_of(panel: Panel, studies_dir: Path) -> Path:
    """Returns where a panel's studies are, those of mock data if they are asked for and there."""
    mock = studies_dir / "mock_data" / panel.directory
    return mock if _MOCK_DATA.value and mock.exists() else studies_dir / panel.directory


def _run_studies(plan: FigurePlan, output_dir: Path, studies_dir: Path) -> list[Path]:
    """Runs or resumes the studies, or says what there is to run; returns where each panel's are."""
    cli.import_tensorflow()
    import workloads
    from tfoptcmp.training import runtime
    from tools.common.running import Running
    from tools.reproduction import studies

    studies.check_names(plan.panels)
    num_workers = _NUM_WORKERS.value
    trained = [workloads.get(panel.workload) for panel in plan.panels]
    threads = runtime.configure(
        cluster.threads_of_trial(_THREADS_PER_TRIAL.value, trained, num_workers=num_workers)
    )
    try:
        ready = studies.prepare(
            plan.panels,
            scale=_SCALE.value,
            studies_dir=studies_dir,
            data_dir=_DATA_DIR.value,
            mock_dir=output_dir / "mock_data" if _MOCK_DATA.value else None,
            num_feasible=_NUM_FEASIBLE.value,
            steps=_STEPS.value,
        )
    except ValueError as error:
        raise UserError(f"--{error}") from error
    print(f"Figure {_FIGURE.value}: {plan.title}, scale {_SCALE.value}")
    _print_plan(ready, studies.estimate_seconds)
    if not _PLAN.value:
        workers = Running(num_workers=num_workers, data_dir=_DATA_DIR.value)
        for one in ready:
            studies.run(one, seed=_SEED.value, threads_per_trial=threads, running=workers)
    return [one.directory for one in ready]


def _draw(plan: FigurePlan, directories: list[Path], output_dir: Path) -> None:
    """Draws the studies and sets them beside the claims."""
    from tools.reproduction.claims import CLAIMS, answer
    from tools.reproduction.drawing import comparison, draw_and_save

    panels = []
    for panel, directory in zip(plan.panels, directories, strict=True):
        found = comparison(panel, directory, _TUNING_BUDGET.value)
        if found:
            panels.append((panel, found))
        else:
            print(f"no study in {directory}: left out")
    if not panels:
        raise UserError(f"--draw_only: none of the figure's studies is in {output_dir}")
    space = "" if _SPACE.value == EVERYTHING else f"-{_SPACE.value}"
    name = f"figure{_FIGURE.value}-{_SCALE.value}{space}"
    files = draw_and_save(plan.draw, panels, output_dir / name)
    table = [(CLAIMS[key].text, answer(key, panels)) for key in plan.claims]
    warnings = dict.fromkeys(w for _, comparison in panels for w in comparison.warnings)
    _report(f"Figure {_FIGURE.value}", table, list(warnings), files, output_dir / f"{name}.md")


def _print_plan(ready, estimate_seconds) -> None:
    total = 0.0
    partial = {one.workload.name: one.splits.partial for one in ready if one.splits.partial}
    for name, lacking in partial.items():
        print(f"PARTIAL DATA: {name}: {lacking}")
    for one, alone in zip(ready, estimate_seconds(ready), strict=True):
        seconds = alone / _NUM_WORKERS.value
        total += seconds
        counts = list(dict.fromkeys(one.num_feasible(signature) for signature in one.signatures))
        print(
            f"  {one.panel.directory}: {', '.join(one.panel.optimizers)}; "
            f"{' or '.join(map(str, counts))} feasible trials each of {one.budget.steps:,} steps "
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


def _wilson_toy() -> None:
    cli.import_tensorflow()
    from tfoptcmp.analysis.figures import save
    from tools.reproduction import wilson_toy as reproduction
    from workloads import wilson_toy

    data = wilson_toy.problem(seed=_SEED.value)
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


def _report(title: str, table, warnings: list[str], files: list[Path], path: Path) -> None:
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
