"""An optimizer of a trial as Python code to paste, which makes the updates that were measured.

Nothing here imports TensorFlow.
"""

from collections.abc import Mapping
from typing import Any

from tfoptcmp.signatures import Signature

# Their state begins as a copy of the weights. `fit` builds them inside its traced step, where the
# copy would be made again at every step.
_BUILT_BEFORE = ("keras.optimizers:ScheduleFreeAdamW",)

_NOT_THE_OPTIMIZERS = {
    "l2": "The loss had l2 / 2 times the sum of squares of the kernels added: l2 = {!r}",
    "label_smoothing": "Labels were smoothed: label_smoothing = {!r}",
}


def keras_code(signature: Signature, arguments: Mapping[str, float], told: str = "") -> str:
    """Returns code that defines `optimizer`, with its learning-rate schedule.

    The code of one whose state begins as a copy of the weights needs your `model`, built.

    Keras's own classes where they make the same updates, else those of this package.

    Args:
        signature: The optimizer's.
        arguments: As used, of `SearchSpace.derive`.
        told: A line on where they come from, put first as a comment.
    """
    rule = signature.rule
    address = rule.in_keras or rule.optimizer
    module, _, name = address.partition(":")
    given = {n: arguments[n] for n in rule.hyperparameters[1:]} | dict(rule.constants)
    is_keras = module == "keras.optimizers"
    called = f"{module}.{name}" if is_keras else name
    schedule = _schedule(signature, arguments)
    lines = [f"# {told}"] if told else []
    if is_keras or "keras." in schedule[0]:
        lines.append("import keras")
    if not is_keras:
        lines.append(f"from {module} import {name}")
    if signature.bias_corrected:
        lines.append("from tfoptcmp.schedules import BiasCorrected")
    lines += ["", *schedule, _call("optimizer", called, ["learning_rate"], given)]
    if address in _BUILT_BEFORE:
        lines.append("# Before `fit`, which would build it anew at every step; `model` is yours.")
        lines.append("optimizer.build(model.trainable_variables)")
    lines += [
        f"# {text.format(arguments[argument])}."
        for argument, text in _NOT_THE_OPTIMIZERS.items()
        if arguments.get(argument)
    ]
    return "\n".join(lines) + "\n"


def _schedule(signature: Signature, arguments: Mapping[str, float]) -> list[str]:
    rate = float(arguments["learning_rate"])  # Keras would compute in whole numbers
    schedules = "keras.optimizers.schedules"
    match signature.schedule:
        case "constant":
            lines = [f"learning_rate = {rate!r}"]
            if signature.bias_corrected:
                decay = {"decay_steps": 1, "decay_rate": 1.0}
                lines = [
                    _call("learning_rate", f"{schedules}.ExponentialDecay", [repr(rate)], decay)
                ]
        case "linear_decay":
            decay = {
                "decay_steps": round(arguments["decay_steps"]),
                "end_learning_rate": rate * arguments["decay_factor"],
            }
            lines = [_call("learning_rate", f"{schedules}.PolynomialDecay", [repr(rate)], decay)]
        case "step_decay":
            decay = {
                "decay_steps": round(arguments["decay_steps"]),
                "decay_rate": arguments["decay_factor"],
                "staircase": True,
            }
            lines = [_call("learning_rate", f"{schedules}.ExponentialDecay", [repr(rate)], decay)]
        case _:
            raise AssertionError(signature.schedule)
    if signature.bias_corrected:
        betas = {name: arguments[name] for name in ("beta_1", "beta_2")}
        lines.append(_call("learning_rate", "BiasCorrected", ["learning_rate"], betas))
    return lines


def _call(target: str, called: str, first: list[str], named: Mapping[str, Any]) -> str:
    """An assignment, with an argument on each line."""
    given = [*first, *(f"{name}={value!r}" for name, value in named.items())]
    if len(given) == 1:
        return f"{target} = {called}({given[0]})"
    return "\n".join([f"{target} = {called}(", *(f"    {one}," for one in given), ")"])
