"""What the audit says of comparisons without a fault."""

from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import read_comparisons


def false_alarms(path, *true):
    """Titles of warnings and errors on two optimizers of 40 trials each.

    Args:
        path: Where they are read from.
        *true: Beginnings of titles that are true of them.
    """
    (comparison,) = read_comparisons(path)
    assert [one.num_feasible for one in comparison.contestants] == [40, 40]
    return [
        finding.title
        for finding in audit([comparison])
        if finding.severity != "note" and not finding.title.startswith(true)
    ]
