import subprocess
from pathlib import Path

import pytest
from tfoptcmp.tools.common import provenance as module
from tfoptcmp.tools.common.provenance import provenance

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
def test_the_commit_is_that_of_the_source_tree():
    git = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    head = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    assert provenance()["git_commit"].removesuffix("+") == head


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model name\t: AMD EPYC\nflags\t\t: fpu avx avx2 avx512f\n" * 2, "AMD EPYC with AVX-512"),
        ("model name\t: Intel: old\nflags\t\t: fpu avx\n", "Intel: old with AVX"),
        ("model name\t: Pentium\nflags\t\t: fpu\n", "Pentium"),
    ],
)
def test_the_processor_is_named_with_its_widest_vectors(tmp_path, monkeypatch, text, expected):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(text)
    monkeypatch.setattr(module, "Path", lambda path: cpuinfo if path == "/proc/cpuinfo" else path)
    assert module._processor() == expected
