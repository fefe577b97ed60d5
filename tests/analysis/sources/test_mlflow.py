"""Experiments that MLflow itself writes, in each of its stores."""

import math
import os

import numpy as np
import pytest

from tests.analysis.sources.alarms import false_alarms
from tfoptcmp.analysis.audit import audit
from tfoptcmp.analysis.sources import read_comparisons
from tfoptcmp.metrics import ACCURACY, Metric
from tfoptcmp.rules import RULES
from tfoptcmp.study.schema import StudyError

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
mlflow = pytest.importorskip("mlflow")

NUM_RUNS = 24
FAILED, KILLED, RUNNING, NAN, INFINITE, FAILED_WITH_NAN = 4, 5, 6, 7, 8, 9


def client_of(store, folder):
    """A client of a new store, and where the store is."""
    at = folder / ("mlflow.db" if store == "sqlite" else "mlruns")
    prefix = "sqlite:///" if store == "sqlite" else "file://"
    return mlflow.MlflowClient(tracking_uri=f"{prefix}{at}"), at


def log(client, experiment, parameters, metrics, status="FINISHED", tags=None):
    """A run; metrics is a list of values for each metric."""
    run = client.create_run(experiment, tags=tags or {})
    entities = mlflow.entities
    client.log_batch(
        run.info.run_id,
        params=[entities.Param(name, str(value)) for name, value in parameters.items()],
        metrics=[
            entities.Metric(name, value, 1000 + step, step)
            for name, values in metrics.items()
            for step, value in enumerate(values)
        ],
    )
    if status != "RUNNING":
        client.set_terminated(run.info.run_id, status)
    return run.info.run_id


