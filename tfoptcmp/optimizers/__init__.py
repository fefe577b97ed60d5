"""The update rules of Choi et al. (2019), Table 1, as Keras optimizers."""

from tfoptcmp.optimizers.adam import Adam
from tfoptcmp.optimizers.base import UpdateRule
from tfoptcmp.optimizers.imitation import imitate
from tfoptcmp.optimizers.momentum import Momentum
from tfoptcmp.optimizers.nadam import NAdam
from tfoptcmp.optimizers.nesterov import Nesterov
from tfoptcmp.optimizers.rmsprop import RMSProp
from tfoptcmp.optimizers.rmsterov import RMSterov
from tfoptcmp.optimizers.sgd import SGD

# In the order of the inclusions.
OPTIMIZERS: dict[str, type[UpdateRule]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RMSProp,
    "adam": Adam,
    "nadam": NAdam,
    "rmsterov": RMSterov,
}

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "Momentum",
    "NAdam",
    "Nesterov",
    "RMSProp",
    "RMSterov",
    "UpdateRule",
    "imitate",
]
