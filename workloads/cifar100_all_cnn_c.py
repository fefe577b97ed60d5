"""All-CNN-C on CIFAR-100 (Schneider et al. 2019, DeepOBS; Choi et al. 2019, reconstructed).

45,000 training, 5,000 validation and 10,000 test images, padded by 4 pixels, cropped and mirrored
at random for training. DeepOBS has no validation split; its `l2` is 5e-4 in our convention. There
is no target.

The `cpu` and `smoke` scales are ours, from times measured on two cores, both busy: 0.67 s a step of
64 images, 2.8 ms per evaluated image, of which there are therefore fewer. `cpu` is 4 minutes per
trial and 6 hours for six rules, `smoke` 2 minutes for six rules.
"""

from tfoptcmp.workloads.data.catalogue import CIFAR100
from tfoptcmp.workloads.spaces.assemble import TAKEN_OVER, signatures
from tfoptcmp.workloads.spaces.ranges import L2

from tfoptcmp.imported import Imported
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.workload import Budget, Overfitting, Workload

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
    load=Imported(
        "tfoptcmp.workloads.data.cifar:load", data_set=CIFAR100, num_classes=100, padding=4
    ),
    build=Imported("tfoptcmp.workloads.models.all_cnn_c:build", image_shape=(32, 32, 3)),
    memory_gb=1.4,
    data_sets=(CIFAR100,),
    regularisation=("l2",),
    spaces=signatures(
        TAKEN_OVER,
        regularisation=L2,
        usual_regularisation={"l2": 5e-4},  # DeepOBS
    ),
    # The logits end in a ReLU: an image whose logits are all 0 has a loss of log(100) and never a
    # gradient again. This happens to some of 64 images if they are of almost as many classes.
    overfitting=Overfitting(num_drawn=512),
)
