"""The command that drives 64 examples to a small loss."""

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds
from tfoptcmp.tools.lab import overfit

from tests import programs
from tfoptcmp import workloads


def run(*arguments):
    return programs.run("lab.overfit", *arguments)


def test_digits_are_learnt_by_heart():
    losses = []
    step, loss = overfit.overfit(
        workloads.get("digits_simple_cnn"),
        data_dir=None,
        num_steps=200,
        loss_every_steps=10,
        target_loss=0.1,
        on_loss=losses.append,
    )
    assert 0 < loss < 0.1
    assert losses[-1] == loss
    assert len(losses) == step // 10 < 20  # it stopped there
    assert min(losses[:-1]) >= 0.1


def test_without_dropout_nothing_in_a_network_is_random():
    workload = workloads.get("cifar100_all_cnn_c")
    budget = workload.budget("smoke")
    with tfds.testing.mock_data(num_examples=40):
        splits = workload.load(budget, None)
    x, _ = next(iter(splits.train.batches(seed=0, augmentation_seed=0, start=0, stop=1)))
    plain = workload.build(budget, splits)
    network = overfit.without_dropout(workload.build)(budget, splits)
    assert not np.array_equal(plain(x, training=True), plain(x, training=True))
    np.testing.assert_array_equal(network(x, training=True), network(x, training=True))
    assert any(isinstance(layer, keras.layers.Dropout) for layer in network.layers)


def test_the_longest_sentences_are_taken():
    lengths = np.arange(100) % 10
    y = np.where(np.arange(10) < lengths[:, np.newaxis], 1, -1)
    _, chosen = overfit.easiest(np.zeros_like(y), y)
    # By hand: ten rows of each length 9, ..., 4 and four of length 3.
    assert (np.asarray(chosen) >= 0).sum() == 10 * (9 + 8 + 7 + 6 + 5 + 4) + 4 * 3


def test_images_of_the_most_frequent_classes_are_taken():
    y = np.repeat([0, 1, 2, 3], [10, 40, 5, 30])
    x, chosen = overfit.easiest(y, y)
    assert np.bincount(chosen).tolist() == [0, 40, 0, 24]  # by hand
    np.testing.assert_array_equal(x, chosen)


def test_a_loss_that_stays_up_is_said():
    done = run("--workloads=digits_simple_cnn", "--max_steps=10")
    assert done.returncode == 3, done.stderr
    assert "not below the target" in done.stdout


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--max_steps=15", "--max_steps must be a multiple of 10; got 15"),
        ("--workloads=digits_simple_cnn,cifar10_vgg16", "the data of cifar10_vgg16 are missing"),
    ],
)
def test_bad_input_gets_one_clear_message(argument, message, tmp_path):
    done = run(argument, f"--data_dir={tmp_path}")
    assert done.returncode == 2
    assert message in done.stderr