def twelve_each(client):
    """Twelve runs of two optimizers, nested in one more; and one that was deleted."""
    experiment = client.create_experiment("digits")
    parent = log(client, experiment, {"search": "random"}, {})
    for number in range(NUM_RUNS):
        optimizer = ("adam", "sgd")[number % 2]
        rate = 10 ** (number // 2 / 4 - (5 if optimizer == "adam" else 3))
        away = math.log10(rate) + 1
        parameters = {
            **{"optimizer": optimizer, f"{optimizer}.lr": rate, "batch_size": 32, "seed": number},
            **{"schedule": ("constant", "linear")[number // 4 % 2], "clip": None},
        }
        metrics = {
            "val_accuracy": [0.5, 0.9 - 0.05 * away**2],
            "test_accuracy": [0.88 - 0.05 * away**2],
            "train_loss": [0.3],
        }
        if number in (NAN, FAILED_WITH_NAN):
            metrics["val_accuracy"][-1] = math.nan
        if number == INFINITE:
            metrics["val_accuracy"][-1] = -math.inf
        statuses = {FAILED: "FAILED", KILLED: "KILLED", RUNNING: "RUNNING"}
        status = {**statuses, FAILED_WITH_NAN: "FAILED"}.get(number, "FINISHED")
        tags = {"mlflow.parentRunId": parent}
        log(client, experiment, parameters, metrics, status, tags)
    client.delete_run(log(client, experiment, {"optimizer": "sgd"}, {"val_accuracy": [1.0]}))
    return experiment


@pytest.fixture(scope="module", params=["files", "sqlite"])
def store(request, tmp_path_factory):
    """A store, and the CSV of what is in it."""
    folder = tmp_path_factory.mktemp(request.param)
    client, at = client_of(request.param, folder)
    experiment = twelve_each(client)
    mlflow.set_tracking_uri(client.tracking_uri)
    mlflow.search_runs([experiment]).to_csv(folder / "digits.csv")
    return at, folder / "digits.csv"


def common(comparison):
    """What each format has; returns the optimizers."""
    assert (comparison.workload, comparison.metric) == ("digits", ACCURACY)
    sgd, adam = comparison.contestants
    assert (sgd.rule, adam.rule) == (RULES["sgd"], RULES["adam"])
    # by hand: 12 each; adam without FAILED, RUNNING, INFINITE, sgd without KILLED and two NaN
    assert (sgd.num_feasible, adam.num_feasible) == (9, 9)
    assert comparison.tuning_budget == 2
    assert adam.searched_names == ("alpha0",)  # the batch size is the same in all runs
    assert adam.feasible["seed"].tolist() == [0, 2, 10, 12, 14, 16, 18, 20, 22]
    assert adam.feasible["train_loss"].tolist() == [0.3] * 9
    best = adam.winner
    away = math.log10(adam.values_of(best)["alpha0"]) + 1
    assert best["validation_metric"] == pytest.approx(0.1 + 0.05 * away**2)
    assert best["test_metric"] == pytest.approx(0.12 + 0.05 * away**2)
    assert adam.dimensions == {}  # none made up
    assert sorted(comparison.not_read) == ["params.batch_size", "params.schedule"]
    remarks = " ".join(comparison.remarks)
    for said in (
        "MLflow experiment 'digits', 24 runs.",
        "Runs left out, since others are nested in them: 1.",
        "validation is val_accuracy, test is test_accuracy; higher is better.",
        "differ in what is no number: schedule.",
    ):
        assert said in remarks
    titles = {finding.title for finding in audit([comparison]) if finding.severity != "note"}
    assert titles == {"fewer than tens of trials", "search spaces not reported"}
    return sgd, adam, remarks


def test_stores(store):
    at, _ = store
    (comparison,) = read_comparisons(at)
    sgd, adam, remarks = common(comparison)
    assert (sgd.num_infeasible, adam.num_infeasible) == (2, 1)
    assert "Left out: 1 failed, 1 killed, 1 running." in remarks
    assert "count as diverged, as their loss is not finite: 1." in remarks
    (of_folder,) = read_comparisons(at.parent)
    assert of_folder.remarks == (
        *comparison.remarks,
        "Not read: digits.csv; give a table by its own path.",
    )


def test_the_csv_has_nothing_where_a_metric_was_nan(store):
    _, path = store
    (comparison,) = read_comparisons(path)
    sgd, adam, remarks = common(comparison)
    assert (sgd.num_infeasible, adam.num_infeasible) == (1, 1)
    assert "Left out: 2 failed, 1 killed, 1 running." in remarks
    assert "Finished runs without val_accuracy that count as diverged: 1." in remarks


def test_an_experiment_of_a_file_store(tmp_path):
    client, at = client_of("files", tmp_path)
    for name in ("a", "b: #2"):
        experiment = client.create_experiment(name)
        log(client, experiment, {"opt": "Adam", "opt_beta_1": 0.8}, {"valid/loss": [0.2]})
    found = {one.workload: one for one in read_comparisons(at)}
    assert set(found) == {"a", "b: #2"}
    assert found["a"].metric == Metric(name="loss", unit="")
    (one,) = read_comparisons(at / experiment)
    assert one.workload == "b: #2"
    assert one.contestants[0].searched_names == ("one_minus_beta1",)


@pytest.mark.parametrize(
    ("parameters", "metrics", "message"),
    [
        (
            {"optimizer": "adam"},
            {"val_loss": [1.0], "val_acc": [1.0], "test_loss": [1.0]},
            r"several metrics of 'x' look like the validation metric: val_acc, val_loss; name it, "
            r"as in: mlflow.search_runs\(experiment_names=\['x'\]\).to_csv\('runs.csv'\) and then "
            r"tfoptcmp-audit runs.csv --map optimizer=params.optimizer --map status=status --map "
            r"'validation=.*`'",
        ),
        (
            {"optimizer": "adam"},
            {"loss": [1.0], "test_loss": [1.0]},
            r"none of the metrics of 'x' look like the validation metric: loss, test_loss; name "
            r"it, as in: .* --map 'validation=`metrics.loss`' --map 'test=`metrics.test_loss`'$",
        ),
        ({"optimizer": "adam"}, {}, "no run of 'x' logged a metric"),
        ({"lr": 0.1}, {"val_loss": [1.0]}, "no run of MLflow says which optimizer it used .* x"),
    ],
)
def test_what_cannot_be_told_is_asked_in_one_line(tmp_path, parameters, metrics, message):
    client, at = client_of("files", tmp_path)
    log(client, client.create_experiment("x"), parameters, metrics)
    with pytest.raises(StudyError, match=message) as raised:
        read_comparisons(at)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("metric", "scale"), [("acc", 1), ("bleu", 30), ("loss", 1)])
@pytest.mark.parametrize("tool", ["csv", "store"])
def test_the_command_of_a_refusal_is_right(tmp_path, monkeypatch, followed, metric, scale, tool):
    """It named the last metric of the alphabet, no optimizer, and no direction."""
    client, at = client_of("sqlite", tmp_path)
    experiment = client.create_experiment("x y")
    goodness = [0.3 + 0.02 * ((7 * i) % 24) for i in range(24)]
    for i, good in enumerate(goodness):
        for seed in range(2):
            values = [scale * (1 - good if metric == "loss" else good)]
            log(
                client,
                experiment,
                {"optimizer": "adam", "learning_rate": 0.1 * (i + 1), "seed": seed},
                {f"val_{metric}": values, f"test_{metric}": values, "val_wer": [1.0 + i + seed]},
                "FAILED" if i == 3 else "FINISHED",
            )
    mlflow.set_tracking_uri(f"sqlite:///{at}")
    monkeypatch.chdir(tmp_path)
    mlflow.search_runs(experiment_names=["x y"]).to_csv("runs.csv")
    with pytest.raises(StudyError, match="several metrics of") as e:
        read_comparisons("runs.csv" if tool == "csv" else at)
    (comparison,) = followed(str(e.value))
    (adam,) = comparison.contestants
    assert (adam.name, len(adam.trials), len(adam.reruns)) == ("adam", 23, 23)
    best = max((i for i in range(24) if i != 3), key=goodness.__getitem__)
    assert adam.winner["searched_alpha0"] == pytest.approx(0.1 * (best + 1))
    assert comparison.metric.maximize is (metric == "bleu")


def test_what_is_about_a_metric_is_none(tmp_path):
    """The time of validation made two candidates."""
    client, at = client_of("files", tmp_path)
    metrics = {"val_dice": [0.5], "val_time": [3.0]}
    log(client, client.create_experiment("x"), {"optimizer": "adam", "lr": 0.1}, metrics)
    (comparison,) = read_comparisons(at)
    assert "validation is val_dice; higher is better." in " ".join(comparison.remarks)


def test_nobody_ranks_by_the_time_of_validation(write):
    path = write(
        "run_id,experiment_id,status,params.optimizer,params.lr,metrics.accuracy,metrics.val_time\n"
        "a,1,FINISHED,adam,0.1,0.5,33\nb,1,FINISHED,adam,0.2,0.4,35\n",
        "runs.csv",
    )
    with pytest.raises(StudyError, match=r"none of the metrics .* accuracy, val_time; name") as e:
        read_comparisons(path)
    assert "metrics.accuracy`'" in str(e.value) and "metrics.val_time" not in str(e.value)


def test_data_sets_are_comparisons_of_their_own(tmp_path, followed):
    """Accuracies of both were ranked together."""
    client, at = client_of("sqlite", tmp_path)
    experiment = client.create_experiment("vision")
    for data, accuracy in (("mnist", 0.9), ("cifar10", 0.5)):
        for number, optimizer in enumerate(("adam", "sgd") * 3):
            parameters = {"optimizer": optimizer, "lr": 0.1 * (1 + number), "dataset": data}
            log(client, experiment, parameters, {"val_accuracy": [accuracy]})
    log(client, experiment, {"optimizer": "sgd", "dataset": "svhn"}, {}, "FAILED")
    found = read_comparisons(at)
    assert [(one.workload, one.num_trials) for one in found] == [
        ("vision, mnist", 3),
        ("vision, cifar10", 3),
    ]
    for one, error in zip(found, (0.1, 0.5), strict=True):
        assert one.contestants[0].trials["validation_metric"].tolist() == pytest.approx([error] * 3)
        assert "Runs that differ in dataset are comparisons of their own." in one.remarks
        assert "Left out: 1 of 'vision, svhn', of which none ended." in one.remarks
    mlflow.set_tracking_uri(client.tracking_uri)
    path = tmp_path / "runs.csv"
    runs = mlflow.search_runs([experiment])
    runs[runs["params.dataset"] != "svhn"].assign(**{"metrics.val_loss": 1.0}).to_csv(path)
    with pytest.raises(StudyError, match=r"--map workload=params\.dataset") as e:
        read_comparisons(path)
    assert {one.workload for one in followed(str(e.value))} == {"mnist", "cifar10"}


def test_only_a_test_metric(tmp_path):
    client, at = client_of("files", tmp_path)
    experiment = client.create_experiment("x")
    log(client, experiment, {"optimizer": "adam"}, {"test_loss": [0.2], "train_loss": [0.1]})
    log(client, experiment, {"optimizer": "adam"}, {"train_loss": [0.1]})
    (comparison,) = read_comparisons(at)
    assert comparison.selected_by == "test"
    assert "did not log test_loss and count as incomplete: 1." in " ".join(comparison.remarks)


def test_a_damaged_store_names_the_file(tmp_path):
    client, at = client_of("files", tmp_path)
    run = log(client, client.create_experiment("x"), {"optimizer": "adam"}, {"val_loss": [0.2]})
    (metric,) = at.rglob("val_loss")
    assert run in str(metric)
    metric.write_text("nonsense", encoding="utf-8")
    with pytest.raises(StudyError, match="is not a store of MLflow's: not enough values"):
        read_comparisons(at)


def clean(directory, seed):
    """A comparison of equals without a fault; momentum adds nothing."""
    rng = np.random.default_rng(seed)
    client, at = client_of("files", directory / str(seed))
    experiment = client.create_experiment("clean")
    for number in range(80):
        optimizer = ("sgd", "momentum")[number % 2]
        away = rng.uniform(-2, 2)  # decades from the best rate
        error = 0.1 + 0.02 * away**2 + rng.normal(0, 0.005)
        own = {"momentum": rng.uniform(0, 0.999)} if optimizer == "momentum" else {}
        parameters = {
            **{"optimizer": optimizer, "lr": 10 ** (away - 1 - number % 2), "seed": number},
            **own,
        }
        metrics = {"val_error": [error], "test_error": [error + rng.normal(0, 0.005)]}
        log(client, experiment, parameters, metrics)
    return at


@pytest.mark.slow
def test_clean_comparisons_raise_no_alarm(tmp_path):
    found = [
        title
        for seed in range(20)
        for title in false_alarms(
            clean(tmp_path, seed), "inconclusive", "search spaces not reported"
        )
    ]
    assert len(found) <= 1
