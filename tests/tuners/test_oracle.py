import itertools
import json
import math
import os
import threading
import warnings

import keras
import keras_tuner
import numpy as np
import pytest
from tfoptcmp.tuners import QuasiRandomOracle
from tfoptcmp.tuners.points import SEARCHES

pytestmark = pytest.mark.filterwarnings(
    "ignore:(currentThread|getName)\\(\\) is deprecated:DeprecationWarning",
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning",  # Keras
    "ignore:All-NaN axis encountered:RuntimeWarning",  # keras-tuner's metrics, at a NaN
)


def space():
    hyperparameters = keras_tuner.HyperParameters()
    hyperparameters.Float("x", 1e-3, 1.0, sampling="log")
    hyperparameters.Float("y", 0.0, 1.0)
    return hyperparameters


class Search(keras_tuner.Tuner):
    """A search whose trials return what `function(x, y)` does."""

    def __init__(self, function, oracle, directory):
        super().__init__(oracle=oracle, directory=str(directory), project_name="project")
        self.function = function

    def run_trial(self, trial, **kwargs):
        return self.function(trial.hyperparameters.get("x"), trial.hyperparameters.get("y"))


def search(function, directory, **arguments):
    arguments = {"num_feasible": 4, "seed": 0, "hyperparameters": space()} | arguments
    oracle = QuasiRandomOracle(**arguments)
    tuner = Search(function, oracle, directory)
    tuner.search(verbose=0)
    return tuner


def statuses(tuner):
    return [trial.status for _, trial in sorted(tuner.oracle.trials.items())]


def table(tuner):
    """Trial to point and outcome."""
    return {
        trial_id: (trial.hyperparameters.values, trial.status, trial.score)
        for trial_id, trial in tuner.oracle.trials.items()
    }


BAD = {
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "float32 inf": lambda: np.float32(math.inf),
    "failed": lambda: (_ for _ in ()).throw(keras_tuner.errors.FailedTrialError("no")),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_goes_on_until_n_are_feasible(bad, tmp_path):
    tuner = search(lambda x, y: bad() if y < 0.5 else x, tmp_path)
    found = statuses(tuner)
    assert found.count("COMPLETED") == 4
    assert found[-1] == "COMPLETED"
    assert "FAILED" in found
    for _, trial in tuner.oracle.trials.items():
        feasible = trial.hyperparameters.get("y") >= 0.5
        assert trial.status == ("COMPLETED" if feasible else "FAILED")
    assert all(math.isfinite(t.score) for t in tuner.oracle.get_best_trials(4))
    best = tuner.get_best_hyperparameters()[0]
    assert best.get("x") == min(t.score for t in tuner.oracle.get_best_trials(4))


@pytest.mark.parametrize("method", SEARCHES)
def test_trial_i_uses_point_i(method, tmp_path):
    tuner = search(lambda x, y: x, tmp_path, search=method, seed=7)
    for trial_id, trial in tuner.oracle.trials.items():
        x, y = SEARCHES[method](int(trial_id), num_dims=2, seed=7)
        expected = {"x": 1e-3 * 1e3**x, "y": y}
        assert trial.hyperparameters.values == pytest.approx(expected)


def test_a_training_loss_that_is_not_finite_is_infeasible_whatever_the_objective(tmp_path):
    def diverging(x, y):
        return {"val_accuracy": 0.1, "loss": math.nan if y < 0.5 else 1.0}

    tuner = search(diverging, tmp_path, objective="val_accuracy")
    for trial in tuner.oracle.trials.values():
        feasible = trial.hyperparameters.get("y") >= 0.5
        assert trial.status == ("COMPLETED" if feasible else "FAILED")


def test_every_part_of_several_objectives_must_be_finite():
    oracle = in_memory(
        objective=[keras_tuner.Objective("a", "min"), keras_tuner.Objective("b", "max")]
    )
    trial = oracle.create_trial("w")
    trial.metrics.register("a", "min")
    trial.metrics.register("b", "max")
    trial.metrics.update("a", 1.0)
    trial.metrics.update("b", math.inf)
    assert not oracle.is_feasible(trial)


def test_the_cap_ends_a_search_with_a_warning(tmp_path):
    with pytest.warns(RuntimeWarning, match=r"max_trials=6 trials with 0 feasible .*=4"):
        tuner = search(lambda x, y: math.nan, tmp_path, max_trials=6)
    assert statuses(tuner) == ["FAILED"] * 6


def test_no_warning_where_the_cap_is_just_enough(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        search(lambda x, y: x, tmp_path, max_trials=4)


def test_cap_is_ten_times_n_by_default():
    assert QuasiRandomOracle(num_feasible=7).max_trials == 70


def test_seed_zero_is_a_seed(tmp_path):
    first, second = (search(lambda x, y: x, tmp_path / name) for name in "ab")
    other = search(lambda x, y: x, tmp_path / "c", seed=1)
    assert first.oracle.seed == 0
    assert table(first) == table(second) != table(other)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("num_feasible", 0),
        ("num_feasible", 2.0),
        ("max_trials", 9),
        ("seed", -1),
        ("seed", True),
        ("search", "grid"),
        ("max_retries_per_trial", -1),
    ],
)
def test_impossible_arguments_are_refused_by_name(argument, value):
    with pytest.raises(ValueError, match=rf"{argument} must be .*; got {value!r}"):
        QuasiRandomOracle(**({"num_feasible": 10} | {argument: value}))


