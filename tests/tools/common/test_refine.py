"""Rounds with trials that need no training: killed, added to, and with what may be on record."""

import json
import math
import multiprocessing
import os
import random
import re
import shutil
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest import mock

import pandas as pd
import pytest
from tfoptcmp.tools.common import refine
from tfoptcmp.tools.common.clock import CLOCK
from tfoptcmp.tools.common.execution import Execution
from tfoptcmp.tools.common.refine import rounds_to_run, run_rounds
from tfoptcmp.tools.common.run_studies import Studies as OurStudies
from tfoptcmp.tools.lab.faults import fake
from tfoptcmp.tuners.executors import InProcess
from tfoptcmp.tuners.run_study import run_study

from tfoptcmp.analysis.ranges import narrowing
from tfoptcmp.analysis.sources.studies import compare_studies
from tfoptcmp.analysis.statistics.looks import make_plan, without_trials
from tfoptcmp.metrics import CLASSIFICATION_ERROR
from tfoptcmp.rules import RULES
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Fixed, LogUniform, SearchSpace, Uniform
from tfoptcmp.study.looks import read_looks
from tfoptcmp.study.pack import pack, unpack
from tfoptcmp.study.read import find_all_studies, read_config, read_study
from tfoptcmp.study.rounds import FILE_NAME, Plan, last_round, read_plan
from tfoptcmp.study.schema import Status, StudyError
from tfoptcmp.study.write import check_study
from tfoptcmp.workload import Budget

pytestmark = pytest.mark.filterwarnings(
    "ignore:(currentThread|getName)\\(\\) is deprecated:DeprecationWarning"
)

PLAN = Plan(num_rounds=3, trials_per_round=15)


def named(name, space=None):
    return replace(fake.signature(), name=name, rule=RULES[name], space=space or SPACE)


SPACE = replace(
    fake.signature().space,
    dimensions={
        **fake.signature().space.dimensions,
        "eta0": LogUniform(low=1e-6, high=1.0),
    },
)
SIGNATURES = [named("momentum"), named("nesterov")]


def budget(num_feasible):
    return Budget(**{**fake.config().budget, "num_feasible": num_feasible})


def good_near(rate, rule=None):
    """Trials whose error grows with the distance from a learning rate, of one rule or all."""

    def run_trial(task, on_measurement):
        there = rule in (None, task.directory.parts[-3])
        away = abs(math.log10(task.values["eta0"] / (rate if there else 1e-3)))
        for step in fake.STEPS:
            on_measurement({**fake.measurement(task, step), "validation_metric": 0.1 + away / 20})
        return fake.Outcome(status=Status.COMPLETE, steps=fake.STEPS[-1])

    return run_trial


GOOD = good_near(1e-3)


@dataclass
class Studies:
    """In place of theirs."""

    study_dir: Path
    run_trial: object = GOOD
    signatures: list = field(default_factory=lambda: SIGNATURES)
    seed: int = 0
    max_trials: int = 400
    tensorboard: bool = False
    versions: dict = field(default_factory=lambda: {"tfoptcmp": "0"})
    execution: Execution = field(default_factory=Execution)
    rounds: list = field(default_factory=list)

    comparison = OurStudies.comparison

    def check(self, budget):
        for signature in self.signatures:
            check_study(self.study_dir / signature.name, self.config(signature, budget))

    def run(self, budgets, *, num_reruns=0):
        self.rounds.append((self.study_dir.name, budgets[0].num_feasible, num_reruns))
        for signature, one in zip(self.signatures, budgets, strict=True):
            run_study(
                directory=self.study_dir / signature.name,
                config=self.config(signature, one),
                signature=signature,
                executor=InProcess(self.run_trial),
                clock=CLOCK,
                max_retries=0,
            )

    def config(self, signature, budget):
        return fake.config(
            signature=signature.to_json(),
            seed=self.seed,
            num_feasible=budget.num_feasible,
            max_trials=self.max_trials,
            tuning_budget=4,
            versions=self.versions,
            budget={**fake.config().budget, "num_feasible": budget.num_feasible},
        )


def run(study_dir, run_trial=GOOD, *, plan=PLAN, num_feasible=16, max_rounds=3, **changes):
    """Runs or resumes; returns what was run: name of the round, N, number of re-runs."""
    of_last = {key: changes.pop(key) for key in ("num_reruns", "looks_plan") if key in changes}
    studies = Studies(study_dir / "round-0", run_trial, **changes)
    run_rounds(studies, study_dir, plan, budget, num_feasible, max_rounds=max_rounds, **of_last)
    return studies.rounds


