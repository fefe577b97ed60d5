"""A table of results, one row per trial, from any tool.

Columns (see the example below); all but the first two are optional:

    optimizer    required: the optimizer's name, the same in all its trials.
    test         required, unless `validation` is there: final test metric, LOWER is better unless
                 you say --maximize.
    validation   final validation metric, which trials are selected by; likewise.
    rule         update rule (sgd, momentum, adam, ...) where the optimizer's name does not say it.
                 SGD with a momentum other than 0 is taken for momentum.
    workload     what was trained, if several things were.
    diverged     1 or true for trials whose loss became NaN or infinite. Without this column those
                 with neither a validation nor a test metric, or with an infinite one that selects.
    steps        training steps of the trial.
    steps_to_target   steps until the target was reached; empty if it was not.
    train_loss   final training loss.
    seconds      time that the trial took.
    seed         seed of the trial. Rows that differ only in the seed are runs of one trial: the
                 first counts, the others show the effect of the seed. Numbers are the same within
                 one in a million.
    status       complete, diverged, pruned, failed, running ... (in any case): what did not end is
                 left out.
    selected     1 for the trial whose result the comparison quotes.
    gradient_rms largest root mean square of the gradient during the trial.
    num_validation, num_test   examples in these sets, for the standard error of error rates; the
                 metrics are then shares in [0, 1].
    <name>       a hyperparameter's value: learning_rate, momentum, rho, beta_1, beta_2, epsilon;
                 alpha0_over_epsilon and the other names of our search spaces; or any other that has
                 a range. Empty where the optimizer does not have it.
    <name>_low, <name>_high   the range it was searched over; both are the value if it was fixed.

Columns with other names are ignored, and the audit lists them. A column that has another name is
given by --map test=test_error, the range of a hyperparameter by --range lr=1e-5:10:log.

    optimizer,validation,test,learning_rate,learning_rate_low,learning_rate_high
    momentum,0.081,0.083,0.02,0.0001,10
    momentum,0.090,0.088,0.3,0.0001,10
    adam,0.079,0.084,0.001,0.00001,1
"""

import math
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tfoptcmp.analysis.sources.delimited import read_delimited
from tfoptcmp.analysis.sources.mapping import TableMap
from tfoptcmp.analysis.sources.names import is_hyperparameter, searched_name, widened
from tfoptcmp.analysis.sources.result_names import VALIDATION, higher_is_better
from tfoptcmp.analysis.sources.statuses import is_status
from tfoptcmp.rules import RULES, rule_named
from tfoptcmp.study.schema import StudyError

RESULTS = (
    "optimizer",
    "rule",
    "workload",
    "validation",
    "test",
    "diverged",
    "status",
    "steps",
    "steps_to_target",
    "train_loss",
    "seconds",
    "seed",
    "selected",
    "gradient_rms",
    "num_validation",
    "num_test",
)
"""All columns that are not hyperparameters."""

_WORDS = ("optimizer", "rule", "workload", "diverged", "status", "selected")
_TRUE, _FALSE = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no", "", "nan")

_LARGEST = 1e100  # a loss of 1e29 is allowed; far above, sums and axes overflow

