"""What users give, as bytes for another process: by value, with all their attributes.

Functions and classes of a notebook or script go by value (cloudpickle). Keras's own way to pickle a
loss or a metric keeps what its `get_config` names only, and finds no class that is not registered.
"""

import io
from typing import Any

import cloudpickle
import keras


def dumps(thing: Any) -> bytes:
    """Returns a thing as bytes, for `cloudpickle.loads`."""
    with io.BytesIO() as file:
        _Pickler(file).dump(thing)
        return file.getvalue()


class _Pickler(cloudpickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, keras.losses.Loss):
            return _loss, (type(thing), dict(vars(thing)))
        if isinstance(thing, keras.metrics.Metric):
            states = {n: v for n, v in vars(thing).items() if isinstance(v, keras.Variable)}
            left_out = {*states, *_MADE_BY_KERAS}
            rest = {name: value for name, value in vars(thing).items() if name not in left_out}
            shapes = {name: (tuple(v.shape), v.dtype) for name, v in states.items()}
            return _metric, (type(thing), rest, shapes)
        for plain in (list, dict, set):  # Keras's own, in which it looks for variables
            if isinstance(thing, plain) and type(thing).__module__.startswith("keras."):
                return plain, (plain(thing),)
        return super().reducer_override(thing)


_MADE_BY_KERAS = ("_tracker", "_variables", "_metrics")


def _loss(kind: type[keras.losses.Loss], attributes: dict[str, Any]) -> keras.losses.Loss:
    loss: keras.losses.Loss = object.__new__(kind)
    vars(loss).update(attributes)
    return loss


def _metric(
    kind: type[keras.metrics.Metric],
    attributes: dict[str, Any],
    states: dict[str, tuple[tuple[int, ...], str]],
) -> keras.metrics.Metric:
    """Its states are 0, as after `reset_state`."""
    metric: keras.metrics.Metric = object.__new__(kind)
    keras.metrics.Metric.__init__(metric, name=attributes["name"])
    for name, value in attributes.items():
        setattr(metric, name, value)
    for name, (shape, dtype) in states.items():
        setattr(metric, name, metric.add_variable(shape, "zeros", dtype=dtype, name=name))
    return metric
