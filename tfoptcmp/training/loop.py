"""The loop over a trial's compiled blocks of steps, with Keras callbacks between them."""

from collections.abc import Callable, Sequence

import keras

from tfoptcmp.training.model import TrialModel


def run_blocks(
    model: TrialModel,
    block: Callable[[int], object],
    *,
    num_steps: int,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Trains like one epoch of Keras's `fit`, which is not for compiled blocks on several devices.

    `fit` also makes the data's iterator a second time at the end of an epoch, which takes 7 ms.

    Args:
        model: What is trained, in blocks of `model.steps_per_execution` of which the last may be
            shorter; a callback ends it with `model.stop_training`.
        block: Trains for a number of steps, or until it diverges.
        num_steps: To train for.
        callbacks: Keras callbacks, called before and after each block.
    """
    model.stop_training = False
    called = keras.callbacks.CallbackList(
        list(callbacks),
        model=model,
        epochs=1,
        steps=num_steps,
    )
    called.on_train_begin()
    called.on_epoch_begin(0)
    done = 0
    while done < num_steps and not model.stop_training:
        called.on_train_batch_begin(done)
        block(steps := min(model.steps_per_execution, num_steps - done))
        done += steps
        called.on_train_batch_end(done - 1, {"loss": float(model.objective.numpy())})
    called.on_epoch_end(0)
    called.on_train_end()
