"""Whether two study.json are of the same study, or two plans the same: what a run may change.

Works on their contents as plain data; `tfoptcmp.study.schema` describes them.
"""

import json
from collections.abc import Mapping
from typing import Any

from tfoptcmp.study.durable import plain

# What a resumed study may change; "scale" is only a label for the numbers beside it.
_MAY_DIFFER = (
    "num_feasible",
    "max_trials",
    "tuning_budget",
    "metric.guess",  # not known of studies of schema version 1; it follows from what must agree
    "loss.guess",
    "metric.margin",  # of interest after the trials only
    "loss.margin",
    "provenance",
    "earlier_versions",
    "budget.num_feasible",
    "budget.scale",
)


def differences(
    there: Mapping[str, Any], now: Mapping[str, Any], *, accept_version_changes: bool
) -> list[str]:
    """Compares the record of a study with what is requested now.

    Args:
        there: The record.
        now: What is requested.
        accept_version_changes: Whether "versions" may differ.

    Returns:
        A line for each field that must be the same but differs, with both values.
    """
    old, new = _compared(there), _compared(now)
    return [
        f"{name}: {_shown(old.get(name))} recorded, {_shown(new.get(name))} now"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
        and not (accept_version_changes and name.startswith("versions."))
    ]


def changes(there: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Returns with both values what differs between two plans of the same fields; "" if nothing."""
    old, new = plain(there), plain(now)
    return "; ".join(
        f"{name}: {_written(old[name])} there, {_written(new[name])} now"
        for name in old
        if old[name] != new[name]
    )


def _written(value: Any) -> str:
    """As flags have it: pairs of names as a:b,c:d."""
    if isinstance(value, list) and value and isinstance(value[0], list):
        return ",".join(":".join(pair) for pair in value)
    return str(value)


def _compared(config: Mapping[str, Any]) -> dict[str, Any]:
    """What must be the same, as "budget.steps" and the like to its value."""
    flat: dict[str, Any] = {}

    def flatten(name: str, value: Any) -> None:
        if name in _MAY_DIFFER:
            return
        if not isinstance(value, Mapping):
            flat[name] = plain(value)
            return
        if name == "signature.space.dimensions":  # coordinates are in this order
            flat["order of dimensions"] = list(value)
        for key, entry in value.items():
            flatten(f"{name}.{key}", entry)

    for name, value in config.items():
        flatten(name, value)
    return flat


def _shown(value: Any) -> str:
    text = json.dumps(plain(value), sort_keys=True)
    return text if len(text) <= 300 else text[:297] + "..."
