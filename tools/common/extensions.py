"""Workloads and signatures from a user's own module.

    tfoptcmp-tune --import_module=mine --workload=digits_simple_cnn --optimizers=sgd,lion ...

`mine.py`, in the current directory or installed, may define

    WORKLOADS = {"name": Workload(...)}
    SIGNATURES = {"workload": {"space": {"optimizer": Signature(...)}}}

The second adds to the `spaces` of any workload. Names of this project cannot be replaced.
"""

import functools
import importlib
import os
import sys
from types import ModuleType

from absl import flags
from tfoptcmp.tools.common.cli import UserError, import_tensorflow
from tfoptcmp.tools.common.names import meant, proposal

from tfoptcmp import workloads
from tfoptcmp.rules import Rule
from tfoptcmp.signatures import Signature
from tfoptcmp.workload import Workload

IMPORT_MODULE = flags.DEFINE_multi_string(
    "import_module", [], "Your own module with workloads or optimizers; see docs/compare.md."
)


def workload(name: str | None) -> Workload:
    """Returns a workload of this project or of --import_module.

    Raises:
        UserError: If the name is unknown; the message lists the known names.
    """
    known = all_workloads()
    if name is None or name not in known:
        got = "nothing" if name is None else repr(name)
        raise UserError(f"--workload must be one of {list(known)}; got {got}")
    return known[name]


def all_workloads() -> dict[str, Workload]:
    """Returns all workloads by name, those of --import_module after this project's."""
    found = dict(workloads.WORKLOADS)
    for module in _modules():
        found |= {k: v for k, v in getattr(module, "WORKLOADS", {}).items() if k not in found}
    return found


def all_signatures(workload: Workload) -> dict[str, dict[str, Signature]]:
    """Returns the spaces of a workload, those of --import_module too: optimizer to signature.

    Raises:
        UserError: If a name is given twice.
    """
    found = {space: dict(signatures) for space, signatures in workload.spaces.items()}
    for module in _modules():
        for space, added in getattr(module, "SIGNATURES", {}).get(workload.name, {}).items():
            of_space = found.setdefault(space, {})
            if taken := sorted(set(of_space) & set(added)):
                raise UserError(
                    f"--import_module: {taken} in the space {space!r} of {workload.name} are there "
                    "already: give yours other names"
                )
            of_space |= added
    return found


def signature(workload_name: str | None, optimizer: str, space: str) -> tuple[str, Signature]:
    """Returns an optimizer's name and signature in a search space of a workload.

    Args:
        workload_name: The workload's.
        optimizer: Its name, as it is listed or as people and other tools write it: "Adam W".
        space: The space's name.

    Raises:
        UserError: If there is none; the message lists those that exist.
    """
    spaces = all_signatures(workload(workload_name))
    if space not in spaces:
        raise UserError(f"--space of {workload_name} must be one of {list(spaces)}; got {space!r}")
    of_space = spaces[space]
    name = meant(optimizer, of_space)
    if name is None:
        raise UserError(
            f"optimizer in the space {space!r} of {workload_name} must be one of "
            f"{list(of_space)}; got {optimizer!r}{proposal(optimizer, of_space)} (tfoptcmp-tune "
            "--list says what they are; --import_module adds yours)"
        )
    return name, of_space[name]


def check_rule(rule: Rule) -> None:
    """Checks that a rule's optimizer can be imported: the first that needs TensorFlow.

    Raises:
        UserError: If it cannot; the message says what would help.
    """
    import_tensorflow()
    module = rule.optimizer.partition(":")[0]
    _modules()  # they may be where it is found
    try:
        rule.optimizer_class()
    except ValueError as error:
        has_it = ": a newer Keras has it" if module.partition(".")[0] == "keras" else ""
        raise UserError(f"{error}{has_it}") from error
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise  # a module that it imports
        raise UserError(
            f"{rule.title} is in the module {module!r}, which is not found: say "
            f"--import_module={module}, in the directory that it is in"
        ) from error


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
