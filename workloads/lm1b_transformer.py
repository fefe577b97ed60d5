"""Transformer language model on LM1B (Choi et al. 2019; budget and target reconstructed).

Ours, where our sources say nothing: a SentencePiece vocabulary of 32,000 tokens, sentences cut
after 128 tokens (few are longer), one sentence per row. The metric is the cross entropy per token,
the end of the sentence included, so results depend on the vocabulary: those of two scales, or of a
sample that has fewer tokens, must not be compared.

The `cpu` and `smoke` scales are ours, with a smaller network and vocabulary and on sentences cut
after 32 tokens, from times measured on two cores, both busy: 0.12 s a step of 64 sentences, 3 s a
measurement of 3,000. `cpu` is 3.5 minutes per trial and 8 hours for six rules, `smoke` 5 minutes
for six rules.
"""

from tfoptcmp.workloads.data.catalogue import LM1B
from tfoptcmp.workloads.spaces.assemble import TAKEN_OVER, signatures
from tfoptcmp.workloads.spaces.ranges import LONG_DECAY

from tfoptcmp.imported import Imported
from tfoptcmp.metrics import CROSS_ENTROPY
from tfoptcmp.workload import Budget, Overfitting, Small, Workload

_OPTIONS = {
    "sequence_length": 32,
    "vocabulary_size": 4_000,
    "evaluated_examples": 1_000,
    "num_layers": 2,
    "width": 128,
}

WORKLOAD = Workload(
    name="lm1b_transformer",
    title="Transformer on LM1B",
    metric=CROSS_ENTROPY,
    budgets={
        "paper": Budget(
            scale="paper",
            batch_size=256,
            steps=750_000,
            eval_every_steps=37_500,
            num_feasible=250,
            target=3.45,
            options={
                "sequence_length": 128,
                "vocabulary_size": 32_000,
                "num_layers": 6,
                "width": 512,
            },
        ),
        "cpu": Budget(
            scale="cpu",
            batch_size=64,
            steps=1_500,
            eval_every_steps=250,
            num_feasible=25,
            target=None,
            options=_OPTIONS,
        ),
        "smoke": Budget(
            scale="smoke",
            batch_size=32,
            steps=60,
            eval_every_steps=30,
            num_feasible=3,
            target=None,
            options=_OPTIONS,
        ),
    },
    load=Imported("tfoptcmp.workloads.data.lm1b:load"),
    build=Imported("tfoptcmp.workloads.models.transformer:build"),
    memory_gb=1.2,
    data_sets=(LM1B,),
    spaces=signatures(TAKEN_OVER, decay=LONG_DECAY),
    small=Small(options={"vocabulary_size": 60}),
    # At its beginning the model cannot know which of 64 sentences it is. That alone costs log(64)
    # nats per sentence, more than 0.1 per token for sentences of fewer than 42 tokens.
    overfitting=Overfitting(alpha0=3e-3, options={"sequence_length": 128}, num_drawn=512),
)
