"""VGG-16 with batch norm on CIFAR-10 (Wilson et al. 2017; Choi et al. 2019, reconstructed).

45,000 training, 5,000 validation and 10,000 test images, mirrored at random for training, not
cropped. The paper gives no target.

The `cpu` and `smoke` scales are ours, from times measured on two cores, both busy: 0.97 s a step of
64 images, 3.8 ms an evaluated image, of which there are therefore fewer. `cpu` is 6 minutes a trial
and 9 hours for six rules, `smoke` 3 minutes for six rules.
"""

import keras

from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.workload import Budget, Splits, Workload
from workloads.data.catalogue import CIFAR10
from workloads.data.cifar import splits_of_cifar
from workloads.models.vgg16 import vgg16


def load(budget: Budget, data_dir: str | None) -> Splits:
    """Reads CIFAR-10 as prepared by TFDS; the last tenth of its training split validates."""
    return splits_of_cifar(CIFAR10, budget, data_dir, num_classes=10, padding=0)


def build(budget: Budget, splits: Splits) -> keras.Model:
    """Builds VGG-16; 14,987,210 trainable parameters."""
    return vgg16((32, 32, 3), num_classes=splits.num_classes)


WORKLOAD = Workload(
    name="cifar10_vgg16",
    title="VGG-16 on CIFAR-10",
    metric=CLASSIFICATION_ERROR,
    budgets={
        "paper": Budget(
            scale="paper",
            batch_size=128,
            steps=87_891,  # 250 epochs * 45,000 examples / 128 = 87,890.6
            eval_every_steps=4_400,
            num_feasible=250,
            target=None,
            options={},
        ),
        "cpu": Budget(
            scale="cpu",
            batch_size=64,
            steps=300,
            eval_every_steps=150,
            num_feasible=15,
            target=None,
            options={"evaluated_examples": 2_000},
        ),
        "smoke": Budget(
            scale="smoke",
            batch_size=32,
            steps=20,
            eval_every_steps=10,
            num_feasible=2,
            target=None,
            options={"evaluated_examples": 200},
        ),
    },
    load=load,
    build=build,
    regularisation=("l2",),
)
