"""Every field of every file of a study, wrong in every way: a StudyError, and nothing else.

A table of (path in the file) x (wrong value) for the JSON files and one of wrong cells for the CSV,
both exhaustive; then random damage, by hypothesis, which may be accepted only if the result could
have been written.
"""

import json
import math
import re
import shutil
from dataclasses import asdict, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.study.damage import NUMBERS, TYPES, damages, paths, with_value
from tfoptcmp.hyperparameters import Hyperparameter
from tfoptcmp.metrics import CLASSIFICATION_ERROR, TRAINING_LOSS
from tfoptcmp.rules import Epsilon, Look, PublishedValue, Rule
from tfoptcmp.signatures import Signature
from tfoptcmp.spaces import Choice, Fixed, LogUniform, SearchSpace, Uniform
from tfoptcmp.study.durable import plain
from tfoptcmp.study.read import read_reruns, read_space, read_study
from tfoptcmp.study.schema import COLUMNS, Status, StudyConfig, StudyError, Trial, trial_directory
from tfoptcmp.study.trial import rerun_seeds, trial_seeds
from tfoptcmp.study.write import open_study

SIGNATURE = Signature(
    name="mine",
    rule=Rule(
        name="mine",
        title="Mine",
        optimizer="mine:Mine",
        hyperparameters=("learning_rate", "epsilon", "period"),
        contains=("sgd",),
        epsilon=Epsilon(power=2, default=1e-8, published=(PublishedValue(value=1.0, source="X"),)),
        rate="alpha0",
        rate_over_epsilon="alpha0_over_epsilon",
        kept_per_parameter=3,
        look=Look(colour="#123456", marker="o"),
        similar_to="adam",
    ),
    space=SearchSpace(
        dimensions={
            "alpha0_over_epsilon": LogUniform(low=1e-2, high=1e2),
            "epsilon": Fixed(fixed=0.5),
            "period": Choice(values=(5, 10)),
            "decay_steps_fraction": Uniform(low=0.5, high=1.0),
            "decay_factor": Choice(values=(0.01, 0.1)),
        },
        source="test",
        own={"period": Hyperparameter(argument="period", meaning="steps", low=1.0, high=20.0)},
    ),
)
CONFIG = StudyConfig(
    signature=SIGNATURE.to_json(),
    workload="digits",
    metric=CLASSIFICATION_ERROR,
    loss=TRAINING_LOSS,
    budget={
        **{"scale": "cpu", "batch_size": 64, "steps": 100, "eval_every_steps": 50},
        **{"num_feasible": 2, "target": 0.04, "options": {"pixels": 8, "dropout": 0.5}},
    },
    num_examples={"train": 1000, "validation": 100, "test": 100},
    partial="half of it",
    seed=3,
    search="quasirandom",
    num_feasible=2,
    max_trials=20,
    tuning_budget=2,
    threads_per_trial=1,
    versions={"tensorflow": "2.21.0", "keras": "3.15.1"},
    provenance={"command": "tune", "processors": 2},
    devices={
        **{"distribution": "mirrored", "replicas": 2},
        **{"mixed_precision": True, "jit_compile": False},
    },
    earlier_versions=[{"versions": {"tensorflow": "2.20.0"}, "num_trials": 1}],
)


def row(step, **changes):
    return {"step": step, **dict.fromkeys(COLUMNS[1:], 0.3 + step / 1000), **changes}


ROWS = {
    Status.COMPLETE: [row(50, test_loss=None), row(100, test_loss=None, validation_loss=math.inf)],
    Status.INFEASIBLE: [row(50), row(100, train_loss=math.nan)],
    Status.RUNNING: [row(50)],
    Status.FAILED: [row(50)],
}


