"""Checks whether a comparison of optimizers meets the requirements of Choi et al. (2019)."""

from tfoptcmp.analysis.audit.checks import CHECKS as CHECKS
from tfoptcmp.analysis.audit.checks import audit as audit
