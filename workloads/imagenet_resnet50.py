"""ResNet-50 on ImageNet (Choi et al. 2019; budget and target reconstructed).

Images of 224x224 pixels. Training images are cropped, mirrored and distorted in colour at random;
of the others the centre is shown.

The `cpu` and `smoke` scales are ours, on images of 64x64, from times measured on two cores, both
busy: 1.2 s a step of 64 images, 7 ms an evaluated image with its decoding, of which there are
therefore fewer. `cpu` is 7 minutes a trial and 7 hours for six rules, `smoke` 5 minutes for six
rules; neither learns much.
"""

import keras

from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.workload import Budget, Splits, Workload
from workloads.data.imagenet import splits_of_imagenet
from workloads.models.resnet50 import resnet50

GHOST_BATCH_SIZE = 32  # Of the paper (reconstructed).


def load(budget: Budget, data_dir: str | None) -> Splits:
    """Reads ImageNet as prepared by TFDS; tests on ImageNet-V2 where that is there.

    Raises:
        ValueError: If the batch does not divide into ghost batches.
    """
    if budget.batch_size % _ghost_batch_size(budget):
        raise ValueError(
            f"batch_size must be a multiple of {GHOST_BATCH_SIZE}, the ghost batch, or smaller; "
            f"got {budget.batch_size!r}"
        )
    return splits_of_imagenet(budget, data_dir)


def build(budget: Budget, splits: Splits) -> keras.Model:
    """Builds ResNet-50; 25,549,352 trainable parameters."""
    image_size = int(budget.options["image_size"])
    return resnet50(
        (image_size, image_size, 3),
        num_classes=splits.num_classes,
        ghost_batch_size=_ghost_batch_size(budget),
    )


def _ghost_batch_size(budget: Budget) -> int:
    return min(GHOST_BATCH_SIZE, budget.batch_size)


_SMALL = {"image_size": 64, "evaluated_examples": 1_000}

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
            options=_SMALL,
        ),
        "smoke": Budget(
            scale="smoke",
            batch_size=32,
            steps=10,
            eval_every_steps=5,
            num_feasible=2,
            target=None,
            options=_SMALL,
        ),
    },
    load=load,
    build=build,
    regularisation=("l2", "label_smoothing"),
)