def a_trial(index, status, seeds):
    space = SIGNATURE.space
    values = space.values((0.1 * index + 0.05,) * space.num_dims)
    ended = status is not Status.RUNNING
    return Trial(
        index=index,
        status=status,
        values=values,
        arguments=space.derive(values, budget_steps=100),
        seeds=seeds,
        started=1.5e9,
        seconds=2.5 if ended else None,
        steps=ROWS[status][-1]["step"] if ended else 0,
        final=ROWS[status][-1] if ended else None,
        message="" if status in (Status.COMPLETE, Status.RUNNING) else "why",
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    directory = tmp_path_factory.mktemp("study")
    with open_study(directory, CONFIG) as writer:
        given = [(i, status, None) for i, status in enumerate(Status)]
        for index, status, rerun in [*given, (1, Status.COMPLETE, 0)]:
            seeds = trial_seeds(3, index) if rerun is None else rerun_seeds(3, index, rerun)
            trial = a_trial(index, status, seeds)
            writer.write_trial(trial, rerun)
            with writer.measurements(index, rerun) as file:
                for measurement in ROWS[status]:
                    file.write(measurement)
    return directory


def read_all(directory):
    """All that is ever read of a study."""
    study = read_study(directory)
    measured = {trial.index: study.measurements(trial.index) for trial in study.trials}
    return study, measured, read_reruns(directory)


def test_undamaged(study):
    found, measured, reruns = read_all(study)
    assert plain(asdict(found.config)) == plain(asdict(CONFIG))
    assert found.signature == SIGNATURE
    assert [trial.status for trial in found.trials] == list(Status)
    assert repr(measured[1]) == repr(ROWS[Status.COMPLETE])
    assert list(reruns) == [(1, 0)]


# Further damage that could have been written, by path ("*" is any name).
ALSO = {
    "provenance": ("missing", "more"),
    "provenance.*": tuple(TYPES),
    "versions": ("no object", "missing"),
    "versions.*": ("no text",),
    "earlier_versions": ("no list",),
    "earlier_versions.0.versions": ("no object", "missing"),
    "earlier_versions.0.versions.*": ("no text",),
    "partial": ("no text",),
    "message": ("no text",),
    "final": ("missing test_loss",),  # which is null
    "budget.target": ("null", "negative"),
    "metric.guess": ("null", *NUMBERS, "negative"),
    "metric.margin": ("null", "a number", "half"),
    "metric.unit": ("no text", "empty"),
    "loss.guess": ("null", *NUMBERS, "negative"),
    "loss.margin": ("null", "a number", "half"),
    "loss.unit": ("no text", "empty"),
    "budget.options": ("no object", "missing", "more"),
    "budget.options.*": (*NUMBERS, "negative"),
    "num_examples": ("missing test",),
    "devices": ("no object", "missing"),
    # Another space that also contains the trials.
    "signature.space.dimensions.period.values.1": NUMBERS,
    "signature.space": ("missing source",),
    "signature.space.source": ("no text",),
    "signature.space.own.period": (
        *("missing transform", "missing low", "missing low_open", "missing high"),
    ),
    "signature.space.own.period.low": ("negative",),
    "signature.space.own.period.meaning": ("no text",),
    "signature.rule_definition": (
        *("missing epsilon", "missing rate", "missing rate_over_epsilon", "missing similar_to"),
        *("missing kept_per_parameter", "missing look"),
    ),
    "signature.rule_definition.epsilon": ("null", "missing published"),
    "signature.rule_definition.kept_per_parameter": ("null",),
    "signature.rule_definition.rate_over_epsilon": ("no text",),
    "signature.rule_definition.similar_to": ("no text",),
}


def is_allowed(path, damage):
    """Whether a file with this damage is one that could have been written."""
    name = ".".join(map(str, path))
    known = (*ALSO.get(name, ()), *ALSO.get(re.sub(r"\.[^.]+$", ".*", name), ()))
    return damage in known or damage.partition(" ")[0] in set(known) & {"missing"}


@pytest.fixture
def copied(study, tmp_path):
    return shutil.copytree(study, tmp_path / "study")


FILES = {  # to the number of damages, all others than those that are allowed
    "study.json": 1300,
    **{f"trials/00000{index}/metadata.json": 300 for index in range(len(Status))},
    "reruns/000001-0/metadata.json": 400,
}


@pytest.mark.parametrize("name", FILES)
def test_every_field_wrong_in_every_way(name, copied):
    file = copied / name
    data = json.loads(file.read_text())
    num_refused, accepted = 0, []
    for path, damage, damaged in damages(data):
        file.write_text(json.dumps(damaged))
        try:
            read_all(copied)
        except StudyError as error:
            assert str(copied) in str(error)
            num_refused += 1
        else:
            accepted.append((path, damage))
    assert [what for what in accepted if not is_allowed(*what)] == []
    assert num_refused > FILES[name]


@pytest.mark.parametrize("several", [False, True])
def test_every_field_of_a_space_file_wrong_in_every_way(several, tmp_path):
    file, space = tmp_path / "space.json", plain(SIGNATURE.space.to_json())
    num_refused, accepted = 0, []
    for path, damage, damaged in damages(space):
        file.write_text(json.dumps({"mine": damaged} if several else damaged))
        try:
            read_space(file, "mine")
        except StudyError as error:
            assert str(file) in str(error)
            if damage in TYPES:  # and that of a list's item by its number
                assert any(str(key) in str(error) for key in path[-2:])
            num_refused += 1
        else:
            accepted.append((path, damage))

    # In a user's own space other ranges, or fewer, are as valid.
    def as_good(path, damage):
        is_range = {"low", "high", "fixed", "values"} & {*path}
        fewer = path == ("dimensions",) and damage.startswith("missing")
        return fewer or (is_range and damage in (*NUMBERS, "negative"))

    accepted = [
        (("signature", "space", *path), damage)
        for path, damage in accepted
        if not as_good(path, damage)
    ]
    assert [what for what in accepted if not is_allowed(*what)] == []
    assert num_refused > 400


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "NaN", "\ufeff{}", "[" * 100_000, "{}"])
def test_what_is_no_space_file(text, tmp_path):
    file = tmp_path / "space.json"
    file.write_text(text)
    with pytest.raises(StudyError, match=str(file)):
        read_space(file, "mine")


