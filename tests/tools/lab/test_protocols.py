"""Rankings beside each other in several search spaces."""

import pytest
from tfoptcmp.tools.lab.protocols import differences

from tests.programs import run
from tfoptcmp.analysis import read_comparisons


@pytest.fixture(name="studies")
def two_spaces(tmp_path):
    """SGD is better in the first space, and worse in the second; workload "results" in both."""
    spaces = {
        "small": {"sgd": 0.1, "momentum": 0.3},
        "large": {"sgd": 0.3, "momentum": 0.1, "adam": 0.1},
    }
    for name, levels in spaces.items():
        rows = [
            f"{rule},{level + i / 1000},{level + i / 1000},1000"
            for rule, level in levels.items()
            for i in range(40)
        ]
        (tmp_path / name).mkdir()
        text = "\n".join(["optimizer,validation,test,num_test", *rows])
        (tmp_path / name / "results.csv").write_text(text)
    return tmp_path


def test_a_ranking_that_turns_is_marked(studies):
    columns = [
        (name, read_comparisons(studies / name / "results.csv")[0]) for name in ("small", "large")
    ]
    heading, _, sgd_momentum, *others = differences(columns).splitlines()
    assert heading == "| second minus first | small | large |"
    # By hand: the two differ by 0.2 in every trial.
    small, large = sgd_momentum.split(" | ")[1:]
    assert small.startswith("**+20.00 [") and small.endswith("pp turns**")
    assert large.startswith("-20.00 [")
    assert all(line.split(" | ")[1] == "-" for line in others)  # Adam is in one space alone


def test_all_spaces_are_judged_at_the_smallest_tuning_budget(studies):
    """K is a tenth of N: 4 of 40 trials, 2 of 20."""
    (studies / "few").mkdir()
    lines = (studies / "large" / "results.csv").read_text().splitlines()
    few = [lines[0], *(line for rule in range(3) for line in lines[1 + 40 * rule :][:20])]
    (studies / "few" / "results.csv").write_text("\n".join(few))
    given = [f"{name}={studies / name / 'results.csv'}" for name in ("large", "few")]
    done = run("lab.protocols", f"--output_dir={studies / 'out'}", *given)
    assert done.returncode == 0, done.stderr
    svg = (studies / "out" / "protocols.svg").read_text()
    assert "K = 2" in svg and "K = 4" not in svg


def test_it_draws_and_says_what_it_needs(studies):
    given = [f"{name}={studies / name / 'results.csv'}" for name in ("small", "large")]
    done = run("lab.protocols", f"--output_dir={studies / 'out'}", *given)
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (studies / "out").iterdir()}
    assert names == {"protocols.png", "protocols.svg", "protocols.md"}
    done = run("lab.protocols", given[0])
    assert done.returncode == 2 and "at least two spaces" in done.stderr
