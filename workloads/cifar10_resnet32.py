"""ResNet-32 on CIFAR-10 (Choi et al. 2019; budget and target reconstructed).

45,000 training, 5,000 validation and 10,000 test images, padded by 4 pixels, cropped and mirrored
at random for training.

The `cpu` and `smoke` scales are ours, from times measured on two cores, both busy: 3.4 ms
a training image, 0.9 ms an evaluated one. `cpu` is 3 minutes a trial and 6 hours for six rules,
`smoke` 4 minutes for six rules. Batches are small because the moving averages of the batch norm
need steps: 3 % of their initial values are left after 1,200, 91 % after the 30 of `smoke`, whose
losses therefore mean nothing. Adam at 1e-3 with a decaying rate ends at 45.2 % validation error in
`cpu`; its target is 50 %.
"""

import keras

from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.workload import Budget, Splits, Workload
from workloads.data.catalogue import CIFAR10
from workloads.data.cifar import splits_of_cifar
from workloads.models.resnet_cifar import resnet_cifar


def load(budget: Budget, data_dir: str | None) -> Splits:
    """Reads CIFAR-10 as prepared by TFDS; the last tenth of its training split validates."""
    return splits_of_cifar(CIFAR10, budget, data_dir, num_classes=10, padding=4)


def build(budget: Budget, splits: Splits) -> keras.Model:
    """Builds ResNet-32; 466,714 trainable parameters."""
    return resnet_cifar((32, 32, 3), num_classes=splits.num_classes)


WORKLOAD = Workload(
    name="cifar10_resnet32",
    title="ResNet-32 on CIFAR-10",
    metric=CLASSIFICATION_ERROR,
    budgets={
        "paper": Budget(
            scale="paper",
            batch_size=256,
            steps=50_000,
            eval_every_steps=2_500,
            num_feasible=500,
            target=0.07,
            options={},
        ),
        "cpu": Budget(
            scale="cpu",
            batch_size=32,
            steps=1_200,
            eval_every_steps=400,
            num_feasible=20,
            target=0.50,
            options={},
        ),
        "smoke": Budget(
            scale="smoke",
            batch_size=32,
            steps=30,
            eval_every_steps=15,
            num_feasible=2,
            target=None,
            options={"evaluated_examples": 1_000},
        ),
    },
    load=load,
    build=build,
    regularisation=("l2",),
)
