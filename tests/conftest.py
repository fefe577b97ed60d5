"""Silences TensorFlow before any test imports it."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

_LONGEST = (
    *("test_results", "test_benchmark", "test_own_problems_page", "test_faults"),
    *("test_ray_tune", "test_installation", "test_distribution", "test_resume", "test_devices"),
    *("test_tune_interrupted", "test_tune_refine", "test_tune_until_decided", "test_pools"),
    *("test_extensions", "test_neighbours", "test_smoke", "test_reproduce", "test_programs"),
)


def pytest_collection_modifyitems(items):
    """Files that take longest come first: each is run by one of two processes, to its end."""
    place = {name: number for number, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))
