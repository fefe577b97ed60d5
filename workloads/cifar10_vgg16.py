"""VGG-16 with batch norm on CIFAR-10 (Wilson et al. 2017; Choi et al. 2019, reconstructed).

45,000 training, 5,000 validation and 10,000 test images, mirrored at random for training, not
cropped. The paper gives no target.

The `cpu` and `smoke` scales are ours, from times measured on two cores, both busy: 0.97 s a step of
64 images, 3.8 ms per evaluated image, of which there are therefore fewer. `cpu` is 6 minutes per
trial and 9 hours for six rules, `smoke` 3 minutes for six rules.
"""

from tfoptcmp.workloads.data.catalogue import CIFAR10
from tfoptcmp.workloads.spaces.assemble import TAKEN_OVER, signatures
from tfoptcmp.workloads.spaces.ranges import L2

from tfoptcmp.imported import Imported
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.workload import Budget, Overfitting, Workload

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
    load=Imported(
        "tfoptcmp.workloads.data.cifar:load", data_set=CIFAR10, num_classes=10, padding=0
    ),
    build=Imported("tfoptcmp.workloads.models.vgg16:build", image_shape=(32, 32, 3)),
    memory_gb=2.0,
    data_sets=(CIFAR10,),
    regularisation=("l2",),
    spaces=signatures(
        TAKEN_OVER,
        regularisation=L2,
        usual_regularisation={"l2": 5e-4},  # Wilson et al. 2017, remembered
    ),
    overfitting=Overfitting(),
)
