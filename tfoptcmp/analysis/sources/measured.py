"""Which of a tool's metrics is the validation metric, which the test metric, and which is better.

A tool that knows its objective says so; otherwise names decide: `val_accuracy`, `test/loss`. Where
they do not, nothing is guessed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tfoptcmp.analysis.sources.result_names import TRAINING, VALIDATION, higher_is_better
from tfoptcmp.study.schema import StudyError

# --map is of tables, and these are directories.
_INSTEAD = "give the results as a table (CSV) with --map validation=..."
_SPLITS = {
    **dict.fromkeys(VALIDATION, "validation"),
    "test": "test",
    **dict.fromkeys(TRAINING, "train"),
}
_RATES = frozenset(("acc", "accuracy", "accuracies", "top1", "err", "error"))


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The metrics that a comparison is made of.

    Attributes:
        validation: Name of the validation metric; "" if there is none.
        test: Name of the test metric; "" if there is none.
        maximize: Whether higher is better.
        remark: What was decided by names alone; "" if nothing was.
    """

    validation: str
    test: str
    maximize: bool
    remark: str = ""

    @property
    def name(self) -> str:
        """The metric that decides."""
        return self.validation or self.test

    @property
    def measure(self) -> str:
        """What it measures, without its split: "accuracy" of "accuracy/val"."""
        return " ".join(_kind(self.name)) or self.name


def measured(
    where: object, names: Iterable[str], objective: str = "", maximize: bool | None = None
) -> Measured:
    """Decides what is measured.

    Args:
        where: What was read, for messages.
        names: Of all metrics.
        objective: The one that the tool's search was about; "" if it does not say.
        maximize: Its direction; None if the tool does not say.

    Raises:
        StudyError: If the names do not decide; the message names the candidates.
    """
    known = list(dict.fromkeys(names))
    if not objective:
        objective, remark = _decider(where, known)
    elif objective not in known:
        raise StudyError(f"{where}: no trial has the objective {objective!r}; got {known}")
    else:
        split = _split(objective)
        remark = "" if split in ("validation", "test") else _unclear(objective)
    if maximize is None:
        maximize = higher_is_better(objective)
    if maximize is None:
        raise StudyError(
            f"{where}: whether higher {objective!r} is better is not recorded, and its name does "
            f"not say so: {_INSTEAD}, and --maximize if it is"
        )
    if _split(objective) == "test":
        return Measured(validation="", test=objective, maximize=maximize, remark=remark)
    kind = _kind(objective)
    tests = [name for name in known if _split(name) == "test" and _kind(name) == kind]
    test = tests[0] if len(tests) == 1 else ""
    return Measured(validation=objective, test=test, maximize=maximize, remark=remark)


def is_of_validation(name: str) -> bool:
    """Returns whether a metric's name says that it is of the validation set."""
    return _split(name) == "validation"


def _decider(where: object, names: list[str]) -> tuple[str, str]:
    """The metric that selects, if no objective is recorded, and what to say of that."""
    directed = [name for name in names if higher_is_better(name) is not None]
    splits = {name: _split(name) for name in directed}
    tested = [_kind(name) for name in directed if splits[name] == "test"]
    # Beside test_accuracy, "accuracy" is most often that of training.
    plain = [n for n in directed if not splits[n] and _kind(n) not in tested]
    of_validation = [name for name in directed if splits[name] == "validation"]
    of_test = [name for name in directed if splits[name] == "test"]
    for some in (of_validation, plain, of_test):
        rates = [n for n in some if not _RATES.isdisjoint(_words(n))]
        for few in (some, rates):
            if len(few) == 1:
                others = [name for name in some if name != few[0]]
                said = f"The metric is {few[0]!r}, by its name"
                said += f"; there is {', '.join(map(repr, others))}, too." if others else "."
                return few[0], said if _split(few[0]) else f"{said} {_unclear(few[0])}"
        if some:
            raise StudyError(
                f"{where}: the validation metric may be any of {some}; to say which, {_INSTEAD}"
            )
    raise StudyError(
        f"{where}: no metric is recognised by its name (val_accuracy, test_loss, ...) among "
        f"{names}; to say which it is, {_INSTEAD}"
    )


def _unclear(name: str) -> str:
    return f"The name {name!r} does not say that it is of a validation set: check that it is."


def _split(name: str) -> str:
    return next((_SPLITS[word] for word in _words(name) if word in _SPLITS), "")


def _kind(name: str) -> list[str]:
    """The words of a metric without its split."""
    return [word for word in _words(name) if word not in _SPLITS]


def _words(name: str) -> list[str]:
    apart = re.sub("([a-z])([A-Z])", r"\1 \2", name)
    return [word for word in re.split("[^a-z0-9]+", apart.lower()) if word]
