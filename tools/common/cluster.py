"""Ray for this program: on this machine's loopback alone, or an existing cluster with its token.

Ray reads its environment when it is imported, so this is the only place that imports it first.
"""

import importlib
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tfoptcmp.tools.common.cli import UserError


@contextmanager
def connected(
    *, num_workers: int, threads_per_trial: int, address: str | None = None
) -> Iterator[None]:
    """Starts Ray on this machine, with room for the workers, or connects to a cluster.

    Without an address Ray listens only on the loopback, whatever RAY_ADDRESS says. Ray's token
    authentication is on unless RAY_AUTH_MODE=disabled turns it off.

    Args:
        num_workers: How many trials are to run at the same time.
        threads_per_trial: Processors of each.
        address: Of the head node, host:port; "auto" for a cluster that this machine belongs to.

    Raises:
        UserError: If Ray is not installed, was imported before without RAY_AUTH_MODE (it reads its
            environment once), or the cluster cannot be reached.
    """
    if "ray" in sys.modules and "RAY_AUTH_MODE" not in os.environ:
        raise UserError(
            "--num_workers: Ray was imported before its settings were made, by your module or"
            " a library; set RAY_AUTH_MODE=token in the environment"
        )
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address is None:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # instead of a file at home
        # This keeps Ray to the loopback on systems where it has no clusters. A node address of
        # 127.0.0.1 does not: Ray replaces it by the machine's (2.60).
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        raise UserError("--num_workers needs Ray: pip install 'tfoptcmp[cluster]'") from error
    where: dict[str, Any] = {"address": address}
    if address is None:
        where = {
            "address": "local",
            "num_cpus": num_workers * threads_per_trial,
            "include_dashboard": False,
        }
    try:
        ray.init(**where, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ray.exceptions.RayError, RuntimeError, ValueError) as error:
        raise UserError(f"--ray_address={address}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()
