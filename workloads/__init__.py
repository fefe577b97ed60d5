"""The learning problems of a study: models, data, budgets and search spaces."""

from tfoptcmp.workloads.own import own_workload
from tfoptcmp.workloads.registry import WORKLOADS, get, names

__all__ = ["WORKLOADS", "get", "names", "own_workload"]
