"""Trains one trial of one optimizer on one workload and prints its measurements.

    tfoptcmp-train --workload=digits_simple_cnn --optimizer=adam --set=epsilon=1e-4

    tfoptcmp-train --from_trial=runs/digits/adam --steps=1000 --save_model=best.keras

Hyperparameters are those of trial --trial of the study with --seed, or the middle of the search
space; with --from_trial those of the best trial of a study, or of its trial --trial, with a new
seed. --set changes some of them, by the names of the search space or of the optimizer. With
--output_dir the same command resumes a trial that was stopped.

--from_trial with --repeat trains the trial as the study did, and says whether it measures the same,
bit for bit; if not, the exit code is 3.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from absl import flags
from tfoptcmp.tools.common import (
    cli,
    extensions,
    repeat,
    settings,
    shared_flags,
    terminal,
    workload_flags,
)
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.execution import with_threads

from tfoptcmp.signatures import Signature
from tfoptcmp.study.files import CannotRead, exists, find
from tfoptcmp.study.read import find_studies, read_study
from tfoptcmp.study.schema import Measurement, Status, StudyError
from tfoptcmp.study.trial import Outcome, TrialTask, trial_seeds
from tfoptcmp.training.options import Options
from tfoptcmp.workload import Budget, Workload

if TYPE_CHECKING:
    import tensorflow as tf

_OPTIMIZER = flags.DEFINE_string("optimizer", None, "Update rule; an unknown name prints the list.")
_TRIAL = flags.DEFINE_integer(
    "trial", None, "Take the point and the seeds of this trial of the study.", lower_bound=0
)
_SET = flags.DEFINE_list(
    "set",
    [],
    "name=value, ...: hyperparameters to set, as searched or as used, e.g. beta_1=0.95. The others "
    "stay as searched, and what they make of the learning rate or epsilon follows.",
)
_FROM_TRIAL = flags.DEFINE_string(
    "from_trial",
    None,
    "A study, or a directory that holds only one: train its workload with the hyperparameters of "
    "its best trial, or of --trial.",
)
_REPEAT = flags.DEFINE_boolean(
    "repeat",
    False,
    "With --from_trial: train the trial as the study did, and say whether it measures the same, "
    "bit for bit.",
)
_SAVE_MODEL = flags.DEFINE_string("save_model", None, "Where to save the model, as name.keras.")
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Where to put measurements.csv, TensorBoard events and model.keras."
)

_MOST_NAMED = 12  # studies, in one line

_DIFFERENT = 3  # exit code of --repeat

_GROUPS = {
    "What to train": (
        *(workload_flags.WORKLOAD, _OPTIMIZER, shared_flags.DATA_DIR),
        *(_FROM_TRIAL, _REPEAT),
    ),
    "Hyperparameters": (
        *(shared_flags.SPACE, workload_flags.SPACE_FILE, workload_flags.SEARCH),
        *(_TRIAL, _SET),
    ),
    "Your own": (extensions.IMPORT_MODULE,),
    "How much": workload_flags.HOW_MUCH,
    "Reproducibility": shared_flags.REPRODUCIBILITY,
    "Devices": shared_flags.DEVICES,
    "Checkpoints": shared_flags.CHECKPOINTS,
    "Output": (_OUTPUT_DIR, _SAVE_MODEL),
}


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What the flags say is to be trained, apart from --set."""

    workload: Workload
    budget: Budget
    signature: Signature
    index: int
    seed: int
    values: Mapping[str, float]
    study: Path | None = None
    recorded: repeat.Recorded | None = None  # what --repeat is to compare with


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    options = shared_flags.options()
    if _OUTPUT_DIR.value is None and options.keep_checkpoints:
        raise UserError("--keep_checkpoints needs --output_dir, where to keep them")
    if _SAVE_MODEL.value is not None:
        _check_can_save(Path(_SAVE_MODEL.value))
    if _REPEAT.value:
        _check_repeat()
    asked = _of_space() if _FROM_TRIAL.value is None else _of_study(Path(_FROM_TRIAL.value))
    changed = settings.change(
        asked.signature.space, asked.values, _SET.value, budget_steps=asked.budget.steps
    )
    extensions.check_rule(asked.signature.rule)
    if asked.recorded is not None:
        options = repeat.as_recorded(options, asked.recorded.config)
    else:
        from tfoptcmp.tools.common.machine import machine

        options = with_threads(options, [asked.workload], machine().processors)
    strategy = shared_flags.configure_process(options)

    from tfoptcmp.training.optimizer import build_optimizer

    try:
        build_optimizer(asked.signature, changed.arguments)
    except ValueError as error:
        raise UserError(f"--set: {error}") from error
    _train(asked, changed, options, strategy)


