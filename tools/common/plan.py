"""Says what `tune` would run, how long that takes, and how many trials would decide."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tfoptcmp.tools.common import terminal
from tfoptcmp.tools.common.forecast import forecast, pilot
from tfoptcmp.tools.common.refine import rounds_to_run

from tfoptcmp.signatures import Signature
from tfoptcmp.study import looks as looks_file
from tfoptcmp.study.read import num_that_count
from tfoptcmp.study.rounds import Plan, to_judge


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A comparison that is to be run.

    Attributes:
        signatures: The optimizers.
        num_feasible: N of each study to judge; with looks, the most.
        trial_seconds: Of one trial.
        num_workers: Trials at the same time.
        tuning_budget: K; None for that on record, or the least.
        given: Flags of the command, without the number of trials.
        study_dir: Parent of the studies or rounds; None if they have no place yet.
        rounds: The plan of a refinement, if there is one.
        looks: That of looks, likewise.
        made: The looks on record, likewise.
    """

    signatures: Sequence[Signature]
    num_feasible: Sequence[int]
    trial_seconds: float
    num_workers: int
    tuning_budget: int | None
    given: Sequence[str]
    study_dir: Path | None = None
    rounds: Plan | None = None
    looks: looks_file.Plan | None = None
    made: looks_file.Looks | None = None

    def __str__(self) -> str:
        return "\n".join(self._paragraphs())

    def _paragraphs(self) -> Iterator[str]:
        if self.rounds:
            yield from self._rounds(self.rounds)
        else:
            yield from self._studies(self.study_dir, self._judged)
        names = [signature.name for signature in self.signatures]
        judged = self.study_dir and to_judge(self.study_dir, self.rounds)
        found = ""
        if judged:
            found = forecast(judged, names, self.looks, self.tuning_budget, self.num_workers)
        if not found and not self.rounds:  # where there are, the last one serves as a pilot
            found = pilot(
                self.given, len(names), self.tuning_budget, self.trial_seconds, self.num_workers
            )
        if found:
            yield f"\n{found}"

    @property
    def _ended(self) -> int | None:
        """N at which looks have ended; None if trials are to come."""
        made = self.made
        return made.looks[-1].num_trials if made and made.next_look is None else None

    @property
    def _judged(self) -> list[int]:
        """N of each study to judge."""
        return [self._ended or num for num in self.num_feasible]

    @property
    def _at_most(self) -> bool:
        """Whether fewer trials may do."""
        return self.looks is not None and self._ended is None

    def _studies(self, parent: Path | None, nums: Sequence[int]) -> Iterator[str]:
        """How many trials studies will have, and how long those take that are to come."""
        yield from map(terminal.space, self.signatures)
        each = str(nums[0]) if len(set(nums)) == 1 else f"{nums}"
        yield (
            f"{'At most ' if self._at_most else ''}{len(nums)} optimizers x {each} feasible trials "
            f"of {terminal.duration(self.trial_seconds)} each"
            f"{self._left(sum(nums), self._num_on_record(parent, nums))}"
        )

    def _rounds(self, plan: Plan) -> Iterator[str]:
        """The same of all rounds."""
        each = rounds_to_run(self.study_dir or Path(os.devnull), plan, self._judged[0])
        nums = [[num] * len(self.signatures) for _, num in each]
        yield from self._studies(each[-1][0], nums[-1])
        done = sum(
            self._num_on_record(parent, some) for (parent, _), some in zip(each, nums, strict=True)
        )
        total = sum(map(sum, nums))
        yield (
            f"\nThese trials are the last of {len(each)} rounds, the only one that is judged. "
            f"The {len(each) - 1} before it, of {each[0][1]} feasible trials of each, narrow "
            f"these spaces; docs/narrowing.md says how well. "
            f"{'At most' if self._at_most else 'All'} {total} trials"
            f"{self._left(total, done)}. If best trials crowd an edge in the last round, its "
            f"space is not final, and --max_rounds adds a round: "
            f"{'at most' if self._at_most else 'about'} {self._time_of(sum(nums[-1]))}"
        )

    def _left(self, total: int, num_done: int) -> str:
        """How long the trials take that are not on record."""
        if num_done == total:
            return ": all are on record"
        on_record = f", {num_done} of them on record" if num_done else ""
        return (
            f"{on_record}: about {self._time_of(total - num_done)}, plus what the "
            "infeasible ones take (they stop when they diverge)"
        )

    def _time_of(self, num_trials: int) -> str:
        return terminal.duration(num_trials * self.trial_seconds / self.num_workers)

    def _num_on_record(self, parent: Path | None, num_feasible: Sequence[int]) -> int:
        """How many of the trials that studies are to have are there."""
        if parent is None:
            return 0
        return sum(
            min(num, num_that_count(parent / signature.name))
            for signature, num in zip(self.signatures, num_feasible, strict=True)
        )
