"""Metrics: what trials are compared by. Nothing here imports TensorFlow."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Metric:
    """The quantity trials are compared by, lower is better throughout.

    Attributes:
        name: "classification error" (share of wrong predictions in [0, 1]) or "cross entropy"
            (nats a token).
        unit: "share" (shown in percent) or "nats".
    """

    name: str
    unit: str


CLASSIFICATION_ERROR = Metric(name="classification error", unit="share")
CROSS_ENTROPY = Metric(name="cross entropy", unit="nats")
