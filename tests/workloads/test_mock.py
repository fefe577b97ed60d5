"""Random numbers in place of data sets, read by the workloads like the real ones."""

import pytest
from tfoptcmp.workloads.data.mock import load_mock

from tfoptcmp import workloads


@pytest.mark.parametrize(
    ("name", "num_classes", "splits"),
    [
        ("fashion_mnist_simple_cnn", 10, ("train", "validation", "test")),
        ("cifar100_all_cnn_c", 100, ("train", "validation", "test")),
        ("imagenet_resnet50", 1000, ("train", "validation")),  # test is ImageNet-V2, not needed
        ("war_and_peace_lstm", 27, ("train", "validation", "test")),  # 26 letters and the blank
        ("lm1b_transformer", None, ("train", "validation", "test")),
    ],
)
def test_every_kind_of_data_has_a_mock(name, num_classes, splits, tmp_path):
    workload = workloads.get(name)
    budget = workload.budget("smoke")
    first, second = (load_mock(workload, budget, tmp_path) for _ in range(2))
    assert tuple(first.num_examples) == splits
    assert num_classes in (first.num_classes, None)
    assert first.partial.startswith("MOCK DATA, random numbers instead of ")
    batches = [
        next(iter(s.train.batches(seed=0, augmentation_seed=0, start=0, stop=1)))
        for s in (first, second)
    ]
    for one, other in zip(*batches, strict=True):
        assert one.shape[0] == budget.batch_size
        assert (one.numpy() == other.numpy()).all()  # what was written is read again
