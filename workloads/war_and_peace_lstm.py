"""Character LSTM on War and Peace (DeepOBS; Choi et al. 2019, reconstructed).

Train is the first 80 % of the text, of which the last tenth validates (ours: DeepOBS trains on all
of it), and test is the rest, 653,237 characters. The paper gives no target.

The `cpu` and `smoke` scales are ours, from times measured on two cores, both busy: 0.057 s a step,
9 s a measurement of 1.2 million characters. `cpu` is 2.5 minutes a trial and 6 hours for six rules,
`smoke` 7 minutes for six rules. Adam at 5e-3 with a decaying rate ends at 48.3 % validation error
in `cpu`; its target is 50 %.
"""

import keras

from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.workload import Budget, Splits, Workload
from workloads.data.catalogue import WAR_AND_PEACE
from workloads.data.text import encode, splits_of_text
from workloads.data.tfds import iterate_texts
from workloads.data.war_and_peace import edition
from workloads.models.lstm import lstm


def load(budget: Budget, data_dir: str | None) -> Splits:
    """Reads War and Peace as prepared by `tfoptcmp-data`."""
    parts = {
        split: "".join(iterate_texts(WAR_AND_PEACE, split, data_dir=data_dir))
        for split in WAR_AND_PEACE.sizes
    }
    text = "".join(parts.values())
    vocabulary = "".join(sorted(set(text)))
    return splits_of_text(
        {split: encode(part, vocabulary) for split, part in parts.items()},
        vocabulary_size=len(vocabulary),
        batch_size=budget.batch_size,
        sequence_length=int(budget.options["sequence_length"]),
        partial=edition(text),
    )


def build(budget: Budget, splits: Splits) -> keras.Model:
    """Builds the LSTM for the vocabulary of the text; 284,499 parameters at 83 characters."""
    return lstm(vocabulary_size=splits.num_classes, batch_size=budget.batch_size)


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
    load=load,
    build=build,
)
