"""What the columns of a Weights & Biases export are, as far as their names say it.

Columns of the run, of the configuration and of what was logged stand beside each other. Where a
name can be two things, the user has to say which: a guess would decide who wins.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tfoptcmp.analysis.sources.command import command
from tfoptcmp.analysis.sources.names import is_hyperparameter
from tfoptcmp.analysis.sources.result_names import HIGHER, LOWER, higher_is_better, is_metric
from tfoptcmp.analysis.sources.words import column
from tfoptcmp.metrics import ACCURACY, Metric
from tfoptcmp.study.schema import StudyError

_OF_A_RUN = re.compile(
    r"name|state|notes|user|tags|created|created timestamp|updated|runtime|sweep|id|group|job type|"
    r"host|hostname|os|command|commit|description|end time|heartbeat|relative time.*|python.*|"
    r"gpu (type|count)|cpu count|git.*|github.*|agent|report|url|execution|accessory.*|.*version"
)
# Words that name a run, a place or a day, rather than a setting.
_NAMES_A_RUN = re.compile(
    r"(.*[_./ -])?(path|dir|directory|folder|file|name|id|uuid|url|uri|commit|host|hostname|device|"
    r"checkpoint|ckpt|resume|date|time|timestamp|project|entity|group|tags?|notes?)"
)
_VALIDATION = re.compile(r"(validation|valid|val|dev|eval)(?:[_./: -]+(.*)|(.+))")
_TEST = re.compile(r"(test)(?:[_./: -]+(.*)|(.+))")
_LOGGED = re.compile(
    r"_.*|(train|training|val|valid|validation|dev|eval|test|system|gpu|cpu|perf|grad|gradients|"
    r"time|timing|lr-.*|parameters)/.*|(system|gpu|cpu|perf|gradients|parameters)[.].*|"
    r"best[_./ -].*|"
    r"(.*[_./ -])?(loss|acc|accuracy|error)[_./ -](best|final|last|min|max|mean|avg|std)|"
    r"((train|training|trainer|val|valid|validation|dev|eval|test)[/.])?"
    r"(epoch|step|iter|iteration|global[_-]?step|batch)|"
    r"(.*[./])?((total|global|mean|avg|average|l2|train|training)[_-]?)?"
    r"(grad|grads|gradient|gradients)[_-]?norm|"
    r".*(per|/)[_-]?(sec|second|s)|.*(runtime|throughput|elapsed).*"
)
# Limits, which configurations have beside the values that are logged.
_LIMIT = re.compile(r"(.*[_./ -])?(max|clip|clipping)[_./ -](.*[_./ -])?(norm|value)")
_OPTIMIZER = re.compile(
    r"(.*[_./ -])?(opt|optim|optimi[sz]er)([_./ -]?(name|type|class|_target_|target))?"
)
_SEED = re.compile(r"(.*[_./ -])?(random[_-]?|rng[_-]?|global[_-]?)?seed")
_STEPS = re.compile(r"(.*[./])?(max|num|train|training|total)[_-](train[_-])?steps")
_SCHEDULE = re.compile(
    r"(.*[_./ -])?(lr|learning[_-]rate)?[_-]?(schedule|scheduler)([_./ -]?(name|type))?"
)
_WORKLOAD = re.compile(
    r"(.*[_./ -])?(data|dataset|data[_-]set|task|workload|problem|model|arch|architecture)"
    r"([_./ -]?(name|type))?"
)
_UNKNOWN = "..."  # in a command, for the user to fill in


class Columns:
    """What the columns of an export are; names are those of the file."""

    def __init__(
        self, path: Path, runs: pd.DataFrame, results: Mapping[str, str], optimizer: str = ""
    ) -> None:
        self.results = list(results.values())
        self.not_read: list[str] = []
        names = [
            name
            for name in runs
            if name not in self.results and not _OF_A_RUN.fullmatch(name.strip().lower())
        ]
        numeric = {name for name in names if _is_numeric(runs[name])}
        filled = [name for name in names if (runs[name].str.strip() != "").any()]
        words = [name for name in filled if name not in numeric]
        candidates = [optimizer] if optimizer else _matching(_OPTIMIZER, words)
        if len(candidates) != 1:
            hint = _hint(path, runs, results, (candidates or [_UNKNOWN])[0])
            raise StudyError(_unclear(path, "optimizer", candidates, words, hint))
        self.optimizer = candidates[0]
        settings = [
            name
            for name in filled
            if not _is_logged(name, is_number=name in numeric) and name != self.optimizer
        ]
        seeds = _matching(_SEED, [name for name in settings if name in numeric])
        self.seed = seeds[0] if seeds else None
        steps = _matching(_STEPS, [name for name in settings if name in numeric])
        self.steps = steps[0] if len(steps) == 1 else None
        settings = [name for name in settings if name not in (self.seed, self.steps)]
        self.workload = [
            name
            for name in _matching(_WORKLOAD, settings)
            if name in words and runs[name].nunique() > 1
        ]
        settings = [
            name
            for name in settings
            if name not in self.workload
            and (is_schedule(name) or not _NAMES_A_RUN.fullmatch(_plain(name).lower()))
        ]
        renamed = _short({name: _setting(name) for name in settings})
        # What is the same in all runs is no difference between them, unless it is a
        # hyperparameter that everybody has to tune.
        same = {name for name in settings if runs[name].nunique() == 1}
        self.numbers = {
            name: new
            for name, new in renamed.items()
            if name in numeric and (name not in same or is_hyperparameter(new))
        }
        self.words = {name: new for name, new in renamed.items() if name in words}
        for name, new in self.words.items():
            if is_hyperparameter(new):
                _refuse_word(path, runs[name])
        read = {self.optimizer, self.seed, self.steps, *self.workload, *self.numbers, *self.words}
        self.not_read = [name for name in names if name not in read]
        self.logged = [n for n in self.not_read if n in numeric and _is_logged(n, is_number=True)]


def metrics(path: Path, runs: pd.DataFrame) -> dict[str, str]:
    """Returns the columns with the validation and the test metric, as far as there are some."""
    names = [str(name) for name in runs if _is_numeric(runs[name])]
    validation = _with_direction(_VALIDATION, names)
    tests = _with_direction(_TEST, names)
    wanted, candidates = ("test", tests) if tests and not validation else ("validation", validation)
    found = {wanted: (candidates or [_UNKNOWN])[0]}
    if validation:
        kind = _what(_VALIDATION, validation[0])
        alike = [name for name in tests if _what(_TEST, name) == kind]
        found |= {"test": alike[0]} if len(alike) == 1 else {}
    if len(candidates) != 1:
        raise StudyError(_unclear(path, wanted, candidates, names, _hint(path, runs, found)))
    return found


def _with_direction(pattern: re.Pattern[str], names: Sequence[str]) -> list[str]:
    kinds = {name: _what(pattern, name) for name in names}
    return [n for n, kind in kinds.items() if higher_is_better(kind) is not None]


def _what(pattern: re.Pattern[str], name: str) -> str:
    """What was measured: "accuracy" of "val/accuracy"; "" if the name is of another split."""
    found = pattern.fullmatch(_plain(name).lower())
    if found is None:
        return ""
    # "valloss", but not "value_loss".
    return found[2] or (found[3] if found[3] in HIGHER | LOWER else "")


def measured(results: dict[str, str]) -> str:
    """Returns what the columns of `metrics` measure: "accuracy" of "val/accuracy"."""
    split, name = next(iter(results.items()))
    return _what(_VALIDATION if split == "validation" else _TEST, name)


def metric_of(kind: str, values: "pd.Series[float]") -> Metric:
    """Returns the metric of this kind that has these values; its name says its direction."""
    if not higher_is_better(kind):
        return Metric(name=kind, unit="nats" if "loss" in kind else "")
    known = values[np.isfinite(values)]
    is_share = "acc" in kind and bool(known.between(0, 1).all())
    return ACCURACY if is_share else Metric(name=kind, unit="", maximize=True)


def _unclear(
    path: Path, wanted: str, candidates: Sequence[str], names: Sequence[str], hint: str
) -> str:
    what = f"could be {', '.join(map(repr, candidates))}" if candidates else "is none of"
    among = "" if candidates else " " + ", ".join(map(repr, names))
    return f"{path}: '{wanted}' {what}{among}; say which, as in: {hint}"


def _hint(path: Path, runs: pd.DataFrame, results: Mapping[str, str], optimizer: str = "") -> str:
    """The command that reads an export as a table, with these columns."""
    of_runs = [name for name in runs if not _OF_A_RUN.fullmatch(name.strip().lower())]
    named = [optimizer] if optimizer else _matching(_OPTIMIZER, of_runs)
    known = Columns(path, runs, results, (named or [_UNKNOWN])[0])
    roles = {"optimizer": known.optimizer, "status": "State"}
    if len(known.workload) == 1:
        roles["workload"] = known.workload[0]
    roles |= {r: c for r, c in (("seed", known.seed), ("steps", known.steps)) if c is not None}
    roles |= {new: name for name, new in known.numbers.items() if is_hyperparameter(new)}
    values = [as_floats(runs[name]) for name in results.values() if name in runs]
    # Between seeds of one trial what was logged differs.
    return command(path, results, values, roles, known.logged if known.seed else ())


def _setting(name: str) -> str:
    """The name of a setting: without folders above a hyperparameter."""
    plain = _plain(name)
    last = re.split(r"[./]", plain)[-1]
    return column(last if is_hyperparameter(last) else plain)


def _short(renamed: dict[str, str]) -> dict[str, str]:
    """Keeps the whole name where two would be called the same."""
    new = list(renamed.values())
    return {name: one if new.count(one) == 1 else column(name) for name, one in renamed.items()}


def _plain(name: str) -> str:
    return re.sub(r"^(config|summary)[./]", "", name.strip())


def is_schedule(name: str) -> bool:
    """Returns whether a column names the learning rate's schedule."""
    return bool(_SCHEDULE.fullmatch(_plain(name).lower()))


