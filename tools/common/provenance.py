"""Where and with what a study was run: versions that can change a result, and facts for people."""

import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX"}  # widest first

_PACKAGES = ("tfoptcmp", "tensorflow", "keras", "numpy", "scipy", "scikit-learn")


def versions() -> dict[str, str]:
    """Returns package to version, for those whose change can change a measurement."""
    return {"python": platform.python_version()} | {
        package: importlib.metadata.version(package) for package in _PACKAGES
    }


def provenance() -> dict[str, Any]:
    """Returns command line, git commit, hardware and start: for people, never compared."""
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "git_commit": _git_commit(),
        "hardware": f"{_processor()}, {len(os.sched_getaffinity(0))} processors",
        "platform": platform.platform(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _git_commit() -> str:
    """Commit of the source tree of this file, "+" if changed; "" for an installed wheel."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    git = ["git", "-C", str(root)]
    try:
        commit = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit + ("+" if changed else "")


def _processor() -> str:
    """Its name and its widest vectors, on which the order of sums depends, and with it the bits."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    known = {key.strip(): value for key, _, value in (line.partition(":") for line in lines)}
    flags = known.get("flags", "").split()
    vectors = next((title for flag, title in _VECTORS.items() if flag in flags), "")
    name = known.get("model name", "").strip() or platform.processor()
    return f"{name} with {vectors}" if vectors else name