def run_until_decided(study_dir, run_trial=fake.run_trial, max_feasible=40, **changes):
    """The same with looks at the last round."""
    asked = without_trials(SIGNATURES, CLASSIFICATION_ERROR)
    looks_plan = make_plan(asked, max_feasible, tuning_budget=4)
    changes = {"num_feasible": max_feasible, **changes, "looks_plan": looks_plan}
    return run(study_dir, run_trial, **changes)


def found(study_dir):
    """All trials, spaces and the plan."""
    trials = {str(path.relative_to(study_dir)): fake.contents(path) for path in all_of(study_dir)}
    records = {name: (study_dir / name / "study.json").read_text() for name in trials}
    return trials, records, (study_dir / FILE_NAME).read_text()


def all_of(study_dir):
    return find_all_studies(study_dir)


def space_of(study_dir, path):
    return Signature.from_json(read_config(study_dir / path / "study.json").signature).space


def around_the_best(found, one):
    """In place of the rule, which takes seconds: a decade on both sides of the best trial."""
    trials = pd.concat([table.feasible for table in (*one.earlier, one)])
    best = float(trials.sort_values("validation_metric").iloc[0]["searched_eta0"])
    counts = " + ".join(str(table.num_feasible) for table in (*one.earlier, one))
    dimensions = {**one.dimensions, "eta0": LogUniform(low=best / 10, high=best * 10)}
    return SearchSpace(dimensions=dimensions, source=f"after {counts} trials", own=one.own)


@pytest.fixture(autouse=True, scope="module")
def fast():
    with (
        mock.patch.object(refine, "next_space", around_the_best),
        mock.patch.object(os, "fsync", lambda descriptor: None),
    ):
        yield


def never(task, on_measurement):
    raise AssertionError("must not run")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("undisturbed")
    assert run(directory) == [("round-0", 15, 0), ("round-1", 15, 0), ("round-2", 16, 0)]
    return directory


@pytest.fixture
def copy(undisturbed, tmp_path):
    shutil.copytree(undisturbed, tmp_path / "copy")
    return tmp_path / "copy"


def test_spaces_narrow_to_where_trials_are_good(tmp_path, monkeypatch):
    monkeypatch.setattr(refine, "next_space", narrowing.next_space)
    run(tmp_path, signatures=SIGNATURES[:1])
    widths = []
    for number in range(3):
        space = space_of(tmp_path, f"round-{number}/momentum")
        rates = space.dimensions["eta0"]
        widths.append(math.log10(rates.high / rates.low))
        assert rates.low < 1e-3 < rates.high
    assert widths[2] <= widths[1] < widths[0]
    assert space.source.startswith("narrowed after 15 + 15 feasible trials, first in a space (test")
    before = found(tmp_path)
    shutil.rmtree(tmp_path / "round-2")
    run(tmp_path, signatures=SIGNATURES[:1])
    assert found(tmp_path) == before


def test_each_round_is_on_record(undisturbed):
    space = space_of(undisturbed, "round-2/nesterov")
    assert space.source == "after 15 + 15 trials"
    seeds = [read_config(path / "study.json").seed for path in all_of(undisturbed)]
    assert seeds == [0, 0, 1000, 1000, 2000, 2000]
    (comparison,) = compare_studies(undisturbed)
    assert [one.num_feasible for one in comparison.contestants] == [16, 16]
    assert [len(one.earlier) for one in comparison.contestants] == [2, 2]


@pytest.mark.parametrize("seed", range(3))
def test_killed_three_times_at_random_and_gone_on(seed, undisturbed, tmp_path):
    rng = random.Random(seed)
    for _ in range(3):
        left = [rng.randrange(1, 35), rng.choice(fake.STEPS)]

        def deadly(task, on_measurement, left=left):
            left[0] -= 1

            def measured(measurement):
                on_measurement(measurement)
                if left == [0, measurement["step"]]:
                    os.kill(os.getpid(), signal.SIGKILL)

            return GOOD(task, measured)

        child = multiprocessing.get_context("fork").Process(target=run, args=(tmp_path, deadly))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
    run(tmp_path)
    assert found(tmp_path) == found(undisturbed)


@pytest.mark.parametrize("kept", [0, 1])
def test_killed_between_rounds_the_space_is_computed_again(kept, undisturbed, copy):
    for path in all_of(copy):
        if int(path.parent.name[-1]) > kept:
            shutil.rmtree(path)
    run(copy)
    assert found(copy) == found(undisturbed)


def test_killed_after_one_of_two_spaces_was_written(undisturbed, copy):
    shutil.rmtree(copy / "round-2")
    shutil.rmtree(copy / "round-1" / "nesterov")
    run(copy)
    assert found(copy) == found(undisturbed)


