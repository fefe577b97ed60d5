"""Causes faults in studies on purpose, and checks the effect on their trials.

    python -m tools.lab.faults
    python -m tools.lab.faults --faults=kills,disk_full

After each fault the study must resume and give the results of an undisturbed one, with each
finished trial kept and none run twice. The faults that need no training take about a minute, the
others several, soak most of an hour. Needs a clone or an installed tfoptcmp, and a local disk for
temporary files.
"""

import importlib
import sys
import textwrap
import time
import traceback
from collections.abc import Iterable
from typing import Any

from absl import flags
from tfoptcmp.tools.common import cli, terminal
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.shared_flags import DATA_DIR
from tfoptcmp.tools.lab.faults.table import FAULTS

from tfoptcmp import workloads

_FAILED = "FAILED, see above"

_NAMES = flags.DEFINE_list(
    "faults",
    None,
    "Faults to test; default: all. "
    + "; ".join(f"{name}, {what}" for name, (_, what) in FAULTS.items())
    + ".",
)
_EVERY = flags.DEFINE_integer(
    "every",
    1,
    "Of kills, disk_full, power_cuts and killed_searches, take only each n-th.",
    lower_bound=1,
)
_NUM_TRIALS = flags.DEFINE_integer("num_trials", 10_000, "Of bookkeeping.", lower_bound=2)
_NUM_KILLS = flags.DEFINE_integer("num_kills", 100, "Of killed_training.", lower_bound=1)
_NUM_ROUND_KILLS = flags.DEFINE_integer("num_round_kills", 50, "Of rounds.", lower_bound=1)
_NUM_DRIVER_KILLS = flags.DEFINE_integer("num_driver_kills", 10, "Of killed_driver.", lower_bound=1)
_NUM_SOAK_TRIALS = flags.DEFINE_integer("num_soak_trials", 2000, "Of soak.", lower_bound=1)
_WORKLOADS = flags.DEFINE_list("workloads", None, "Of determinism; default: all.")

_GROUPS = {
    "What to do": (_NAMES,),
    "How much": (
        *(_EVERY, _NUM_TRIALS, _NUM_KILLS, _NUM_ROUND_KILLS, _NUM_DRIVER_KILLS),
        _NUM_SOAK_TRIALS,
    ),
    "Determinism": (_WORKLOADS, DATA_DIR),
}


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    names = _chosen(_NAMES, FAULTS)
    trained = _chosen(_WORKLOADS, workloads.names())
    arguments: dict[str, dict[str, Any]] = {
        "kills": {"every": _EVERY.value},
        "disk_full": {"every": _EVERY.value},
        "power_cuts": {"every": _EVERY.value},
        "killed_searches": {"every": _EVERY.value},
        "bookkeeping": {"num_trials": _NUM_TRIALS.value},
        "killed_training": {"num_kills": _NUM_KILLS.value},
        "rounds": {"num_kills": _NUM_ROUND_KILLS.value},
        "killed_driver": {"num_kills": _NUM_DRIVER_KILLS.value, "num_workers": 2},
        "soak": {"num_trials": _NUM_SOAK_TRIALS.value},
        "determinism": {"names": trained, "data_dir": DATA_DIR.value},
    }
    cli.import_tensorflow()
    results = {}
    for number, name in enumerate(names, start=1):
        print(f"{number}/{len(names)} {name} ...", file=sys.stderr, flush=True)
        start = time.monotonic()
        module, function = FAULTS[name][0].split(":")
        try:
            make_happen = getattr(
                importlib.import_module(f"tfoptcmp.tools.lab.faults.{module}"), function
            )
            result = make_happen(**arguments.get(name, {}))
        except Exception:
            traceback.print_exc()
            result = _FAILED
        results[name] = result, terminal.duration(time.monotonic() - start)
    width = max(map(len, results))
    for name, (result, duration) in results.items():
        line = f"{name:<{width}}  {result} ({duration})"
        print(textwrap.fill(line, 100, subsequent_indent=" " * (width + 2)))
    if any(result == _FAILED for result, _ in results.values()):
        sys.exit(1)


def _chosen(holder: flags.FlagHolder[list[str] | None], known: Iterable[str]) -> list[str]:
    if holder.value is None:
        return list(known)
    if not holder.value or not set(holder.value) <= set(known):
        raise UserError(f"--{holder.name} must be of {list(known)}; got {holder.value}")
    return holder.value


def main() -> None:
    """Entry point of `python -m tools.lab.faults`."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
