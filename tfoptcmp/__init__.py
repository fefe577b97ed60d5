"""Fair comparisons of neural-network optimizers: rules, spaces, training, analysis."""

from tfoptcmp.imported import on_demand

__getattr__, __dir__ = on_demand(__name__, {"compare": "tfoptcmp.tools.common.compare:compare"})
