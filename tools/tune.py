"""Compares optimizers on a workload: a study for each, until enough feasible trials are done.

    tfoptcmp-tune --workload=digits_simple_cnn --optimizers=sgd,adam --study_dir=runs/digits
    tfoptcmp-report --study_dir=runs/digits

Repeat a command to resume where it stopped; a larger --num_feasible adds trials. Trial i of every
optimizer starts from the same weights and sees the same batches.
--until_decided --max_feasible=160 adds trials until it is decided whether an optimizer does worse
than those that it can imitate; --pairs asks about others. --refine narrows each optimizer's search
space in rounds, and judges the last; with --until_decided, too, the last gets trials until then.
"""

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from absl import flags
from tfoptcmp.tools.common import (
    cli,
    extensions,
    listing,
    looks_flags,
    refine_flags,
    shared_flags,
    workload_flags,
)
from tfoptcmp.tools.common.cli import UserError

from tfoptcmp.metrics import SHARE
from tfoptcmp.signatures import Signature
from tfoptcmp.study.looks import check as check_looks
from tfoptcmp.study.rounds import check as check_rounds
from tfoptcmp.study.rounds import check_no_round, most_feasible, to_judge
from tfoptcmp.study.schema import GRID, planned_max_trials
from tfoptcmp.workload import Budget, Workload

_STUDY_DIR = flags.DEFINE_string(
    "study_dir", None, "Parent of the studies: each optimizer's is <study_dir>/<optimizer>."
)
_MAX_TRIALS = flags.DEFINE_integer(
    "max_trials",
    None,
    "Limit on all trials of a study, infeasible ones included; default: 10 times --num_feasible.",
    lower_bound=1,
)
_TARGET = flags.DEFINE_float(
    "target",
    None,
    "Validation metric to reach, for the steps to target, in the unit shown: 20 for an error of "
    "20 %. Part of the study: give it from the first run on. Default: the scale's.",
)
_RERUN_BEST = flags.DEFINE_integer(
    "rerun_best",
    0,
    "Re-run the best trial of each study with this many fresh seeds, to remove the winner's luck.",
    lower_bound=0,
)
_LIST = flags.DEFINE_bool("list", False, "Print optimizers, workloads and spaces, and exit.")
_TENSORBOARD = flags.DEFINE_bool("tensorboard", True, "Write TensorBoard events of every trial.")

_GROUPS = {
    "What to compare": (
        *(workload_flags.WORKLOAD, shared_flags.OPTIMIZERS, shared_flags.DATA_DIR),
        *(shared_flags.SPACE, workload_flags.SPACE_FILE, workload_flags.SEARCH),
        *(extensions.IMPORT_MODULE, _LIST),
    ),
    "How much": (
        *workload_flags.HOW_MUCH,
        *(_TARGET, shared_flags.NUM_FEASIBLE, _MAX_TRIALS, shared_flags.TUNING_BUDGET),
        _RERUN_BEST,
        *(looks_flags.UNTIL_DECIDED, looks_flags.MAX_FEASIBLE, looks_flags.PAIRS),
        *refine_flags.ALL,
    ),
    "Reproducibility": shared_flags.REPRODUCIBILITY,
    "Devices": shared_flags.DEVICES,
    "Running": (*shared_flags.EXECUTION, *shared_flags.CHECKPOINTS),
    "Output": (_STUDY_DIR, shared_flags.PLAN, _TENSORBOARD),
}


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    if _LIST.value or "?" in shared_flags.OPTIMIZERS.value:
        _print_list()
        return
    if _STUDY_DIR.value is None and not shared_flags.PLAN.value:
        raise UserError("--study_dir must be given: where the studies are to be written")
    options = shared_flags.options()
    execution = shared_flags.execution(options)
    names = shared_flags.OPTIMIZERS.value
    signatures = [workload_flags.signature(name) for name in names]
    if len({signature.name for signature in signatures}) < len(signatures) or not signatures:
        raise UserError(f"--optimizers must name different rules; got {names}")
    workload = extensions.workload(workload_flags.WORKLOAD.value)
    refine_flags.check()
    looks = looks_flags.plan(signatures, workload.metric)
    workload, budget = _budget(looks.max_feasible if looks else shared_flags.NUM_FEASIBLE.value)
    study_dir = Path(_STUDY_DIR.value) if _STUDY_DIR.value is not None else None
    rounds = refine_flags.plan(budget.num_feasible, study_dir)
    if study_dir and not shared_flags.PLAN.value:
        if rounds:
            check_rounds(study_dir, rounds, [signature.name for signature in signatures])
        else:
            check_no_round(study_dir)
    made = check_looks(to_judge(study_dir, rounds), looks) if study_dir and looks else None
    most = most_feasible(rounds, budget.num_feasible)
    max_trials = _MAX_TRIALS.value or planned_max_trials(most)
    counts = _num_feasible(signatures, budget, max_trials, most)

    shared_flags.start_server(execution, options)
    for signature in signatures:
        extensions.check_rule(signature.rule)
    execution, options, how = shared_flags.settle(execution, options, [workload])
    strategy = shared_flags.configure_process(options)
    splits = workload_flags.load(workload, budget)
    spent = f"{budget.steps} steps of {budget.batch_size}"
    if _TARGET.value is not None:
        spent += f", target {workload.metric.shown(budget.target)}"
    print(f"{workload.title}, scale {budget.scale}: {spent}")
    print(how, flush=True)
    if splits.partial:
        print(f"PARTIAL DATA: {splits.partial}")
    if shared_flags.PLAN.value:
        from tfoptcmp.tools.common.estimate import estimate
        from tfoptcmp.tools.common.plan import Planned

        found = estimate(workload, budget, splits, signatures[-1], options, strategy)
        planned = Planned(
            signatures=signatures,
            num_feasible=counts,
            trial_seconds=found.trial_seconds,
            num_workers=execution.num_workers,
            tuning_budget=looks.tuning_budget if looks else shared_flags.TUNING_BUDGET.value,
            given=_given(),
            study_dir=study_dir,
            rounds=rounds,
            looks=looks,
            made=made,
        )
        print(planned)
        return

    from tfoptcmp.tools.common.run_comparison import run_comparison
    from tfoptcmp.tools.common.run_studies import Studies

    assert study_dir is not None  # only a plan needs none
    studies = Studies(
        study_dir=study_dir,
        workload=workload,
        splits=splits,
        signatures=signatures,
        seed=shared_flags.SEED.value,
        search=workload_flags.SEARCH.value,
        max_trials=max_trials,
        options=options,
        strategy=strategy,
        execution=execution,
        tensorboard=_TENSORBOARD.value,
        tuning_budget=looks.tuning_budget if looks else shared_flags.TUNING_BUDGET.value,
    )
    run_comparison(
        studies,
        lambda num: _budget(num)[1],
        budget.num_feasible,
        rounds_plan=rounds,
        max_rounds=refine_flags.max_rounds(rounds) if rounds else 1,
        looks_plan=looks,
        num_reruns=_RERUN_BEST.value,
    )
    print(f"Table, verdicts, figures: tfoptcmp-report --study_dir={shlex.quote(str(study_dir))}")
    if _TENSORBOARD.value:
        print(f"Curves, hyperparameters: tensorboard --logdir={shlex.quote(str(study_dir))}")


