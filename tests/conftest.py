"""Silences TensorFlow before any test imports it."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

_LONGEST = (
    *("test_published", "test_own_problems_page", "test_benchmark", "test_tune_interrupted"),
    *("test_programs", "test_faults", "test_installation", "test_tune_refine", "test_resume"),
    *("test_distribution", "test_reproduce", "test_neighbours", "test_pools"),
    *("test_tune_until_decided", "test_devices", "test_every_rule", "test_backends"),
    *("test_smoke", "test_docs", "test_files", "test_extensions", "test_tensorboard"),
    *("test_ray_tune", "test_audit", "test_oracle", "test_checks", "test_engine"),
    *("test_keras_settings", "test_fingerprints", "test_take_away", "test_overfit", "test_tables"),
)


def pytest_collection_modifyitems(items):
    """Files that take longest come first: each is run by one of two processes, to its end."""
    place = {name: number for number, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))
