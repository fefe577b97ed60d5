"""Real training on scikit-learn's digits: killed at random times, and fed what is not finite."""

import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import workloads
from tfoptcmp.records import Status, read_study
from tfoptcmp.training import Trainer
from tfoptcmp.trial import trial_seeds
from tools.studies import study_config
from tuners.executors import InProcess
from tuners.studies import run_study
from workloads import spaces

_WORKLOAD = "digits_simple_cnn"
_COMMAND = (
    *(sys.executable, "-m", "tools.tune", f"--workload={_WORKLOAD}", "--scale=smoke"),
    *("--steps=96", "--num_feasible=4", "--optimizers=momentum", "--threads_per_trial=1"),
    *("--checkpoint_every_steps=16", "--notensorboard"),
)


def kills(num_kills: int = 100, flags: Sequence[str] = ()) -> str:
    """Kills `tune` at random times and repeats the command, again and again.

    Args:
        num_kills: Kills in all; a study that got to its end makes room for a new one.
        flags: More flags of `tune`, such as --num_workers=2.
    """
    chance = random.Random(0)
    num_done = num_finished = 0
    with tempfile.TemporaryDirectory(prefix="faults-") as parent:
        start = time.monotonic()
        _tune(Path(parent) / "undisturbed", flags)
        longest = time.monotonic() - start
        expected = _measured(Path(parent) / "undisturbed")
        directory = Path(parent) / "killed"
        ended: dict[int, float] = {}
        while num_done < num_kills:
            process = _start(directory, flags)
            try:
                process.wait(timeout=chance.uniform(0, longest))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                num_done += 1
            code = process.wait()
            assert code in (0, -signal.SIGKILL), process.stderr and process.stderr.read()
            ended = _kept(directory, ended)
            if code == 0:
                num_finished += 1
                assert _measured(directory) == expected
                shutil.rmtree(directory)
                ended = {}
        _tune(directory, flags)
        _kept(directory, ended)
        assert _measured(directory) == expected
    return f"{num_done} kills in {num_finished + 1} studies, each gone on to the undisturbed result"


def not_finite() -> str:
    """Makes a weight, the loss or the data NaN or infinite in the midst of trials."""
    workload = workloads.get(_WORKLOAD)
    budget = workload.budget("smoke", steps=16, eval_every_steps=8, num_feasible=3)
    signature = spaces.signature(_WORKLOAD, "adam")
    whole = workload.load(budget, None)
    poison = _Poison()
    splits = replace(whole, train=_PoisonedData(whole.train, poison))
    config = study_config(
        *(workload, budget, whole, signature),
        **{"seed": 0, "search": "quasirandom", "max_trials": 30, "threads_per_trial": 1},
    )
    results = []
    for poisons in ({}, dict(enumerate(_Poison.KINDS))):
        poison.of_trial = poisons
        trainer = Trainer(
            workload=workload,
            budget=budget,
            splits=splits,
            signature=signature,
            callbacks=[poison],
        )

        def run(task, on_measurement, trainer=trainer):
            poison.index = task.index
            return trainer.run(task, on_measurement)

        with tempfile.TemporaryDirectory(prefix="faults-") as parent:
            study = run_study(
                directory=Path(parent) / "adam",
                config=replace(config, num_feasible=3 if poisons else 10),
                signature=signature,
                executor=InProcess(run),
            )
            results.append({t.index: (t, study.measurements(t.index)) for t in study.trials})
    healthy, poisoned = results
    for index, (trial, measured) in poisoned.items():
        if index < len(_Poison.KINDS):
            print(index, trial.status, trial.steps, trial.message, [r["train_loss"] for r in measured])
            assert all(np.isfinite(row["train_loss"]) for row in measured[:-1])
        else:
            assert measured == healthy[index][1], "a trial is not what it is alone"
    statuses = [trial.status for trial, _ in poisoned.values()]
    assert statuses.count(Status.COMPLETE) == 3
    return (
        f"{len(_Poison.KINDS)} trials ({', '.join(_Poison.KINDS)}) infeasible, "
        f"the {len(poisoned) - len(_Poison.KINDS)} after them as ever"
    )


class _Poison(keras.callbacks.Callback):
    """Does after a trial's first block of steps what `of_trial` says."""

    KINDS = ("NaN weight", "infinite weight", "infinite loss", "NaN data", "infinite data")

    def __init__(self) -> None:
        super().__init__()
        self.of_trial: Mapping[int, str] = {}
        self.index = 0

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Called after each compiled block of steps."""
        match self.of_trial.get(self.index):
            case "NaN weight" | "infinite weight" as kind:
                kernel = self.model.network.trainable_variables[0]
                kernel.assign(kernel + float("nan" if kind == "NaN weight" else "inf"))
            case "infinite loss":  # one label can then have no probability
                bias = self.model.network.trainable_variables[-1]
                bias.assign(bias + np.eye(1, bias.shape[0])[0] * np.finfo(np.float32).max)


class _PoisonedData:
    """Training data, whose second batches have bad pixels in the trials that `poison` names."""

    def __init__(self, train, poison: _Poison) -> None:
        self._train = train
        self._poison = poison
        self.steps_per_epoch = train.steps_per_epoch

    def batches(self, *, seed: int, augmentation_seed: int, start: int, stop: int):
        """Returns the batches of these steps."""
        batches = self._train.batches(
            seed=seed, augmentation_seed=augmentation_seed, start=start, stop=stop
        )
        kind = self._poison.of_trial.get(self._poison.index, "")
        assert seed == trial_seeds(0, self._poison.index)["data"]
        if not kind.endswith("data"):
            return batches
        value = float("nan" if kind == "NaN data" else "inf")
        return batches.enumerate(start).map(
            lambda step, batch: (tf.where(step == 1, value, batch[0]), batch[1])
        )


def _start(directory: Path, flags: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*_COMMAND, f"--study_dir={directory}", *flags],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _tune(directory: Path, flags: Sequence[str]) -> None:
    process = _start(directory, flags)
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr


def _measured(directory: Path) -> dict[str, str]:
    return {
        path.parent.name: path.read_text(encoding="utf-8")
        for path in directory.glob("*/trials/*/measurements.csv")
    }


def _kept(directory: Path, before: Mapping[int, float]) -> dict[int, float]:
    """Returns when the trials that have ended were begun; none of those before may have changed."""
    if not (directory / "momentum" / "study.json").exists():
        return {}
    ended = {
        trial.index: trial.started
        for trial in read_study(directory / "momentum").trials
        if trial.status in (Status.COMPLETE, Status.INFEASIBLE)
    }
    assert before.items() <= ended.items(), "a finished trial was lost or run twice"
    return ended