def _check_repeat() -> None:
    """Checks that no flag changes what --repeat is to repeat, or its result."""
    if _FROM_TRIAL.value is None:
        raise UserError("--repeat needs --from_trial, a study that has the trial")
    how_much = (flag for flag in workload_flags.HOW_MUCH if flag is not shared_flags.MEASURE_ALL)
    devices = (
        flag for flag in shared_flags.DEVICES if flag.name in ("mixed_precision", "jit_compile")
    )
    for flag in (_SET, *how_much, *shared_flags.REPRODUCIBILITY, *devices):
        if flag.present:
            raise UserError(f"--repeat takes everything from the study: leave out --{flag.name}")
    if _OUTPUT_DIR.value is not None and find(Path(_OUTPUT_DIR.value), "checkpoint-*.npz"):
        raise UserError(
            f"--repeat trains from the first step: {_OUTPUT_DIR.value} must hold no checkpoint"
        )


def _check_can_save(path: Path) -> None:
    """Checks that a model can be saved there, before it is trained."""
    if path.suffix != ".keras":
        raise UserError(f"--save_model must end with .keras; got {str(path)!r}")
    if not path.parent.is_dir():
        raise UserError(f"--save_model must be in a directory that exists; got {str(path)!r}")
    if path.is_dir():
        raise UserError(f"--save_model must not be a directory; got {str(path)!r}")
    try:
        with open(path, "r+b") if path.exists() else TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UserError(f"--save_model cannot be written: {path}: {error.strerror}") from error


def _of_space() -> _Asked:
    """What is asked without --from_trial."""
    if _OPTIMIZER.value is None:
        raise UserError("--optimizer must be given, e.g. --optimizer=adam")
    workload, budget = workload_flags.workload_and_budget()
    signature = workload_flags.signature(_OPTIMIZER.value)

    from tfoptcmp.tuners.searches import point_of

    index = _TRIAL.value or 0
    seed = shared_flags.SEED.value
    point: Sequence[float] = (0.5,) * signature.space.num_dims
    if _TRIAL.value is not None:
        try:
            point = point_of(signature.space, workload_flags.SEARCH.value, index, seed=seed)
        except ValueError as error:  # a grid has an end, and needs choices
            raise UserError(f"--search={workload_flags.SEARCH.value}: {error}") from error
    return _Asked(
        workload=workload,
        budget=budget,
        signature=signature,
        index=index,
        seed=seed,
        values=signature.space.values(point),
    )


def _of_study(directory: Path) -> _Asked:
    """A trial of a study, with its workload and budget as far as flags do not change it."""
    for flag in (
        *(_OPTIMIZER, workload_flags.WORKLOAD, workload_flags.SPACE_FILE),
        *(shared_flags.SPACE, workload_flags.SEARCH, shared_flags.SCALE),
    ):
        if flag.present:
            raise UserError(f"--from_trial says what is trained: leave out --{flag.name}")
    from tfoptcmp.analysis.sources.studies import contestant

    study = read_study(_study_directory(directory))
    config = study.config
    index = _TRIAL.value
    if index is None and (winner := contestant(study, alone=True).winner) is not None:
        index = int(winner["trial"])
    chosen = [trial for trial in study.trials if trial.index == index]
    if not chosen:
        which = "feasible trial" if _TRIAL.value is None else f"trial {_TRIAL.value}"
        raise UserError(f"--from_trial: {study.directory} has no {which}")
    if config.workload not in extensions.all_workloads():
        raise UserError(
            f"--from_trial: the workload {config.workload!r} is not known here; name the module "
            "that has it as --import_module (what was given to tfoptcmp.compare is in that script "
            "only)"
        )
    workload = extensions.workload(config.workload)
    if _REPEAT.value:
        budget, seed = Budget(**config.budget), config.seed
    else:
        there = Budget(**config.budget)
        recorded = replace(workload, budgets={there.scale: there})
        budget = workload_flags.budget_of(recorded, there.scale)
        seed = shared_flags.SEED.value if shared_flags.SEED.present else config.seed + 1
    return _Asked(
        workload=workload,
        budget=budget,
        signature=study.signature,
        index=chosen[0].index,
        seed=seed,
        values=chosen[0].values,
        study=study.directory,
        recorded=repeat.recorded(study, chosen[0]) if _REPEAT.value else None,
    )


