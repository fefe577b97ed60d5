import subprocess
from pathlib import Path

import pytest
from tfoptcmp.tools.common.provenance import provenance

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
def test_the_commit_is_that_of_the_source_tree():
    git = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    head = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    assert provenance()["git_commit"].removesuffix("+") == head
