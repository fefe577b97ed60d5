"""Compares optimizers on a workload: a study for each, until enough feasible trials are done.

    tfoptcmp-tune --workload=digits_simple_cnn --optimizers=sgd,adam --study_dir=runs/digits
    tfoptcmp-report --study_dir=runs/digits

Repeating a command goes on where it stopped; a larger --num_feasible adds trials. Every trial of
every optimizer with the same number starts from the same weights and sees the same batches.
"""

from pathlib import Path

from absl import flags

from tfoptcmp.rules import DEFAULT_RULES
from tools.common import cli, running_flags, study_flags, terminal, training_flags
from tools.common.cli import UserError

_OPTIMIZERS = flags.DEFINE_list("optimizers", list(DEFAULT_RULES), "Update rules to compare.")
_STUDY_DIR = flags.DEFINE_string(
    "study_dir", None, "Parent of the studies: each optimizer's is <study_dir>/<optimizer>."
)
_NUM_FEASIBLE = flags.DEFINE_integer(
    "num_feasible",
    None,
    "N: trials that must end with a finite training loss, instead of the scale's.",
    lower_bound=1,
)
_MAX_TRIALS = flags.DEFINE_integer(
    "max_trials",
    None,
    "Cap on all trials of a study, infeasible ones included; default: 10 times --num_feasible.",
    lower_bound=1,
)
_RERUN_BEST = flags.DEFINE_integer(
    "rerun_best",
    0,
    "Run the best trial of each study again with so many fresh seeds: the winner's luck taken out.",
    lower_bound=0,
)
_PLAN = flags.DEFINE_bool(
    "plan", False, "Print spaces, number of trials and an estimate of the time, and stop."
)
_TENSORBOARD = flags.DEFINE_bool("tensorboard", True, "Write TensorBoard events of every trial.")

_GROUPS = {
    "What to compare": (study_flags.WORKLOAD, _OPTIMIZERS, *study_flags.WHAT[1:]),
    "How much": (*study_flags.HOW_MUCH, _NUM_FEASIBLE, _MAX_TRIALS, _RERUN_BEST),
    "Reproducibility": study_flags.REPRODUCIBILITY,
    "Devices": training_flags.DEVICES,
    "Running": running_flags.RUNNING,
    "Output": (_STUDY_DIR, _PLAN, _TENSORBOARD),
}


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    if _STUDY_DIR.value is None and not _PLAN.value:
        raise UserError("--study_dir must be given: where the studies are to be written")
    running_flags.check()
    workload, budget = study_flags.workload_and_budget(num_feasible=_NUM_FEASIBLE.value)
    signatures = [study_flags.signature(name) for name in _OPTIMIZERS.value]
    if len(set(_OPTIMIZERS.value)) < len(signatures) or not signatures:
        raise UserError(f"--optimizers must name different rules; got {_OPTIMIZERS.value}")
    counts = _trial_counts(signatures, budget)

    from tfoptcmp.training import runtime

    threads = runtime.configure(running_flags.threads_per_trial(workload))
    devices = training_flags.devices()
    splits = study_flags.load(workload, budget)
    print(f"{workload.title}, scale {budget.scale}: {budget.steps} steps of {budget.batch_size}")
    if splits.partial:
        print(f"PARTIAL DATA: {splits.partial}")
    if _PLAN.value:
        _plan(workload, budget, splits, signatures, counts, devices)
        return
    _tune(workload, budget, splits, signatures, counts, threads, devices)


def _trial_counts(signatures, budget) -> dict[str, tuple[int, int]]:
    """N and the cap on all trials of each study."""
    from tuners.searches import GRID, trial_counts

    max_trials = _MAX_TRIALS.value or 10 * budget.num_feasible
    if max_trials < budget.num_feasible:
        raise UserError(f"--max_trials must be >= {budget.num_feasible}; got {max_trials}")
    search = study_flags.SEARCH.value
    if search == GRID and (_NUM_FEASIBLE.value or _MAX_TRIALS.value):
        raise UserError("--search=grid runs every point: leave out --num_feasible, --max_trials")
    try:
        return {
            signature.name: trial_counts(
                signature.space, search, num_feasible=budget.num_feasible, max_trials=max_trials
            )
            for signature in signatures
        }
    except ValueError as error:
        raise UserError(f"--search={search}: {error}") from error


def _plan(workload, budget, splits, signatures, counts, devices) -> None:
    """Prints what a run would do, with the time measured on a few steps."""
    from tools.common.estimate import seconds_per_trial

    print("\n".join(terminal.space(signature) for signature in signatures))
    seconds = seconds_per_trial(workload, budget, splits, signatures[-1], devices)
    num_feasible = [count for count, _ in counts.values()]
    num_trials = sum(num_feasible)
    each = str(num_feasible[0]) if len(set(num_feasible)) == 1 else f"{num_feasible}"
    print(
        f"{len(signatures)} optimizers x {each} feasible trials of "
        f"{terminal.duration(seconds)} each: about "
        f"{terminal.duration(seconds * num_trials / running_flags.num_workers())}, plus what the "
        "infeasible ones take (they stop when they diverge)"
    )


def _tune(workload, budget, splits, signatures, counts, threads, devices) -> None:
    from tools.common.run_studies import run_studies, study_config

    study_dir = Path(_STUDY_DIR.value)
    configs = [
        study_config(
            workload,
            budget,
            splits,
            signature,
            seed=study_flags.SEED.value,
            search=study_flags.SEARCH.value,
            max_trials=counts[signature.name][1],
            threads_per_trial=threads,
            devices=devices,
        )
        for signature in signatures
    ]
    run_studies(
        study_dir,
        workload,
        budget,
        splits,
        signatures,
        configs,
        tensorboard=_TENSORBOARD.value,
        num_reruns=_RERUN_BEST.value,
        running=running_flags.running(),
        devices=devices,
    )
    print(f"Table, verdicts, figures: tfoptcmp-report --study_dir={study_dir}")
    if _TENSORBOARD.value:
        print(f"Curves, hyperparameters: tensorboard --logdir={study_dir}")


def main() -> None:
    """Entry point of `tfoptcmp-tune`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