def _print_list() -> None:
    """Prints what there is, of the workload that is named or else of the first."""
    workloads = extensions.all_workloads()
    of = extensions.workload(workload_flags.WORKLOAD.value or next(iter(workloads)))
    print(listing.listing(workloads, extensions.all_signatures(of)))


def _budget(num_feasible: int | None) -> tuple[Workload, Budget]:
    return workload_flags.workload_and_budget(num_feasible=num_feasible, target=_target())


def _target() -> float | None:
    """--target in the unit of the metric."""
    if _TARGET.value is None:
        return None
    metric = extensions.workload(workload_flags.WORKLOAD.value).metric
    if metric.unit == SHARE:
        is_possible, numbers = 0 <= _TARGET.value <= 100, "from 0 to 100, percent"
    else:
        is_possible, numbers = math.isfinite(_TARGET.value), "that is finite"
    if not is_possible:
        raise UserError(f"--target must be a number {numbers}; got {_TARGET.value:g}")
    return float(_TARGET.value / metric.scale)


def _num_feasible(
    signatures: Sequence[Signature], budget: Budget, max_trials: int, most: int
) -> list[int]:
    """N of each study, after a check of the flags that limit it; `most` is that of any round."""
    from tfoptcmp.tuners.searches import trial_counts

    if max_trials < most:
        raise UserError(f"--max_trials must be >= {most}; got {max_trials}")
    search = workload_flags.SEARCH.value
    if search == GRID and (shared_flags.NUM_FEASIBLE.value or _MAX_TRIALS.value):
        raise UserError("--search=grid runs every point: leave out --num_feasible, --max_trials")
    try:
        return [
            trial_counts(
                signature.space, search, num_feasible=budget.num_feasible, max_trials=max_trials
            )[0]
            for signature in signatures
        ]
    except ValueError as error:
        raise UserError(f"--search={search}: {error}") from error


def _given() -> list[str]:
    """The flags of a command that runs these studies, apart from how many trials they have."""
    left_out = (
        *(shared_flags.PLAN, shared_flags.NUM_FEASIBLE, _MAX_TRIALS, _RERUN_BEST),
        *(looks_flags.UNTIL_DECIDED, looks_flags.MAX_FEASIBLE, looks_flags.PAIRS),
        *refine_flags.ALL,
    )
    names = [holder.name for group in _GROUPS.values() for holder in group]
    given = [flags.FLAGS[name] for name in names if flags.FLAGS[name].present]
    asked = [f.serialize() for f in given if f.name not in {holder.name for holder in left_out}]
    return asked if _STUDY_DIR.value is not None else [*asked, "--study_dir=runs/pilot"]


def main() -> None:
    """Entry point of `tfoptcmp-tune`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
