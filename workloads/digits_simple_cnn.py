"""Simple CNN on scikit-learn's digits: 1,797 images of 8x8 pixels, which work offline.

Ours, not the paper's: the network of `fashion_mnist_simple_cnn` with a hidden layer of 256, on
1,197 training, 300 validation and 300 test images. 100 steps train in about 0.5 s on two cores,
so every scale has the full budget and the scales differ only in the number of trials. Stock Adam
at 3e-3 with a decaying rate ends at 2 to 2.7 % validation error (two seeds); the target is 4 %.

The final search spaces are those of the last round of
results/cpu/digits_simple_cnn/refined-quasirandom (40 + 40 + 100 feasible trials each, 100 steps,
seed 0). Every final range lies inside the initial one.
"""

from tfoptcmp.workloads.spaces.assemble import TAKEN_OVER, signatures

from tfoptcmp.imported import Imported
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.workload import Budget, Overfitting, Workload


def _budget(scale: str, *, num_feasible: int) -> Budget:
    return Budget(
        scale=scale,
        batch_size=64,
        steps=100,
        eval_every_steps=10,
        num_feasible=num_feasible,
        target=0.04,
        options={},
    )


WORKLOAD = Workload(
    name="digits_simple_cnn",
    title="Simple CNN on digits (8x8)",
    metric=CLASSIFICATION_ERROR,
    budgets={
        "paper": _budget("paper", num_feasible=500),
        "cpu": _budget("cpu", num_feasible=100),
        "smoke": _budget("smoke", num_feasible=10),
    },
    load=Imported("tfoptcmp.workloads.data.digits:load"),
    build=Imported(
        "tfoptcmp.workloads.models.simple_cnn:build", image_shape=(8, 8, 1), dense_units=256
    ),
    memory_gb=0.9,
    spaces=signatures(
        TAKEN_OVER,
        final="digits_simple_cnn.json",
    ),
    overfitting=Overfitting(),
    most_threads=1,  # 0.44 s for a trial of 200 steps; 0.51 with two, which wait for each other
)
