"""Training one trial: built once, run many times. The only room but the rules that needs Keras."""

from tfoptcmp.training.engine import Trainer

__all__ = ["Trainer"]