def _study_directory(directory: Path) -> Path:
    """The directory of a study: the one that is named, or the only one below it."""
    if exists(directory / "study.json"):
        return directory
    below = _studies_below(directory)
    if len(below) > 1:
        names = [str(path.relative_to(directory)) for path in below]
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        raise UserError(
            f"--from_trial: {directory} is no study, but holds {', '.join(names[:_MOST_NAMED])}"
            f"{more}: name one of them"
        )
    return below[0] if below else directory


def _studies_below(directory: Path) -> list[Path]:
    """The studies one level below, or else two; of a refinement those of its last round."""
    found: list[Path] = []
    for folders in ([directory], filter(Path.is_dir, find(directory, "*"))):
        for folder in folders:
            try:
                found += find_studies(folder)
            except CannotRead:
                raise
            except StudyError:  # none there
                continue
        if found:
            break
    return found


def _train(
    asked: _Asked,
    changed: settings.Changed,
    options: Options,
    strategy: "tf.distribute.Strategy | None",
) -> None:
    from contextlib import ExitStack

    from tfoptcmp.tools.common.clock import CLOCK
    from tfoptcmp.tools.common.signals import stop_on_signals

    from tfoptcmp.study.write import MeasurementWriter
    from tfoptcmp.training.checkpoint import remove_checkpoints
    from tfoptcmp.training.distribution import is_chief, num_replicas
    from tfoptcmp.training.engine import Trainer
    from tfoptcmp.training.tensorboard import TrialLog

    workload, budget, signature = asked.workload, asked.budget, asked.signature
    splits = workload_flags.load(workload, budget)
    print(f"{workload.title}, {signature.rule.title}, scale {budget.scale}, {budget.steps} steps")
    if asked.study is not None:
        print(f"trial {asked.index} of {asked.study}, seed {asked.seed}")
    if splits.partial:
        print(f"PARTIAL DATA: {splits.partial}")
    print(terminal.hyperparameters(changed.values, changed.arguments))
    if changed.note:
        print(f"  {changed.note}")
    directory = None if _OUTPUT_DIR.value is None else Path(_OUTPUT_DIR.value)
    task = TrialTask(
        index=asked.index,
        values=changed.values,
        arguments=changed.arguments,
        seeds=trial_seeds(asked.seed, asked.index),
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
        if asked.recorded is not None:
            for line in repeat.unlike(
                asked.recorded.config, workload, splits, options.devices(num_replicas(strategy))
            ):
                print(f"NOT AS RECORDED: {line}")
        measured: list[Measurement] = []
        sinks: list[Callable[[Measurement], None]] = [
            lambda row: print(terminal.measurement_row(row, metric), flush=True),
            measured.append,
        ]
        if written is not None:
            if exists(written / "metadata.json"):
                raise UserError(f"--output_dir must not be a trial of a study; got {written}")
            try:
                written.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context(open(written / "measurements.csv", "w", newline=""))
            except OSError as error:
                raise UserError(f"--output_dir cannot be written: {error}") from error
            log = TrialLog(
                written,
                "trial",
                {"optimizer": signature.name, **changed.values, **changed.arguments},
            )
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
        if _SAVE_MODEL.value and outcome.status is Status.COMPLETE and is_chief(strategy):
            modules = trainer.save(Path(_SAVE_MODEL.value))
            before = f" (to load it, import {', '.join(modules)} first)" if modules else ""
            print(f"Model: {_SAVE_MODEL.value}{before}")
    print(f"{outcome.status}" + (f": {outcome.message}" if outcome.message else ""))
    if asked.recorded is not None:
        _say_whether_same(asked.recorded, outcome, measured)


def _say_whether_same(
    recorded: repeat.Recorded, outcome: Outcome, measured: Sequence[Measurement]
) -> None:
    """Says whether --repeat measured what the study recorded, and exits if not."""
    difference = repeat.first_difference(recorded, outcome, measured)
    if not difference:
        print(f"The same as recorded, bit for bit: {repeat.ended(outcome, measured)}")
        return
    print(f"Not the same as recorded: {difference}")
    for line in repeat.other_place(recorded.config):
        print(f"  {line}")
    print(
        "Same bits need the same code, modules of your own included, versions, kind of processor "
        "and number of threads."
    )
    sys.exit(_DIFFERENT)


def main() -> None:
    """Entry point of `tfoptcmp-train`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
