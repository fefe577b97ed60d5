"""looks.json: when a comparison was looked at, what was decided then, and the plan of that.

    <study_dir>/looks.json        beside the studies that it is about: `Looks`

A comparison that is looked at while trials are added must say in advance when, and what each look
may spend of the probability of a false verdict; both, and what each look found, are thus on record
with the trials. Pairs that are decided stay decided and are not looked at again. Replaced
atomically and durably. What a look does stands in `tfoptcmp.analysis.statistics.looks`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from tfoptcmp.conversion import Name, Positive, PositiveCount, convert
from tfoptcmp.study.record import check_version, read_record, write_record
from tfoptcmp.study.same_study import changes
from tfoptcmp.study.schema import StudyError

FILE_NAME = "looks.json"

SCHEMA_VERSION = 1

NOT_DECIDED = "not decided"

SequentialVerdict = Literal[
    "violated", "worse", "better", "equivalent", "holds", "not decided"
]  # of `analysis.statistics.verdicts.Verdict`, without the one for too few trials

Pair = tuple[Name, Name]
"""Names of two signatures, a and b; verdicts are on b."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is fixed before the first trial.

    Attributes:
        max_feasible: N of the last look, if there must be so many.
        tuning_budget: K.
        pairs: Those to decide.
        looks: N of each look, ascending; the last is max_feasible.
        level: Probability of a false verdict on one side, of all looks at all pairs together.
    """

    max_feasible: PositiveCount
    tuning_budget: PositiveCount
    pairs: Sequence[Pair]
    looks: Sequence[PositiveCount]
    level: Annotated[float, Meta(gt=0, lt=1)]


@dataclass(frozen=True, kw_only=True)
class PairLook:
    """A pair at a look.

    Attributes:
        a: Name of the first; the special rule if b contains it.
        b: Name of the second.
        statistic: Name of the statistic.
        difference: D, the mean of the best of K of b minus that of a, in the metric's unit.
        low: Least that D may well be, at the level of this look.
        high: Most that it may well be.
        margin: delta.
        verdict: On b.
    """

    a: Name
    b: Name
    statistic: Name
    difference: float
    low: float
    high: float
    margin: Positive
    verdict: SequentialVerdict

    @property
    def pair(self) -> Pair:
        """The names of both."""
        return self.a, self.b

    @property
    def decided(self) -> bool:
        """Whether this look decided it."""
        return self.verdict != NOT_DECIDED


@dataclass(frozen=True, kw_only=True)
class Look:
    """A look: what the first `num_trials` feasible trials of each optimizer said.

    Attributes:
        num_trials: N.
        pairs: Those that were not decided before, in the plan's order.
    """

    num_trials: PositiveCount
    pairs: Sequence[PairLook]


@dataclass(frozen=True, kw_only=True)
class Looks:
    """The plan and the looks that were made; looks.json."""

    plan: Plan
    looks: Sequence[Look] = ()
    schema_version: int = SCHEMA_VERSION

    @property
    def decided(self) -> dict[Pair, tuple[int, PairLook]]:
        """Pairs to the N and the look that decided them."""
        return {
            one.pair: (look.num_trials, one)
            for look in self.looks
            for one in look.pairs
            if one.decided
        }

    @property
    def open_pairs(self) -> list[Pair]:
        """Pairs that no look has decided yet, in the plan's order."""
        return [pair for pair in map(_pair, self.plan.pairs) if pair not in self.decided]

    @property
    def next_look(self) -> int | None:
        """N of the next look; None if all is decided or the last one was made."""
        if not self.open_pairs or len(self.looks) == len(self.plan.looks):
            return None
        return self.plan.looks[len(self.looks)]


def read_looks(study_dir: Path) -> Looks | None:
    """Reads looks.json; None if there is none.

    Args:
        study_dir: Parent of the studies.

    Raises:
        StudyError: If the file is damaged; the message names it.
    """
    what_to_do = (
        "put back a copy of it, or start anew in another --study_dir: a look that is forgotten "
        "would be made twice"
    )
    return read_record(study_dir / FILE_NAME, to_looks, what_to_do)


def write_looks(study_dir: Path, looks: Looks) -> None:
    """Replaces looks.json durably, and makes its directory if needed.

    Raises:
        StudyError: If it cannot be written; the old one stays.
    """
    write_record(study_dir / FILE_NAME, asdict(looks))


def check(study_dir: Path, plan: Plan) -> Looks | None:
    """Returns the looks that are there, after a check that their plan is the one asked for now.

    Raises:
        StudyError: If it is not, with both values of all that differs; or if they are damaged.
    """
    there = read_looks(study_dir)
    if there and (found := changes(asdict(there.plan), asdict(plan))):
        raise StudyError(
            f"{study_dir / FILE_NAME} holds another plan, and a plan that changes with the results "
            f"proves nothing: {found}. Repeat the settings of the first run, or name another "
            "--study_dir."
        )
    return there


def to_looks(data: Any) -> Looks:
    """Returns what a looks.json says.

    Raises:
        ValueError: If it is none, or one of a newer version.
    """
    check_version(data, SCHEMA_VERSION)
    found = convert(data, Looks)
    plan = found.plan
    if plan.looks != sorted(set(plan.looks)) or list(plan.looks)[-1:] != [plan.max_feasible]:
        raise ValueError(
            f"plan.looks must ascend to {plan.max_feasible}, max_feasible; got {plan.looks}"
        )
    if not plan.pairs or any(len(set(pair)) < 2 for pair in plan.pairs):
        raise ValueError(f"plan.pairs must be pairs of two names; got {plan.pairs}")
    _check_looks(found)
    return found


def _check_looks(found: Looks) -> None:
    """Checks that the looks are those of the plan, each at the pairs that were open then."""
    for i, look in enumerate(found.looks):
        so_far = Looks(plan=found.plan, looks=found.looks[:i])
        if look.num_trials != so_far.next_look:
            raise ValueError(
                f"looks[{i}].num_trials must be {so_far.next_look}, as the plan and the looks "
                f"before it have it; got {look.num_trials}"
            )
        if [one.pair for one in look.pairs] != so_far.open_pairs:
            raise ValueError(
                f"looks[{i}].pairs must be those not decided before, {so_far.open_pairs}; got "
                f"{[one.pair for one in look.pairs]}"
            )
        for one in look.pairs:
            if not one.low <= one.high:
                raise ValueError(
                    f"looks[{i}]: low must be <= high; got {one.low}, {one.high} of {one.pair}"
                )


def _pair(names: Iterable[str]) -> Pair:
    a, b = names
    return a, b
