"""Search spaces that follow from trials, as files for `tfoptcmp-tune --space_file`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tfoptcmp.analysis.comparison import Comparison
from tfoptcmp.analysis.contestant import Contestant
from tfoptcmp.analysis.ranges.boundary import why_not_final, write_spaces
from tfoptcmp.analysis.ranges.narrowing import next_spaces
from tfoptcmp.analysis.report.files import space_path
from tfoptcmp.spaces import SearchSpace
from tfoptcmp.study.schema import StudyError


def write_final_spaces(comparisons: Sequence[Comparison], output_dir: Path) -> list[Path]:
    """Writes the spaces that are final, and what the others would be narrowed to.

    A space is final if it came from earlier rounds and the boundary check accepts it
    (space_final.json). Of other studies, the next round's space is written
    (space_narrowed.json), which is final only once a study in it finds its best trials inside.

    Args:
        comparisons: As `write_report` has them.
        output_dir: Where; created if needed.

    Raises:
        StudyError: If it cannot be written.
    """
    written = []
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        for number, comparison in enumerate(comparisons, start=1):
            found = {
                one.name: _as_final(one, one.space)
                for one in comparison.contestants
                if one.earlier and one.space is not None and not why_not_final(one)
            }
            others = tuple(one for one in comparison.contestants if one.name not in found)
            narrowed = next_spaces(replace(comparison, contestants=others)) if others else {}
            for kind, spaces in (("final", found), ("narrowed", narrowed)):
                if spaces:
                    path = output_dir / space_path(kind, comparisons, number)
                    written.append(write_spaces(spaces, path))
    except OSError as error:
        raise StudyError(f"cannot write spaces to {output_dir}: {error.strerror}") from error
    return written


def _as_final(contestant: Contestant, space: SearchSpace) -> SearchSpace:
    """The space with the study that confirmed it."""
    assert contestant.record is not None, "a space on record"
    return replace(
        space,
        source=f"{space.source}; accepted by the boundary check of {contestant.num_feasible} "
        f"feasible trials in it, study seed {contestant.record.seed}",
    )
