"""The benchmark works; speed is not tested here."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest
from tfoptcmp.tools.lab.benchmark.networks import shapes
from tfoptcmp.tools.lab.benchmark.order_of_rounds import Contestant, Samples, alternate
from tfoptcmp.tools.lab.benchmark.results import Check, Comparison, Range, fastest, ratios

from tests import programs

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="the extra `bench` is not installed"
)

CONTESTANTS = """
import itertools, os, sys

def counts(turns, start):
    turns.ready({"process": os.getpid()})
    numbers = itertools.count(start)
    for part in turns:
        turns.done(next(numbers), {"part": part})

def seeds(turns, seed=0):
    turns.ready({})
    for part in turns:
        turns.done(seed, {"process": os.getpid()})

def fails(turns):
    print("what a library said", file=sys.stderr)
    raise ValueError("this cannot be")

def dies(turns):
    os._exit(3)
"""


def run(*arguments):
    return programs.run("lab.benchmark", *arguments)


@pytest.fixture
def contestants(tmp_path, monkeypatch):
    (tmp_path / "some_contestants.py").write_text(CONTESTANTS)
    monkeypatch.syspath_prepend(tmp_path)
    return lambda name, **fields: Contestant(
        name=f"{name}{fields.get('arguments', '')}", function=f"some_contestants:{name}", **fields
    )


def test_contestants_take_turns_in_processes_of_their_own(contestants):
    first = contestants("counts", arguments={"start": 0}, parts=("a", "b"))
    second = contestants("counts", arguments={"start": 10}, parts=("b",))
    samples = alternate([first, second], 2)
    # By hand: round 0 does not count; in each of the others the first has two turns, in any order.
    a, b, other = (s.values for s in samples.values())
    assert [{*both} for both in zip(a, b, strict=True)] == [{2, 3}, {4, 5}]
    assert other == [11, 12]
    assert list(samples) == [first.called("a"), first.called("b"), second.called("b")]
    assert samples[first.called("b")].turns == [{"part": "b"}] * 2
    processes = [s.facts["process"] for s in samples.values()]
    assert processes[0] == processes[1] != processes[2]
    assert os.getpid() not in processes


def test_each_round_has_another_order(contestants):
    samples = alternate([contestants("counts", arguments={"start": 0}, parts=("a", "b"))], 8)
    first = [a < b for a, b in zip(*(s.values for s in samples.values()), strict=True)]
    assert {*first} == {True, False}


def test_a_fresh_contestant_has_a_process_and_a_seed_for_each_round(contestants):
    (samples,) = alternate([contestants("seeds", fresh=True)], 3, warm_up=False).values()
    assert samples.values == [0, 2, 3]
    assert len({found["process"] for found in samples.turns}) == 3


def test_what_may_fail_is_left_out_with_its_reason(contestants):
    good = contestants("counts", arguments={"start": 0})
    samples = alternate([contestants("fails", may_fail=True), good], 1, warm_up=False)
    assert "this cannot be" in samples["fails"].error
    assert "what a library said" in samples["fails"].error
    assert samples[good.name].values == [0]
    assert "failed: ValueError" in Comparison(title="", unit="ms", samples=samples).text()


@pytest.mark.parametrize(
    ("name", "message"), [("fails", "this cannot be"), ("dies", "exit code 3")]
)
def test_what_may_not_fail_ends_the_run(contestants, name, message):
    with pytest.raises(RuntimeError, match=message):
        alternate([contestants(name)], 1)


def test_ratios_are_taken_round_by_round():
    ours, theirs = Samples(values=[1.0, 2.0, 3.0]), Samples(values=[2.0, 2.0, 2.0])
    assert ratios(ours, theirs) == Range(median=1.0, low=0.5, high=1.5)  # by hand
    assert fastest({"a": theirs, "b": Samples(values=[1.0, 9.0, 1.0])}) == "b"


@pytest.mark.parametrize(
    ("median", "limit", "at_least", "met"),
    [(2.0, 1.0, True, True), (2.0, 1.0, False, False), (1.0, 1.0, False, True), (1, None, 0, None)],
)
def test_a_check_says_whether_the_median_keeps_the_limit(median, limit, at_least, met):
    measured = Range(median=median, low=0.0, high=3.0)
    assert Check(claim="", measured=measured, limit=limit, at_least=at_least).met is met


@pytest.mark.parametrize(
    ("size", "num_parameters"),
    [("tiny", 1_092), ("digits", 120_458), ("simple_cnn", 3_274_634), ("resnet50", 25_549_352)],
)
def test_shapes_have_the_parameters_of_their_networks(size, num_parameters):
    """By hand, and the pinned counts of the networks themselves."""
    import math

    assert sum(map(math.prod, shapes(size))) == num_parameters


def test_floating_point_operations_of_the_simple_cnn():
    from tfoptcmp.tools.lab.benchmark.steps_ours import training_flops
    from tfoptcmp.workloads.models.simple_cnn import simple_cnn

    # By hand, forward: products of (pixels, window, filters) and of the dense layers.
    convolution_1, convolution_2 = 2 * 28 * 28 * 25 * 32, 2 * 14 * 14 * 25 * 32 * 64
    dense = 2 * (3136 * 1024 + 1024 * 10)
    expected = 3 * (convolution_1 + convolution_2 + dense) - convolution_1
    assert training_flops(simple_cnn((28, 28, 1), num_classes=10)) == expected


@needs_torch
def test_steps_compare_equal_networks(tmp_path):
    """The program itself asserts that the twins have the same losses."""
    path = tmp_path / "found.json"
    done = run("--short", "--only=steps", "--networks=transformer", f"--json={path}")
    assert done.returncode == 0, done.stderr
    assert "ours / floor" in done.stdout
    found = json.loads(path.read_text())
    assert found["versions"]["torch"] and found["threads"] and found["command"]
    (table,) = found["tables"]
    assert all(samples["values"] for samples in table["samples"].values())


@needs_torch
def test_optimizers_are_compared():
    done = run("--short", "--only=optimizers")
    assert done.returncode == 0, done.stderr
    assert "ours / Keras, nadam" in done.stdout
    assert "ours / PyTorch f" in done.stdout


def test_studies_have_the_same_points(tmp_path):
    done = run(
        *("--short", "--only=study", "--cases=digits", "--trials=2", "--trial_steps=4"),
        f"--json={tmp_path / 'found.json'}",
    )
    assert done.returncode == 0, done.stderr
    (table,) = json.loads((tmp_path / "found.json").read_text())["tables"]
    ours, alone, keras_tuner, _ = table["samples"].values()
    assert ours["turns"][0]["best"] == alone["turns"][0]["best"]
    assert ours["turns"][0]["feasible"] == keras_tuner["turns"][0]["feasible"] == 2


def test_parts_are_measured():
    done = run("--short", "--only=data,evaluation,bookkeeping,memory,startup")
    assert done.returncode == 0, done.stderr
    for part in ("alone", "A measurement", "Bookkeeping", "Growth", "From the command"):
        assert part in done.stdout


# Importing Ray here would fix its settings before `cluster.connected` sets them for other tests.
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_workers_are_compared():
    done = run("--short", "--only=workers")
    assert done.returncode == 0, done.stderr
    assert "2 workers / 1" in done.stdout


@pytest.mark.parametrize(
    ("flag", "message"),
    [("--only=speed", "--only must be some of"), ("--networks=mlp", "--networks must be some of")],
)
def test_unknown_names_list_the_known(flag, message):
    done = run(flag)
    assert done.returncode == 2
    assert message in done.stderr


def test_help_needs_no_heavy_import():
    code = (
        "import sys; sys.argv = ['benchmark', '--help']\n"
        "from tfoptcmp.tools.lab.benchmark import __main__\n"
        "try: __main__.main()\n"
        "except SystemExit: pass\n"
        "assert not {'tensorflow', 'keras', 'torch', 'pandas', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