def test_nothing_is_done_twice_and_the_record_may_be_read_only(undisturbed, copy):
    (copy / FILE_NAME).chmod(0o400)
    assert len(run(copy, never)) == 3
    assert found(copy) == found(undisturbed)


def test_spaces_on_record_are_not_computed_again(undisturbed, copy, monkeypatch):
    monkeypatch.setattr(refine, "next_space", None)
    run(copy, never)
    assert found(copy) == found(undisturbed)
    shutil.rmtree(copy / "round-2" / "nesterov" / "trials")
    run(copy)
    assert found(copy) == found(undisturbed)


def test_an_optimizer_that_is_added_goes_through_all_rounds(undisturbed, tmp_path):
    run(tmp_path, signatures=SIGNATURES[:1])
    assert last_round(tmp_path) == 2
    run(tmp_path)
    assert found(tmp_path) == found(undisturbed)


def test_an_added_optimizer_gets_the_trials_that_the_rounds_had(tmp_path):
    crowded = good_near(1e-9)
    run(tmp_path, crowded, signatures=SIGNATURES[:1], num_feasible=30, max_rounds=4)
    ran = run(tmp_path, crowded, num_feasible=32, max_rounds=4)
    assert [num for _, num, _ in ran] == [15, 15, 30, 32]
    configs = [read_config(path / "study.json") for path in all_of(tmp_path)]
    assert [one.num_feasible for one in configs] == [15, 15, 15, 15, 30, 30, 32, 32]


def test_more_trials_go_to_the_last_round_alone(undisturbed, copy):
    assert [num for _, num, _ in run(copy, num_feasible=20)] == [15, 15, 20]
    before, after = found(undisturbed)[0], found(copy)[0]
    for name, trials in before.items():
        assert trials.items() <= after[name].items()
        assert (trials == after[name]) == (not name.startswith("round-2"))


def test_fewer_trials_are_refused_before_any_is_run(copy):
    message = r"round-2/momentum was started with num_feasible=16, which cannot be lowered; got 15"
    with pytest.raises(StudyError, match=message):
        run(copy, never, num_feasible=15)


def test_a_later_round_of_other_versions_is_refused_before_any_trial(copy):
    path = copy / "round-1" / "nesterov" / "study.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "versions": {"tfoptcmp": "9"}}))
    shutil.rmtree(copy / "round-0" / "momentum" / "trials")
    with pytest.raises(StudyError, match=r"round-1/nesterov holds another study(.|\n)*versions"):
        run(copy, never)


def test_another_seed_space_or_plan_is_refused(copy):
    with pytest.raises(StudyError, match=r"round-1/momentum.*\n  seed: 1000 recorded, 1001 now"):
        run(copy, never, seed=1)
    with pytest.raises(StudyError, match=r"round-0/momentum(.|\n)*space\.dimensions\.eta0\.low"):
        run(copy, never, signatures=[named("momentum", fake.signature().space)])
    with pytest.raises(StudyError, match="trials_per_round: 15 there, 20 now"):
        run(copy, never, plan=replace(PLAN, trials_per_round=20))


def test_a_lost_round_is_not_made_up(copy):
    shutil.rmtree(copy / "round-1" / "momentum")
    with pytest.raises(
        StudyError, match=r"round-1/momentum is missing, and the space of .*round-2"
    ):
        run(copy, never)


def test_a_damaged_trial_of_an_earlier_round_is_named(undisturbed, copy):
    path = copy / "round-0" / "momentum" / "trials" / "000003" / "metadata.json"
    path.write_text("{")
    with pytest.raises(StudyError, match=r"000003/metadata\.json cannot be read"):
        run(copy, never)
    shutil.rmtree(path.parent)
    run(copy)
    assert found(copy) == found(undisturbed)


def test_packed_rounds_are_read_and_unpacked_to_go_on(undisturbed, copy):
    before = compare_studies(copy)[0].contestants[0].earlier[0]
    for path in all_of(copy):
        pack(path)
    with pytest.raises(StudyError, match=rf"is packed and .*tfoptcmp-pack --unpack {copy}$"):
        run(copy, never)
    after = compare_studies(copy)[0].contestants[0].earlier[0]
    assert after.trials.equals(before.trials)
    for path in all_of(copy):
        unpack(path)
    run(copy, never)
    assert found(copy) == found(undisturbed)


CROWDED = good_near(1e-9, "nesterov")
"""Beyond the low edge of one of the two, further than a round or two moves it."""


