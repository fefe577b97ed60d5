"""Mutants of a tiny module, and which of them its tests notice."""

import ast

import pytest
from tfoptcmp.tools.common.cli import UserError
from tfoptcmp.tools.lab import mutation
from tfoptcmp.tools.lab.mutants import mutants

from tests.programs import run

# By hand: what may become of each.
CHANGES = {
    "a + b": ["a - b"],
    "a ** 2": ["a * 2", "a ** 3", "a ** 1"],
    "-a": ["a"],
    "a < b": ["a <= b", "a >= b"],
    "a < b <= c": ["a <= b <= c", "a >= b <= c", "a < b < c", "a < b > c"],
    "a == b": ["a != b"],
    "a and b": ["a or b"],
    "not a": ["a"],
    "a if b else c": ["a if not b else c"],
    "0.5": ["1.5", "-0.5"],
    "True": ["False"],
    "min(a, b)": ["a", "max(a, b)"],
    "abs(a)": ["a"],
    "f(a, b, c=d)": ["f(b, a, c=d)"],
    "a | None": [],
    "f'{a + b}'": [],
}


@pytest.mark.parametrize(("old", "new"), CHANGES.items(), ids=CHANGES)
def test_changes_of_an_expression(old, new):
    source = f"é = 'é'; x = {old}  # what it is\n"
    expected = sorted(ast.unparse(ast.parse(source.replace(old, one))) for one in new)
    found = [m.source for m in mutants(source)]
    assert sorted(ast.unparse(ast.parse(one)) for one in found) == expected
    assert all(one.endswith("  # what it is\n") for one in found)


def test_statements_are_left_out_and_what_speaks_to_people_stays():
    source = '''
@cache(1)
def f(a: int | 2) -> 3:
    """4"""
    a += b
    g(a)
    raise ValueError(5, f"{a + 6}")
'''
    assert [(m.line, m.change) for m in mutants(source)] == [
        (5, "a += b -> a -= b"),
        (5, "a += b -> pass"),
        (6, "g(a) -> pass"),
    ]
    assert mutants(source)[2].source == source.replace("g(a)", "pass")


TINY = """
def clipped(x):
    return min(x, 10)
"""
TEST = """
from tfoptcmp.tools.tiny import clipped

def test_small_numbers_stay():
    assert clipped(3) == 3
"""
TARGET = mutation.Target(path="tools/tiny.py", tests=("tests/test_tiny.py",))


@pytest.fixture
def tree(tmp_path):
    """A tree with a tiny module and its test."""
    for name in ("tfoptcmp", "workloads", "tuners", "tools", "tests"):
        (tmp_path / name).mkdir()
    (tmp_path / "setup.cfg").write_text("[tool:pytest]\npythonpath = .\n")
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / TARGET.path).write_text(TINY)
    (tmp_path / "tests/test_tiny.py").write_text(TEST)
    return tmp_path


def test_outcomes_on_a_tiny_module(tree):
    drawn = mutation.draw(tree, [TARGET], num=10, seed=0)
    names = ["3:11 min(x, 10) -> max(x, 10)", "3:11 min(x, 10) -> x"]
    names += ["3:18 10 -> 11", "3:18 10 -> 9"]
    assert sorted(drawn) == [f"tools/tiny.py:{name}" for name in names]
    assert list(mutation.draw(tree, [TARGET], num=2, seed=0)) == list(drawn)[:2]
    first, second, *_ = sorted(drawn)
    found = dict(mutation.outcomes(tree, {first: drawn[first], second: drawn[second]}))
    assert found == {first: "killed", second: "survived"}  # by hand: no large number is tested
    assert (tree / TARGET.path).read_text() == TINY  # the tree itself stays


def test_what_never_ends_is_noticed(tree):
    assert mutation.run_tests(tree, TARGET, "while True: pass", limit_seconds=1) == "timed out"


def test_tests_that_fail_without_a_mutant_are_said(tree):
    (tree / "tests/test_tiny.py").write_text(TEST.replace("== 3", "== 4"))
    with pytest.raises(UserError, match=r"tests of tools/tiny\.py must pass without a mutant"):
        list(mutation.outcomes(tree, mutation.draw(tree, [TARGET], num=1, seed=0)))


def test_the_files_and_tests_that_belong_together_are_there():
    for target in mutation.TARGETS.values():
        for name in (target.path, *(t for t in target.tests if not t.startswith("-"))):
            assert (mutation._ROOT / name).exists()


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--only=fire", "--only must be of ['model', "),
        ("--retry_survivors", "--retry_survivors needs --output"),
    ],
)
def test_bad_input_gets_one_clear_message(flag, message):
    done = run("lab.mutation", flag)
    assert done.returncode == 2
    assert message in done.stderr
