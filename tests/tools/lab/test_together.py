"""Programs side by side: all are run, with the arguments that a shell would give them."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(("lines", "code"), [(1, 0), (3, 1)])
def test_all_are_run_and_a_failure_is_told(lines, code, tmp_path):
    given = [
        "pack --help",
        f"report '{tmp_path}/no such place'",
        f"audit --columns --output_dir={tmp_path}",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tfoptcmp.tools.lab.together"],
        input="\n".join(given[:lines]),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code
    assert "Packs studies for publishing" in done.stdout
    if lines > 1:
        assert "no such place" in done.stderr
        assert "output_dir" in done.stderr  # the last was begun, too
