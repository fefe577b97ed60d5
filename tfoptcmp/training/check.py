"""Whether a workload's data, model, loss and metric fit together, told in seconds before training.

Whatever is wrong is one ValueError of one line.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf
from keras.src.random.seed_generator import global_seed_generator
from tensorflow.python.framework.auto_control_deps_utils import (
    get_read_only_resource_input_indices_graph,
)

from tfoptcmp.training.check_batches import (
    FIRST,
    check_batch,
    check_counted,
    check_labels,
    check_like,
)
from tfoptcmp.training.check_evaluation import check_evaluation
from tfoptcmp.training.check_outputs import check_outputs
from tfoptcmp.training.initial import check_new, undisturbed
from tfoptcmp.training.losses_and_metrics import Problem
from tfoptcmp.training.messages import of_data, said
from tfoptcmp.training.model import build_network, specs_of, states_of, unpacked
from tfoptcmp.workload import Budget, Splits, Workload

_RANDOM = {  # operations that go on from where an earlier trial left off
    "Multinomial",
    "ParameterizedTruncatedNormal",
    "RandomGamma",
    "RandomPoisson",
    "RandomPoissonV2",
    "RandomShuffle",
    "RandomStandardNormal",
    "RandomUniform",
    "RandomUniformInt",
    "RngReadAndSkip",
    "TruncatedNormal",
}
_MOST_BATCHES = 10  # of a split that is not in memory


def check_problem(workload: Workload, budget: Budget, splits: Splits) -> None:
    """Checks the training data, the splits and the model, of which it builds two.

    Of data that are not in memory, the first batches. The untrained model is run on batches of
    the sizes that occur, and on whole splits where a metric may be undefined.

    Raises:
        ValueError: If something does not fit.
    """
    with _in_one_line():
        _check_settings()
        _check(workload, budget, splits)


def _check(workload: Workload, budget: Budget, splits: Splits) -> None:
    problem = Problem(workload.loss_function, workload.metric, workload.measure)
    first = _first_batch(splits, min(2, budget.steps))
    everything = f"train ({splits.num_examples['train']} examples)"
    whole = [] if splits.examples is None else [(splits.examples, everything)]
    for batch, where in (*whole, (first, FIRST)):
        check_batch(batch, where)
        check_labels(batch, where, problem, splits.num_classes)
    with undisturbed():
        network, again = (build_network(workload, budget, splits) for _ in range(2))
    check_new(again, network)
    num_outputs = _check_model(network, first, problem, splits.num_classes)
    for batch, where in whole:
        check_labels(batch, where, problem, num_outputs)
        check_counted([batch], where, problem)
    for name, batches in splits.evaluation.items():
        most = len(batches) if isinstance(batches, list) else _MOST_BATCHES
        num = 0
        for num, batch in enumerate(itertools.islice(batches, most), start=1):
            where = f"split {name!r}, batch {num}"
            check_batch(batch, where)
            check_like(batch, first, where)
            check_labels(batch, where, problem, num_outputs)
        if not num:
            raise ValueError(f"split {name!r} must not be empty; got no batch")
        if isinstance(batches, list):
            check_counted(batches, f"split {name!r}", problem)
    check_evaluation(network, first, problem, workload.metric, splits)


def _check_settings() -> None:
    """Whether the settings of Keras are such that a step here is one of `fit`."""
    if keras.config.floatx() != "float32":
        raise ValueError(f"Keras's floatx must be float32; got {keras.config.floatx()!r}")
    if (policy := keras.config.dtype_policy().name) == "mixed_float16":
        raise ValueError(
            f"Keras's global dtype policy must not be {policy!r}, which needs a loss that is "
            "scaled; mixed_bfloat16 does without"
        )


def _first_batch(splits: Splits, num_steps: int) -> Any:
    """The training batch of the first step; those of the next ones must be there, too."""
    try:
        batches = [*splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=num_steps)]
    except tf.errors.OpError as error:
        raise of_data(error) or error from None
    if len(batches) < num_steps:
        raise ValueError(
            "the training data must have a batch for each step; got none at step "
            f"{len(batches) + 1}"
        )
    return batches[0]


def _check_model(network: keras.Model, batch: Any, problem: Problem, num_classes: int) -> int:
    """Traces a training step, without computing anything; returns the number of logits, or 0."""
    kept: list[int] = []

    def step(x: Any, y: Any, weights: Any) -> tuple[tf.Tensor, tf.Tensor]:
        outputs = network(x, training=True)
        check_outputs(y, outputs, problem, num_classes)
        if isinstance(outputs, tf.Tensor):
            kept.append(int(outputs.shape[-1] or 0) if outputs.shape.rank > 1 else 1)
        return problem.objective(y, outputs, weights), problem.sums(y, outputs, weights)

    specs = specs_of(unpacked(keras.tree.map_structure(tf.convert_to_tensor, tuple(batch))))
    try:
        traced = tf.function(step, autograph=False).get_concrete_function(*specs)
    except Exception as error:
        if isinstance(error, ValueError) and "\n" not in str(error):
            raise
        raise ValueError(f"the model cannot be run on {FIRST}: {said(error)}") from None
    _check_state(traced.graph, network)
    return kept[0] if kept else 0


def _check_state(graph: Any, network: keras.Model) -> None:
    """Whether all that a traced step changes is reset for each trial, and saved with it."""
    definition = graph.as_graph_def()
    functions = [function.node_def for function in definition.library.function]
    used = {node.op for nodes in (definition.node, *functions) for node in nodes}
    if found := sorted(used & _RANDOM):
        raise ValueError(
            "a model's random numbers must be functions of the trial's seed; got TensorFlow's "
            f"{found[0]}. Use keras.random, with a keras.random.SeedGenerator of the layer"
        )
    variables = [*network.variables, *network.metrics_variables, *states_of(network)]
    known = {id(v.value.handle) for v in (*variables, global_seed_generator().state)}
    read_only = {id(graph.inputs[i]) for i in get_read_only_resource_input_indices_graph(graph)}
    for handle, inside in graph.captures:
        # Tables, which do not change, have no such data.
        of_variable = getattr(handle, "_handle_data", None)
        if of_variable and id(inside) not in read_only and id(handle) not in known:
            shape = tuple(tf.TensorShape(of_variable.shape_and_type[0].shape))
            raise ValueError(
                "a model must change no variables but those of add_weight, which are reset for "
                f"each trial; got one of the shape {shape}: use add_weight, for random numbers a "
                "keras.random.SeedGenerator that is the layer's attribute"
            )


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Leaves out where in Keras and TensorFlow it was noticed."""
    try:
        yield
    except ValueError as error:
        raise ValueError(said(error)) from None