HEADER = ",".join(COLUMNS)
LINES = {  # what a measurements.csv may not have in place of a line
    "blank": "",
    "too short": "50,1,1",
    "too long": "50" + ",0.5" * len(COLUMNS),
    "header again": HEADER,
    "step not there": "" + ",0.5" * 8,
    "step no integer": "50.0" + ",0.5" * 8,
    "step negative": "-1" + ",0.5" * 8,
    "step too large": "101" + ",0.5" * 8,
    "step huge": "9" * 400 + ",0.5" * 8,
    "separated otherwise": "50" + ";0.5" * 8,
    "quoted": '"50"' + ",0.5" * 8,
    "two in one": "50" + ",0.5" * 8 + "\x0b100" + ",0.5" * 8,
}
CELLS = (
    "x",
    "-1",
    "-0.5",
    "1_0",
    " 1",
    "1 ",
    "\uff11",
    "1e999",
    "9" * 400,
    "NaN",
    "Infinity",
    "None",
)
CELLS += ("0x10", "true", "1.", ".5", "1e", "--1", "[1]", "'1'", "-inf", "-nan", "1.5.2", "\0")


@pytest.mark.parametrize("at", [1, 2])
def test_every_cell_and_line_wrong_in_every_way(at, copied):
    path = trial_directory(copied, 1) / "measurements.csv"
    lines = path.read_text().splitlines()
    cells = lines[at].split(",")
    wrong = [*LINES.values()]
    wrong += [
        ",".join([*cells[:i], bad, *cells[i + 1 :]])
        for i, name in enumerate(COLUMNS)
        for bad in CELLS
        if not (name.endswith("_loss") and bad in ("-1", "-0.5", "-inf"))  # a density's may be
    ]
    wrong += [",".join([*cells[:i], "1.5", *cells[i + 1 :]]) for i in range(9) if i in (3, 5)]
    for line in wrong:
        path.write_text("\n".join([*lines[:at], line, *lines[at + 1 :], ""]))
        with pytest.raises(StudyError, match=str(path)):
            read_all(copied)


