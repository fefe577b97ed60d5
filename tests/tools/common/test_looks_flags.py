"""--until_decided, --max_feasible, --pairs: the plan they make, and what cannot be."""

import pytest
from absl import flags
from absl.testing import flagsaver
from tfoptcmp.tools.common import looks_flags
from tfoptcmp.tools.common.cli import UserError

from tfoptcmp import workloads


def plan(**given):
    flags.FLAGS.mark_as_parsed()
    workload = workloads.get("digits_simple_cnn")
    signatures = [workload.signature(name) for name in ("sgd", "momentum", "adam")]
    with flagsaver.flagsaver(**given):
        return looks_flags.plan(signatures, workload.metric)


UNTIL_DECIDED = {"until_decided": True, "max_feasible": 160}


def test_the_plan_is_what_the_flags_say():
    found = plan(**UNTIL_DECIDED)
    assert (found.max_feasible, found.tuning_budget) == (160, 16)
    assert found.looks == (80, 160)  # by hand: the first N >= 5 K
    assert set(found.pairs) == {("sgd", "momentum"), ("sgd", "adam"), ("momentum", "adam")}
    found = plan(**UNTIL_DECIDED, tuning_budget=4, pairs=["adam:sgd"])
    assert found.looks == (20, 40, 80, 160)
    assert found.pairs == (("sgd", "adam"),)
    assert plan() is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"num_feasible": 20}, "--until_decided finds N by itself: leave out --num_feasible"),
        ({"search": "grid"}, "--until_decided cannot add trials to --search=grid"),
        ({"distribution": "multiworker"}, "leave out --distribution=multiworker"),
        ({"max_feasible": 19}, "--max_feasible must be >= 20; got 19"),
        ({"tuning_budget": 33}, "--max_feasible must be >= 165; got 160"),
        ({"max_feasible": None}, "--until_decided needs --max_feasible"),
        ({"pairs": ["sgd"]}, "--pairs must be like sgd:adam"),
        ({"pairs": ["sgd:nadam"]}, "--pairs must name two different ones of sgd, momentum, adam"),
        ({"pairs": ["sgd:adam", "adam:sgd"]}, "--pairs must be named once each"),
        ({"until_decided": False}, "--max_feasible goes with --until_decided only"),
        (
            {"until_decided": False, "max_feasible": None, "pairs": ["sgd:adam"]},
            "--pairs goes with --until_decided only",
        ),
    ],
)
def test_what_cannot_be_done_is_one_message(given, message):
    with pytest.raises(UserError, match=message):
        plan(**{**UNTIL_DECIDED, **given})
