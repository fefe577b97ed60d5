"""Character-level LSTM: two stateful layers (DeepOBS; Choi et al. 2019, appendix B)."""

import keras
from tfoptcmp.workloads.layers.dropout import Dropout
from tfoptcmp.workloads.layers.lstm import LSTM

from tfoptcmp.workload import Budget, Splits


def lstm(
    *, vocabulary_size: int, batch_size: int, units: int = 128, dropout: float = 0.2
) -> keras.Model:
    """Builds the network: from characters to logits of the next ones.

    Both layers are stateful: row i of a batch continues row i of the batch before, until the states
    are reset. As in DeepOBS dropout acts on the input and on the output of each layer, hence twice
    between the two, with a separate mask at every position; every kernel is Glorot uniform
    (Keras's default for recurrent ones is orthogonal), and the forget gate's bias starts at 1.

    Args:
        vocabulary_size: Number of different characters.
        batch_size: Rows of every batch, fixed because each has a state.
        units: Width of the embedding and of each layer.
        dropout: Share of activations dropped, in [0, 1).

    Returns:
        An uncompiled model from int32 [batch_size, length] to float32 logits
        [batch_size, length, vocabulary_size]. 128 units and 83 characters give 284,499
        parameters.
    """
    codes = keras.Input(batch_shape=(batch_size, None), dtype="int32")
    x = keras.layers.Embedding(vocabulary_size, units, embeddings_initializer="glorot_uniform")(
        codes
    )
    for _ in range(2):
        x = Dropout(dropout)(x)
        x = LSTM(
            units, return_sequences=True, stateful=True, recurrent_initializer="glorot_uniform"
        )(x)
        x = Dropout(dropout)(x)
    # float32 whatever the dtype policy: the softmax of the loss needs the digits.
    logits = keras.layers.Dense(vocabulary_size, dtype="float32")(x)
    return keras.Model(codes, logits, name="lstm")


def build(budget: Budget, splits: Splits) -> keras.Model:
    """Builds the network for a workload's vocabulary, of its budget's "units" or else 128.

    See `Workload.build`.
    """
    return lstm(
        vocabulary_size=splits.num_classes,
        batch_size=budget.batch_size,
        units=int(budget.options.get("units", 128)),
    )
