"""The published studies in results/, and what is written of them."""

import functools
import re
from collections import Counter
from pathlib import Path

from tfoptcmp.analysis import read_comparisons
from tfoptcmp.analysis.ranges.containment import acts_as
from tfoptcmp.analysis.statistics.verdicts import inclusion_verdicts, judge

RESULTS = Path(__file__).parents[2] / "results"

STUDIES = sorted(
    {
        *(path.parents[1] for path in RESULTS.glob("*/*/*/*/study.json")),
        *(path.parent for path in RESULTS.glob("*/*/*/refinement.json")),
    }
)

DIGITS = RESULTS / "cpu" / "digits_simple_cnn"

SEVEN, REFINED, FINAL, INITIAL, DEFAULT = (
    DIGITS / f"{space}-quasirandom"
    for space in ("seven", "refined", "final", "initial", "default_epsilon")
)

FASHION, FEW_TRIALS, BY_HAND, AT_DEFAULT, WIDE = (
    RESULTS / "cpu" / "fashion_mnist_simple_cnn" / f"{space}-quasirandom"
    for space in ("refined", "few_trials", "final", "epsilon_at_default", "wide_ratio")
)

README = (RESULTS / "README.md").read_text(encoding="utf-8")

PAGE = (RESULTS.parent / "docs" / "results.md").read_text(encoding="utf-8").split("```{include}")[0]

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in re.findall(r"^\|.*", PAGE, re.M)
]

DESCRIBED = [row for row in ROWS if len(row) == 5 and "`" in row[1]]

DIRECTORIES = {study: RESULTS / "cpu" / name.strip("`") for study, name, *_ in DESCRIBED}

CLAIMED = [row for row in ROWS if len(row) == 4 and row[1] in {*DIRECTORIES, "both"}]


@functools.cache
def read(directory, tuning_budget=None):
    """The comparison in a directory, once for all tests: what is drawn from it is kept with it."""
    (comparison,) = read_comparisons(directory, tuning_budget)
    return comparison


def last_round(directory):
    """The studies of the last of three rounds."""
    return sorted(path.parent for path in directory.glob("round-2/*/study.json"))


@functools.cache
def together(*directories):
    """The comparison of the last of three rounds of several studies."""
    (comparison,) = read_comparisons([one for each in directories for one in last_round(each)])
    return comparison


def acting(one, trials=None):
    """How many trials act as which special case; of all that are feasible, if none are given."""
    rows = (one.feasible if trials is None else trials).to_dict("records")
    return Counter(found[0] for row in rows if (found := acts_as(one, row)))


def section_on(start):
    """The section of the README with this text, its heading and what is before the next one."""
    (found,) = [part for part in re.split(r"^#+ ", README, flags=re.M) if start in part]
    return found


def one_line(text):
    return " ".join(text.split())


def counts(directory, tuning_budget=None):
    """How many tests came out how."""
    comparison = read(directory, tuning_budget)
    verdicts = inclusion_verdicts(comparison)
    found = Counter(str(j.verdict) for j in verdicts.judgements)
    assert sum(found.values()) == len(verdicts.judgements)
    return found


def spent(comparison):
    """Trials of all rounds, and their seconds."""
    rounds = [each for one in comparison.contestants for each in one.rounds or (one,)]
    seconds = sum(float(each.trials["seconds"].sum()) for each in rounds)
    return sum(len(each.trials) for each in rounds), seconds


def points(judgement, sign=1):
    """Difference and interval in percentage points; with a sign of -1, as a gain."""
    low, high = sorted((sign * judgement.low, sign * judgement.high))
    low, point, high = (100 * value for value in (low, sign * judgement.difference, high))
    return f"{point:.2f} [{low:.2f}, {high:.2f}]"


def in_two_spaces(first, second):
    """How much worse an optimizer is in a second space than in a first."""
    (comparison,) = read_comparisons([first, second])
    one, other = (
        next(one for one in comparison.contestants if Path(one.directory) == directory)
        for directory in (first, second)
    )
    return judge(comparison, one, other, "test", inclusion=False)
