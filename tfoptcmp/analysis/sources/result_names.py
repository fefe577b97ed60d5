"""What names of results mean: validation or test, and whether higher values are better."""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from tfoptcmp.metrics import ACCURACY, CLASSIFICATION_ERROR, SHARE, Metric

VALIDATION = ("validation", "valid", "val", "dev", "eval", "heldout")
"""Words for the validation set, longer ones before those they begin with; the only list of them."""

TRAINING = ("training", "train")
"""Words for the training set; the only list of them."""

_VALIDATION = re.compile(rf"(?:{'|'.join(VALIDATION)})(?:[_/ .:-]+(.+))?", re.IGNORECASE)
_TEST = re.compile(r"test(?:[_/ .:-]+(.+))?", re.IGNORECASE)

HIGHER = frozenset(
    (
        *("acc", "accuracy", "accuracies", "top", "auc", "auroc", "roc", "f1", "r2", "em", "bleu"),
        *("precision", "recall", "score", "rouge", "map", "iou", "miou", "dice", "psnr", "ssim"),
        *("reward", "return", "mcc", "kappa", "ndcg", "mrr"),
    )
)
"""Words that name a metric whose higher values are better; the only list of them."""

LOWER = frozenset(
    (
        *("loss", "error", "err", "mse", "rmse", "mae", "mape", "nll", "bpc", "bpd", "ce", "bce"),
        *("crossentropy", "entropy", "perplexity", "ppl", "wer", "cer", "fid", "brier"),
        *("misclassification", "deviance", "regret", "cost"),
    )
)
"""Words that name a metric whose lower values are better; the only list of them."""

# With one of these a name is that of something about a metric, or of its negative.
_ABOUT = frozenset(
    (
        *("std", "stderr", "sem", "var", "variance", "time", "seconds", "count", "weight", "coef"),
        *("threshold", "scale", "neg", "negative"),
    )
)
# Names of metrics that are as often names of settings: 16-bit precision, a coefficient of entropy.
_SETTINGS = frozenset(("precision", "map", "top", "return", "em", "ce", "cost", "entropy"))
# A share of misclassified examples; a mere "error" may be a squared one.
_CLASSIFICATION_ERRORS = ("errorrate", "classificationerror", "misclassification")


_TOP = re.compile(r"(top)[ _/.-]?(\d+)", re.IGNORECASE)

_SPELLED = {
    **dict.fromkeys(("acc", "accuracies", "top"), "accuracy"),
    **{"err": "error", "ppl": "perplexity", "auroc": "auc", "roc": "auc"},
}


def is_validation(name: str) -> bool:
    """Returns whether a result looks like one on the validation set."""
    return _VALIDATION.fullmatch(name) is not None


def is_test(name: str) -> bool:
    """Returns whether a result looks like one on the test set."""
    return _TEST.fullmatch(name) is not None


def measure(name: str) -> str:
    """Returns what is measured: "acc" of "val_acc"; "" if the name does not say it."""
    match = _VALIDATION.fullmatch(name) or _TEST.fullmatch(name)
    return (match[1] or "") if match else name


def higher_is_better(name: str) -> bool | None:
    """Returns whether higher values of a result are better; None if its name does not say it.

    The last word counts: a "dice_loss" is a loss. A "top5_error" is an error.
    """
    if _ABOUT & set(_words(name)):
        return None
    known = _metric_words(name)
    known = [word for word in known if word != "top"] or known
    if not known or (known[-1] in HIGHER and LOWER & set(known)):
        return None
    return known[-1] in HIGHER


def is_metric(name: str) -> bool:
    """Returns whether a name ends with that of a metric, and is not as often a setting's."""
    last = _words(name)[-1:]
    known = _metric_words(name)
    return bool(known) and known[-1:] == [_known(last[0])] and known[-1] not in _SETTINGS


def _metric_words(name: str) -> list[str]:
    """The words of HIGHER and LOWER in a name, in their order; "mAP" is one word.

    "top" is one with its number only: "top_p" and "top_k" are settings.
    """
    name = _TOP.sub(r"\1\2", name)
    name = re.sub(r"(?i)(?<![a-z])top(?![a-z\d])", " ", name)
    for words in (_words(name), re.findall(r"[a-z]+[0-9]*", name.lower())):
        if found := [known for word in words if (known := _known(word)) in HIGHER | LOWER]:
            return found
    return []


def _words(name: str) -> list[str]:
    """The words of a name: it is split where letters end and at capitals."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[a-z]+[0-9]*", apart.lower())


def _known(word: str) -> str:
    """A word without its number: "acc1", "top5", but "f1"."""
    return word if word in HIGHER | LOWER else word.rstrip("0123456789")


def result_on_test(names: Iterable[str], validation: str, maximize: bool | None) -> str:
    """Returns which result is the test metric beside a validation metric; "" if none can be told.

    Args:
        names: Of all results.
        validation: Name of the validation metric, "" if not known.
        maximize: Whether its higher values are better; None if not known.
    """
    found = [name for name in names if is_test(name)]
    same = [name for name in found if measure(name).lower() == measure(validation).lower()]
    if validation and len(same) == 1:
        return same[0]
    if validation and higher_is_better(validation) is not None:
        kind = _kind(validation)
        fits = [n for n in found if not measure(n) or _kind(n) == kind]
    else:
        sides = {n: higher_is_better(n) for n in found}
        known = (True, False) if maximize is None else (maximize,)
        fits = [n for n in found if not measure(n) or sides[n] in known]
    return fits[0] if len(fits) == 1 else ""


def _kind(name: str) -> tuple[str, str]:
    """The last word of a metric in a name, spelled out, and the k of one of the top k."""
    top = _TOP.search(name)
    found = [word for word in _metric_words(name) if word != "score"] or ["score"]
    return _SPELLED.get(found[-1], found[-1]), top[2] if top and top[2] != "1" else ""


def metric_of(name: str, *, maximize: bool, values: "Iterable[pd.Series[float]]") -> Metric:
    """Returns the metric of results of this name; their values tell shares from percents.

    Args:
        name: As its tool calls it; "" if it has none.
        maximize: Whether higher values are better.
        values: Of validation and test; infinities and NaN do not count.
    """
    called = measure(name)
    numbers = np.concatenate([np.asarray(v, dtype=float) for v in values] or [np.array([])])
    numbers = numbers[np.isfinite(numbers)]
    shares, percents = (bool(((numbers >= 0) & (numbers <= end)).all()) for end in (1, 100))
    plain = re.sub(r"[^a-z0-9]", "", called.lower())
    if shares and maximize and plain in ("acc", "accuracy", "top1"):
        return ACCURACY
    if shares and not maximize and plain in _CLASSIFICATION_ERRORS:
        return CLASSIFICATION_ERROR
    unit = ""
    if maximize and re.search(r"acc(uracy)?$", plain):
        unit = SHARE if shares else "%" if percents else ""
    shown = re.sub(r"[_/]+", " ", called).strip() or "objective"
    return Metric(name=shown, unit=unit, maximize=maximize)
