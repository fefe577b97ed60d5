"""Which tool wrote a directory, and its results as evidence."""

from collections.abc import Sequence
from pathlib import Path

from tfoptcmp.analysis.evidence import Evidence
from tfoptcmp.analysis.sources.deepobs import PATTERN, read_deepobs
from tfoptcmp.analysis.sources.evidence_of_studies import read_studies
from tfoptcmp.analysis.sources.shallue import is_study, read_shallue
from tfoptcmp.study.schema import StudyError


def read_evidence(
    directories: Sequence[Path | str], tuning_budget: int | None = None
) -> list[Evidence]:
    """Reads directories of studies: ours, DeepOBS's or of Shallue et al.'s layout.

    Args:
        directories: Ours or their parents; of the others, at any height above the results.
        tuning_budget: K >= 1; by default a fifth of the trials.

    Raises:
        StudyError: If a directory holds nothing of these, or a file is damaged.
    """
    ours: list[Path | str] = []
    deepobs: list[Path] = []
    shallue: list[Path] = []
    for directory in map(Path, directories):
        studies = _studies(directory)
        runs = sorted(directory.rglob(PATTERN)) if not studies else []
        if studies and all(map(is_study, studies)):
            shallue += studies
        elif runs:
            deepobs += runs
        elif studies:
            ours.append(directory)
        else:
            raise StudyError(
                f"{directory} holds no study.json (of tfoptcmp or of Shallue et al.'s layout) and "
                f"no run of DeepOBS ({PATTERN}); a table of results goes to --csv"
            )
    found = read_studies(ours, tuning_budget) if ours else []
    found += read_shallue(list(dict.fromkeys(shallue)), tuning_budget) if shallue else []
    return found + (read_deepobs(list(dict.fromkeys(deepobs)), tuning_budget) if deepobs else [])


def _studies(directory: Path) -> list[Path]:
    """study.json files, without a walk through the trials of our own studies."""
    near = [*directory.glob("study.json"), *directory.glob("*/study.json")]
    return sorted(near or directory.rglob("study.json"))