@pytest.mark.parametrize(
    "damage",
    {
        "byte order mark": lambda lines: ["\ufeff" + lines[0], *lines[1:]],
        "no header": lambda lines: lines[1:],
        "no lines": lambda lines: lines[:1],
        "nothing": lambda lines: [],
        "last line lost": lambda lines: lines[:-1],
        "steps back": lambda lines: [lines[0], lines[2], lines[1]],
        "a step twice": lambda lines: [*lines, lines[-1]],
        "one step more": lambda lines: [*lines, lines[-1].replace("100", "101")],
        "other end": lambda lines: [*lines[:-1], lines[-1].replace("0.4", "0.5")],
        **{
            f"no column {name}": lambda lines, i=i: [
                ",".join(line.split(",")[:i] + line.split(",")[i + 1 :]) for line in lines
            ]
            for i, name in enumerate(COLUMNS)
        },
        **{
            f"{name} under another name": lambda lines, name=name: [
                lines[0].replace(name, "accuracy"),
                *lines[1:],
            ]
            for name in COLUMNS
        },
    }.items(),
    ids=lambda item: item[0],
)
def test_every_damage_to_a_table(damage, copied):
    path = trial_directory(copied, 1) / "measurements.csv"
    path.write_text("".join(line + "\n" for line in damage[1](path.read_text().splitlines())))
    with pytest.raises(StudyError, match=str(path)):
        read_all(copied)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_line_ends_of_another_system_are_none(line_end, copied):
    path = trial_directory(copied, 1) / "measurements.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", line_end.encode()))
    assert repr(read_all(copied)[1][1]) == repr(ROWS[Status.COMPLETE])


quick = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def damaged_text(draw, text):
    """A text with a piece taken out and another put in."""
    start = draw(st.integers(0, len(text)))
    stop = draw(st.integers(start, min(len(text), start + draw(st.sampled_from((0, 1, 5, 500))))))
    piece = draw(st.one_of(st.text(max_size=8), st.text("0123456789.,-e\n", max_size=8)))
    return text[:start] + piece + text[stop:]


@quick
@given(data=st.data())
def test_a_damaged_table_is_refused_or_can_be_one(copied, data):
    path = trial_directory(copied, 1) / "measurements.csv"
    whole = HEADER + "\n"
    for measured in ROWS[Status.COMPLETE]:
        whole += ",".join("" if cell is None else str(cell) for cell in measured.values()) + "\n"
    path.write_text(data.draw(damaged_text(whole)), encoding="utf-8", errors="surrogatepass")
    try:
        _, measured, _ = read_all(copied)
    except StudyError as error:
        assert str(path) in str(error)
        return
    rows = measured[1]
    steps = [row["step"] for row in rows]
    assert steps == sorted(set(steps)) and steps[-1] == 100
    assert rows[-1] == ROWS[Status.COMPLETE][-1]
    cells = [cell for row in rows for cell in row.values() if cell is not None]
    assert all(cell >= 0 or math.isnan(cell) for cell in cells)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["nan", "inf", 10**400, 2**64, -(2**63)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@quick
@given(data=st.data())
@pytest.mark.parametrize("name", FILES)
def test_anything_in_the_place_of_anything_is_no_traceback(name, copied, study, data):
    whole = json.loads((study / name).read_text())
    path = data.draw(st.sampled_from(list(paths(whole))))
    text = json.dumps(with_value(whole, path, data.draw(anything)))
    if data.draw(st.booleans()):
        text = data.draw(damaged_text(text))
    (copied / name).write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        read_all(copied)
    except StudyError as error:
        assert str(copied) in str(error)


def test_a_trial_that_says_other_than_it_measured(copied):
    trial = read_study(copied).trials[1]
    final = trial.final | {"validation_metric": 0.25}
    with open_study(copied, CONFIG) as writer:
        writer.write_trial(replace(trial, final=final))
    with pytest.raises(StudyError, match=r"last validation_metric must be 0\.25, as metadata"):
        read_all(copied)
