"""Checks of a comparison of optimizers against what Choi et al. (2019) ask of every comparison."""

from tfoptcmp.analysis.audit.checks import CHECKS as CHECKS
from tfoptcmp.analysis.audit.checks import audit as audit