def stop_after(trials, function):
    """The function, interrupted as by Ctrl-C after some trials."""
    calls = iter(range(trials))

    def stopping(x, y):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return function(x, y)

    return stopping


def test_a_stopped_search_goes_on_as_if_undisturbed(tmp_path):
    def function(x, y):
        return math.inf if y < 0.4 else x

    undisturbed = search(function, tmp_path / "whole", num_feasible=6)
    for trials in (0, 1, 4, 2):
        with pytest.raises(KeyboardInterrupt):
            search(stop_after(trials, function), tmp_path / "parts", num_feasible=6)
    assert table(search(function, tmp_path / "parts", num_feasible=6)) == table(undisturbed)


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, and nothing is written after it."""


def search_killed_at(write, function, directory, **arguments):
    """Searches until a write of a file, counted from 0, is about to begin or was just done."""
    writes = itertools.count()

    def replace(source, target):
        number = next(writes)
        if number == write // 2 and write % 2 == 0:
            raise Killed
        os.rename(source, target)
        if number == write // 2:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfoptcmp.tuners.oracle.os.replace", replace)
        search(function, directory, **arguments)


def test_killed_at_any_write_each_trial_ends_once(tmp_path):
    ended = []

    def function(x, y):
        value = math.inf if y < 0.4 else x
        ended.append((x, y))
        return value

    undisturbed = table(search(function, tmp_path / "whole", num_feasible=3))
    num_points, write, killed = len(ended), 0, True
    while killed:
        ended.clear()
        directory = tmp_path / f"{write}"
        try:
            search_killed_at(write, function, directory, num_feasible=3)
            killed = False
        except Killed:
            tuner = search(function, directory, num_feasible=3)
            assert table(tuner) == undisturbed, write
            assert sorted(tuner.oracle.end_order) == sorted(undisturbed)
            repeated = len(ended) - num_points
            assert repeated in (0, 1), write  # the trial that was running, at most
        write += 1
    assert write > 20


def test_trials_that_ended_are_not_run_again_while_another_worker_trains(tmp_path):
    def oracle():
        made = QuasiRandomOracle(
            objective=keras_tuner.Objective("loss", "min"),
            num_feasible=3,
            seed=0,
            hyperparameters=space(),
        )
        made.verbose = 0
        made._set_project_dir(str(tmp_path), "project")
        return made

    first = oracle()
    a, b = first.create_trial("a"), first.create_trial("b")
    finish(first, a, 1.0, name="loss")  # killed here, while b trains

    second = oracle()
    second.reload()
    ids = []
    while (trial := second.create_trial("a")).status == "RUNNING":
        ids.append(trial.trial_id)
        finish(second, trial, 1.0, name="loss")
    assert ids == [b.trial_id, "000002"]


def test_a_name_under_two_conditions_is_refused(tmp_path):
    twice = keras_tuner.HyperParameters()
    twice.Choice("c", ["x", "y"])
    with twice.conditional_scope("c", ["x"]):
        twice.Float("cx", 0.0, 1.0)
    with twice.conditional_scope("c", ["y"]):
        twice.Float("cx", 5.0, 6.0)
    with pytest.raises(ValueError, match="cx under several"):
        QuasiRandomOracle(hyperparameters=twice)

    def build(hp):
        hp.Choice("c", ["x", "y"])
        for value in "xy":
            with hp.conditional_scope("c", [value]):
                hp.Float("cx", 0.0, 1.0)

    with pytest.raises(ValueError, match="cx under several"):
        keras_tuner.Tuner(
            oracle=QuasiRandomOracle(objective="loss"),
            hypermodel=build,
            directory=str(tmp_path),
            project_name="project",
        )


def test_num_feasible_may_be_raised_with_the_same_ids_and_points(tmp_path):
    search(lambda x, y: x, tmp_path / "grown", num_feasible=9)
    grown = search(lambda x, y: x, tmp_path / "grown", num_feasible=12)
    at_once = search(lambda x, y: x, tmp_path / "once", num_feasible=12)
    assert table(grown) == table(at_once)
    assert {len(trial_id) for trial_id in grown.oracle.trials} == {6}


def narrower():
    hyperparameters = keras_tuner.HyperParameters()
    hyperparameters.Float("x", 1e-2, 1.0, sampling="log")
    hyperparameters.Float("y", 0.0, 1.0)
    return hyperparameters


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "seed must be 0; got 1"),
        ({"num_feasible": 3}, "num_feasible must be >= 4; got 3"),
        ({"search": "random"}, "search must be 'quasirandom'; got 'random'"),
        ({"hyperparameters": narrower()}, "hyperparameters must be .*0.001.*; got .*0.01"),
    ],
)
def test_other_settings_do_not_resume(change, message, tmp_path):
    search(lambda x, y: x, tmp_path)
    with pytest.raises(ValueError, match=message):
        search(lambda x, y: x, tmp_path, **change)


def test_no_seed_takes_that_of_the_project(tmp_path):
    drawn = search(lambda x, y: x, tmp_path, seed=None).oracle.seed
    assert search(lambda x, y: x, tmp_path, seed=None, num_feasible=5).oracle.seed == drawn


def test_the_order_of_declarations_does_not_matter_on_resuming(tmp_path):
    turned = keras_tuner.HyperParameters()
    turned.Float("y", 0.0, 1.0)
    turned.Float("x", 1e-3, 1.0, sampling="log")
    search(lambda x, y: x, tmp_path / "turned", num_feasible=2)
    resumed = search(lambda x, y: x, tmp_path / "turned", hyperparameters=turned)
    assert table(resumed) == table(search(lambda x, y: x, tmp_path / "straight"))


class Crash:
    """Fails as code does, for some calls; then works."""

    def __init__(self, times):
        self.left = times

    def __call__(self, x, y):
        if self.left and y > 0.5:
            self.left -= 1
            raise ZeroDivisionError("a bug")
        return x


def test_a_crash_stops_the_search_with_the_traceback_and_is_tried_again(tmp_path):
    with pytest.raises(RuntimeError, match=r"(?s)trial 0000\d\d crashed.*ZeroDivisionError: a bug"):
        search(Crash(1), tmp_path)
    resumed = search(Crash(0), tmp_path)
    assert statuses(resumed) == ["COMPLETED"] * 4
    assert table(resumed) == table(search(Crash(0), tmp_path / "undisturbed"))


def test_a_trial_that_crashed_once_is_counted_once(tmp_path):
    with pytest.raises(RuntimeError, match="crashed"):
        search(Crash(1), tmp_path)
    search(Crash(0), tmp_path)
    assert statuses(search(Crash(0), tmp_path, num_feasible=6)) == ["COMPLETED"] * 6


def test_a_crash_is_retried_within_its_bound(tmp_path):
    tuner = search(Crash(2), tmp_path, max_retries_per_trial=2)
    assert table(tuner) == table(search(Crash(0), tmp_path / "undisturbed"))
    with pytest.raises(RuntimeError, match="max_retries_per_trial=2"):
        search(Crash(3), tmp_path / "more", max_retries_per_trial=2)


def test_a_retry_starts_without_metrics():
    oracle = in_memory(max_retries_per_trial=1)
    trial = oracle.create_trial("w")
    oracle.update_trial(trial.trial_id, {"default_objective": 100.0})
    trial.status = "INVALID"
    oracle.end_trial(trial)
    again = oracle.create_trial("w")
    assert again.trial_id == trial.trial_id
    finish(oracle, again, 1.0)
    assert again.score == 1.0


def in_memory(**arguments):
    """An oracle that saves nothing."""

    class InMemory(QuasiRandomOracle):
        def save(self):
            pass

        def _save_trial(self, trial):
            pass

    oracle = InMemory(**({"seed": 0, "hyperparameters": space()} | arguments))
    oracle.verbose = 0
    return oracle


def finish(oracle, trial, objective, *, name="default_objective"):
    oracle.update_trial(trial.trial_id, {name: objective})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


def test_workers_do_not_overshoot(monkeypatch):
    pauses = []
    monkeypatch.setattr("tfoptcmp.tuners.oracle.time.sleep", pauses.append)
    oracle = in_memory(num_feasible=2)
    first, second = oracle.create_trial("a"), oracle.create_trial("b")
    assert oracle.create_trial("c").status == "IDLE"
    assert len(pauses) == 1 and pauses[0] >= 0.05  # asks 20 times a second at most
    finish(oracle, first, math.inf)
    third = oracle.create_trial("a")
    assert (third.status, third.trial_id) == ("RUNNING", "000002")
    finish(oracle, third, 1.0)
    assert oracle.create_trial("a").status == "IDLE"
    finish(oracle, second, 1.0)
    assert oracle.create_trial("a").status == oracle.create_trial("b").status == "STOPPED"


def test_one_who_meets_the_cap_while_others_run_is_not_warned():
    oracle = in_memory(num_feasible=1, max_trials=1)
    trial = oracle.create_trial("a")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert oracle.create_trial("b").status == "STOPPED"
        finish(oracle, trial, 1.0)
        assert oracle.create_trial("a").status == "STOPPED"


def test_a_crash_does_not_keep_keras_tuners_lock():
    oracle = in_memory()
    trial = oracle.create_trial("a")
    trial.status = "INVALID"
    with pytest.raises(RuntimeError):
        oracle.end_trial(trial)
    found = []
    other = threading.Thread(target=lambda: found.append(oracle.create_trial("b")))
    other.start()
    other.join(timeout=10)
    assert [again.trial_id for again in found] == [trial.trial_id]


def test_known_names_keep_their_coordinates_when_others_join():
    oracle = in_memory()
    assert oracle.create_trial("a").hyperparameters.values == oracle.values_at(0)
    before = oracle.values_at(5)
    joined = oracle.get_space()
    joined.Float("b", 0.0, 1.0)
    joined.Float("a", 0.0, 1.0)
    oracle.update_space(keras_tuner.HyperParameters.from_proto(joined.to_proto()))
    trial = oracle.create_trial("b")
    after = oracle.values_at(5)
    assert {name: after[name] for name in before} == before
    *_, a, b = SEARCHES["quasirandom"](1, num_dims=4, seed=0)
    assert trial.hyperparameters.get("a") == a
    assert trial.hyperparameters.get("b") == b


def test_state_is_json():
    oracle = in_memory()
    oracle.create_trial("a")
    json.dumps(oracle.get_state())


def test_the_users_own_hyperparameters_object_is_left_alone():
    mine = space()
    oracle = QuasiRandomOracle(hyperparameters=mine)
    joined = oracle.get_space()
    joined.Boolean("new")
    oracle.update_space(joined)
    assert [entry.name for entry in mine.space] == ["x", "y"]


def test_a_keras_model_of_ones_own(tmp_path):
    def build(hp):
        model = keras.Sequential([keras.layers.Input((2,))])
        if hp.Boolean("hidden"):
            with hp.conditional_scope("hidden", [True]):
                model.add(keras.layers.Dense(hp.Int("units", 2, 4), activation="relu"))
        model.add(keras.layers.Dense(1))
        rate = hp.Choice("learning_rate", [1e-2, 1e30])
        model.compile(keras.optimizers.SGD(rate), loss="mse")
        return model

    tuner = keras_tuner.Tuner(
        oracle=QuasiRandomOracle(objective="val_loss", num_feasible=2, seed=0),
        hypermodel=build,
        directory=str(tmp_path),
        project_name="mine",
    )
    x = np.random.default_rng(0).normal(size=(32, 2)).astype("float32")
    y = x.sum(axis=1)
    tuner.search(x, y, validation_data=(x, y), epochs=1, batch_size=8, verbose=0)
    assert statuses(tuner).count("COMPLETED") == 2
    assert "FAILED" in statuses(tuner)
    best = tuner.get_best_hyperparameters()[0]
    assert best.get("learning_rate") == 1e-2
    loss = tuner.get_best_models()[0].evaluate(x, y, verbose=0)
    assert loss == pytest.approx(tuner.oracle.get_best_trials()[0].score, rel=1e-5)


def test_a_trial_may_be_ended_by_its_id():
    """As in keras-tuner's own oracles, whose end_trial formerly took (trial_id, status)."""
    oracle = in_memory(num_feasible=1)
    trial = oracle.create_trial("a")
    oracle.update_trial(trial.trial_id, {"default_objective": 1.0})
    with pytest.raises(ValueError, match=r"status must be one of .*; got 'COMPLETE'"):
        oracle.end_trial(trial.trial_id, "COMPLETE")
    oracle.end_trial(trial.trial_id, "COMPLETED")
    assert oracle.trials[trial.trial_id].hyperparameters.values == oracle.values_at(0)
    assert oracle.create_trial("a").status == "STOPPED"
