"""Compares our speed with that of others: training steps, studies, optimizers, parts, workers.

    python -m tools.lab.benchmark --only=steps --networks=simple_cnn,lstm --json=benchmark.json

All contestants of a comparison run in one call, in turn, each in its own process. Needs the extra
`bench` (PyTorch). Random images replace missing data. Run nothing else on the machine.
"""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from tfoptcmp.tools.common import cli, provenance
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.common.shared_flags import DATA_DIR
from tfoptcmp.tools.lab.benchmark.networks import NETWORKS
from tfoptcmp.tools.lab.benchmark.results import Settings

# Imported after the flags are parsed, so that `--help` answers at once.
_COMPARISONS = {
    "steps": "steps:steps",
    "optimizers": "steps:updates",
    "study": "study:compare",
    "data": "parts:data",
    "evaluation": "parts:evaluation",
    "bookkeeping": "parts:bookkeeping",
    "memory": "parts:memory",
    "startup": "parts:startup",
    "workers": "study:workers",
}

_ONLY = flags.DEFINE_list("only", list(_COMPARISONS), "Comparisons to make.")
_NETWORKS = flags.DEFINE_list("networks", list(NETWORKS), "Networks whose steps are compared.")
_RULE = flags.DEFINE_enum("rule", "adam", ["momentum", "adam"], "Update rule of the steps.")
_TORCH_COMPILE = flags.DEFINE_bool(
    "torch_compile", True, "Whether torch.compile takes part; it may compile for minutes."
)
_CASES = flags.DEFINE_list(
    "cases",
    ["digits", "digits_long", "resnet32", "simple_cnn", "simple_cnn_wide"],
    "Studies that are compared; each round runs whole studies.",
)
_TRIALS = flags.DEFINE_integer(
    "trials", None, "Feasible trials of each study; default: the case's.", lower_bound=1
)
_TRIAL_STEPS = flags.DEFINE_integer(
    "trial_steps", None, "Steps of each trial; default: the case's.", lower_bound=1
)
_ALTERNATIONS = flags.DEFINE_integer(
    "alternations", 5, "Measurements of each contestant, in turn with the others.", lower_bound=1
)
_THREADS = flags.DEFINE_integer(
    "threads", 0, "Threads of each contestant; 0: all processors.", lower_bound=0
)
_SHORT = flags.DEFINE_bool(
    "short", False, "Only test that everything works: one round, small sizes; times mean nothing."
)
_JSON = flags.DEFINE_string("json", None, "File for all samples, with machine and versions.")

_GROUPS = {
    "What to compare": (_ONLY,),
    "Steps": (_NETWORKS, _RULE, _TORCH_COMPILE),
    "Studies": (_CASES, _TRIALS, _TRIAL_STEPS, DATA_DIR),
    "How": (_ALTERNATIONS, _THREADS, _SHORT),
    "Output": (_JSON,),
}


def _run(argv: list[str]) -> None:
    if argv:
        raise UserError(f"takes flags only; got {argv}")
    _check("only", _ONLY.value, _COMPARISONS)
    _check("networks", _NETWORKS.value, NETWORKS)
    _check("cases", _CASES.value, _CASES.default)
    _check_torch()

    settings = Settings(
        alternations=1 if _SHORT.value else _ALTERNATIONS.value,
        threads=_THREADS.value or len(os.sched_getaffinity(0)),
        networks=tuple(_NETWORKS.value),
        rule=_RULE.value,
        torch_compile=_TORCH_COMPILE.value and not _SHORT.value,
        cases=tuple(_CASES.value),
        trials=_TRIALS.value,
        trial_steps=_TRIAL_STEPS.value,
        data_dir=DATA_DIR.value,
        short=_SHORT.value,
    )
    found = {
        **provenance.provenance(),
        "threads": settings.threads,
        "versions": provenance.versions() | _versions("torch", "keras-tuner", "ray"),
    }
    print("\n".join(f"{name}: {value}" for name, value in found.items()), flush=True)
    tables = []
    for name in _ONLY.value:
        for table in _compare(name)(settings):
            print(f"\n{table.text()}", flush=True)
            tables.append(table.to_json())
            if _JSON.value:  # after each, so that an interrupted run leaves what it had
                content = json.dumps({**found, "tables": tables}, indent=1)
                Path(_JSON.value).write_text(content + "\n", encoding="utf-8")


def _versions(*packages: str) -> dict[str, str]:
    """Returns package to version, for those that are installed."""
    found = {}
    for package in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _check(flag: str, values: Sequence[str], known: Iterable[str]) -> None:
    unknown = [value for value in values if value not in known]
    if unknown or not values:
        raise UserError(f"--{flag} must be some of {list(known)}; got {values}")


def _check_torch() -> None:
    needing = sorted({"steps", "optimizers"} & {*_ONLY.value})
    if needing and importlib.util.find_spec("torch") is None:
        raise UserError(
            f"--only={','.join(needing)} needs PyTorch: pip install 'tfoptcmp[bench]', or name "
            "other comparisons"
        )


def _compare(name: str) -> Any:
    module, _, function = _COMPARISONS[name].partition(":")
    return getattr(importlib.import_module(f"tfoptcmp.tools.lab.benchmark.{module}"), function)


def main() -> None:
    """Entry point."""
    cli.run(_run, __doc__, _GROUPS)


if __name__ == "__main__":
    main()
