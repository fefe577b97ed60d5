"""Workloads and signatures from a user's own module.

    tfoptcmp-tune --import_module=mine --workload=digits_simple_cnn --optimizers=sgd,lion ...

`mine.py`, in the current directory or installed, may define

    WORKLOADS = {"name": Workload(...)}
    SIGNATURES = {"workload": {"space": {"optimizer": Signature(...)}}}

The second adds to the `spaces` of any workload. The names of this project come first and cannot be
replaced.
"""

import functools
import importlib
import os
import sys
from types import ModuleType

from absl import flags
from tfoptcmp.tools.common.cli import UserError, import_tensorflow

from tfoptcmp import workloads
from tfoptcmp.signatures import Signature
from tfoptcmp.workload import Workload

IMPORT_MODULE = flags.DEFINE_multi_string(
    "import_module", [], "Your own module with workloads or optimizers; see README."
)


def workload(name: str | None) -> Workload:
    """Returns a workload of this project or of --import_module.

    Raises:
        UserError: If the name is unknown; the message lists the known names.
    """
    own = {k: v for module in _modules() for k, v in getattr(module, "WORKLOADS", {}).items()}
    known = [*workloads.names(), *own]
    if name not in known:
        got = "nothing" if name is None else repr(name)
        raise UserError(f"--workload must be one of {known}; got {got}")
    import_tensorflow()
    return workloads.get(name) if name in workloads.names() else own[name]


def signature(workload_name: str | None, optimizer: str, space: str) -> Signature:
    """Returns the signature of an optimizer in a search space of a workload.

    Raises:
        UserError: If there is none; the message lists those that exist.
    """
    tables = [getattr(module, "SIGNATURES", {}) for module in _modules()]
    of_workload = [workload(workload_name).spaces]
    of_workload += [table[workload_name] for table in tables if workload_name in table]
    known_spaces = list(dict.fromkeys(name for table in of_workload for name in table))
    if space not in known_spaces:
        raise UserError(f"--space of {workload_name} must be one of {known_spaces}; got {space!r}")
    found: dict[str, Signature] = {}
    for table in of_workload:
        found = {**table.get(space, {}), **found}
    if optimizer not in found:
        raise UserError(
            f"optimizer in the space {space!r} of {workload_name} must be one of {list(found)}; "
            f"got {optimizer!r}"
        )
    return found[optimizer]


def _modules() -> list[ModuleType]:
    return [_imported(name) for name in IMPORT_MODULE.value]


@functools.cache
def _imported(name: str) -> ModuleType:
    import_tensorflow()  # quietly; the module will probably import it
    if os.getcwd() not in sys.path:  # where console scripts do not look
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise UserError(f"--import_module: no module {name!r} here or installed") from error
