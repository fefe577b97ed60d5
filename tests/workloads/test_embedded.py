"""The workloads whose data are always available, and what every workload has in common."""

import keras
import numpy as np
import pytest

from tfoptcmp import workloads

EMBEDDED = ("digits_simple_cnn", "pydocs_lstm")


def load(name: str, scale: str = "smoke"):
    workload = workloads.get(name)
    budget = workload.budget(scale)
    return workload, budget, workload.load(budget, None)


def first_batch(splits, seed: int = 0):
    dataset = splits.train.batches(seed=seed, augmentation_seed=0, start=0, stop=1)
    return next(iter(dataset))


def test_digits_splits_are_disjoint_complete_and_stratified():
    _, _, splits = load("digits_simple_cnn")
    assert splits.num_examples == {"train": 1_197, "validation": 300, "test": 300}
    assert splits.partial == ""
    # 19 batches of 63 are one epoch of 1,197: read the whole training split through its batches.
    workload = workloads.get("digits_simple_cnn")
    splits = workload.load(workload.budget("smoke", batch_size=63), None)
    epoch = splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=19)
    parts = {
        "train": list(epoch.as_numpy_iterator()),
        **{
            name: [(x.numpy(), y.numpy()) for x, y in splits.evaluation[name]]
            for name in ("validation", "test")
        },
    }
    images = {name: np.concatenate([x for x, _ in part]) for name, part in parts.items()}
    labels = {name: np.concatenate([y for _, y in part]) for name, part in parts.items()}
    assert images["train"].shape == (1_197, 8, 8, 1)
    everything = np.concatenate(list(images.values()))
    # No two of scikit-learn's 1,797 digits are equal, so no image can be in two splits unseen.
    assert len(np.unique(everything.reshape(-1, 64), axis=0)) == 1_797
    assert (everything.min(), everything.max()) == (0.0, 1.0)
    for name in ("validation", "test"):
        assert set(np.bincount(labels[name])) <= {29, 30, 31}
    evaluated = np.concatenate([x for x, _ in splits.evaluation["train"]])
    assert len(evaluated) == 300
    joined = np.concatenate([images["train"], evaluated]).reshape(-1, 64)
    assert len(np.unique(joined, axis=0)) == 1_197  # A subset of the training split.


def test_pydocs_splits_follow_each_other():
    _, budget, splits = load("pydocs_lstm")
    length = {name: splits.num_examples[name] + 1 for name in ("validation", "test")}
    # By hand: 72 %, 8 % and 20 % of the text.
    assert length["validation"] / length["test"] == pytest.approx(0.4, rel=1e-3)
    assert splits.num_examples["train"] / length["test"] == pytest.approx(3.6, rel=0.01)
    per_step = budget.batch_size * budget.options["sequence_length"]
    assert splits.num_examples["train"] == splits.train.steps_per_epoch * per_step
    counted = {
        name: sum(int((y.numpy() >= 0).sum()) for _, y in split)
        for name, split in splits.evaluation.items()
    }
    assert counted == {
        "train": splits.num_examples["validation"],
        "validation": splits.num_examples["validation"],
        "test": splits.num_examples["test"],
    }


def test_digits_parameters():
    workload, budget, splits = load("digits_simple_cnn")
    # By hand: two convolutions, hidden layer, output layer.
    expected = 832 + 51_264 + (256 * 256 + 256) + 2_570
    assert workload.build(budget, splits).count_params() == expected == 120_458


def test_pydocs_parameters_follow_the_vocabulary():
    workload, budget, splits = load("pydocs_lstm", scale="paper")
    vocabulary = splits.num_classes  # That of this Python version.
    # By hand: embedding, two layers of 131,584, output layer.
    expected = vocabulary * 128 + 2 * 131_584 + 129 * vocabulary
    assert workload.build(budget, splits).count_params() == expected


@pytest.mark.parametrize("name", EMBEDDED)
def test_initial_weights_depend_on_the_global_seed_only(name):
    workload, budget, splits = load(name)

    def weights(seed: int) -> list[np.ndarray]:
        keras.utils.set_random_seed(seed)
        return workload.build(budget, splits).get_weights()

    first, again, other = weights(1), weights(1), weights(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("name", EMBEDDED)
def test_one_gradient_step_lowers_the_loss(name):
    workload, budget, splits = load(name)
    keras.utils.set_random_seed(0)
    model = workload.build(budget, splits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05), loss)
    x, y = first_batch(splits)

    def loss_now() -> float:
        for layer in model.layers:
            if isinstance(layer, keras.layers.LSTM):
                layer.reset_states()
        return float(loss(y, model(x, training=False)))

    before = loss_now()
    # Theory: near the uniform distribution at the start.
    classes = model.output_shape[-1]
    assert before == pytest.approx(np.log(classes), rel=0.1)
    model.train_on_batch(x, y)
    assert loss_now() < before


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_scale_loads(name):
    for scale in workloads.get(name).budgets:
        _, budget, splits = load(name, scale)
        x, y = first_batch(splits)
        assert len(x) == len(y) == budget.batch_size
        assert set(splits.evaluation) == {"train", "validation", "test"}