def test_rounds_are_added_for_all_while_one_is_not_accepted(tmp_path, capsys):
    assert len(run(tmp_path, CROWDED, num_feasible=30)) == 3
    out = capsys.readouterr().out
    assert "  accepted as final: Momentum\n" in out
    assert "  not accepted: Nesterov: eta0 crowds the low edge\n" in out
    assert "  --max_rounds=4 adds a round for all" in out
    ran = run(tmp_path, CROWDED, num_feasible=30, max_rounds=4)
    assert ran[-1] == ("round-3", 30, 0)
    assert "round 3 after the 3 planned: 30 feasible trials each, to be" in capsys.readouterr().out
    accepted = [space_of(tmp_path, f"round-{number}/momentum") for number in (2, 3)]
    assert accepted[0] == accepted[1]
    moved = [space_of(tmp_path, f"round-{number}/nesterov").dimensions for number in (2, 3)]
    assert moved[1]["eta0"].low < moved[0]["eta0"].low
    points = [read_study(tmp_path / f"round-{i}" / "momentum").trials[0].values for i in (2, 3)]
    assert points[0] != points[1]  # the same space, other trials
    at_once = tmp_path / "at once"
    run(at_once, CROWDED, num_feasible=30, max_rounds=4)
    assert found(at_once) == found(tmp_path)
    assert (
        len(run(tmp_path, never, num_feasible=30, max_rounds=3)) == 4
    )  # what is there is not taken away
    assert found(at_once) == found(tmp_path)


def test_too_few_trials_to_accept_a_space_ask_for_trials_not_for_rounds(tmp_path, capsys):
    assert len(run(tmp_path, CROWDED, num_feasible=10, max_rounds=4)) == 3
    out = capsys.readouterr().out
    assert "not accepted: Momentum: 10 feasible trials, of 15" in out
    assert "--num_feasible=15 adds the trials that are missing" in out
    assert "--max_rounds" not in out


def test_no_round_is_added_when_all_are_accepted(undisturbed, copy):
    assert len(run(copy, never, max_rounds=9)) == 3
    assert found(copy) == found(undisturbed)


def test_no_round_is_added_for_some_only(tmp_path):
    run(tmp_path, CROWDED, num_feasible=30)
    message = "round-2 has momentum, nesterov, and only nesterov would get another round; name all"
    with pytest.raises(StudyError, match=message):
        run(tmp_path, CROWDED, num_feasible=30, max_rounds=4, signatures=SIGNATURES[1:])
    assert last_round(tmp_path) == 2


def test_winners_of_the_last_round_are_run_again(copy):
    assert run(copy, never, num_reruns=2)[-2:] == [("round-2", 16, 0), ("round-2", 16, 2)]


@pytest.fixture(scope="module")
def decided(tmp_path_factory):
    """The fakes are nearly alike, so that all looks are made."""
    directory = tmp_path_factory.mktemp("decided")
    ran = run_until_decided(directory)
    assert ran == [(f"round-{i}", num, 0) for i, num in ((0, 15), (1, 15), (2, 20), (2, 40))]
    return directory


def looks_of(study_dir):
    return (study_dir / "round-2" / "looks.json").read_text()


def test_the_last_round_alone_is_run_until_decided(decided, tmp_path):
    """Its trials are those of a round of as many; the looks lie beside them."""
    run(tmp_path, fake.run_trial, num_feasible=40)
    assert found(decided) == found(tmp_path)
    assert [path.parent.name for path in decided.rglob("looks.json")] == ["round-2"]
    assert [look.num_trials for look in read_looks(decided / "round-2").looks] == [20, 40]
    (comparison,) = compare_studies(decided)
    assert comparison.looks == read_looks(decided / "round-2")


def far_apart(task, on_measurement):
    """One of the two is far behind."""
    return good_near(1e-3 if task.directory.parts[-3] == "momentum" else 1e3)(task, on_measurement)


