"""The Ray cluster on which a program runs its trials.

Ray reads its environment when it is imported, so this is the only place that imports it first.
"""

import importlib
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tfoptcmp.tools.common.cli import UserError

_SECONDS = 10.0  # that the head has to answer


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connects to a Ray cluster; Ray's token is asked for unless RAY_AUTH_MODE=disabled.

    Args:
        address: Of the head node, host:port.

    Raises:
        UserError: If Ray is not installed, was imported before without RAY_AUTH_MODE (it reads its
            environment once), or the cluster cannot be reached.
    """
    _check_answers(address)
    if "ray" in sys.modules and "RAY_AUTH_MODE" not in os.environ:
        raise UserError(
            "--ray_address: Ray was imported before its settings were made, by your module or"
            " a library; set RAY_AUTH_MODE=token in the environment"
        )
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        raise UserError("--ray_address needs Ray: pip install 'tfoptcmp[cluster]'") from error
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ray.exceptions.RayError, RuntimeError, ValueError) as error:
        raise UserError(f"--ray_address={address}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Checks that something listens there; Ray itself would try for minutes.

    Raises:
        UserError: If not, or if the address is not host:port.
    """
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not (port.isdecimal() and int(port) < 2**16):
        raise UserError(
            "--ray_address must be host:port of the cluster's head; workers on this machine alone "
            f"need no Ray, only --num_workers; got {address!r}"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS).close()
    except (OSError, UnicodeError) as error:
        raise UserError(f"--ray_address={address}: nobody answers there: {error}") from error