# Other common names of the required columns, after what tools put before them.
_BEFORE = r"(?:(?:params?|config|hparams?|hp|metrics?|summary|user_attrs?)[ _/.-])*"
_LIKELY = {
    "optimizer": r"opt|optim|optimi[sz]er([ _-].*)?|optimiser|method|algo|algorithm",
    "validation": rf"({'|'.join(VALIDATION)})([ _/.-].*)?|value|objective",
    "test": r"test([ _/.-].*)?",
}


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with the columns above.

    Attributes:
        read: What was understood, `diverged` among its columns: numbers as float64, `diverged` and
            `selected` as booleans.
        unread: The other columns.
        remarks: What was made of it that its author may not have meant, in sentences.
    """

    read: pd.DataFrame
    unread: pd.DataFrame
    remarks: tuple[str, ...]


def read_table(path: Path | str, how: TableMap | None = None) -> Table:
    """Reads a table with the columns above.

    Args:
        path: A CSV file.
        how: What its columns are, where they have other names.

    Raises:
        StudyError: If it is not such a table; the message says what is allowed.
    """
    how = TableMap() if how is None else how
    raw = read_delimited(path)
    _check_direction(path, how, raw)
    table = how.applied(raw)
    table.columns = [_plain(str(name)) for name in table.columns]
    table = _with_our_names(table)
    _check_columns(path, table)
    ranged = {key.rpartition(":")[2] for key in how.ranges}
    known = {searched_name(name, None): name for name in table if name not in RESULTS}
    if missing := sorted(name for name in ranged if searched_name(name, None) not in known):
        raise StudyError(
            f"--range must be of hyperparameters, of {list(known.values())}; got {missing[0]!r}"
        )
    read = list(_read(list(table.columns), ranged))
    remarks: list[str] = []
    checked = _checked(path, table[read], remarks)
    named = {name.casefold() for name in checked["optimizer"].unique()}
    whose = {key.rpartition(":")[0] for key in how.ranges}
    if missing := sorted(one for one in whose if one and one.casefold() not in named):
        raise StudyError(f"--range must be of one of {sorted(named)}; got {missing[0]!r}")
    unread = table.drop(columns=read).loc[checked.index]
    return Table(read=checked, unread=unread, remarks=tuple(remarks))


def _plain(name: str) -> str:
    name = name.strip()
    return name.lower() if name.lower() in RESULTS else name


def _check_columns(path: Path | str, table: pd.DataFrame) -> None:
    names = list(table.columns)
    missing = [] if "optimizer" in names else ["'optimizer'"]
    if "validation" not in names and "test" not in names:
        missing.append("'validation' or 'test'")
    if missing:
        found = guess(table)
        likely = " ".join(f"--map {shlex.quote(one)}" for one in found)
        written = "(tfoptcmp-audit --write_map: the same in a file)"
        hint = f"; perhaps {likely} {written}" if found else ""
        raise StudyError(
            f"{path}: columns must include 'optimizer' and 'validation' or 'test'; missing "
            f"{' and '.join(missing)} of {names}{hint}; all columns: tfoptcmp-audit --columns"
        )
    if twice := [name for name in RESULTS if names.count(name) > 1]:
        raise StudyError(f"{path}: a column must appear only once; got {twice[0]!r} twice")
    if table.empty:
        raise StudyError(f"{path}: must have a row for each trial; got none")
    for name in names:
        for end, other in (("_low", "_high"), ("_high", "_low")):
            stem = name.removesuffix(end)
            known = is_hyperparameter(stem) or stem in names
            if name.endswith(end) and known and stem + other not in names:
                raise StudyError(f"{path}: {name!r} needs a column {stem + other!r}")


def guess(table: pd.DataFrame) -> list[str]:
    """Returns what columns may mean, as `--map` takes it; [] if nothing is likely.

    An accuracy, from 0 to 1, is turned into an error. A column of one split is never given for
    another.
    """
    names = list(map(str, table.columns))
    found = []
    for wanted, pattern in _LIKELY.items():
        if wanted in names:
            continue
        likely = [n for n in names if re.fullmatch(rf"{_BEFORE}({pattern})", n.lower())]
        if wanted != "optimizer":
            likely = [n for n in likely if pd.api.types.is_numeric_dtype(table[n])]
            likely.sort(key=lambda n: re.search("acc|err|score|f1|auc", n.lower()) is None)
        if likely:
            of = likely[0]
            is_high = wanted != "optimizer" and higher_is_better(of)
            found.append(f"{wanted}={_turned(of, table[of]) if is_high else of}")
    if found:
        known = ((n, re.sub(rf"^{_BEFORE}", "", n.lower())) for n in names)
        found += [f"{short}={n}" for n, short in known if _is_new(n, short, names)]
    return found


def _is_new(name: str, short: str, names: list[str]) -> bool:
    """Whether a column is a hyperparameter but for what its tool puts before its name."""
    return (
        short not in names
        and name.lower() != short
        and (is_hyperparameter(short) or short in ("seed", "steps"))
    )


def _is_share(values: "pd.Series[float]") -> bool:
    return bool(values.dropna().between(0, 1).all())


def _check_direction(path: Path | str, how: TableMap, table: pd.DataFrame) -> None:
    """An accuracy that is taken as it is turns the ranking round."""
    for target in ("validation", "test"):
        high = [name for name in how.rises_with(target, table) if higher_is_better(name)]
        if high and not how.maximize:
            turned = shlex.quote(f"{target}={_turned(high[0], table[high[0]])}")
            raise StudyError(
                f"{path}: {high[0]!r} looks as if higher were better: say --maximize, or --map "
                f"{turned}"
            )


def _turned(name: str, values: "pd.Series[float]") -> str:
    """An expression of which lower values are better."""
    quoted = name if re.fullmatch(r"[A-Za-z_]\w*", name) else f"`{name}`"
    return f"1 - {quoted}" if _is_share(values) else f"-{quoted}"


def _with_our_names(table: pd.DataFrame) -> pd.DataFrame:
    """Takes a column called state for the status, and random_seed for the seed, if they are."""
    for name in table:
        if name.lower() in ("state", "run_state") and "status" not in table:
            if is_status(table[name]):
                table = table.rename(columns={name: "status"})
        elif name.lower() in ("random_seed", "rng_seed") and "seed" not in table:
            table = table.rename(columns={name: "seed"})
    return table


def _read(names: list[str], ranged: set[str]) -> Iterator[str]:
    for name in names:
        stem = name.removesuffix("_low").removesuffix("_high")
        if name in RESULTS or is_hyperparameter(name) or f"{stem}_low" in names or name in ranged:
            yield name


def _checked(path: Path | str, table: pd.DataFrame, remarks: list[str]) -> pd.DataFrame:
    table = table.copy(deep=False)
    marked = table["optimizer"].astype(str).str.startswith("#")
    if marked.any():
        raise StudyError(f"{path}, line {_line(marked)}: begins with '#'; leave out such lines")
    if table["optimizer"].isna().any():
        row = _line(table["optimizer"].isna())
        raise StudyError(f"{path}, line {row}: 'optimizer' must be a name; got nothing")
    names = table["optimizer"].astype(str).str.strip()
    table["optimizer"] = _alike(names, remarks)
    for rule in table.get("rule", pd.Series(dtype=object)).dropna().unique():
        if rule_named(str(rule)) is None:
            raise StudyError(
                f"{path}: rule must be one of {list(RULES)}, or empty for any other; got {rule!r}"
            )
    for name in (n for n in table.columns if n in ("diverged", "selected")):  # of yes and no
        words = table[name].astype(object).fillna("").astype(str).str.strip().str.lower()
        if not words.isin(_TRUE + _FALSE).all():
            wrong = words[~words.isin(_TRUE + _FALSE)].iloc[0]
            raise StudyError(f"{path}: {name!r} must be 0, 1, true or false; got {wrong!r}")
        table[name] = words.isin(_TRUE)
    for name in (n for n in table.columns if n not in _WORDS):
        if pd.api.types.is_bool_dtype(table[name]):
            raise StudyError(f"{path}: {name!r} must be numbers; got true and false")
        numbers = pd.to_numeric(table[name], errors="coerce")
        wrong = table[name][numbers.isna() & table[name].notna() & (table[name] != "")]
        if len(wrong):
            raise StudyError(
                f"{path}, line {int(wrong.index[0]) + 2}: {name!r} must be a number; "
                f"got {wrong.iloc[0]!r}{_how_to_write(str(wrong.iloc[0]))}"
            )
        table[name] = numbers.astype(float)
        _check_values(path, table[name], name)
    _check_ranges(path, table)
    return _with_diverged(path, table, remarks)


def _how_to_write(text: str) -> str:
    if text.strip().endswith("%"):
        return " (write 10 % as 0.1)"
    return " (without marks between thousands)" if re.fullmatch(r"[\d., ']+", text) else ""


def _line(wrong: "pd.Series[bool]") -> int:
    """Line number of the first row for which something holds."""
    return int(wrong.idxmax()) + 2


def _alike(names: "pd.Series[str]", remarks: list[str]) -> "pd.Series[str]":
    """Spells a name that differs only in its capitals as it is spelled first."""
    known: dict[str, list[str]] = {}
    for name in names.unique():
        known.setdefault(name.casefold(), []).append(name)
    first = {other: spelled[0] for spelled in known.values() for other in spelled[1:]}
    if not first:
        return names
    remarks.append(
        f"Taken for one optimizer: {', '.join(f'{b} as {a}' for b, a in first.items())}."
    )
    return names.replace(first)


def _check_values(path: Path | str, values: "pd.Series[float]", name: str) -> None:
    """Refuses results that cannot be drawn, counts that are none, ends of ranges not finite."""
    allowed, right = (
        f"> -inf and < {_LARGEST:g}, or inf",
        (values > -math.inf) & ((values < _LARGEST) | (values == math.inf)),
    )
    if name in ("num_validation", "num_test"):
        allowed, right = "an integer >= 1", (values >= 1) & (values % 1 == 0)
    elif name in ("steps", "steps_to_target"):
        allowed, right = (
            "a number >= 0",
            (values >= 0) & (np.isfinite(values) | (name == "steps_to_target")),
        )
    elif name.endswith(("_low", "_high")):
        allowed, right = "a finite number", np.isfinite(values)
    wrong = values[values.notna() & ~right]
    if len(wrong):
        raise StudyError(
            f"{path}, line {int(wrong.index[0]) + 2}: {name!r} must be {allowed}; "
            f"got {wrong.iloc[0]:g}"
        )


def _check_ranges(path: Path | str, table: pd.DataFrame) -> None:
    """If a value is outside its range, one of the two is wrong."""
    for name in (n for n in table.columns if f"{n}_low" in table and f"{n}_high" in table):
        low, high, values = table[f"{name}_low"], table[f"{name}_high"], table[name]
        first, last = widened(low, high)
        wrong = (values < first) | (values > last)
        if wrong.any():
            row = int(wrong.idxmax())
            raise StudyError(
                f"{path}, line {row + 2}: {name!r} must lie between {name}_low and {name}_high, "
                f"{low[row]:g} and {high[row]:g}; got {values[row]:g}"
            )


def _with_diverged(path: Path | str, table: pd.DataFrame, remarks: list[str]) -> pd.DataFrame:
    if "validation" in table and table["validation"].notna().any():
        unselected = table["validation"].isna() & np.isfinite(table.get("test", math.nan))
        unselected &= ~table.get("diverged", False)
        if unselected.any():
            told = table.loc[unselected, "optimizer"].value_counts().to_dict()
            counts = ", ".join(f"{number} of {name}" for name, number in told.items())
            remarks.append(f"Left out, without a validation metric: {counts}.")
            table = table[~unselected].copy(deep=False)
    metrics = table[[n for n in ("validation", "test") if n in table]]
    without = ~np.isfinite(metrics).any(axis=1)
    if "diverged" not in table:
        known = metrics.dropna(axis=1, how="all")
        table["diverged"] = without if known.empty else without | np.isinf(known.iloc[:, 0])
    elif "status" not in table and (without & ~table["diverged"]).any():
        row = _line(without & ~table["diverged"])
        raise StudyError(f"{path}, line {row}: a trial that did not diverge must have a metric")
    if metrics.isna().all(axis=None):
        raise StudyError(f"{path}: no row has a number for {' or '.join(metrics)}")
    sized = table[[n for n in ("num_validation", "num_test") if n in table]].notna().any(axis=1)
    no_share = ((metrics > 1) | (metrics < 0)).any(axis=1) & sized & ~table["diverged"]
    if no_share.any():
        row = int(no_share.idxmax())
        wrong = metrics.loc[row].max() if metrics.loc[row].max() > 1 else metrics.loc[row].min()
        raise StudyError(
            f"{path}, line {row + 2}: with 'num_validation' or 'num_test' metrics must be shares "
            f"in [0, 1]; got {wrong:g} (divide percent by 100; leave these columns out for losses)"
        )
    return table