def _is_logged(name: str, *, is_number: bool) -> bool:
    """Whether a name is that of something measured, rather than of the configuration."""
    if re.match(r"config[./]", name.strip()):
        return False
    if name.strip().startswith("summary"):
        return True
    plain = _plain(name).lower()
    if _LIMIT.fullmatch(plain):
        return False
    return bool(_LOGGED.fullmatch(plain)) or (is_number and is_metric(plain))


def _matching(pattern: re.Pattern[str], names: Sequence[str]) -> list[str]:
    return [name for name in names if pattern.fullmatch(_plain(name).lower())]


def _is_numeric(values: "pd.Series[str]") -> bool:
    """Whether all are numbers, NaN among them, and at least one is not NaN."""
    given = _standard(values)
    given = given[given != ""]
    known = pd.to_numeric(given, errors="coerce").notna()
    return bool(known.any()) and bool((known | (given.str.lower() == "nan")).all())


def _refuse_word(path: Path, values: "pd.Series[str]") -> None:
    """A rate of "auto" is no rate, and as a word its neighbours would lose theirs."""
    given = _standard(values)
    wrong = values[(given != "") & pd.to_numeric(given, errors="coerce").isna()]
    wrong = wrong[wrong.str.strip().str.lower() != "nan"]
    row = wrong.index[0] if len(wrong) else values.index[0]
    raise StudyError(
        f"{path}, line {int(row) + 2}: {values.name!r} must be a number; got {values[row]!r}"
    )


def as_floats(values: "pd.Series[str]") -> "pd.Series[float]":
    """Returns numbers, NaN where there is none."""
    return pd.to_numeric(_standard(values), errors="coerce").astype(float)


def _standard(values: "pd.Series[str]") -> "pd.Series[str]":
    names = {"Infinity": "inf", "-Infinity": "-inf", "None": "", "null": ""}
    return values.str.strip().replace(names)
