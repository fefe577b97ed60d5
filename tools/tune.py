"""Compares optimizers on a workload: a study for each, until enough feasible trials are done.

    tfoptcmp-tune --workload=digits_simple_cnn --optimizers=sgd,adam --study_dir=runs/digits
    tfoptcmp-report --study_dir=runs/digits

Repeat a command to resume where it stopped; a larger --num_feasible adds trials. Trial i of every
optimizer starts from the same weights and sees the same batches.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags
from tfoptcmp.tools.common import cli, extensions, shared_flags, terminal, workload_flags
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.execution import with_threads

from tfoptcmp.signatures import Signature
from tfoptcmp.workload import Budget

_STUDY_DIR = flags.DEFINE_string(
    "study_dir", None, "Parent of the studies: each optimizer's is <study_dir>/<optimizer>."
)
_MAX_TRIALS = flags.DEFINE_integer(
    "max_trials",
    None,
    "Limit on all trials of a study, infeasible ones included; default: 10 times --num_feasible.",
    lower_bound=1,
)
_RERUN_BEST = flags.DEFINE_integer(
    "rerun_best",
    0,
    "Re-run the best trial of each study with this many fresh seeds, to remove the winner's luck.",
    lower_bound=0,
)
_TENSORBOARD = flags.DEFINE_bool("tensorboard", True, "Write TensorBoard events of every trial.")

_GROUPS = {
    "What to compare": (
        *(workload_flags.WORKLOAD, shared_flags.OPTIMIZERS, shared_flags.DATA_DIR),
        *(shared_flags.SPACE, workload_flags.SPACE_FILE, workload_flags.SEARCH),
        extensions.IMPORT_MODULE,
    ),
    "How much": (
        *workload_flags.HOW_MUCH,
        *(shared_flags.NUM_FEASIBLE, _MAX_TRIALS, shared_flags.TUNING_BUDGET, _RERUN_BEST),
    ),
    "Reproducibility": shared_flags.REPRODUCIBILITY,
    "Devices": shared_flags.DEVICES,
    "Running": (*shared_flags.EXECUTION, *shared_flags.CHECKPOINTS),
    "Output": (_STUDY_DIR, shared_flags.PLAN, _TENSORBOARD),
}


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    if _STUDY_DIR.value is None and not shared_flags.PLAN.value:
        raise UserError("--study_dir must be given: where the studies are to be written")
    options = shared_flags.options()
    execution = shared_flags.execution(options)
    workload, budget = workload_flags.workload_and_budget(
        num_feasible=shared_flags.NUM_FEASIBLE.value
    )
    names = shared_flags.OPTIMIZERS.value
    signatures = [workload_flags.signature(name) for name in names]
    if len(set(names)) < len(signatures) or not signatures:
        raise UserError(f"--optimizers must name different rules; got {names}")
    max_trials = _MAX_TRIALS.value or 10 * budget.num_feasible
    counts = _num_feasible(signatures, budget, max_trials)
    options = with_threads(options, [workload], num_workers=execution.num_workers)

    strategy = shared_flags.configure_process(options)
    splits = workload_flags.load(workload, budget)
    print(f"{workload.title}, scale {budget.scale}: {budget.steps} steps of {budget.batch_size}")
    if splits.partial:
        print(f"PARTIAL DATA: {splits.partial}")
    if shared_flags.PLAN.value:
        from tfoptcmp.tools.common.estimate import estimate

        found = estimate(workload, budget, splits, signatures[-1], options, strategy)
        _plan(signatures, counts, found.trial_seconds, execution.num_workers)
        return

    from tfoptcmp.tools.common.run_studies import run_studies

    assert _STUDY_DIR.value is not None  # only a plan needs none
    run_studies(
        Path(_STUDY_DIR.value),
        workload,
        budget,
        splits,
        signatures,
        seed=shared_flags.SEED.value,
        search=workload_flags.SEARCH.value,
        max_trials=max_trials,
        options=options,
        strategy=strategy,
        execution=execution,
        tensorboard=_TENSORBOARD.value,
        num_reruns=_RERUN_BEST.value,
        tuning_budget=shared_flags.TUNING_BUDGET.value,
    )
    print(f"Table, verdicts, figures: tfoptcmp-report --study_dir={_STUDY_DIR.value}")
    if _TENSORBOARD.value:
        print(f"Curves, hyperparameters: tensorboard --logdir={_STUDY_DIR.value}")


def _num_feasible(signatures: Sequence[Signature], budget: Budget, max_trials: int) -> list[int]:
    """N of each study, after a check of the flags that limit it."""
    from tfoptcmp.tuners.searches import GRID, trial_counts

    if max_trials < budget.num_feasible:
        raise UserError(f"--max_trials must be >= {budget.num_feasible}; got {max_trials}")
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


def _plan(
    signatures: Sequence[Signature], num_feasible: Sequence[int], seconds: float, num_workers: int
) -> None:
    """Prints what a run would do, with the seconds that a trial takes."""
    print("\n".join(terminal.space(signature) for signature in signatures))
    each = str(num_feasible[0]) if len(set(num_feasible)) == 1 else f"{num_feasible}"
    print(
        f"{len(signatures)} optimizers x {each} feasible trials of "
        f"{terminal.duration(seconds)} each: about "
        f"{terminal.duration(seconds * sum(num_feasible) / num_workers)}, plus what the "
        "infeasible ones take (they stop when they diverge)"
    )


def main() -> None:
    """Entry point of `tfoptcmp-tune`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
