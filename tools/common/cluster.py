"""Ray for this program: an existing cluster with its token, or one on this machine's loopback.

Ray reads its environment when it is imported, so this is the only place that imports it first.
"""

import importlib
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tfoptcmp.tools.common.cli import UserError


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connects to a Ray cluster, or starts one on this machine.

    The latter listens only on the loopback, whatever RAY_ADDRESS says. Ray's token authentication
    is on unless RAY_AUTH_MODE=disabled turns it off.

    Args:
        address: Of the head node, host:port; "auto" for a cluster that this machine belongs to,
            "local" for one that is started here.

    Raises:
        UserError: If Ray is not installed, was imported before without RAY_AUTH_MODE (it reads its
            environment once), or the cluster cannot be reached.
    """
    if "ray" in sys.modules and "RAY_AUTH_MODE" not in os.environ:
        raise UserError(
            "--ray_address: Ray was imported before its settings were made, by your module or"
            " a library; set RAY_AUTH_MODE=token in the environment"
        )
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == "local":
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # instead of a file at home
        # This keeps Ray to the loopback on systems where it has no clusters. A node address of
        # 127.0.0.1 does not: Ray replaces it by the machine's (2.60).
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        raise UserError("--ray_address needs Ray: pip install 'tfoptcmp[cluster]'") from error
    where = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address, **where, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ray.exceptions.RayError, RuntimeError, ValueError) as error:
        raise UserError(f"--ray_address={address}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()
