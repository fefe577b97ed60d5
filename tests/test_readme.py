"""The Python in the README runs as it stands, and its programs and workloads exist."""

import re
from pathlib import Path

import keras
import numpy as np

import workloads
from tfoptcmp.rules import RULES
from tools.lab.faults import fake

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def _build_model(hp=None):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    rate = 0.1 if hp is None else hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model


def test_python_examples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    budget = fake.config().budget | {"steps": 10}
    fake.study(tmp_path / "runs" / "mine" / "momentum", budget=budget)
    rng = np.random.default_rng(0)
    x, x_val = rng.normal(size=(2, 32, 3)).astype("float32")
    given = {
        "model": _build_model(),
        "build_model": _build_model,
        "x": x,
        "y": x.sum(axis=1),
        "x_val": x_val,
        "y_val": x_val.sum(axis=1),
    }
    examples = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(examples) == 4
    for example in examples:
        quicker = example.replace("num_feasible=20", "num_feasible=3")
        exec(compile(quicker, "README.md", "exec"), given)
    assert given["model"].optimizer.epsilon == 1.0
    assert len(given["tuner"].oracle.end_order) == 3
    assert given["trials"].feasible.sum() == 5
    assert given["SIGNATURES"]["digits_simple_cnn"]["initial"]["lion"].space.arguments


def test_tables_name_every_workload_and_rule():
    for name in (*workloads.names(), *RULES):
        assert f"| `{name}` |" in README


def test_files_that_it_links_to_exist():
    root = Path(__file__).parents[1]
    links = re.findall(r"\]\(([^)#]+)\)", README)
    local = [link for link in links if "://" not in link]
    assert local
    assert all((root / link).exists() for link in local)
