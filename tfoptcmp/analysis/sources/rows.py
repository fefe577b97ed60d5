"""The rows of one optimizer in a table of results, as a contestant."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tfoptcmp.analysis.contestant import RERUNS, Contestant, trials_table
from tfoptcmp.analysis.sources.columns import RESULTS
from tfoptcmp.analysis.sources.mapping import TableMap
from tfoptcmp.analysis.sources.names import between, ends_of, searched_name, searched_value
from tfoptcmp.analysis.sources.repeated import repeated_rows
from tfoptcmp.analysis.statistics.best_of_k import FloatArray
from tfoptcmp.hyperparameters import HYPERPARAMETERS
from tfoptcmp.rules import RULES, Rule, rule_named
from tfoptcmp.spaces import Choice, Dimension, Fixed
from tfoptcmp.study.schema import Status, StudyError

# What a table's columns are called in `Contestant.trials`.
_COLUMNS = {
    "validation": "validation_metric",
    "test": "test_metric",
    "gradient_rms": "largest_gradient_rms",
    "steps": "steps",
    "train_loss": "train_loss",
    "seconds": "seconds",
    "steps_to_target": "steps_to_target",
    "seed": "seed",
    "selected": "selected",
}


def contestant_of(
    name: str,
    rows: pd.DataFrame,
    selected_by: str,
    ranges: Mapping[str, Dimension],
    unread: pd.DataFrame | None,
    how: TableMap | None,
    remarks: list[str],
) -> Contestant:
    """Returns the contestant that the rows of an optimizer are.

    Args:
        name: The optimizer's.
        rows: Its trials and re-runs, with columns as in `columns`, `diverged` among them.
        selected_by: "validation" or "test".
        ranges: Searched name to dimension, which count before those that rows say.
        unread: Columns that are not understood, of these rows or more.
        how: Has ranges of its own.
        remarks: What is to be said is added to them.

    Raises:
        StudyError: If rows contradict each other or their ranges; the message says what is allowed.
    """
    given = _hyperparameters(rows)
    called = _rule(name, rows)
    with_momentum = called is not None and called.name == "sgd" and _has_momentum(rows, given)
    rule = RULES["momentum"] if with_momentum else called
    called_same: dict[str, str] = {}
    for column in given:
        first = called_same.setdefault(searched_name(column, rule), column)
        if first != column:
            raise StudyError(
                f"{name}: {first!r} and {column!r} are two columns of one hyperparameter; --ignore "
                "one of them, or rename it"
            )
    values = pd.DataFrame(
        {searched_name(n, rule): searched_value(n, rows[n]) for n in given},
        index=rows.index,
    )
    repeated = repeated_rows(name, rows, rows[given], values, unread, remarks)
    again = rows.index.isin(repeated.index)
    reported = _dimensions(name, rows[~again] if again.any() else rows, given, rule)
    if how is not None:
        reported |= how.dimensions(name, rule, given)
    check_inside(name, values[~again] if again.any() else values, reported)
    trials = rows[[column for column in _COLUMNS if column in rows]].rename(columns=_COLUMNS)
    if selected_by == "test":
        trials["validation_metric"] = trials["test_metric"]
    if "steps_to_target" in trials:
        trials["steps_to_target"] = trials["steps_to_target"].fillna(math.inf)
    diverged = rows["diverged"].astype(bool)
    status = diverged.map({True: Status.INFEASIBLE.value, False: Status.COMPLETE.value})
    trials = trials.assign(trial=range(len(rows)), status=status, feasible=~diverged)
    values, used = values.add_prefix("searched_"), _used(values).add_prefix("used_")
    trials = trials_table(pd.concat([trials, values, used], axis=1))
    reruns = trials.loc[again, [column for column in RERUNS if column in trials]].assign(
        trial=trials.loc[repeated, "trial"].to_numpy()
    )
    reruns["rerun"] = reruns.groupby("trial").cumcount()
    lost = reruns["status"] == Status.INFEASIBLE.value
    reruns.loc[lost, ["validation_metric", "test_metric"]] = math.nan
    return Contestant(
        name=name,
        title=f"{name} with momentum" if with_momentum else name,
        rule=rule,
        trials=trials[~again] if again.any() else trials,
        dimensions={**reported, **ranges},
        reruns=reruns[list(RERUNS)],
    )


def check_inside(name: str, values: pd.DataFrame, reported: Mapping[str, Dimension]) -> None:
    """Raises StudyError if a value is outside its range: then one of the two is wrong."""
    for searched, dimension in reported.items():
        if searched not in values or isinstance(dimension, Choice):
            continue
        low, high, known = dimension.low, dimension.high, values[searched].dropna()
        wrong = known[~known.between(*ends_of(searched, dimension))]
        if len(wrong):
            raise StudyError(
                f"{name}: {searched} must lie between {low:g} and {high:g}, its range; got "
                f"{wrong.iloc[0]:g}"
            )


def _rule(name: str, rows: pd.DataFrame) -> Rule | None:
    named = rows["rule"].dropna() if "rule" in rows else pd.Series(dtype=object)
    return rule_named(str(named.iloc[0]) if len(named) else name)


def _has_momentum(rows: pd.DataFrame, given: Sequence[str]) -> bool:
    """Whether a momentum other than 0 was used, which other tools have in their SGD."""
    return any(
        searched_value(name, value) != 1.0
        for name in given
        if searched_name(name, None) == "one_minus_gamma"
        for value in rows[name].dropna().unique()
    )


def _hyperparameters(rows: pd.DataFrame) -> list[str]:
    """Columns of values of this optimizer: numbers, not results, not ends of ranges."""
    ends = {n for n in rows if n.endswith(("_low", "_high"))}
    return [
        name
        for name in rows
        if name not in RESULTS
        and name not in ends
        and pd.api.types.is_numeric_dtype(rows[name])
        and rows[name].notna().any()
    ]


def _used(values: pd.DataFrame) -> pd.DataFrame:
    """Returns the arguments that the optimizer got, as far as the searched names say it.

    Where two names become one argument, the later column counts. Columns are in the order in which
    rows have them.
    """
    nothing = np.full(len(values), math.nan)
    epsilon = values["epsilon"].to_numpy() if "epsilon" in values else nothing
    used: dict[str, FloatArray] = {}
    first: dict[str, tuple[int, int]] = {}
    for place, name in enumerate(values):
        meaning = HYPERPARAMETERS.get(name)
        if meaning is None or meaning.transform == "fraction_of_budget":
            continue
        searched = values[name].to_numpy()
        known = ~np.isnan(searched) & (epsilon > 0 if meaning.needs_epsilon else True)
        if not known.any():
            continue
        given = (
            [
                meaning.value(name, {name: value, "epsilon": e}, 0)
                for value, e in zip(searched[known].tolist(), epsilon[known].tolist(), strict=True)
            ]
            if meaning.needs_epsilon
            else meaning.value(name, {name: searched[known]}, 0)  # of all at once
        )
        column = used.setdefault(meaning.argument, nothing.copy())
        column[known] = given
        where = int(known.argmax()), place
        first[meaning.argument] = min(where, first.get(meaning.argument, where))
    order = sorted(used, key=lambda argument: first[argument])
    return pd.DataFrame(used, index=values.index, columns=order, dtype=float)


def _dimensions(
    name: str, rows: pd.DataFrame, given: Sequence[str], rule: Rule | None
) -> dict[str, Dimension]:
    """Ranges that are reported, and what did not vary in two trials or more."""
    found: dict[str, Dimension] = {}
    ends = rows[[n for n in rows if n.endswith(("_low", "_high"))]].dropna(axis=1, how="all")
    with_ends = [n.removesuffix("_low") for n in ends if n.endswith("_low")]
    for known in dict.fromkeys([*with_ends, *given]):
        if f"{known}_low" in ends:
            low, high = (_end(name, ends, f"{known}_{end}") for end in ("low", "high"))
            if not low <= high:
                raise StudyError(
                    f"{name}: {known}_low must be <= {known}_high; got {low:g} and {high:g}"
                )
            found[searched_name(known, rule)] = between(known, low, high)
        elif len(rows) > 1 and (rows[known] == rows[known].iloc[0]).all():
            value = searched_value(known, float(rows[known].iloc[0]))
            found[searched_name(known, rule)] = Fixed(fixed=value)
    return found


def _end(name: str, ends: pd.DataFrame, column: str) -> float:
    values = ends[column].dropna().unique() if column in ends else []
    if len(values) != 1:
        raise StudyError(
            f"{name}: {column} must be one number for all trials of an optimizer; got "
            f"{[float(value) for value in values]} (give trials of another search space another "
            "optimizer name)"
        )
    return float(values[0])
