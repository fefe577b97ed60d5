"""Ranges that the user says, `--range lr=1e-5:10:log`, in comparisons that were read already.

Of tables they say which columns are hyperparameters, too, and are taken while these are read.
"""

from collections.abc import Sequence
from dataclasses import replace

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.sources.mapping import TableMap
from tfoptcmp.analysis.sources.names import searched_name
from tfoptcmp.analysis.sources.rows import check_inside
from tfoptcmp.hyperparameters import HYPERPARAMETERS
from tfoptcmp.study.schema import StudyError


def with_ranges(
    comparisons: Sequence[Comparison], how: TableMap, others: Sequence[Comparison]
) -> list[Comparison]:
    """Returns comparisons with the given ranges, beside or in the place of the recorded ones.

    Args:
        comparisons: As they were read.
        how: Has the ranges; a hyperparameter is called as its tool or as a search space calls it.
        others: All that a range may be of, these among them.

    Raises:
        StudyError: If a range is none, if no comparison has such a hyperparameter or optimizer, or
            if a value lies outside.
    """
    contestants = [one for each in others for one in each.contestants]
    named = sorted({one.name.casefold() for one in contestants})
    for key in how.ranges:
        whose, _, name = key.rpartition(":")
        if whose and whose.casefold() not in named:
            raise StudyError(f"--range must be of one of {named}; got {whose!r}")
        of_whom = [one for one in contestants if whose.casefold() in ("", one.name.casefold())]
        if not any(_has(one, name) for one in of_whom):
            known = dict.fromkeys(_called(one, n) for one in of_whom for n in one.searched_names)
            raise StudyError(f"--range must be of hyperparameters, of {list(known)}; got {name!r}")
    return [_with_ranges(one, how) for one in comparisons]


def _has(contestant: Contestant, name: str) -> bool:
    return searched_name(name, contestant.rule) in contestant.searched_names


def _called(contestant: Contestant, searched: str) -> str:
    """What other tools call a hyperparameter: `learning_rate` of `alpha0`."""
    argument = HYPERPARAMETERS[searched].argument if searched in HYPERPARAMETERS else searched
    return argument if searched_name(argument, contestant.rule) == searched else searched


def _with_ranges(comparison: Comparison, how: TableMap) -> Comparison:
    contestants = []
    said = []
    names = [key.rpartition(":")[2] for key in how.ranges]
    for one in comparison.contestants:
        given = how.dimensions(one.name, one.rule, [name for name in names if _has(one, name)])
        values = one.trials[[f"searched_{name}" for name in given]]
        check_inside(one.name, values.rename(columns=lambda n: n.removeprefix("searched_")), given)
        said += [
            f"{one.name}: the range of {_called(one, name)} is the one given, {dimension}, in the "
            f"place of that on record, {one.dimensions[name]}."
            for name, dimension in given.items()
            if one.dimensions.get(name, dimension) != dimension
        ]
        contestants.append(replace(one, dimensions={**one.dimensions, **given}))
    return replace(comparison, contestants=tuple(contestants), remarks=(*comparison.remarks, *said))
