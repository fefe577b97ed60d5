"""Wrong checkpoints of real training, which must be passed over."""

import contextlib
import resource
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
from tfoptcmp.tools.lab.faults.fake import in_child
from tfoptcmp.tools.lab.faults.trials import moderate_task

from tfoptcmp import workloads
from tfoptcmp.study.schema import Measurement, Status
from tfoptcmp.study.trial import Interrupted
from tfoptcmp.training import runtime
from tfoptcmp.training.engine import Trainer
from tfoptcmp.training.options import Options

_BLOCK = 4  # steps
_NUM_BLOCKS = 4  # stopped after three

_Arrays = dict[str, np.ndarray]
_WRONG: dict[str, Callable[[_Arrays], _Arrays]] = {
    "other shape": lambda arrays: {**arrays, "arr_0": arrays["arr_0"][..., None]},
    "other type": lambda arrays: {**arrays, "arr_0": arrays["arr_0"].astype(np.float64)},
    "one array less": lambda arrays: {k: v for k, v in arrays.items() if k != "arr_0"},
    "one array more": lambda arrays: {**arrays, "arr_999": arrays["arr_0"]},
    "pickled object": lambda arrays: {**arrays, "arr_0": np.array([object()])},
    "empty header": lambda arrays: {**arrays, "header": np.array("{}")},
    "another seed's": lambda arrays: {**arrays, "header": _of_another_seed(arrays["header"])},
}
_BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "half a file": lambda data: data[: len(data) // 2],
    "zeros": lambda data: bytes(len(data)),
    "empty": lambda data: b"",
}
_LARGE_KB = 2 * 10**6  # that 2 MB on disk become


def wrong_checkpoints() -> str:
    """Replaces a trial's newest checkpoint by wrong ones; it must resume from the one before.

    Raises:
        AssertionError: If it resumes from another step, or its measurements differ.
    """
    assert in_child(_resume) == 0
    kinds = [*_WRONG, *_BROKEN, "larger than its file"]
    return f"{len(kinds)} wrong ones passed over, equal measurements: {', '.join(kinds)}"


def _resume() -> None:
    runtime.configure(1)
    workload = workloads.get("digits_simple_cnn")
    budget = workload.budget("smoke", steps=_NUM_BLOCKS * _BLOCK, eval_every_steps=_BLOCK)
    signature = workload.signature("adam")
    blocks = _Blocks()
    trainer = Trainer(
        workload=workload,
        budget=budget,
        splits=workload.load(budget, None),
        signature=signature,
        options=Options(checkpoint_every_steps=_BLOCK),
        callbacks=[blocks],
        should_stop=lambda: blocks.number == _NUM_BLOCKS - 1,
    )

    def run(directory: Path | None) -> list[Measurement]:
        rows: list[Measurement] = []
        blocks.number = 0
        outcome = trainer.run(moderate_task(signature, budget, 0, directory), rows.append)
        assert outcome.status == Status.COMPLETE, outcome
        return rows

    with tempfile.TemporaryDirectory(prefix="faults-") as parent:
        stopped = Path(parent) / "stopped"
        stopped.mkdir()
        with contextlib.suppress(Interrupted):
            run(stopped)
        whole = run(Path(shutil.copytree(stopped, Path(parent) / "whole")))
        assert blocks.number == 1, "it does not resume from the newest"
        peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        newest = stopped / f"checkpoint-{(_NUM_BLOCKS - 1) * _BLOCK}.npz"
        for number, kind in enumerate(_replaced(newest)):
            resumed = run(Path(shutil.copytree(stopped, Path(parent) / str(number))))
            assert resumed == whole, kind
            assert blocks.number == 2, f"{kind}: it does not resume from the one before"
        grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_kb
        assert grown_kb < _LARGE_KB / 2, "it is read"


def _replaced(path: Path) -> Iterator[str]:
    """Replaces a checkpoint by each of the wrong ones in turn."""
    data = path.read_bytes()
    with np.load(path) as file:
        arrays = dict(file)
    for kind, change in _WRONG.items():
        np.savez(path, **change(arrays))  # type: ignore[arg-type]  # none is `allow_pickle`
        yield kind
    for kind, damage in _BROKEN.items():
        path.write_bytes(damage(data))
        yield kind
    path.write_bytes(data)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("arr_999.npy", "w", force_zip64=True) as member,
    ):
        header = {"descr": "|u1", "fortran_order": False, "shape": (_LARGE_KB * 1000,)}
        np.lib.format.write_array_header_1_0(member, header)
        for _ in range(_LARGE_KB // 1000):
            member.write(bytes(10**6))
    yield "larger than its file"


def _of_another_seed(header: np.ndarray) -> np.ndarray:
    changed = str(header).replace('"weights": ', '"weights": 1')
    assert changed != str(header)
    return np.array(changed)


class _Blocks(keras.callbacks.Callback):
    """Counts the compiled blocks of steps that are trained."""

    number = 0

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Called after each block."""
        self.number += 1
