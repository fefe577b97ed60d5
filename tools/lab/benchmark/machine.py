"""On what a benchmark ran: machine, versions, command, threads."""

import importlib.metadata
from typing import Any

from tools.common import provenance
from tools.lab.benchmark.settings import Settings

_OTHERS = ("torch", "keras-tuner", "ray")


def machine(settings: Settings) -> dict[str, Any]:
    """Returns what a reader of the numbers has to know."""
    return {
        **provenance.provenance(),
        "threads": settings.threads,
        "versions": provenance.versions() | _versions(_OTHERS),
    }


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Returns package to version, of those that are there."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
