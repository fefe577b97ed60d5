"""What errors of Keras and TensorFlow say, in one line."""

import re

from tfoptcmp.workload import DoesNotFit


def said(error: Exception) -> str:
    """What an error of Keras or TensorFlow says, without where and the arguments."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines()]
    lines = [line for line in lines if line]
    if len(lines) > 1 and lines[0].startswith("Exception encountered when calling"):
        del lines[0]
    return lines[0] if lines else type(error).__name__


def of_data(error: Exception) -> DoesNotFit | None:
    """Returns the `DoesNotFit` of a function of the data, which TensorFlow wraps in its own."""
    found = re.search(rf"{DoesNotFit.__name__}: (.*)", str(error))
    return DoesNotFit(found[1]) if found else None
