"""What the columns of a Weights & Biases export are, as far as their names say it.

Columns of the run, of the configuration and of what was logged stand beside each other. Where a
name can be two things, the user has to say which: a guess would decide who wins.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from tfoptcmp.analysis.sources.command import command
from tfoptcmp.analysis.sources.names import is_hyperparameter
from tfoptcmp.analysis.sources.result_names import (
    HIGHER,
    LOWER,
    TRAINING,
    VALIDATION,
    higher_is_better,
    is_metric,
)
from tfoptcmp.analysis.sources.setting_names import column, is_role, whose
from tfoptcmp.analysis.sources.settings import optimizer_settings, settings_of, spelled
from tfoptcmp.study.schema import StudyError

_OF_A_RUN = re.compile(
    r"name|state|notes|user|tags|created|created timestamp|updated|runtime|sweep|id|group|job type|"
    r"host|hostname|os|command|commit|description|end time|heartbeat|relative time.*|python.*|"
    r"gpu (type|count)|cpu count|git.*|github.*|agent|report|url|execution|accessory.*|.*version"
)
_SPLITS = "|".join((*TRAINING, *VALIDATION, "test"))
_VALIDATION = re.compile(rf"({'|'.join(VALIDATION)})(?:[_./: -]+(.*)|(.+))")
_TEST = re.compile(r"(test)(?:[_./: -]+(.*)|(.+))")
_LOGGED = re.compile(
    rf"_.*|({_SPLITS}|system|gpu|cpu|perf|grad|gradients|"
    r"time|timing|lr-.*|parameters)/.*|(system|gpu|cpu|perf|gradients|parameters)[.].*|"
    r"best[_./ -].*|"
    r"(.*[_./ -])?(loss|acc|accuracy|error)[_./ -](best|final|last|min|max|mean|avg|std)|"
    rf"(({_SPLITS}|trainer)[/.])?"
    r"(epoch|step|iter|iteration|global[_-]?step|batch)|"
    r"(.*[./])?((total|global|mean|avg|average|l2|train|training)[_-]?)?"
    r"(grad|grads|gradient|gradients)[_-]?norm|"
    r".*(per|/)[_-]?(sec|second|s)|.*(runtime|throughput|elapsed).*"
)
# What Lightning's LearningRateMonitor logs, one name for each optimizer: "lr-Adam", "lr-SGD-1".
_RATES = re.compile(r"lr-([A-Z]\w*|group\d+|pg\d+)(-\d+)?(-momentum|-weight_decay)?")
# A number that ends with a metric's word is surely logged if it is one's of a split.
_SPLIT = re.compile(rf"({_SPLITS}|trainer)(?![a-z]).*")
# Limits, which configurations have beside the values that are logged.
_LIMIT = re.compile(r"(.*[_./ -])?(max|clip|clipping)[_./ -](.*[_./ -])?(norm|value)")
_CONFIG = re.compile(r"config[./]")
_UNKNOWN = "..."  # in a command, for the user to fill in


class Columns:
    """What the columns of an export are; names are those of the file."""

    def __init__(
        self, path: Path, runs: pd.DataFrame, results: Mapping[str, str], optimizer: str = ""
    ) -> None:
        self.results = list(results.values())
        names = [
            name
            for name in runs
            if name not in self.results and not _OF_A_RUN.fullmatch(name.strip().lower())
        ]
        numeric = {name for name in names if _is_numeric(runs[name])}
        filled = [name for name in names if (runs[name].str.strip() != "").any()]
        words = [name for name in filled if name not in numeric]
        rows = runs[names].apply(_standard).to_dict("records")
        found = optimizer_settings([{name: row[name] for name in words} for row in rows])
        candidates = [optimizer] if optimizer else found
        if len(candidates) != 1:
            hint = _hint(path, runs, results, (candidates or [_UNKNOWN])[0])
            raise StudyError(_unclear(path, "optimizer", candidates, words, hint))
        self.optimizer = candidates[0]
        logged = {name for name in names if _is_logged(name, is_number=name in numeric)}
        last = {re.split("[./]", name)[-1].strip() for name in filled if name not in logged}
        if {"lr", "learning_rate"} & last:
            logged |= {name for name in numeric if _RATES.fullmatch(name.strip())}
        settings = [name for name in filled if name not in logged and name != self.optimizer]
        self.workload = [
            name
            for name in settings
            if name in words
            and any(is_role(_plain(name), role) for role in ("workload", "model"))
            and runs[name].nunique() > 1
        ]
        short = [_plain(name) for name in settings]
        self.names = {
            one if short.count(one) == 1 else name: name
            for name, one in zip(settings, short, strict=True)
            if name not in self.workload and (is_role(one, "schedule") or not is_role(one, "run"))
        }
        self.optimizers = [
            one or "unnamed" for one in spelled(row.get(self.optimizer) for row in rows)
        ]
        self.given = [{one: row[name] for one, name in self.names.items()} for row in rows]
        self.settings = settings_of(self.given, self.optimizers)
        self.words = {one: column(one) for one, name in self.names.items() if name in words}
        for one in self.words:
            if is_hyperparameter(whose(one, self.optimizers)[1]):
                _refuse_word(path, runs[self.names[one]])
        numbers = {one: None for of_one in self.settings.columns.values() for one in of_one}
        self.read = [self.names[one] for one in (*numbers, *self.words)]
        roles = [self.names[one] for one in self.settings.roles.values()]
        read = {self.optimizer, *roles, *self.workload, *self.read}
        self.not_read = [name for name in names if name not in read]
        self.logged = [n for n in self.not_read if n in numeric and n in logged]
        self.doubtful = [n for n in self.logged if _is_doubtful(n)]


def metrics(path: Path, runs: pd.DataFrame) -> dict[str, str]:
    """Returns the columns with the validation and the test metric, as far as there are some."""
    names = [
        str(name) for name in runs if _is_numeric(runs[name]) and not _CONFIG.match(name.strip())
    ]
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


def _unclear(
    path: Path, wanted: str, candidates: Sequence[str], names: Sequence[str], hint: str
) -> str:
    what = f"could be {', '.join(map(repr, candidates))}" if candidates else "is none of"
    among = "" if candidates else " " + ", ".join(map(repr, names))
    return f"{path}: '{wanted}' {what}{among}; say which, as in: {hint}"


def _hint(path: Path, runs: pd.DataFrame, results: Mapping[str, str], optimizer: str = "") -> str:
    """The command that reads an export as a table, with these columns."""
    of_runs = [name for name in runs if not _OF_A_RUN.fullmatch(name.strip().lower())]
    rows = runs[of_runs].apply(_standard).to_dict("records")
    named = [optimizer] if optimizer else optimizer_settings(rows)
    known = Columns(path, runs, results, (named or [_UNKNOWN])[0])
    shared = {new: known.names[one] for new, one in known.settings.shared().items()}
    roles = {"optimizer": known.optimizer, "status": "State"}
    if len(known.workload) == 1:
        roles["workload"] = known.workload[0]
    roles |= shared
    values = [as_floats(runs[name]) for name in results.values() if name in runs]
    # Between seeds of one trial what was logged differs.
    return command(path, results, values, roles, known.logged if "seed" in shared else ())


def _plain(name: str) -> str:
    return re.sub(r"^(config|summary)[./]", "", name.strip())


def _is_logged(name: str, *, is_number: bool) -> bool:
    """Whether a name is that of something measured, rather than of the configuration."""
    if _CONFIG.match(name.strip()):
        return False
    if name.strip().startswith("summary"):
        return True
    plain = _plain(name).lower()
    if _LIMIT.fullmatch(plain):
        return False
    return bool(_LOGGED.fullmatch(plain)) or (is_number and is_metric(plain))


def _is_doubtful(name: str) -> bool:
    """Whether what was logged could be a setting: an "aux_loss" is a weight, too; "loss" is not."""
    if _is_logged(name, is_number=False):
        return False
    plain = _plain(name).lower()
    words = re.findall(r"[a-z]+[0-9]*", plain)
    return not _SPLIT.fullmatch(plain) and not all(map(is_metric, words))


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
