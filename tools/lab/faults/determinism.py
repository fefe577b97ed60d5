"""The same trial of every workload, bit for bit: alone, after another one, stopped and resumed."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import workloads
from tfoptcmp.study.schema import Status
from tfoptcmp.study.trial import Interrupted
from tfoptcmp.training import runtime
from tfoptcmp.training.engine import Trainer
from tfoptcmp.training.options import Options
from tfoptcmp.workload import MissingData
from tools.lab.faults import trials
from tools.lab.faults.scratch import in_child

_STEPS = 6
_THREADS = 2
_MISSING = 3  # exit code
_EQUAL = ("alone", "resumed", "after another")


def determinism(names: tuple[str, ...] = workloads.names(), data_dir: str | None = None) -> str:
    """Trains six steps of Momentum three times, in two processes, with two threads.

    What is compared are all measurements and variables at the end.

    Args:
        names: Of the workloads, at scale smoke.
        data_dir: Of prepared data sets.

    Raises:
        AssertionError: If some differ; after all workloads were tried.
    """
    same: list[str] = []
    missing: list[str] = []
    different: list[str] = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
            parent = Path(scratch)
            codes = {in_child(run, name, data_dir, parent) for run in (_alone, _resumed)}
            assert codes in ({0}, {_MISSING}), f"{name} cannot be trained"
            if codes == {_MISSING}:
                missing.append(name)
                continue
            ends = {(parent / trial / f"checkpoint-{_STEPS}.npz").read_bytes() for trial in _EQUAL}
            (same if len(ends) == 1 else different).append(name)
    assert not different, f"equal trials differ: {', '.join(different)}; not: {', '.join(same)}"
    result = f"equal bits alone, after another trial, and stopped and resumed: {', '.join(same)}"
    return result + (f"; data not there: {', '.join(missing)}" if missing else "")


def _alone(name: str, data_dir: str | None, parent: Path) -> None:
    """A whole trial, and another one half."""
    run = _trials(name, data_dir, parent)
    run("alone")
    run("resumed", stops=True)


def _resumed(name: str, data_dir: str | None, parent: Path) -> None:
    """The other half; then another trial, and once more the whole."""
    run = _trials(name, data_dir, parent)
    run("resumed")
    run("another", index=1)
    run("after another")


def _trials(name: str, data_dir: str | None, parent: Path) -> Callable[..., None]:
    """Returns what runs trials whose last checkpoint stays in a directory of this name."""
    runtime.configure(_THREADS)
    workload = workloads.get(name)
    budget = workload.budget("smoke", steps=_STEPS, eval_every_steps=_STEPS // 2)
    try:
        splits = workload.load(budget, data_dir)
    except MissingData:
        raise SystemExit(_MISSING) from None
    signature = workload.signature("momentum")
    stopping: list[bool] = []
    trainer = Trainer(
        workload=workload,
        budget=budget,
        splits=splits,
        signature=signature,
        options=Options(keep_checkpoints=True),
        should_stop=lambda: bool(stopping),
    )

    def run(directory: str, index: int = 0, stops: bool = False) -> None:
        stopping[:] = [True] if stops else []
        (parent / directory).mkdir(exist_ok=True)
        task = trials.task(signature, budget, index, parent / directory)
        try:
            outcome = trainer.run(task, lambda measurement: None)
        except Interrupted:
            assert stops
        else:
            assert outcome.status == Status.COMPLETE, outcome

    return run
