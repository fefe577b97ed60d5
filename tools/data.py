"""Says which data are present, what is missing, how large it is and how to get it; prepares it.

    tfoptcmp-data
    tfoptcmp-data --workload=cifar10_resnet32 --prepare
    tfoptcmp-data --workload=war_and_peace_lstm --prepare --manual_dir=books

Nothing is downloaded without --prepare. Exit code: 0 if all required data are present, 3 if not.
"""

import shutil
import sys
from pathlib import Path

from absl import flags
from tfoptcmp.tools.common import cli
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.shared_flags import DATA_DIR
from tfoptcmp.workloads.data.catalogue import partial_text

from tfoptcmp import workloads
from tfoptcmp.workload import DataSet, MissingData

_WORKLOAD = flags.DEFINE_list(
    "workload", [], "Workloads whose data to check; default: all. An unknown name prints the list."
)
_PREPARE = flags.DEFINE_bool(
    "prepare", False, "Download what is missing and prepare it; needs --workload."
)
_MANUAL_DIR = flags.DEFINE_string(
    "manual_dir",
    None,
    "Directory with official files, used instead of the network; default: downloads/manual in "
    "--data_dir.",
)

_GROUPS = {
    "What": (_WORKLOAD, _PREPARE),
    "Output": (DATA_DIR, _MANUAL_DIR),
}

_SOMETHING_MISSING = 3


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    unknown = sorted(set(_WORKLOAD.value) - set(workloads.names()))
    if unknown:
        raise UserError(f"--workload must be one of {list(workloads.names())}; got {unknown[0]!r}")
    if _PREPARE.value and not _WORKLOAD.value:
        raise UserError("--prepare needs --workload: all data together are hundreds of gigabytes")
    if _MANUAL_DIR.value is not None:
        if not _PREPARE.value:
            raise UserError("--manual_dir has an effect only with --prepare")
        if not Path(_MANUAL_DIR.value).is_dir():
            raise UserError(f"--manual_dir must be a directory; got {_MANUAL_DIR.value!r}")
    chosen = [workloads.get(name) for name in _WORKLOAD.value or workloads.names()]
    cli.import_tensorflow()
    for workload in chosen:
        if not workload.data_sets:
            print(f"{workload.name}: its data come with an installed package\n")
    data_sets = {d.name: d for workload in chosen for d in workload.data_sets}
    complete = [_show(data_set) for data_set in data_sets.values()]
    sys.exit(0 if all(complete) else _SOMETHING_MISSING)


def _show(data_set: DataSet) -> bool:
    """Prepares a data set if asked, and prints its state; returns whether it can be used."""
    from tfoptcmp.workloads.data import tfds

    users = ", ".join(n for n, w in workloads.WORKLOADS.items() if data_set in w.data_sets)
    print(f"{data_set.title} ({data_set.name}), for {users}")
    try:
        found = tfds.look(data_set, DATA_DIR.value)
        if found.num_examples is None and _PREPARE.value and _is_wanted(data_set, found.where):
            tfds.prepare(data_set, data_dir=DATA_DIR.value, manual_dir=_MANUAL_DIR.value)
            found = tfds.look(data_set, DATA_DIR.value)
    except MissingData as error:
        if _PREPARE.value:
            raise
        print(f"  {error}\n")
        return bool(data_set.optional)
    if found.num_examples is None:
        _show_missing(data_set, found.where)
        return bool(data_set.optional)
    numbers = ", ".join(f"{number:,} {split}" for split, number in found.num_examples.items())
    print(f"  is in {found.where}: {numbers} examples, {found.size_bytes / 1e6:,.0f} MB")
    if partial := partial_text(data_set, found.num_examples):
        print(f"  PARTIAL DATA: {partial}")
    print()
    return True


def _is_wanted(data_set: DataSet, where: Path) -> bool:
    """Says whether to prepare a data set; refuses where the disk is too small."""
    if data_set.optional and not data_set.host:
        return False
    there = next(path for path in where.parents if path.exists())
    free_mb = shutil.disk_usage(there).free // 10**6
    # The archives stay beside the prepared data.
    needed_mb = data_set.download_mb * bool(data_set.host) + data_set.prepared_mb
    if free_mb < needed_mb:
        raise UserError(
            f"--data_dir: {data_set.title} needs {needed_mb:,} MB in {there}, where {free_mb:,} MB "
            "are free"
        )
    return True


def _show_missing(data_set: DataSet, where: Path) -> None:
    without = f" (without it, {data_set.optional} is absent)" if data_set.optional else ""
    manual_dir = where.parents[data_set.name.count("/") + 1] / "downloads" / "manual"
    by_hand = f"put {data_set.official_files} into {manual_dir} or name another --manual_dir"
    print(f"  is not in {where}{without}")
    print(f"  official files {data_set.download_mb:,} MB, prepared {data_set.prepared_mb:,} MB")
    if data_set.note:
        print(f"  {data_set.note}")
    if data_set.host:
        print(f"  get it: --prepare; without a network first {by_hand}")
    else:
        print(f"  get it: {by_hand}, then --prepare")
    print()


def main() -> None:
    """Entry point of `tfoptcmp-data`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
