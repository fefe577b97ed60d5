"""Runs the Python of a document, with stand-ins for the reader's own objects."""

import re
from pathlib import Path

import keras
import numpy as np
from tfoptcmp.tools.lab.faults import fake


def run(document: Path, directory: Path) -> dict:
    """Runs all Python blocks of a document, one after the other.

    Args:
        document: A Markdown file.
        directory: The working directory, empty.

    Returns:
        The variables that exist afterwards; `blocks` is the number of blocks.
    """
    budget = fake.config().budget | {"steps": 10, "target": None}
    fake.study(directory / "runs" / "mine" / "momentum", budget=budget)
    rng = np.random.default_rng(0)
    x, x_val = rng.normal(size=(2, 32, 3)).astype("float32")
    variables = {
        "model": _build_model(),
        "build_model": _build_model,
        "x": x,
        "y": x.sum(axis=1),
        "x_val": x_val,
        "y_val": x_val.sum(axis=1),
    }
    text = document.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    for block in blocks:
        quicker = block.replace("num_feasible=20", "num_feasible=3")
        exec(compile(quicker, document.name, "exec"), variables)
    return {**variables, "blocks": len(blocks)}


def local_links(document: Path) -> list[str]:
    """Returns what a Markdown file links to beside it, without the place inside of it."""
    links = re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8"))
    return [link for link in links if "://" not in link]


def _build_model(hp=None):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    rate = 0.1 if hp is None else hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model
