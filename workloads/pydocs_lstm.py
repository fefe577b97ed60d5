"""Character LSTM on the documentation that comes with CPython, a text that is always available.

Ours, not the paper's: the model of `war_and_peace_lstm` on the topics of Python's `help()`. Train
is the first 80 % of the text, of which the last tenth validates, and test is the rest. The text
depends on the Python version (464,970 characters, 103 different ones in 3.11.7), so results of two
versions of Python must not be compared. What follows was measured with 3.11.7 on two cores.

`paper` is the full budget, about 19 epochs of 133 steps: 0.1 s per step, 3 s per measurement, 5
minutes a trial. `cpu` is a smaller model for 3 epochs of 209 steps: 0.035 s a step, 1 s per
measurement, half a minute per trial, 2.5 hours for six rules; `smoke` is its beginning. Stock Adam
with a decaying rate ends at validation errors of 40.6 % (paper, 5e-3), 60 % and 55 % (cpu, 5e-3 and
1e-2).
"""

from tfoptcmp.workloads.spaces.assemble import TAKEN_OVER, signatures

from tfoptcmp.imported import Imported
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.workload import Budget, Small, Workload

WORKLOAD = Workload(
    name="pydocs_lstm",
    title="LSTM on Python's documentation",
    metric=CLASSIFICATION_ERROR,
    budgets={
        "paper": Budget(
            scale="paper",
            batch_size=50,
            steps=2_500,
            eval_every_steps=250,
            num_feasible=50,
            target=0.42,
            options={"sequence_length": 50, "units": 128},
        ),
        "cpu": Budget(
            scale="cpu",
            batch_size=50,
            steps=600,
            eval_every_steps=60,
            num_feasible=50,
            target=0.58,
            options={"sequence_length": 32, "units": 64},
        ),
        "smoke": Budget(
            scale="smoke",
            batch_size=50,
            steps=100,
            eval_every_steps=50,
            num_feasible=4,
            target=0.70,
            options={"sequence_length": 32, "units": 64},
        ),
    },
    load=Imported("tfoptcmp.workloads.data.pydocs:load"),
    build=Imported("tfoptcmp.workloads.models.lstm:build"),
    memory_gb=0.9,
    spaces=signatures(TAKEN_OVER),
    small=Small(batch_size=50),  # with fewer streams each would be longer
)
