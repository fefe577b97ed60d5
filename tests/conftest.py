"""Runs every test as a study runs: deterministic, one inter-op thread."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
