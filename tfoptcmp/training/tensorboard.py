"""TensorBoard: scalars of every trial and an HParams dashboard over all studies of a directory.

    tensorboard --logdir=<study_dir>

The dashboard needs one description of all hyperparameters, with their domains, at the root;
`describe` writes it. Each trial's events are beside its other files, so that a run is called
`<signature>/trials/<index>`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api as hp
from tensorboard.plugins.hparams import summary as hp_summary

from tfoptcmp.keras_code import keras_code
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Choice, Fixed, LogUniform, Uniform
from tfoptcmp.study.files import find
from tfoptcmp.study.lock import locked
from tfoptcmp.study.read import read_config
from tfoptcmp.study.schema import Measurement, Status, StudyError, Trial
from tfoptcmp.study.trial import TrialTask

# The dashboard sorts hyperparameters by name, capitals first, and shows the first five at once.
_OPTIMIZER = "Optimizer"
_SUFFIX = ".tfoptcmp"
_LOCK = "tensorboard.lock"
_SPLITS = ("train", "validation", "test")


def describe(study_dir: Path, signatures: Sequence[Signature], metric: str) -> None:
    """Writes names, domains and metrics of the HParams dashboard for these signatures.

    Args:
        study_dir: Parent of the studies; made if needed. An earlier description is replaced.
        signatures: Those whose studies are about to be written; those already there count too.
        metric: Name of the metric.

    Raises:
        StudyError: If it cannot be written.
    """
    try:
        study_dir.mkdir(parents=True, exist_ok=True)
        # Another process may describe its own studies here.
        with locked(study_dir / _LOCK, wait=True):
            _describe(study_dir, signatures, metric)
    except OSError as error:
        raise StudyError(f"cannot write {study_dir}: {error.strerror}") from error


def _describe(study_dir: Path, signatures: Sequence[Signature], metric: str) -> None:
    there = {
        config.signature["name"]: Signature.from_json(config.signature)
        for config in map(read_config, find(study_dir, "*/study.json"))
    }
    signatures = list((there | {signature.name: signature for signature in signatures}).values())
    for old in find(study_dir, f"events.out.tfevents.*{_SUFFIX}"):
        old.unlink()
    domains: dict[str, hp.Domain] = {
        _OPTIMIZER: hp.Discrete([signature.name for signature in signatures])
    }
    for signature in signatures:
        for name, dimension in signature.space.dimensions.items():
            called = _called(name, signature.space.arguments)
            domains[called] = _union(domains.get(called), dimension)
        for name in signature.space.arguments:
            domains.setdefault(name, hp.RealInterval(0.0, float("inf")))
    hparams = [hp.HParam(name, domain) for name, domain in domains.items()]
    metrics = [
        hp.Metric(f"{kind}/{split}", display_name=f"{split} {name}")
        for kind, name in (("metric", metric), ("loss", "loss"))
        for split in ("validation", "test", "train")
    ]
    with _writer(study_dir).as_default():
        hp.hparams_config(hparams=hparams, metrics=metrics)


class TrialLog:
    """The event file of one trial; `TensorBoard` keeps one for each trial of a study.

    Args:
        directory: The trial's.
        name: Name of the trial in the dashboard.
        hyperparameters: Name to value, searched and derived ones, and the optimizer.
    """

    def __init__(
        self, directory: Path, name: str, hyperparameters: Mapping[str, float | str]
    ) -> None:
        for old in find(directory, f"events.out.tfevents.*{_SUFFIX}"):  # of an unfinished attempt
            old.unlink()
        self._writer = _writer(directory)
        with self._writer.as_default():
            hp.hparams(dict(hyperparameters), trial_id=name)

    def write(self, measurement: Measurement) -> None:
        """Writes a measurement's scalars at its step."""
        step = measurement["step"]
        with self._writer.as_default(step=step):
            for split in _SPLITS:
                for kind in ("metric", "loss"):
                    value = measurement.get(f"{split}_{kind}")
                    if value is not None:
                        tf.summary.scalar(f"{kind}/{split}", value)
            for name in ("learning_rate", "gradient_rms"):
                tf.summary.scalar(f"optimizer/{name}", measurement[name])
        self._writer.flush()

    def write_code(self, code: str, step: int) -> None:
        """Writes Python code as a text."""
        with self._writer.as_default(step=step):
            tf.summary.text("best/optimizer", f"```python\n{code}```")

    def close(self, status: Status) -> None:
        """Marks the trial as ended and closes the file."""
        ended = {
            Status.COMPLETE: hp_summary.api_pb2.STATUS_SUCCESS,
            Status.INFEASIBLE: hp_summary.api_pb2.STATUS_FAILURE,
            Status.FAILED: hp_summary.api_pb2.STATUS_FAILURE,
            Status.RUNNING: hp_summary.api_pb2.STATUS_UNKNOWN,
        }[status]
        with self._writer.as_default():
            tf.summary.experimental.write_raw_pb(
                hp_summary.session_end_pb(ended).SerializeToString(), step=0
            )
        self._writer.close()


