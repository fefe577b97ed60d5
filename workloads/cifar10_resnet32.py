"""ResNet-32 on CIFAR-10 (Choi et al. 2019; budget and target reconstructed).

45,000 training, 5,000 validation and 10,000 test images, padded by 4 pixels, cropped and mirrored
at random for training.

The `cpu` and `smoke` scales are ours, from times measured on two cores, both busy: 3.4 ms
a training image, 0.9 ms per evaluated one. `cpu` is 3 minutes per trial and 6 hours for six rules,
`smoke` 4 minutes for six rules. Batches are small because the moving averages of the batch norm
need steps: 3 % of their initial values are left after 1,200, 91 % after the 30 of `smoke`, whose
losses therefore mean nothing. Adam at 1e-3 with a decaying rate ended at 45.2 % validation error in
`cpu` (before the first stage had a convolution in its shortcut, and with initial weights of twice
the variance); its target is 50 %.
"""

from tfoptcmp.workloads.data.catalogue import CIFAR10
from tfoptcmp.workloads.spaces.assemble import TAKEN_OVER, signatures
from tfoptcmp.workloads.spaces.ranges import L2, LONG_DECAY

from tfoptcmp.imported import Imported
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.workload import Budget, Overfitting, Workload

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
    load=Imported(
        "tfoptcmp.workloads.data.cifar:load", data_set=CIFAR10, num_classes=10, padding=4
    ),
    build=Imported("tfoptcmp.workloads.models.resnet_cifar:build", image_shape=(32, 32, 3)),
    memory_gb=1.6,
    data_sets=(CIFAR10,),
    regularisation=("l2",),
    spaces=signatures(
        TAKEN_OVER,
        decay=LONG_DECAY,
        regularisation=L2,
        usual_regularisation={"l2": 1e-4},  # He et al. 2016a
    ),
    overfitting=Overfitting(),
)