def test_a_last_round_that_is_decided_early_ends_there(tmp_path, capsys):
    ran = run_until_decided(tmp_path, far_apart)
    assert ran == [("round-0", 15, 0), ("round-1", 15, 0), ("round-2", 20, 0)]
    out = capsys.readouterr().out
    assert "round 1 of 0 to 2: 15 feasible trials each, to narrow the spaces\n" in out
    assert "round 2 of 0 to 2: at most 40 feasible trials each, to be judged\n" in out
    assert "look at N = 20: 1 of 1 pairs decided\n" in out
    assert "stopped at 20 of 40 trials" in out
    assert "3 rounds, 50 feasible trials of each optimizer" in out
    ran = run_until_decided(tmp_path, never, num_reruns=2)
    assert ran == [(f"round-{i}", num, 0) for i, num in enumerate((15, 15, 20))] + [
        ("round-2", 20, 2)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_the_looks_are_the_same(seed, decided, tmp_path):
    rng = random.Random(seed)
    for _ in range(3):  # the third between the looks, which come after 140 and 184 trials
        left = [rng.randrange(49, 60)]

        def deadly(task, on_measurement, left=left):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            return fake.run_trial(task, on_measurement)

        child = multiprocessing.get_context("fork").Process(
            target=run_until_decided, args=(tmp_path, deadly)
        )
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
    assert len(read_looks(tmp_path / "round-2").looks) == 1
    run_until_decided(tmp_path)
    assert (found(tmp_path), looks_of(tmp_path)) == (found(decided), looks_of(decided))


def test_a_refinement_without_looks_is_gone_on_with(decided, tmp_path):
    run(tmp_path, fake.run_trial)
    assert run_until_decided(tmp_path)[-2:] == [("round-2", 20, 0), ("round-2", 40, 0)]
    assert (found(tmp_path), looks_of(tmp_path)) == (found(decided), looks_of(decided))


def test_other_looks_at_the_last_round_are_refused_before_any_trial(decided, tmp_path):
    shutil.copytree(decided, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "round-0" / "momentum" / "trials")
    with pytest.raises(StudyError, match="max_feasible: 40 there, 80 now"):
        run_until_decided(tmp_path / "copy", never, max_feasible=80)


def test_a_round_that_is_added_has_looks_of_its_own(tmp_path):
    ran = run_until_decided(tmp_path, CROWDED, max_rounds=4)
    assert ran[-1][0] == "round-3"
    assert {path.parent.name for path in tmp_path.rglob("looks.json")} == {"round-2", "round-3"}
    before = found(tmp_path)
    run_until_decided(tmp_path, never, max_rounds=4)
    assert found(tmp_path) == before


def test_a_round_that_another_followed_is_not_looked_at(tmp_path):
    """Nobody judges it, and the space of the next followed from the trials that it has."""
    run(tmp_path, CROWDED, num_feasible=30, max_rounds=4)
    before = found(tmp_path)[0]
    assert {name for name in before if name.startswith("round-3")}
    ran = run_until_decided(tmp_path, CROWDED, max_rounds=4)
    assert ran[2:4] == [("round-2", 30, 0), ("round-3", 30, 0)]
    assert [path.parent.name for path in tmp_path.rglob("looks.json")] == ["round-3"]
    after = found(tmp_path)[0]
    earlier = [name for name in before if not name.startswith("round-3")]
    assert [after[name] for name in earlier] == [before[name] for name in earlier]


def test_a_space_without_a_range_on_a_log_scale_stays(tmp_path, monkeypatch):
    space = replace(
        SPACE,
        dimensions={
            **SPACE.dimensions,
            "eta0": Uniform(low=1e-4, high=0.01),
            "one_minus_gamma": Fixed(fixed=0.1),
        },
    )
    monkeypatch.setattr(refine, "next_space", narrowing.next_space)
    run(tmp_path, signatures=[named("momentum", space)])
    spaces = [space_of(tmp_path, f"round-{number}/momentum") for number in range(3)]
    assert [one.dimensions for one in spaces] == [space.dimensions] * 3


def test_one_whose_trials_nearly_all_diverge_is_named(tmp_path):
    def diverges(task, on_measurement):
        for step in fake.STEPS:
            row = fake.measurement(task, step)
            lost = {"train_loss": math.nan, "validation_loss": math.nan} if task.index else {}
            on_measurement({**row, **lost})
        return fake.Outcome(status=Status.COMPLETE, steps=fake.STEPS[-1])

    message = re.escape(
        "round-0/momentum: 40 trials, the most that max_trials=40 allows, gave 1 feasible ones "
        "instead of num_feasible=15; raise max_trials or narrow the search space"
    )
    for _ in range(2):
        with pytest.raises(StudyError, match=message):
            run(tmp_path, diverges, max_trials=40)
    assert read_plan(tmp_path) == PLAN


def test_the_rounds_to_run_are_those_planned_or_on_record(undisturbed, tmp_path):
    assert [num for _, num in rounds_to_run(tmp_path, PLAN, 16)] == [15, 15, 16]
    run(tmp_path, CROWDED, num_feasible=30, max_rounds=4)
    ran = rounds_to_run(tmp_path, PLAN, 40)
    assert ran == [(tmp_path / f"round-{i}", num) for i, num in enumerate((15, 15, 30, 40))]
