"""All-CNN-C on CIFAR-100 (Schneider et al. 2019, DeepOBS; Choi et al. 2019, reconstructed).

45,000 training, 5,000 validation and 10,000 test images, padded by 4 pixels, cropped and mirrored
at random for training. DeepOBS has no validation split; its `l2` is 5e-4 in our convention. There
is no target.

The `cpu` and `smoke` scales are ours, from times measured on two cores, both busy: 0.67 s a step of
64 images, 2.8 ms an evaluated image, of which there are therefore fewer. `cpu` is 4 minutes a trial
and 6 hours for six rules, `smoke` 2 minutes for six rules.
"""

import keras

from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.workload import Budget, Splits, Workload
from workloads.data.catalogue import CIFAR100
from workloads.data.cifar import splits_of_cifar
from workloads.models.all_cnn_c import all_cnn_c


def load(budget: Budget, data_dir: str | None) -> Splits:
    """Reads CIFAR-100 as prepared by TFDS; the last tenth of its training split validates."""
    return splits_of_cifar(CIFAR100, budget, data_dir, num_classes=100, padding=4)


def build(budget: Budget, splits: Splits) -> keras.Model:
    """Builds All-CNN-C; 1,387,108 parameters."""
    return all_cnn_c((32, 32, 3), num_classes=splits.num_classes)


WORKLOAD = Workload(
    name="cifar100_all_cnn_c",
    title="All-CNN-C on CIFAR-100",
    metric=CLASSIFICATION_ERROR,
    budgets={
        "paper": Budget(
            scale="paper",
            batch_size=256,
            steps=61_524,  # 350 epochs * 45,000 examples / 256 = 61,523.4
            eval_every_steps=3_080,
            num_feasible=500,
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
