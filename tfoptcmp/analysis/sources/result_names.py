"""What names of results mean: validation or test, and whether higher values are better."""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from tfoptcmp.metrics import ACCURACY, CLASSIFICATION_ERROR, SHARE, Metric

_VALIDATION = re.compile(r"(?:val|valid|validation|dev|eval)(?:[_/ .:-]+(.+))?", re.IGNORECASE)
_TEST = re.compile(r"test(?:[_/ .:-]+(.+))?", re.IGNORECASE)

_HIGHER = frozenset(
    (
        *("acc", "accuracy", "top1", "top5", "auc", "auroc", "roc", "f1", "r2", "precision"),
        *("recall", "score", "bleu", "rouge", "map", "iou", "miou", "dice", "psnr", "ssim"),
        *("reward", "return", "mcc", "kappa", "ndcg", "mrr"),
    )
)
_LOWER = frozenset(
    (
        *("loss", "error", "err", "mse", "rmse", "mae", "mape", "nll", "bpc", "bpd", "ce"),
        *("crossentropy", "entropy", "perplexity", "ppl", "wer", "cer", "fid", "brier"),
        *("misclassification", "deviance", "regret", "cost"),
    )
)
# A share of misclassified examples; a mere "error" may be a squared one.
_CLASSIFICATION_ERRORS = ("errorrate", "classificationerror", "misclassification")


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
    """Returns whether higher values of a result are better; None if its name does not say it."""
    words = set(re.findall(r"[a-z]+[0-9]*", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()))
    if words & _LOWER:  # also of a "score_loss"
        return False
    return True if words & _HIGHER else None


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
    fits = [n for n in found if maximize is None or higher_is_better(n) in (maximize, None)]
    return fits[0] if len(fits) == 1 else ""


def metric_of(name: str, *, maximize: bool, values: "Iterable[pd.Series[float]]") -> Metric:
    """Returns the metric of results of this name.

    Args:
        name: As its tool calls it; "" if it has none.
        maximize: Whether higher values are better.
        values: Of validation and test; infinities and NaN do not count.
    """
    called = measure(name)
    numbers = np.concatenate([np.asarray(v, dtype=float) for v in values] or [np.array([])])
    numbers = numbers[np.isfinite(numbers)]
    shares = bool(((numbers >= 0) & (numbers <= 1)).all())
    plain = re.sub(r"[^a-z0-9]", "", called.lower())
    if shares and maximize and plain in ("acc", "accuracy"):
        return ACCURACY
    if shares and not maximize and plain in _CLASSIFICATION_ERRORS:
        return CLASSIFICATION_ERROR
    unit = SHARE if shares and maximize and re.search(r"acc(uracy)?$", plain) else ""
    shown = re.sub(r"[_/]+", " ", called).strip() or "objective"
    return Metric(name=shown, unit=unit, maximize=maximize)
