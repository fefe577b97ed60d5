"""The house rules that a machine can check: which module may import which."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("tfoptcmp", "workloads", "tuners", "tools")
ALLOWED = {
    "tfoptcmp": {"tfoptcmp"},
    "workloads": {"workloads", "tfoptcmp"},
    "tuners": {"tuners", "tfoptcmp"},
    "tools": set(PACKAGES),
}
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def package_of(module):
    """Where an installation has an imported module; None for third-party code."""
    parts = module.split(".")
    if parts[0] != "tfoptcmp":
        return None
    return parts[1] if parts[1:] and parts[1] in PACKAGES else "tfoptcmp"


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the direction"
            yield node, node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    package = path.relative_to(ROOT).parts[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = [
        f"{name}.{alias.name}" if isinstance(node, ast.ImportFrom) and name == "tfoptcmp" else name
        for node, name in imports(tree)
        for alias in node.names
    ]
    assert {package_of(module) for module in modules} <= ALLOWED[package] | {None}
    top_level = {module.partition(".")[0] for module in modules}
    assert not top_level & {"workloads", "tuners", "tools"}, "installed inside tfoptcmp"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_libraries_import_at_the_top_and_never_see_flags(path):
    if path.relative_to(ROOT).parts[0] == "tools":
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = [
        name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for _, name in imports(function)
    ]
    assert not inside
    from_absl = [node for node, name in imports(tree) if name == "absl"]
    assert not {a.name for node in from_absl for a in node.names} & {"absl", "app", "flags"}


# The packages of the analysis, by level: each imports only itself and those of lower levels.
ROOMS = {
    **{"ranks": 0, "contestant": 1, "comparison": 2, "statistics": 3, "sources": 4, "ranges": 4},
    **{"audit": 5, "figures": 5, "report": 6},
}
ANALYSIS = ROOT / "tfoptcmp" / "analysis"


def rooms(tree):
    for node, name in imports(tree):
        parts = name.split(".")
        if parts == ["tfoptcmp", "analysis"]:
            yield from (alias.name for alias in node.names)
        elif parts[:2] == ["tfoptcmp", "analysis"]:
            yield parts[2]


@pytest.mark.parametrize(
    "path", sorted(ANALYSIS.rglob("*.py")), ids=lambda path: str(path.relative_to(ANALYSIS))
)
def test_the_rooms_of_the_analysis_import_downwards(path):
    own = path.relative_to(ANALYSIS).parts[0].removesuffix(".py")
    others = set(rooms(ast.parse(path.read_text(encoding="utf-8")))) - {own}
    if own != "__init__":  # the public names
        assert {other for other in others if ROOMS[other] >= ROOMS[own]} == set()


# These also work without TensorFlow, such as on a laptop that has only the study directories.
LIGHT = (
    *(
        "spaces",
        "signatures",
        "inclusions",
        "rules",
        "metrics",
        "workload",
        "study.read",
        "study.write",
    ),
    *("analysis", "analysis.report.files"),
)


@pytest.mark.parametrize("module", LIGHT)
def test_light_modules_do_not_import_tensorflow(module):
    code = (
        f"import sys, tfoptcmp.{module}\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
