"""The command by which a user says what the columns of a file are that an importer refused.

    tfoptcmp-audit runs.csv --map optimizer=params.opt --map 'validation=1 - `metrics.val_acc`' ...

The file is then a table like any other, so everything that the importer knew has to be in it.
"""

import csv
import io
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tfoptcmp.analysis.sources.result_names import higher_is_better


def command(
    path: Path | str,
    metrics: Mapping[str, str],
    values: "Sequence[pd.Series[float]]",
    roles: Mapping[str, str],
    ignore: Sequence[str] = (),
) -> str:
    """Returns the command, to be pasted into a shell.

    Args:
        path: The CSV file.
        metrics: "validation" and "test", as far as there are some, to their columns.
        values: Of these columns; infinities and NaN do not count.
        roles: Our name to the column, of everything else.
        ignore: Columns that say nothing of a trial.
    """
    deciding = next(iter(metrics.values()), "")
    maximize = higher_is_better(deciding) is True
    shares = bool(values) and all(
        bool(one[np.isfinite(one)].between(0, 1).all()) and bool(np.isfinite(one).any())
        for one in values
    )
    as_errors = maximize and shares
    maps = {role: f"1 - `{name}`" if as_errors else f"`{name}`" for role, name in metrics.items()}
    words = ["tfoptcmp-audit", str(path)]
    for role, text in {**roles, **maps}.items():
        words += ["--map", f"{role}={text}"]
    if ignore:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(ignore)
        words.append(f"--ignore={line.getvalue()}")
    if maximize and not as_errors:
        words.append("--maximize")
    return shlex.join(words)
