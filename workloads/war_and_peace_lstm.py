"""Character LSTM on War and Peace (DeepOBS; Choi et al. 2019, reconstructed).

Train is the first 80 % of the text, of which the last tenth validates (ours: DeepOBS trains on all
of it), and test is the rest, 653,237 characters. The paper gives no target.

The `cpu` and `smoke` scales are ours, from times measured on two cores, both busy: 0.057 s a step,
9 s per measurement of 1.2 million characters. `cpu` is 2.5 minutes per trial and 6 hours for six
rules, `smoke` 7 minutes for six rules. Adam at 5e-3 with a decaying rate ends at 48.3 % validation
error in `cpu`; its target is 50 %.
"""

from tfoptcmp.workloads.data.catalogue import WAR_AND_PEACE
from tfoptcmp.workloads.spaces.assemble import TAKEN_OVER, signatures

from tfoptcmp.imported import Imported
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.workload import Budget, Small, Workload

WORKLOAD = Workload(
    name="war_and_peace_lstm",
    title="LSTM on War and Peace",
    metric=CLASSIFICATION_ERROR,
    budgets={
        "paper": Budget(
            scale="paper",
            batch_size=50,
            # 200 epochs * 940 steps: 2,351,652 targets // (50 streams * 50 characters) = 940.
            steps=188_000,
            eval_every_steps=9_400,
            num_feasible=50,
            target=None,
            options={"sequence_length": 50},
        ),
        "cpu": Budget(
            scale="cpu",
            batch_size=50,
            steps=1_880,  # 2 epochs
            eval_every_steps=470,
            num_feasible=25,
            target=0.50,
            options={"sequence_length": 50},
        ),
        "smoke": Budget(
            scale="smoke",
            batch_size=50,
            steps=60,
            eval_every_steps=30,
            num_feasible=3,
            target=0.80,
            options={"sequence_length": 50},
        ),
    },
    load=Imported("tfoptcmp.workloads.data.war_and_peace:load"),
    build=Imported("tfoptcmp.workloads.models.lstm:build"),
    memory_gb=1.0,
    data_sets=(WAR_AND_PEACE,),
    spaces=signatures(TAKEN_OVER),
    small=Small(batch_size=50),  # with fewer streams each would be longer
)
