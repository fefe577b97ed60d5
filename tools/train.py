"""Trains one trial of one optimizer on one workload and prints its measurements.

    tfoptcmp-train --workload=digits_simple_cnn --optimizer=adam --set=epsilon=1e-4

Hyperparameters are those of trial --trial of the study with --seed, or the middle of the search
space; --set changes some of them, by the names of the search space. With --output_dir the same
command resumes a trial that was stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from absl import flags
from tfoptcmp.tools.common import cli, extensions, shared_flags, terminal, workload_flags
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.execution import with_threads

from tfoptcmp.signatures import Signature
from tfoptcmp.study.files import exists
from tfoptcmp.study.schema import Measurement, Status
from tfoptcmp.training.options import Options
from tfoptcmp.workload import Budget, Workload

if TYPE_CHECKING:
    import tensorflow as tf

_OPTIMIZER = flags.DEFINE_string("optimizer", None, "Update rule; an unknown name prints the list.")
_TRIAL = flags.DEFINE_integer(
    "trial", None, "Take the point and the seeds of this trial of the study.", lower_bound=0
)
_SET = flags.DEFINE_list("set", [], "name=value, ...: hyperparameters to set, e.g. epsilon=1e-4.")
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Where to put measurements.csv, TensorBoard events and model.keras."
)

_GROUPS = {
    "What to train": (workload_flags.WORKLOAD, _OPTIMIZER, shared_flags.DATA_DIR),
    "Hyperparameters": (
        *(shared_flags.SPACE, workload_flags.SPACE_FILE, workload_flags.SEARCH),
        *(_TRIAL, _SET),
    ),
    "Your own": (extensions.IMPORT_MODULE,),
    "How much": workload_flags.HOW_MUCH,
    "Reproducibility": shared_flags.REPRODUCIBILITY,
    "Devices": shared_flags.DEVICES,
    "Checkpoints": shared_flags.CHECKPOINTS,
    "Output": (_OUTPUT_DIR,),
}


def _values(signature: Signature, point: Sequence[float]) -> dict[str, float]:
    """The values of the point, as changed by --set."""
    values = signature.space.values(point)
    for assignment in _SET.value:
        name, _, text = assignment.partition("=")
        if name not in values:
            raise UserError(f"--set: name must be one of {sorted(values)}; got {name!r}")
        try:
            values[name] = float(text)
        except ValueError as error:
            raise UserError(f"--set: {name} must be a number; got {text!r}") from error
    return values


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    options = shared_flags.options()
    if _OPTIMIZER.value is None:
        raise UserError("--optimizer must be given, e.g. --optimizer=adam")
    if _OUTPUT_DIR.value is None and options.keep_checkpoints:
        raise UserError("--keep_checkpoints needs --output_dir, where to keep them")
    workload, budget = workload_flags.workload_and_budget()
    signature = workload_flags.signature(_OPTIMIZER.value)

    from tfoptcmp.tuners.searches import point_of

    index = _TRIAL.value or 0
    point = (0.5,) * signature.space.num_dims
    if _TRIAL.value is not None:
        try:
            point = point_of(
                signature.space, workload_flags.SEARCH.value, index, seed=shared_flags.SEED.value
            )
        except ValueError as error:  # a grid has an end, and needs choices
            raise UserError(f"--search={workload_flags.SEARCH.value}: {error}") from error
    values = _values(signature, point)
    try:
        arguments = signature.space.derive(values, budget_steps=budget.steps)
    except ValueError as error:
        raise UserError(f"--set: {error}") from error

    options = with_threads(options, [workload])
    strategy = shared_flags.configure_process(options)
    _train(workload, budget, signature, index, values, arguments, options, strategy)


def _train(
    workload: Workload,
    budget: Budget,
    signature: Signature,
    index: int,
    values: Mapping[str, float],
    arguments: Mapping[str, float],
    options: Options,
    strategy: "tf.distribute.Strategy | None",
) -> None:
    from contextlib import ExitStack
    from pathlib import Path

    from tfoptcmp.tools.common.clock import CLOCK
    from tfoptcmp.tools.common.signals import stop_on_signals

    from tfoptcmp.study.trial import TrialTask, trial_seeds
    from tfoptcmp.study.write import MeasurementWriter
    from tfoptcmp.training.checkpoint import remove_checkpoints
    from tfoptcmp.training.distribution import is_chief
    from tfoptcmp.training.engine import Trainer
    from tfoptcmp.training.tensorboard import TrialLog

    splits = workload_flags.load(workload, budget)
    print(f"{workload.title}, {signature.rule.title}, scale {budget.scale}, {budget.steps} steps")
    if splits.partial:
        print(f"PARTIAL DATA: {splits.partial}")
    print(terminal.hyperparameters(values, arguments))
    directory = None if _OUTPUT_DIR.value is None else Path(_OUTPUT_DIR.value)
    task = TrialTask(
        index=index,
        values=values,
        arguments=arguments,
        seeds=trial_seeds(shared_flags.SEED.value, index),
        directory=directory,
    )
    written = directory if is_chief(strategy) else None  # the others write nothing
    metric = workload.metric
    with ExitStack() as stack:
        trainer = Trainer(
            workload=workload,
            budget=budget,
            splits=splits,
            signature=signature,
            options=options,
            strategy=strategy,
            clock=CLOCK,
            should_stop=stack.enter_context(stop_on_signals()),
        )
        sinks: list[Callable[[Measurement], None]] = [
            lambda row: print(terminal.measurement_row(row, metric), flush=True)
        ]
        if written is not None:
            if exists(written / "metadata.json"):
                raise UserError(f"--output_dir must not be a trial of a study; got {written}")
            try:
                written.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context(open(written / "measurements.csv", "w", newline=""))
            except OSError as error:
                raise UserError(f"--output_dir cannot be written: {error}") from error
            log = TrialLog(written, "trial", {"optimizer": signature.name, **values})
            sinks += [MeasurementWriter(file).write, log.write]

        def on_measurement(measurement: Measurement) -> None:
            for sink in sinks:
                sink(measurement)

        print(terminal.measurement_header(metric), flush=True)
        outcome = trainer.run(task, on_measurement)
        if written is not None:
            log.close(outcome.status)
            if not options.keep_checkpoints:
                remove_checkpoints(written)
            if outcome.status is Status.COMPLETE:
                trainer.save(written / "model.keras")
    print(f"{outcome.status}" + (f": {outcome.message}" if outcome.message else ""))


def main() -> None:
    """Entry point of `tfoptcmp-train`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
