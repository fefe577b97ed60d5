"""ResNet-50 on ImageNet (Choi et al. 2019; budget and target reconstructed).

Images of 224x224 pixels. Training images are cropped, mirrored and distorted in colour at random;
for the others the centre is used.

The `cpu` and `smoke` scales are ours, on images of 64x64, from times measured on two cores, both
busy: 1.2 s per step of 64 images, 7 ms per evaluated image with its decoding, of which there are
therefore fewer. `cpu` is 7 minutes per trial and 7 hours for six rules, `smoke` 5 minutes for six
rules; neither learns much.
"""

from tfoptcmp.workloads.data.catalogue import IMAGENET, IMAGENET_V2
from tfoptcmp.workloads.spaces.assemble import TAKEN_OVER, signatures
from tfoptcmp.workloads.spaces.ranges import L2, LABEL_SMOOTHING

from tfoptcmp.imported import Imported
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.workload import Budget, Overfitting, Small, Workload

_GHOST_BATCH_SIZE = 32  # of the paper (reconstructed)
_OPTIONS = {"image_size": 64, "evaluated_examples": 1_000}

WORKLOAD = Workload(
    name="imagenet_resnet50",
    title="ResNet-50 on ImageNet",
    metric=CLASSIFICATION_ERROR,
    budgets={
        "paper": Budget(
            scale="paper",
            batch_size=1_024,
            steps=150_000,
            eval_every_steps=7_500,
            num_feasible=250,
            target=0.24,
            options={"image_size": 224},
        ),
        "cpu": Budget(
            scale="cpu",
            batch_size=64,
            steps=300,
            eval_every_steps=150,
            num_feasible=10,
            target=None,
            options=_OPTIONS,
        ),
        "smoke": Budget(
            scale="smoke",
            batch_size=32,
            steps=10,
            eval_every_steps=5,
            num_feasible=2,
            target=None,
            options=_OPTIONS,
        ),
    },
    load=Imported("tfoptcmp.workloads.data.imagenet:load", ghost_batch_size=_GHOST_BATCH_SIZE),
    build=Imported("tfoptcmp.workloads.models.resnet50:build", ghost_batch_size=_GHOST_BATCH_SIZE),
    memory_gb=2.6,
    data_sets=(IMAGENET, IMAGENET_V2),
    regularisation=("l2", "label_smoothing"),
    spaces=signatures(
        TAKEN_OVER,
        regularisation={**L2, **LABEL_SMOOTHING},
        usual_regularisation={"l2": 1e-4, "label_smoothing": 0.0},  # He et al. 2016a
    ),
    small=Small(options={"image_size": 32}),
    overfitting=Overfitting(),
)
