"""Transformer language model on LM1B (Choi et al. 2019; budget and target reconstructed).

Ours, where our sources are silent: a SentencePiece vocabulary of 32,000 tokens, sentences cut after
128 of them (few are longer), one sentence a row. The metric is the cross entropy per token, the end
of the sentence included, so figures belong to the vocabulary: those of two scales, or of a sample
that does not have as many tokens, must not be compared.

The `cpu` and `smoke` scales are ours, with a smaller network and vocabulary and on sentences cut
after 32 tokens, from times measured on two cores, both busy: 0.12 s a step of 64 sentences, 3 s a
measurement of 3,000. `cpu` is 3.5 minutes a trial and 8 hours for six rules, `smoke` 5 minutes for
six rules.
"""

import keras

from tfoptcmp.metrics import CROSS_ENTROPY
from tfoptcmp.workload import Budget, Splits, Workload
from workloads.data.lm1b import splits_of_lm1b
from workloads.models.transformer import transformer


def load(budget: Budget, data_dir: str | None) -> Splits:
    """Reads LM1B as prepared by TFDS; at the first time trains the vocabulary and encodes it."""
    return splits_of_lm1b(budget, data_dir)


def build(budget: Budget, splits: Splits) -> keras.Model:
    """Builds the decoder; 51,671,040 parameters at 32,000 tokens and the paper's size."""
    width = int(budget.options["width"])
    return transformer(
        vocabulary_size=splits.num_classes,
        num_layers=int(budget.options["num_layers"]),
        width=width,
        feed_forward_width=4 * width,
        num_heads=width // 64,
    )


_SMALL = {
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
            options=_SMALL,
        ),
        "smoke": Budget(
            scale="smoke",
            batch_size=32,
            steps=60,
            eval_every_steps=30,
            num_feasible=3,
            target=None,
            options=_SMALL,
        ),
    },
    load=load,
    build=build,
)