class TensorBoard:
    """Observes a study and writes the events of each trial into the trial's directory.

    Args:
        signature: What is studied.
        describe: Describes the studies of the study's parent anew. It is called once the study is
            on record, and so knows it and all that other processes began there.
    """

    def __init__(self, signature: Signature, describe: Callable[[], None]) -> None:
        self._signature = signature
        self._describe = describe
        self._best: float | None = None
        self._logs: dict[int, TrialLog] = {}  # of the trials that run, by index

    def on_study_begin(self, counts: Any) -> None:
        """Describes the studies of the directory."""
        self._best = counts.best
        self._describe()

    def on_trial_begin(self, task: TrialTask) -> None:
        """Opens the trial's event file."""
        assert task.directory is not None
        hyperparameters: dict[str, float | str] = {
            _OPTIMIZER: self._signature.name,
            **{_called(name, task.arguments): value for name, value in task.values.items()},
            **task.arguments,
        }
        name = f"{self._signature.name} {task.index}"
        self._logs[task.index] = TrialLog(task.directory, name, hyperparameters)

    def on_measurement(self, task: TrialTask, measurement: Measurement) -> None:
        """Writes the measurement."""
        self._logs[task.index].write(measurement)

    def on_trial_end(self, trial: Trial, counts: Any) -> None:
        """Closes the trial's event file; that of the best so far has its optimizer's code too."""
        log = self._logs.pop(trial.index)
        if counts.best != self._best:
            self._best = counts.best
            told = f"the best trial so far, {trial.index}"
            log.write_code(keras_code(self._signature, trial.arguments, told), trial.steps)
        log.close(trial.status)


def _called(name: str, arguments: Collection[str]) -> str:
    """The dashboard's name of a searched hyperparameter: after those that optimizers take."""
    return name if name in arguments else f"searched/{name}"


def _writer(directory: Path) -> tf.summary.SummaryWriter:
    return tf.summary.create_file_writer(str(directory), filename_suffix=_SUFFIX)


def _union(known: hp.Domain | None, dimension: object) -> hp.Domain:
    """Domain that covers what is known and one more dimension."""
    match dimension:
        case LogUniform() | Uniform():
            low, high = float(dimension.low), float(dimension.high)
        case Choice():
            values = list(map(float, dimension.values))
            if known is None:
                return hp.Discrete(values)
            if isinstance(known, hp.Discrete):
                return hp.Discrete(sorted({*known.values, *values}))
            low, high = min(values), max(values)
        case Fixed():
            return _union(known, Choice(values=(dimension.fixed,)))
    if isinstance(known, hp.RealInterval):
        return hp.RealInterval(min(low, known.min_value), max(high, known.max_value))
    if isinstance(known, hp.Discrete):
        low, high = min(low, *known.values), max(high, *known.values)
    return hp.RealInterval(low, high)
