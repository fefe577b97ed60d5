"""What a fair comparison would take: more trials, and their time if that is known."""

from collections.abc import Iterable

from tfoptcmp.analysis.contestant import Contestant


def more_trials(missing: Iterable[tuple[Contestant, int]]) -> str:
    """Returns what so many more trials of each optimizer cost, after a colon; "" for none.

    Args:
        missing: Optimizers and the trials that they lack; a number below 1 counts as none.
    """
    lacking = [(one, num) for one, num in missing if num > 0]
    total = sum(num for _, num in lacking)
    if not total:
        return ""
    seconds = sum(num * float(one.ended["seconds"].mean()) for one, num in lacking)
    known = f", about {_duration(seconds)} one after the other" if seconds > 0 else ""
    return f": {total:,} more trial{'s' if total > 1 else ''}{known}"


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.{0 if seconds >= 10 * size else 1}f} {unit}"
    return f"{seconds:.0f} seconds"
